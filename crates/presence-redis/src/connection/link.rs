//! The shared way to a Redis: connects when needed, forgets a connection that failed, fails fast in between.

use std::time::Duration;

use presence_core::{Error, ErrorKind};
use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::cluster::{ClusterClient, ClusterClientBuilder};
use redis::cluster_async::ClusterConnection;
use redis::sentinel::{SentinelClient, SentinelClientBuilder, SentinelServerType};
use redis::{
    AsyncConnectionConfig, Client, Cmd, ConnectionAddr, ConnectionInfo, Pipeline, RedisError, RedisFuture,
    RedisResult, RetryMethod, TlsCertificates, TlsMode, Value,
};
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

use super::address::{Address, Kind};
use super::config::Connect;
use super::failure::{at_start, unavailable};

/// A way to Redis that outlives its connections.
pub(crate) struct Link {
    address: Address,
    settings: Connect,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    current: Option<Connection>,
    /// Counts the connections, so that one that failed twice is lost once.
    generation: u64,
    failure: Option<Failure>,
}

/// Why there is no connection, and until when that is the answer.
struct Failure {
    error: RedisError,
    attempts: u32,
    until: Instant,
}

/// A connection to one server, or to those of a cluster.
#[derive(Clone)]
pub(crate) struct Connection {
    to: To,
    generation: u64,
}

#[derive(Clone)]
enum To {
    Single(MultiplexedConnection),
    Cluster(ClusterConnection),
}

impl Link {
    /// Connects for the first time, and finds out whether it is a cluster.
    pub(crate) async fn open(settings: &Connect) -> Result<Self, Error> {
        settings.check()?;
        let mut address = Address::parse(&settings.url)?;
        if let Kind::Single(info) = &address.kind {
            let found = single(info, settings, None).await;
            let found = match found {
                Ok(mut connection) => cluster_enabled(&mut connection).await,
                Err(error) => Err(error),
            };
            if found.map_err(|error| at_start(&address.to_string(), error))? {
                address.kind = Kind::Cluster(vec![info.clone()]);
            }
        }
        let link = Self { address, settings: settings.clone(), state: Mutex::default() };
        let shown = link.address.to_string();
        link.connection().await.map_err(|error| at_start(&shown, error))?;
        Ok(link)
    }

    /// The address without user and password.
    pub(crate) fn address(&self) -> &Address {
        &self.address
    }

    pub(crate) fn timeout(&self) -> Duration {
        self.settings.timeout
    }

    pub(crate) fn is_cluster(&self) -> bool {
        matches!(self.address.kind, Kind::Cluster(_))
    }

    /// Sends a command and returns its answer, within the timeout.
    pub(crate) async fn query(&self, command: &Cmd) -> Result<Value, Error> {
        let answer = timeout(self.settings.timeout, self.try_query(command)).await;
        match answer {
            Ok(answer) => answer.map_err(unavailable),
            Err(_) => Err(Error::new(ErrorKind::Unavailable, "redis did not answer in time")),
        }
    }

    /// The same with the error as the client gave it, for callers that look into it.
    pub(crate) async fn try_query(&self, command: &Cmd) -> RedisResult<Value> {
        let mut connection = self.connection().await?;
        let answer = command.query_async::<Value>(&mut connection).await;
        self.judge(&connection, answer).await
    }

    /// Sends commands for keys of one slot together and returns their answers.
    pub(crate) async fn pipeline(&self, pipeline: &Pipeline) -> Result<Vec<Value>, Error> {
        let answers = timeout(self.settings.timeout, async {
            let mut connection = self.connection().await?;
            let answers = pipeline.query_async::<Vec<Value>>(&mut connection).await;
            self.judge(&connection, answers).await
        });
        match answers.await {
            Ok(answers) => answers.map_err(unavailable),
            Err(_) => Err(Error::new(ErrorKind::Unavailable, "redis did not answer in time")),
        }
    }

    /// Makes a connection for commands that block for up to `block`, to the master of `key`.
    pub(crate) async fn dedicated(&self, key: &str, block: Duration) -> RedisResult<MultiplexedConnection> {
        let patience = Some(block + self.settings.timeout);
        match &self.address.kind {
            Kind::Single(info) => single(info, &self.settings, patience).await,
            Kind::Sentinel { .. } => {
                let client = self.sentinel()?.async_get_client().await?;
                client.get_multiplexed_async_connection_with_config(&limits(&self.settings, patience)).await
            }
            Kind::Cluster(nodes) => self.master_of(key, nodes, patience).await,
        }
    }

