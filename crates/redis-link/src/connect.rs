//! Making one connection, within its time.

use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, ConnectionAddr, ConnectionInfo, RedisError, RedisResult};
use tokio::time::timeout;

use crate::config::LinkConfig;
use crate::error::unquoted;

/// Connects to a server; `patience` is for answers, instead of that of the settings.
pub(crate) async fn single(
    info: &ConnectionInfo,
    settings: &LinkConfig,
    patience: Option<Duration>,
) -> RedisResult<MultiplexedConnection> {
    let limits = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(settings.connect_timeout))
        .set_response_timeout(Some(patience.unwrap_or(settings.timeout)));
    let client = client(info, settings)?;
    let connecting = client.get_multiplexed_async_connection_with_config(&limits);
    // This bounds the log-in, too, for which the client itself allows the time of an answer.
    bounded(settings.connect_timeout, Box::pin(connecting)).await.map_err(unquoted)
}

#[cfg_attr(not(feature = "tls"), expect(unused_variables, reason = "authorities are for TLS alone"))]
pub(crate) fn client(info: &ConnectionInfo, settings: &LinkConfig) -> RedisResult<Client> {
    #[cfg(feature = "tls")]
    if let (Some(authorities), ConnectionAddr::TcpTls { .. }) = (&settings.authorities, info.addr()) {
        let certificates = redis::TlsCertificates { client_tls: None, root_cert: Some(authorities.clone()) };
        return Client::build_with_tls(info.clone(), certificates);
    }
    Client::open(info.clone())
}

/// How much of the time a first step gets at most, so that some is left for the second.
pub(crate) fn part(whole: Duration) -> Duration {
    whole / 2
}

pub(crate) async fn bounded<T>(
    limit: Duration,
    work: impl Future<Output = RedisResult<T>>,
) -> RedisResult<T> {
    match timeout(limit, work).await {
        Ok(result) => result,
        Err(elapsed) => Err(RedisError::from(std::io::Error::from(elapsed))),
    }
}

/// The same server with another host, unless that is empty, and port.
pub(crate) fn at(template: &ConnectionInfo, host: &str, port: u16) -> ConnectionInfo {
    let host = |old: &str| if host.is_empty() { old.to_owned() } else { host.to_owned() };
    let addr = match template.addr().clone() {
        ConnectionAddr::Tcp(old, _) => ConnectionAddr::Tcp(host(&old), port),
        ConnectionAddr::TcpTls { host: old, insecure, tls_params, .. } => {
            ConnectionAddr::TcpTls { host: host(&old), port, insecure, tls_params }
        }
        other => other,
    };
    template.clone().set_addr(addr)
}

/// The host of a server, empty for a Unix socket.
pub(crate) fn host_of(info: &ConnectionInfo) -> &str {
    match info.addr() {
        ConnectionAddr::Tcp(host, _) | ConnectionAddr::TcpTls { host, .. } => host,
        _ => "",
    }
}

/// Full jitter over a bound that doubles from 16 ms.
pub(crate) fn wait(attempts: u32, most: Duration) -> Duration {
    // After twelve doublings the bound is 65 s, above every `retry_max`; more would overflow in the
    // end.
    let bound = Duration::from_millis(16 << attempts.min(12)).min(most);
    bound.mul_f64(fastrand::f64())
}
