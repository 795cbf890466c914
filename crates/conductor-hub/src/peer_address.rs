//! Where a request comes from.

use std::net::SocketAddr;

/// The address that a request comes from, as an extension of the request.
///
/// A program that accepts sockets knows it, and the hub does not. Whoever adds it to the request
/// before [`Hub::handle`](crate::Hub::handle) finds it in
/// [`Handshake::peer`](crate::Handshake::peer).
///
/// # Examples
///
/// ```
/// use conductor_hub::PeerAddress;
/// use http::Request;
///
/// let mut request = Request::get("/ws").body(()).unwrap();
/// request.extensions_mut().insert(PeerAddress::new(([192, 0, 2, 1], 50_000).into()));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PeerAddress(SocketAddr);

impl PeerAddress {
    /// Creates the extension.
    #[must_use]
    pub const fn new(address: SocketAddr) -> Self {
        Self(address)
    }

    /// Returns the address.
    #[must_use]
    pub const fn address(self) -> SocketAddr {
        self.0
    }
}
