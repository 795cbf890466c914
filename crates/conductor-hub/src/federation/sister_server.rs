//! A sister at an address, reached over a WebSocket.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use async_trait::async_trait;
use http::header::SEC_WEBSOCKET_PROTOCOL;
use http::{HeaderMap, HeaderValue, StatusCode, Uri};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;
use tokio_tungstenite::client_async_with_config;
use tokio_tungstenite::tungstenite::Error as WebSocketError;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

use super::sister_client::{SisterClient, SisterSocket};
#[cfg(feature = "tls")]
use super::sister_tls::SisterTls;
use super::stranger::Stranger;
#[cfg(feature = "tls")]
use super::tls_dialler::TlsDialler;
use super::websocket_link;
use crate::{Error, ErrorKind};

/// How long the addresses of a name have until one of them answers.
///
/// They are tried beside each other, one more each quarter of a second. What comes behind that has
/// its time within that of the dial though nobody answers at any, not even that there is nobody.
const CONNECT_TIME: Duration = Duration::from_secs(4);

/// A sister at an address, with headers for her alone.
///
/// The address is like `ws://10.0.0.7:8000/ws`, or with the feature `tls` like
/// `wss://hub.example.org/ws`.
///
/// A link of `ws` is not protected: whoever can read the network reads what clients write. So only
/// private and loopback addresses are dialled.
///
/// A link of `wss` goes over TLS 1.3, to any address. Her certificate has to be for the host of the
/// address, and of an authority that this node trusts. The proofs of both nodes are bound to that
/// one connection of TLS, so that nobody in between can pass them on. That goes for friends as
/// well: **TLS has to end at the sister herself**. A proxy in front of her that ends it is somebody
/// in between, and she refuses the link. Dial her behind the proxy, over `ws` in a private network,
/// or let the proxy pass TLS on as it is.
#[derive(Clone)]
pub struct SisterServer {
    url: String,
    host: String,
    port: u16,
    headers: HeaderMap,
    /// How she is dialled if her address begins with `wss`.
    #[cfg(feature = "tls")]
    tls: Option<TlsDialler>,
}

impl SisterServer {
    /// Creates the client for an address, with headers for its handshake.
    ///
    /// Over `wss` it trusts the authorities that this machine trusts, unless `tls` says
    /// otherwise.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](ErrorKind::InvalidInput) if it is not `ws://host:port/path` or
    /// `wss://host:port/path`, or it is the latter without the feature `tls`.
    pub fn new(url: impl Into<String>, headers: HeaderMap) -> Result<Self, Error> {
        let url = url.into();
        let uri: Uri = url.parse().map_err(|fault| {
            Error::with_source(
                ErrorKind::InvalidInput,
                format!("the address of a sister, {url}, is none"),
                fault,
            )
        })?;
        let host = uri.host().filter(|host| !host.is_empty()).map(str::to_owned);
        let (Some(host), Some(is_encrypted)) = (host, is_encrypted(&uri)) else {
            let text = format!(
                "the address of a sister is {url}; it must be like ws://10.0.0.7:8000/ws or \
                 wss://hub.example.org/ws"
            );
            return Err(Error::new(ErrorKind::InvalidInput, text));
        };
        if is_encrypted && cfg!(not(feature = "tls")) {
            let text = format!(
                "the sister {url} is to be dialled over TLS, which this program cannot; build it with the \
                 feature `tls` of conductor-hub"
            );
            return Err(Error::new(ErrorKind::InvalidInput, text));
        }
        Ok(Self {
            port: uri.port_u16().unwrap_or(if is_encrypted { 443 } else { 80 }),
            #[cfg(feature = "tls")]
            tls: if is_encrypted { Some(TlsDialler::new(&host)?) } else { None },
            url,
            host,
            headers,
        })
    }

