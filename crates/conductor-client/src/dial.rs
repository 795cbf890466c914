//! One attempt to connect: headers, TCP, TLS, and the handshake.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use http::Request;
use http::header::{
    AUTHORIZATION, CONNECTION, COOKIE, HOST, HeaderName, HeaderValue, SEC_WEBSOCKET_KEY,
    SEC_WEBSOCKET_VERSION, UPGRADE,
};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::lookup_host;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::handshake::client::generate_key;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{self, Error as WebSocketError};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use crate::config::{Address, Config};
use crate::counted::Counted;
use crate::error::{Error, ErrorKind};
use crate::handed::Handed;
use crate::headers::HandshakeHeaders;
use crate::refusal::Refusal;
use crate::tls::Tls;

/// Bytes that go both ways, over TCP or over TLS.
pub(crate) trait Transport: AsyncRead + AsyncWrite + Send {}

impl<T: AsyncRead + AsyncWrite + Send> Transport for T {}

/// A connection after its handshake.
pub(crate) type Socket = WebSocketStream<Pin<Box<dyn Transport>>>;

/// What an input buffer holds; hubs write several messages at once.
pub(crate) const READ_BUFFER_BYTES: usize = 16 * 1024;

/// How many bytes of messages are written at once.
const WRITE_BUFFER_BYTES: usize = 64 * 1024;

/// Headers that a program does not give.
const OF_THE_HANDSHAKE: [HeaderName; 5] =
    [HOST, CONNECTION, UPGRADE, SEC_WEBSOCKET_VERSION, SEC_WEBSOCKET_KEY];

/// Makes connections to one hub.
pub(crate) struct Dialer {
    address: Address,
    tls: Option<Tls>,
    headers: Arc<dyn HandshakeHeaders>,
    connect_timeout: std::time::Duration,
    limits: WebSocketConfig,
}

impl Dialer {
    pub(crate) fn new(config: &Config, address: Address) -> Result<Self, Error> {
        let tls = match address.is_tls {
            true => Some(Tls::new(&address.host, config.authorities.as_deref())?),
            false => None,
        };
        let limits = WebSocketConfig::default()
            .read_buffer_size(READ_BUFFER_BYTES)
            .write_buffer_size(WRITE_BUFFER_BYTES)
            .max_message_size(Some(config.received_bytes_max))
            .max_frame_size(Some(config.received_bytes_max));
        let (headers, connect_timeout) = (Arc::clone(&config.headers), config.connect_timeout);
        Ok(Self { address, tls, headers, connect_timeout, limits })
    }

    /// Connects, or says what went wrong; beside the socket is how much it has taken.
    pub(crate) async fn dial(&self) -> Result<(Socket, Arc<Handed>), Refusal> {
        match timeout(self.connect_timeout, self.attempt()).await {
            Ok(done) => done,
            Err(_) => {
                let (address, patience) = (&self.address, self.connect_timeout);
                let text = format!("the hub at {address} could not be reached within {patience:?}");
                Err(Error::new(ErrorKind::Unavailable, text).into())
            }
        }
    }

    async fn attempt(&self) -> Result<(Socket, Arc<Handed>), Refusal> {
        let request = self.request().await?;
        let handed = Arc::new(Handed::default());
        let transport = self.transport(&handed).await.map_err(|error| {
            let text = format!("the hub at {} cannot be reached", self.address);
            Error::with_source(ErrorKind::Unavailable, text, error)
        })?;
        match client_async_with_config(request, transport, Some(self.limits)).await {
            Ok((socket, _)) => {
                handed.open();
                Ok((socket, handed))
            }
            Err(error) => Err(Refusal::of_handshake(&self.address, error)),
        }
    }

    async fn transport(&self, handed: &Arc<Handed>) -> std::io::Result<Pin<Box<dyn Transport>>> {
        let addresses = lookup_host((self.address.host.as_str(), self.address.port)).await?;
        let stream = first_address::connect(addresses).await?;
        stream.set_nodelay(true)?;
        let handed = Arc::clone(handed);
        Ok(match &self.tls {
            Some(tls) => Box::pin(Counted::new(tls.connect(stream).await?, handed, true)),
            None => Box::pin(Counted::new(stream, handed, false)),
        })
    }

    async fn request(&self) -> Result<Request<()>, Error> {
        let headers = self.headers.headers().await.map_err(|error| {
            Error::with_source(ErrorKind::Unavailable, "the headers of the handshake cannot be made", error)
        })?;
        let authority = self.address.uri.authority().map(|authority| authority.as_str()).unwrap_or_default();
        let mut request = Request::get(&self.address.uri)
            .header(HOST, authority)
            .header(CONNECTION, "Upgrade")
            .header(UPGRADE, "websocket")
            .header(SEC_WEBSOCKET_VERSION, "13")
            .header(SEC_WEBSOCKET_KEY, generate_key())
            .body(())
            .map_err(|error| Error::with_source(ErrorKind::Config, "the handshake is no request", error))?;
        for (name, mut value) in headers.iter().map(|(name, value)| (name, value.clone())) {
            if OF_THE_HANDSHAKE.contains(name) {
                let text = format!("the header {name} is the handshake's own; leave it out of `headers`");
                return Err(Error::new(ErrorKind::Config, text));
            }
            hide(name == AUTHORIZATION || name == COOKIE, &mut value);
            request.headers_mut().append(name, value);
        }
        Ok(request)
    }
}

impl fmt::Debug for Dialer {
    /// Leaves out the path and the headers, which may hold a token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dialer").field("address", &self.address.to_string()).finish_non_exhaustive()
    }
}

/// Keeps a value out of what is written for debugging.
fn hide(is_secret: bool, value: &mut HeaderValue) {
    if is_secret {
        value.set_sensitive(true);
    }
}

/// Says what became of a connection that its library gave up.
pub(crate) fn broken(hub: &str, error: tungstenite::Error) -> Error {
    match error {
        WebSocketError::Io(error) => Error::with_source(
            ErrorKind::Unavailable,
            format!("the connection to the hub at {hub} was lost"),
            error,
        ),
        error => {
            let text = format!("the hub at {hub} broke the rules of the connection");
            Error::with_source(ErrorKind::Protocol, text, error)
        }
    }
}
