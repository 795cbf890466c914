//! The service as a tonic server takes it.
//!
//! It asks who calls before a request is decoded. Its answers hold the room that they take until
//! they are written.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http_body_util::BodyExt as _;
use parking_lot::Mutex;
use tonic::body::Body;
use tonic::codegen::http::{Request, Response};
use tonic::codegen::{Body as HttpBody, Service, StdError};
use tonic::server::NamedService;

use super::service::{self, AnsweredWatch, Called, TimelineService};
use super::{Config, watch};
use crate::proto::v1::timeline_server::TimelineServer;
use crate::service::in_flight::{AnswerBody, AnswerPermit, Pieces};
use crate::service::{Callers, Calls, Everybody};
use crate::{Result, Timeline};

/// The gRPC service, ready for a tonic server.
///
/// It is cheap to clone; the clones share their bounds.
#[derive(Debug, Clone)]
pub struct Server {
    inner: TimelineServer<TimelineService>,
    calls: Calls,
}

/// Returns the service for a tonic server; it believes every request.
///
/// It is for programs without logins: everybody may make every call, in the name of anybody.
/// [`server_for`] asks who calls.
///
/// # Errors
///
/// [`Config`](crate::ErrorKind::Config) when a value is out of range.
///
/// # Examples
///
/// ```no_run
/// # async fn serve(timeline: timeline::Timeline) -> Result<(), Box<dyn std::error::Error>> {
/// tonic::transport::Server::builder()
///     .add_service(timeline::grpc::server(timeline::grpc::Config::default(), timeline)?)
///     .serve("127.0.0.1:9000".parse()?)
///     .await?;
/// # Ok(())
/// # }
/// ```
pub fn server(config: Config, timeline: Timeline) -> Result<Server> {
    server_for(config, timeline, Arc::new(Everybody))
}

/// Returns the service for a tonic server; it asks who calls.
///
/// `callers` says for each call who makes it, and [`Caller`](crate::Caller) what they may.
///
/// # Errors
///
/// [`Config`](crate::ErrorKind::Config) when a value is out of range.
pub fn server_for(config: Config, timeline: Timeline, callers: Arc<dyn Callers>) -> Result<Server> {
    let Config { request_bytes_max, answer_bytes_max, watches_max } = config.validate()?;
    let calls = Calls::new(timeline, callers);
    let service = TimelineService::new(calls.clone(), answer_bytes_max, watches_max)?;
    let inner = TimelineServer::new(service).max_decoding_message_size(request_bytes_max);
    Ok(Server { inner, calls })
}

impl<B> Service<Request<B>> for Server
where
    B: HttpBody + Send + 'static,
    B::Error: Into<StdError> + Send + 'static,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Service::<Request<B>>::poll_ready(&mut self.inner, context)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        // Here, as the calls get their requests decoded.
        match self.calls.caller(request.extensions(), request.headers()) {
            Ok(caller) => {
                request.extensions_mut().insert(Called(caller));
            }
            Err(refused) => {
                let answer = service::refused(&refused).into_http();
                return Box::pin(std::future::ready(Ok(answer)));
            }
        }
        let answer = self.inner.call(request);
        Box::pin(async move { Ok(in_pieces(answer.await?).await) })
    }
}

impl NamedService for Server {
    const NAME: &'static str = <TimelineServer<TimelineService> as NamedService>::NAME;
}

/// Hands the room of an answer, which came with it as an extension, over to its bytes.
///
/// The answer is encoded here and now: until its stream has a window, nobody would ask its body for
/// anything.
async fn in_pieces(mut answer: Response<Body>) -> Response<Body> {
    if let Some(watching) = answer.extensions_mut().remove::<AnsweredWatch>() {
        let watching = watching.lock().take();
        return match watching {
            Some(watching) => answer.map(|_| watch::body(watching)),
            None => answer,
        };
    }
    let Some(room) = answer.extensions_mut().remove::<Arc<Mutex<Option<AnswerPermit>>>>() else {
        return answer;
    };
    let Some(room) = room.lock().take() else { return answer };
    let (head, body) = answer.into_parts();
    let encoded = match body.collect().await {
        Ok(encoded) => encoded,
        Err(status) => return status.into_http(),
    };
    let trailers = encoded.trailers().cloned();
    let pieces = Pieces::copy_of(&encoded.to_bytes());
    let body = AnswerBody::with_trailers(pieces, room, trailers, service::cut());
    Response::from_parts(head, Body::new(body))
}