    /// Sets whom this node trusts when it dials her over `wss`.
    #[cfg(feature = "tls")]
    #[cfg_attr(docsrs, doc(cfg(feature = "tls")))]
    #[must_use]
    pub fn tls(self, trust: SisterTls) -> Self {
        Self { tls: self.tls.map(|tls| tls.trusting(trust)), ..self }
    }

    /// Sets the name that her certificate has to be for.
    ///
    /// By default that is the host of her address. Another one is for sisters that are found by
    /// their addresses, and for those that share a name.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](ErrorKind::InvalidInput) if no certificate can be for it.
    #[cfg(feature = "tls")]
    #[cfg_attr(docsrs, doc(cfg(feature = "tls")))]
    pub fn certificate_name(self, name: &str) -> Result<Self, Error> {
        let tls = self.tls.map(|tls| tls.named(name)).transpose()?;
        Ok(Self { tls, ..self })
    }

    /// Returns its address.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Tells whether she is dialled over TLS.
    #[must_use]
    pub fn is_encrypted(&self) -> bool {
        self.url.starts_with("wss://")
    }

    async fn open(&self) -> Result<TcpStream, Error> {
        let host = self.host.trim_matches(['[', ']']);
        let found = lookup_host((host, self.port)).await.map_err(|fault| self.failed(fault))?;
        let (allowed, public): (Vec<_>, Vec<_>) =
            found.partition(|address| self.is_encrypted() || is_private(address.ip()));
        if allowed.is_empty() {
            return Err(self.has_no_address(public.first().map(SocketAddr::ip)));
        }
        in_its_time(first_address::connect(allowed)).await.map_err(|fault| self.failed(fault))
    }

    /// Says why none of her addresses may be dialled: she has this public one, or none at all.
    fn has_no_address(&self, public: Option<IpAddr>) -> Error {
        let Some(public) = public else {
            let text = format!("the name of the sister {} has no address", self.url);
            return Error::new(ErrorKind::Busy, text);
        };
        let text = format!(
            "the sister {} has the public address {public}; a link of ws is not encrypted, so use a private one, \
             or dial her over wss",
            self.url
        );
        Error::new(ErrorKind::InvalidInput, text)
    }

    /// Opens the WebSocket of a link.
    async fn shake_hands<S>(&self, stream: S) -> Result<SisterSocket, Error>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let mut request = self.url.as_str().into_client_request().map_err(|fault| self.failed(fault))?;
        request.headers_mut().extend(self.headers.clone());
        let subprotocol = HeaderValue::from_static(websocket_link::SUBPROTOCOL);
        request.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, subprotocol);
        let settings = Some(websocket_link::settings());
        let opened = client_async_with_config(request, Stranger::dialled(stream), settings).await;
        let (stream, _response) = opened.map_err(|fault| self.refusal(fault))?;
        Ok(websocket_link::of(stream))
    }

    /// Says what to do about a handshake of WebSocket that failed.
    fn refusal(&self, fault: WebSocketError) -> Error {
        let url = &self.url;
        let text = match &fault {
            WebSocketError::Http(response) => {
                let status = response.status();
                let why = match status {
                    StatusCode::UNAUTHORIZED => "she has no secret of sisters",
                    StatusCode::FORBIDDEN => {
                        "she takes sisters from private addresses, or over TLS that she ends herself, and her \
                         server may not answer under this name"
                    }
                    StatusCode::NOT_FOUND => "her hub has another path",
                    _ => "her log may say why",
                };
                format!("the sister {url} answered with {status} instead of a link: {why}")
            }
            _ if self.is_encrypted() => format!("what listens at {url} did not answer as a hub does"),
            _ => format!(
                "what listens at {url} did not answer as a hub does; if its port has TLS, the address of the \
                 sister begins with wss://"
            ),
        };
        Error::with_source(ErrorKind::Busy, text, fault)
    }

    fn failed(&self, fault: impl std::error::Error + Send + Sync + 'static) -> Error {
        let text = format!("the sister {} cannot be reached", self.url);
        Error::with_source(ErrorKind::Busy, text, fault)
    }
}

