//! Calls to whichever member of an etcd answers.

use std::error::Error as _;
use std::fmt;

use prost::Message;
use tokio::time::error::Elapsed;
use tokio::time::timeout;
use tonic::client::Grpc;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::codegen::tokio_stream::{self, StreamExt as _};
use tonic::metadata::AsciiMetadataValue;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Status, Streaming};
use tonic_prost::ProstCodec;

use super::api::{
    self, AuthenticateRequest, AuthenticateResponse, Done, GrantRequest, LeaseRequest, LeaseResponse,
    PutRequest, RangeRequest, RangeResponse, WatchCreate, WatchRequest, WatchResponse,
};
use super::servers::{ATTEMPT, Servers};
use crate::{Error, ErrorKind, Result};

/// Why a call failed.
#[derive(Debug)]
pub(super) enum Failure {
    /// No member answered, or none that works now.
    Away(Error),
    /// The etcd understood the call and refused it.
    Refused(Code, Error),
}

/// Asks one member at a time, over one connection, and the next one when that fails.
pub(super) struct Client {
    endpoints: Vec<Endpoint>,
    login: Option<AuthenticateRequest>,
    /// Which member is asked.
    at: usize,
    connection: Option<LoggedInChannel>,
}

/// A connection with the login that was made over it: a member that was started again knows no
/// logins of before.
#[derive(Clone)]
struct LoggedInChannel {
    channel: Channel,
    token: Option<AsciiMetadataValue>,
}

impl Client {
    /// Checks the configuration, and connects with the first call.
    pub(super) fn new(servers: Servers) -> Result<Self> {
        let endpoints = servers.endpoints()?;
        let login = servers.into_login();
        let login = login.map(|(name, password)| AuthenticateRequest { name, password });
        Ok(Self { endpoints, login, at: 0, connection: None })
    }

    pub(super) async fn range(&mut self, request: RangeRequest) -> Result<RangeResponse, Failure> {
        self.call(api::RANGE, request).await
    }

    pub(super) async fn put(&mut self, request: PutRequest) -> Result<(), Failure> {
        self.call(api::PUT, request).await.map(|Done {}| ())
    }

    /// Returns the id of a new lease of so many seconds.
    pub(super) async fn grant(&mut self, ttl: i64) -> Result<i64, Failure> {
        let granted: LeaseResponse = self.call(api::GRANT, GrantRequest { ttl }).await?;
        Ok(granted.id)
    }

    /// Renews a lease, and returns whether it was still there.
    pub(super) async fn keep_alive(&mut self, id: i64) -> Result<bool, Failure> {
        // The call is one of streams. One request and its answer are such streams as well, and need
        // nobody who looks after them between two renewals.
        let renewed: LeaseResponse = self.call(api::KEEP_ALIVE, LeaseRequest { id }).await?;
        Ok(renewed.ttl > 0)
    }

    /// Ends a lease, with whose end its keys go; one that has ended already is no failure.
    pub(super) async fn revoke(&mut self, id: i64) -> Result<(), Failure> {
        match self.call(api::REVOKE, LeaseRequest { id }).await {
            Ok(Done {}) | Err(Failure::Refused(Code::NotFound, _)) => Ok(()),
            Err(failure) => Err(failure),
        }
    }

    /// Begins a watch at the member that answered last.
    ///
    /// The watch ends when its member loses its leader, or is silent.
    pub(super) async fn watch(&mut self, create: WatchCreate) -> Result<Streaming<WatchResponse>, Failure> {
        let outcome = timeout(ATTEMPT, self.begin_watch(create)).await;
        self.settle(outcome)
    }

    /// Gives up the connection: the next call is made to the next member.
    pub(super) fn leave(&mut self) {
        self.connection = None;
        self.at = (self.at + 1) % self.endpoints.len().max(1);
    }

    /// Returns the failure of a stream of the member that is asked, and leaves that member.
    pub(super) fn broken(&mut self, status: &Status) -> Error {
        let error = self.away(&why(status));
        self.leave();
        error
    }