    /// Makes a client for connections of other kinds; of a cluster, to its first node.
    pub(crate) async fn client(&self) -> RedisResult<Client> {
        match &self.address.kind {
            Kind::Single(info) => client(info, &self.settings),
            Kind::Sentinel { .. } => self.sentinel()?.async_get_client().await,
            Kind::Cluster(nodes) => client(&nodes[0], &self.settings),
        }
    }

    /// The connection there is, or a new one.
    pub(crate) async fn connection(&self) -> RedisResult<Connection> {
        let mut state = self.state.lock().await;
        if let Some(connection) = &state.current {
            return Ok(connection.clone());
        }
        let now = Instant::now();
        if let Some(failure) = state.failure.as_ref().filter(|failure| failure.until > now) {
            return Err(failure.error.clone());
        }
        match self.connect().await {
            Ok(to) => {
                state.generation += 1;
                state.failure = None;
                let connection = Connection { to, generation: state.generation };
                state.current = Some(connection.clone());
                Ok(connection)
            }
            Err(error) => {
                let attempts = state.failure.take().map_or(0, |failure| failure.attempts + 1);
                let until = Instant::now() + wait(attempts, self.settings.retry_max);
                state.failure = Some(Failure { error: error.clone(), attempts, until });
                Err(error)
            }
        }
    }

    /// Forgets a connection on which something failed in a way that the next command would share.
    async fn judge<T>(&self, connection: &Connection, answer: RedisResult<T>) -> RedisResult<T> {
        if let Err(error) = &answer {
            // A cluster's connection mends itself; but a server that does not answer may be half a connection.
            let method = error.retry_method();
            let demoted = error.code() == Some("READONLY") && matches!(connection.to, To::Single(_));
            let dropped =
                matches!(method, RetryMethod::Reconnect | RetryMethod::ReconnectFromInitialConnections);
            if demoted || dropped || error.is_timeout() {
                self.forget(connection).await;
            }
        }
        answer
    }

    pub(crate) async fn forget(&self, connection: &Connection) {
        let mut state = self.state.lock().await;
        if state.current.as_ref().is_some_and(|current| current.generation == connection.generation) {
            state.current = None;
        }
    }

    async fn connect(&self) -> RedisResult<To> {
        match &self.address.kind {
            Kind::Single(info) => Ok(To::Single(single(info, &self.settings, None).await?)),
            Kind::Sentinel { .. } => {
                let client =
                    bounded(&self.settings, async { self.sentinel()?.async_get_client().await }).await?;
                let limits = limits(&self.settings, None);
                Ok(To::Single(client.get_multiplexed_async_connection_with_config(&limits).await?))
            }
            Kind::Cluster(nodes) => {
                let client = cluster(nodes, &self.settings)?;
                Ok(To::Cluster(bounded(&self.settings, client.get_async_connection()).await?))
            }
        }
    }

    fn sentinel(&self) -> RedisResult<SentinelClient> {
        let Kind::Sentinel { sentinels, master, node } = &self.address.kind else {
            unreachable!("asked for by its callers' match")
        };
        let settings = node.redis_settings();
        let tls = matches!(node.addr(), ConnectionAddr::TcpTls { .. });
        let mut builder = SentinelClientBuilder::new(sentinels.clone(), master, SentinelServerType::Master)?
            .set_client_to_redis_db(settings.db())
            .set_client_to_redis_tcp_settings(node.tcp_settings().clone());
        if tls {
            builder = builder.set_client_to_redis_tls_mode(TlsMode::Secure);
        }
        if let Some(certificates) = certificates(&self.settings) {
            builder = builder.set_client_to_redis_certificates(certificates);
        }
        if let Some(user) = settings.username() {
            builder = builder.set_client_to_redis_username(user);
        }
        if let Some(password) = settings.password() {
            builder = builder.set_client_to_redis_password(password);
        }
        builder.build()
    }

    /// Asks any node for the key, and goes where it points.
    async fn master_of(
        &self,
        key: &str,
        nodes: &[ConnectionInfo],
        patience: Option<Duration>,
    ) -> RedisResult<MultiplexedConnection> {
        let mut last = None;
        for seed in nodes {
            let mut node = seed.clone();
            // From the seed to the owner, and once more if the slot moves meanwhile.
            for _ in 0..3 {
                let asked = async {
                    let mut connection = single(&node, &self.settings, patience).await?;
                    redis::cmd("EXISTS").arg(key).query_async::<()>(&mut connection).await?;
                    Ok(connection)
                };
                let error = match bounded(&self.settings, asked).await {
                    Ok(connection) => return Ok(connection),
                    Err(error) => error,
                };
                let there = error.redirect_node().and_then(|(address, _)| redirected(&node, address));
                last = Some(error);
                match there {
                    Some(there) => node = there,
                    None => break,
                }
            }
        }
        Err(last.unwrap_or_else(|| RedisError::from((redis::ErrorKind::Client, "cluster has no nodes"))))
    }
}