#[async_trait]
impl SisterClient for SisterServer {
    fn name(&self) -> &str {
        &self.url
    }

    async fn connect(&self) -> Result<SisterSocket, Error> {
        let socket = self.open().await?;
        socket.set_nodelay(true).map_err(|fault| self.failed(fault))?;
        #[cfg(feature = "tls")]
        if let Some(tls) = &self.tls {
            let (stream, binding) = tls.connect(&self.url, socket).await?;
            return Ok(self.shake_hands(stream).await?.bound_to(binding.exported()));
        }
        self.shake_hands(socket).await
    }
}

impl std::fmt::Debug for SisterServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Headers may be secret.
        f.debug_struct("SisterServer").field("url", &self.url).finish_non_exhaustive()
    }
}

/// Waits until one of the addresses answers, for as long as they have.
async fn in_its_time<T>(connecting: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    timeout(CONNECT_TIME, connecting).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

/// Tells whether an address is one of TLS; `None` if it is of something else.
fn is_encrypted(uri: &Uri) -> Option<bool> {
    match uri.scheme_str()? {
        "ws" => Some(false),
        "wss" => Some(true),
        _ => None,
    }
}

/// Tells whether an address is of this machine or of a private network.
pub(crate) fn is_private(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => address.is_loopback() || address.is_private() || address.is_link_local(),
        IpAddr::V6(address) => {
            address.is_loopback() || address.is_unique_local() || address.is_unicast_link_local()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::federation::link_task::{ASKING_TIME_MAX, DIALLING_TIME, MEETING_TIME};

    #[tokio::test(start_paused = true)]
    async fn addresses_that_do_not_answer_leave_time_for_all_that_comes_behind() {
        let mute = in_its_time(std::future::pending::<io::Result<()>>());
        let behind = ASKING_TIME_MAX + MEETING_TIME;
        let tried = timeout(DIALLING_TIME - behind, mute).await.expect("they have less time");
        assert_eq!(tried.map_err(|fault| fault.kind()), Err(io::ErrorKind::TimedOut));
    }

    #[test]
    fn addresses_of_the_world_are_not_private() {
        for (address, private) in [
            ("127.0.0.1", true),
            ("10.1.2.3", true),
            ("172.16.0.1", true),
            ("192.168.0.1", true),
            ("169.254.0.1", true),
            ("::1", true),
            ("fd00::1", true),
            ("fe80::1", true),
            ("::ffff:10.0.0.1", true),
            ("8.8.8.8", false),
            ("172.32.0.1", false),
            ("2001:db8::1", false),
            ("::ffff:8.8.8.8", false),
        ] {
            assert_eq!(is_private(address.parse().expect("it is an address")), private, "{address}");
        }
    }

    #[test]
    fn an_address_names_its_scheme_and_host() {
        for url in ["", "10.0.0.7:8000", "http://10.0.0.7/ws", "https://10.0.0.7/ws", "ws:///ws"] {
            let error = SisterServer::new(url, HeaderMap::new()).expect_err(url);
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
        }
        let plain = SisterServer::new("ws://sister.internal/ws", HeaderMap::new()).expect("it is one");
        assert_eq!((plain.port, plain.is_encrypted()), (80, false));
    }

    #[test]
    fn an_address_of_tls_needs_the_feature() {
        for (url, port) in [
            ("wss://sister.internal/ws", 443),
            ("wss://10.0.0.7:8000/ws", 8000),
            ("wss://[fd00::7]:8000/ws", 8000),
        ] {
            let sister = SisterServer::new(url, HeaderMap::new());
            if cfg!(feature = "tls") {
                let sister = sister.expect(url);
                assert_eq!((sister.port, sister.is_encrypted()), (port, true));
            } else {
                assert_eq!(sister.expect_err(url).kind(), ErrorKind::InvalidInput);
            }
        }
    }
}