    async fn call<M, R>(&mut self, path: &'static str, message: M) -> Result<R, Failure>
    where
        M: Message + Clone + 'static,
        R: Message + Default + 'static,
    {
        // Each member once, and one of them twice if it has forgotten our login.
        let mut tries = self.endpoints.len();
        loop {
            let outcome = timeout(ATTEMPT, self.attempt(path, message.clone())).await;
            match self.settle(outcome) {
                Err(Failure::Away(_)) if tries > 0 => tries -= 1,
                settled => return settled,
            }
        }
    }

    async fn attempt<M, R>(&mut self, path: &'static str, message: M) -> Result<R, Status>
    where
        M: Message + 'static,
        R: Message + Default + 'static,
    {
        let connection = self.connected().await?;
        unary(connection.channel, path, connection.token, message).await
    }

    async fn begin_watch(&mut self, create: WatchCreate) -> Result<Streaming<WatchResponse>, Status> {
        let LoggedInChannel { channel, token } = self.connected().await?;
        let mut grpc = Grpc::new(channel);
        grpc.ready().await.map_err(not_ready)?;
        // The side of the requests stays open as long as the watch goes on.
        let requests =
            tokio_stream::once(WatchRequest { create: Some(create) }).chain(tokio_stream::pending());
        let mut request = Request::new(requests);
        request.metadata_mut().insert("hasleader", AsciiMetadataValue::from_static("true"));
        if let Some(token) = token {
            request.metadata_mut().insert("token", token);
        }
        let codec = ProstCodec::<WatchRequest, WatchResponse>::default();
        Ok(grpc.streaming(request, PathAndQuery::from_static(api::WATCH), codec).await?.into_inner())
    }

    /// Returns the connection, with a login where one is configured.
    async fn connected(&mut self) -> Result<LoggedInChannel, Status> {
        if let Some(connection) = &self.connection {
            return Ok(connection.clone());
        }
        let endpoint = self.endpoints.get(self.at);
        let channel = endpoint.ok_or_else(|| Status::unavailable("there are no members"))?.connect_lazy();
        let token = match &self.login {
            Some(login) => log_in(channel.clone(), login.clone()).await?,
            None => None,
        };
        Ok(self.connection.insert(LoggedInChannel { channel, token }).clone())
    }

    /// Decides what becomes of the connection after an attempt.
    fn settle<T>(&mut self, outcome: Result<Result<T, Status>, Elapsed>) -> Result<T, Failure> {
        let status = match outcome {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(status)) => status,
            Err(_elapsed) => {
                let error = self.away(&format_args!("it did not answer within {ATTEMPT:?}"));
                self.leave();
                return Err(Failure::Away(error));
            }
        };
        if has_forgotten_us(&status) {
            // The next attempt logs in anew, at the same member.
            self.connection = None;
            return Err(Failure::Away(self.away(&"it has ended our login")));
        }
        if is_refusal(status.code()) {
            let text = format!("etcd at {} refused a call: {}", self.address(), status.message());
            return Err(Failure::Refused(status.code(), Error::new(ErrorKind::Config, text)));
        }
        Err(Failure::Away(self.broken(&status)))
    }

    fn away(&self, why: &dyn fmt::Display) -> Error {
        Error::new(ErrorKind::Unavailable, format!("etcd at {} cannot be used: {why}", self.address()))
    }

    fn address(&self) -> String {
        let uri = self.endpoints.get(self.at).map(|endpoint| endpoint.uri().to_string()).unwrap_or_default();
        uri.trim_end_matches('/').to_owned()
    }
}

impl fmt::Debug for Client {
    // Without the login.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("at", &self.address()).finish_non_exhaustive()
    }
}

impl Failure {
    pub(super) fn into_error(self) -> Error {
        match self {
            Self::Away(error) | Self::Refused(_, error) => error,
        }
    }
}

async fn log_in(channel: Channel, login: AuthenticateRequest) -> Result<Option<AsciiMetadataValue>, Status> {
    match unary::<_, AuthenticateResponse>(channel, api::AUTHENTICATE, None, login).await {
        Ok(answer) => {
            let token = AsciiMetadataValue::try_from(answer.token);
            token.map(Some).map_err(|_| Status::internal("the token of a login is not text"))
        }
        // Authentication is switched off in this etcd, so nobody has to log in.
        Err(status) if status.code() == Code::FailedPrecondition => Ok(None),
        Err(status) => Err(status),
    }
}

async fn unary<M, R>(
    channel: Channel,
    path: &'static str,
    token: Option<AsciiMetadataValue>,
    message: M,
) -> Result<R, Status>
where
    M: Message + 'static,
    R: Message + Default + 'static,
{
    let mut grpc = Grpc::new(channel);
    grpc.ready().await.map_err(not_ready)?;
    let mut request = Request::new(message);
    if let Some(token) = token {
        request.metadata_mut().insert("token", token);
    }
    let answer = grpc.unary(request, PathAndQuery::from_static(path), ProstCodec::<M, R>::default()).await?;
    Ok(answer.into_inner())
}

fn not_ready(error: tonic::transport::Error) -> Status {
    Status::from_error(Box::new(error))
}

fn has_forgotten_us(status: &Status) -> bool {
    status.code() == Code::Unauthenticated || status.message().contains("revision of auth store is old")
}

/// Whether the other members would answer the same.
fn is_refusal(code: Code) -> bool {
    matches!(
        code,
        Code::InvalidArgument
            | Code::NotFound
            | Code::AlreadyExists
            | Code::PermissionDenied
            | Code::FailedPrecondition
            | Code::OutOfRange
            | Code::Unimplemented
    )
}

/// Returns the cause behind all others, which is the one that says something.
fn why(status: &Status) -> String {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = status.source();
    let mut says = status.message().to_owned();
    while let Some(error) = cause {
        says = error.to_string();
        cause = error.source();
    }
    says
}
