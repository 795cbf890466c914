//! Who is at the other end of a connection, as requests tell the hub.

use std::net::SocketAddr;

use http::Extensions;
#[cfg(all(feature = "sisters", feature = "tls"))]
use tokio::net::TcpStream;
#[cfg(all(feature = "sisters", feature = "tls"))]
use tokio_rustls::server::TlsStream;

use crate::PeerAddress;
#[cfg(all(feature = "sisters", feature = "tls"))]
use crate::federation::TlsBinding;

/// The other end of a connection.
#[derive(Clone, Copy)]
pub(super) struct Peer {
    pub(super) address: SocketAddr,
    /// What binds the proof of a sister to her connection.
    #[cfg(all(feature = "sisters", feature = "tls"))]
    binding: Option<TlsBinding>,
}

impl Peer {
    pub(super) fn new(address: SocketAddr) -> Self {
        Self {
            address,
            #[cfg(all(feature = "sisters", feature = "tls"))]
            binding: None,
        }
    }

    /// Takes what this connection of TLS exports; the HTTP server gives the stream back too late.
    #[cfg(all(feature = "sisters", feature = "tls"))]
    pub(super) fn bound_to(self, stream: &TlsStream<TcpStream>) -> Self {
        Self { binding: TlsBinding::accepted(stream), ..self }
    }

    /// Puts what the hub asks for to a request.
    pub(super) fn note(self, extensions: &mut Extensions) {
        extensions.insert(PeerAddress::new(self.address));
        #[cfg(all(feature = "sisters", feature = "tls"))]
        if let Some(binding) = self.binding {
            extensions.insert(binding);
        }
    }
}
