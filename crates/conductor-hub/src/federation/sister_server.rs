//! A sister at an address, reached over a WebSocket.

use std::net::{IpAddr, SocketAddr};

use async_trait::async_trait;
use http::header::SEC_WEBSOCKET_PROTOCOL;
use http::{HeaderMap, HeaderValue, Uri};
use tokio::net::{TcpStream, lookup_host};
use tokio_tungstenite::client_async_with_config;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

use super::sister_client::{SisterClient, SisterSocket};
use super::stranger::Stranger;
use super::websocket_link;
use crate::{Error, ErrorKind};

/// A sister at an address, with headers for her alone.
///
/// The address is like `ws://10.0.0.7:8000/ws`.
///
/// The link itself is not protected: whoever can read the network reads what clients write. So only
/// private and loopback addresses are dialled; between others put a tunnel that encrypts.
#[derive(Clone)]
pub struct SisterServer {
    url: String,
    headers: HeaderMap,
}

impl SisterServer {
    /// Creates the client for an address, with headers for its handshake.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](ErrorKind::InvalidInput) if it is not `ws://host:port/path`.
    pub fn new(url: impl Into<String>, headers: HeaderMap) -> Result<Self, Error> {
        let url = url.into();
        let uri: Uri = url.parse().map_err(|fault| {
            Error::with_source(
                ErrorKind::InvalidInput,
                format!("the address of a sister, {url}, is none"),
                fault,
            )
        })?;
        if uri.scheme_str() != Some("ws") || uri.host().is_none_or(str::is_empty) {
            let text = format!("the address of a sister is {url}; it must be like ws://10.0.0.7:8000/ws");
            return Err(Error::new(ErrorKind::InvalidInput, text));
        }
        Ok(Self { url, headers })
    }

    /// Returns its address.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    async fn open(&self) -> Result<(TcpStream, SocketAddr), Error> {
        let uri: Uri = self.url.parse().map_err(|fault| self.failed(fault))?;
        let host = uri.host().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        let addresses = lookup_host((host, uri.port_u16().unwrap_or(80))).await;
        let mut last = None;
        for address in addresses.map_err(|fault| self.failed(fault))? {
            if !is_private(address.ip()) {
                let text = format!(
                    "the sister {} has the public address {}; a link is not encrypted, so use a private one",
                    self.url,
                    address.ip()
                );
                last = Some(Error::new(ErrorKind::InvalidInput, text));
                continue;
            }
            match TcpStream::connect(address).await {
                Ok(socket) => return Ok((socket, address)),
                Err(fault) => last = Some(self.failed(fault)),
            }
        }
        Err(last.unwrap_or_else(|| {
            Error::new(ErrorKind::Busy, format!("the name of the sister {} has no address", self.url))
        }))
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
        let (socket, _address) = self.open().await?;
        socket.set_nodelay(true).map_err(|fault| self.failed(fault))?;
        let mut request = self.url.as_str().into_client_request().map_err(|fault| self.failed(fault))?;
        request.headers_mut().extend(self.headers.clone());
        let subprotocol = HeaderValue::from_static(websocket_link::SUBPROTOCOL);
        request.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, subprotocol);
        let settings = Some(websocket_link::settings());
        let opened = client_async_with_config(request, Stranger::dialled(socket), settings).await;
        let (stream, _response) = opened.map_err(|fault| self.failed(fault))?;
        Ok(websocket_link::of(stream))
    }
}

impl std::fmt::Debug for SisterServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Headers may be secret.
        f.debug_struct("SisterServer").field("url", &self.url).finish_non_exhaustive()
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
        for url in ["", "10.0.0.7:8000", "http://10.0.0.7/ws", "wss://10.0.0.7/ws", "ws:///ws"] {
            let error = SisterServer::new(url, HeaderMap::new()).expect_err(url);
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
        }
        SisterServer::new("ws://sister.internal:8000/ws", HeaderMap::new()).expect("it is one");
    }
}