impl ConnectionLike for Connection {
    fn req_packed_command<'a>(&'a mut self, cmd: &'a Cmd) -> RedisFuture<'a, Value> {
        match &mut self.to {
            To::Single(connection) => connection.req_packed_command(cmd),
            To::Cluster(connection) => connection.req_packed_command(cmd),
        }
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        cmd: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        match &mut self.to {
            To::Single(connection) => connection.req_packed_commands(cmd, offset, count),
            To::Cluster(connection) => connection.req_packed_commands(cmd, offset, count),
        }
    }

    fn get_db(&self) -> i64 {
        match &self.to {
            To::Single(connection) => connection.get_db(),
            To::Cluster(connection) => connection.get_db(),
        }
    }
}

impl std::fmt::Debug for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Link").field("address", &self.address).finish_non_exhaustive()
    }
}

async fn single(
    info: &ConnectionInfo,
    settings: &Connect,
    patience: Option<Duration>,
) -> RedisResult<MultiplexedConnection> {
    let limits = limits(settings, patience);
    client(info, settings)?.get_multiplexed_async_connection_with_config(&limits).await
}

fn client(info: &ConnectionInfo, settings: &Connect) -> RedisResult<Client> {
    match certificates(settings) {
        Some(certificates) if matches!(info.addr(), ConnectionAddr::TcpTls { .. }) => {
            Client::build_with_tls(info.clone(), certificates)
        }
        _ => Client::open(info.clone()),
    }
}

fn cluster(nodes: &[ConnectionInfo], settings: &Connect) -> RedisResult<ClusterClient> {
    let mut builder = ClusterClientBuilder::new(nodes.to_vec())
        .connection_timeout(settings.connect_timeout)
        .response_timeout(settings.timeout)
        .overall_response_timeout(Some(settings.timeout))
        .min_retry_wait(10)
        .max_retry_wait(100)
        .tcp_settings(nodes[0].tcp_settings().clone());
    if let Some(certificates) = certificates(settings) {
        builder = builder.certs(certificates);
    }
    builder.build()
}

fn certificates(settings: &Connect) -> Option<TlsCertificates> {
    let root_cert = settings.authorities.clone()?;
    Some(TlsCertificates { client_tls: None, root_cert: Some(root_cert) })
}

fn limits(settings: &Connect, patience: Option<Duration>) -> AsyncConnectionConfig {
    AsyncConnectionConfig::new()
        .set_connection_timeout(Some(settings.connect_timeout))
        .set_response_timeout(Some(patience.unwrap_or(settings.timeout)))
}

async fn bounded<T>(settings: &Connect, work: impl Future<Output = RedisResult<T>>) -> RedisResult<T> {
    match timeout(settings.connect_timeout, work).await {
        Ok(result) => result,
        Err(elapsed) => Err(std::io::Error::from(elapsed).into()),
    }
}

async fn cluster_enabled(connection: &mut MultiplexedConnection) -> RedisResult<bool> {
    let info: String = redis::cmd("INFO").arg("cluster").query_async(connection).await?;
    Ok(info.contains("cluster_enabled:1"))
}

/// The node that an answer of another points to, as `host:port`; without a host it is the same.
fn redirected(from: &ConnectionInfo, address: &str) -> Option<ConnectionInfo> {
    let (host, port) = address.rsplit_once(':')?;
    let port = port.parse().ok()?;
    let to = match from.addr().clone() {
        ConnectionAddr::Tcp(old, _) => ConnectionAddr::Tcp(chosen(old, host), port),
        ConnectionAddr::TcpTls { host: old, insecure, tls_params, .. } => {
            ConnectionAddr::TcpTls { host: chosen(old, host), port, insecure, tls_params }
        }
        _ => return None,
    };
    Some(from.clone().set_addr(to))
}

fn chosen(old: String, new: &str) -> String {
    if new.is_empty() { old } else { new.to_owned() }
}

/// Full jitter over a bound that doubles from 16 ms.
fn wait(attempts: u32, most: Duration) -> Duration {
    let bound = Duration::from_millis(16 << attempts.min(12)).min(most);
    bound.mul_f64(crate::random::fraction())
}
