//! Makes connections to one address, each logged in.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use redis::{ConnectionAddr, ConnectionInfo};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;

use super::tls::Tls;
use super::{Endpoint, Transport, login};
use crate::config::Config;
use crate::error::{Error, ErrorKind};
use crate::server::Server;

/// Makes connections that may subscribe and publish.
#[derive(Clone)]
pub(crate) struct Dialer {
    source: Endpoint,
    /// How errors name what is there.
    server: Server,
    /// Set if the address says that there is TLS.
    tls: Option<Tls>,
    /// How long it may take.
    within: Duration,
}

impl Dialer {
    /// Checks what can be checked without a connection.
    pub(crate) fn new(config: &Config) -> Result<Self, Error> {
        let source = config.source.clone()?;
        let tls = match &source {
            Endpoint::Info(info) => match info.addr() {
                ConnectionAddr::TcpTls { insecure: true, .. } => {
                    let message = "the address ends with #insecure, which is not supported; set \
                                   `authorities` to the certificates to trust instead";
                    return Err(Error::new(ErrorKind::Config, message));
                }
                ConnectionAddr::TcpTls { host, .. } => Some(Tls::new(host, config.authorities.as_deref())?),
                _ => None,
            },
            Endpoint::Function(_) | Endpoint::Node { .. } => None,
        };
        Ok(Self { server: server_of(&source), source, tls, within: config.connect_timeout })
    }

    /// The same for another node of the cluster. `None` if this one is not reached by an address.
    pub(crate) fn to(&self, host: &str, port: u16) -> Option<Self> {
        let host = host.to_owned();
        let source = match &self.source {
            Endpoint::Function(_) => return None,
            Endpoint::Node { connect, .. } => Endpoint::Node { host, port, connect: Arc::clone(connect) },
            Endpoint::Info(info) => {
                let addr = match info.addr() {
                    ConnectionAddr::TcpTls { insecure, tls_params, .. } => {
                        let (insecure, tls_params) = (*insecure, tls_params.clone());
                        ConnectionAddr::TcpTls { host, port, insecure, tls_params }
                    }
                    _ => ConnectionAddr::Tcp(host, port),
                };
                Endpoint::Info(Box::new(ConnectionInfo::clone(info).set_addr(addr)))
            }
        };
        Some(Self { server: server_of(&source), source, tls: self.tls.clone(), within: self.within })
    }

    /// The host, if it is reached by one.
    pub(crate) fn host(&self) -> Option<&str> {
        match &self.source {
            Endpoint::Info(info) => match info.addr() {
                ConnectionAddr::Tcp(host, _) | ConnectionAddr::TcpTls { host, .. } => Some(host),
                _ => None,
            },
            Endpoint::Node { host, .. } => Some(host),
            Endpoint::Function(_) => None,
        }
    }

    /// How errors name the server, without secrets.
    pub(crate) fn server(&self) -> &Server {
        &self.server
    }

    /// How long connecting may take, login included.
    pub(crate) fn within(&self) -> Duration {
        self.within
    }

    /// Where it connects to, without secrets.
    pub(crate) fn address(&self) -> String {
        match &self.source {
            Endpoint::Info(info) => info.addr().to_string(),
            Endpoint::Node { host, port, .. } => format!("{host}:{port}"),
            Endpoint::Function(_) => "an address that a function knows".to_owned(),
        }
    }

    /// Makes a connection.
    pub(crate) async fn open(&self) -> Result<Box<dyn Transport>, Error> {
        let opened = timeout(self.within, async {
            match &self.source {
                // The two traits promise a stream that is logged in; only an address has a password
                // to use.
                Endpoint::Function(connect) => connect.connect().await.map_err(|error| {
                    Error::with_source(
                        ErrorKind::Unavailable,
                        "the function that connects to redis failed",
                        error,
                    )
                }),
                Endpoint::Node { host, port, connect } => {
                    let connected = connect.connect_node(host, *port).await;
                    connected.map_err(|error| unreachable(&self.address(), error))
                }
                Endpoint::Info(info) => {
                    let mut transport = self.dial(info.addr()).await?;
                    login::log_in(&mut transport, &self.server, info.redis_settings()).await?;
                    Ok(transport)
                }
            }
        });
        opened.await.unwrap_or_else(|_| {
            let message = format!("{} did not answer within {:?}", self.server, self.within);
            Err(Error::new(ErrorKind::Unavailable, message))
        })
    }

    async fn dial(&self, address: &ConnectionAddr) -> Result<Box<dyn Transport>, Error> {
        match address {
            ConnectionAddr::Tcp(host, port) => Ok(Box::new(tcp(host, *port).await?)),
            ConnectionAddr::Unix(path) => {
                let stream = UnixStream::connect(path).await;
                Ok(Box::new(stream.map_err(|error| unreachable(&path.display().to_string(), error))?))
            }
            ConnectionAddr::TcpTls { host, port, .. } => {
                let tls = self.tls.as_ref().ok_or_else(|| {
                    Error::new(ErrorKind::Config, "the address asks for TLS, which is not set up")
                })?;
                Ok(Box::new(tls.connect(host, tcp(host, *port).await?, &address.to_string()).await?))
            }
            _ => Err(Error::new(ErrorKind::Config, "this kind of address is not supported")),
        }
    }
}

fn server_of(source: &Endpoint) -> Server {
    match source {
        Endpoint::Info(info) => Server::at(&info.addr().to_string()),
        Endpoint::Node { host, port, .. } => Server::at(&format!("{host}:{port}")),
        Endpoint::Function(_) => Server::unnamed(),
    }
}

async fn tcp(host: &str, port: u16) -> Result<TcpStream, Error> {
    let failed = |error| unreachable(&format!("{host}:{port}"), error);
    let socket = TcpStream::connect((host, port)).await.map_err(failed)?;
    // Commands are written whole, so waiting for more would only delay them.
    socket.set_nodelay(true).map_err(failed)?;
    Ok(socket)
}

fn unreachable(address: &str, error: io::Error) -> Error {
    Error::with_source(ErrorKind::Unavailable, format!("redis at {address} cannot be reached"), error)
}
