//! The request of a WebSocket handshake, without a socket below it.

use http::Request;

/// Returns a handshake at a path; whoever is admitted with it gets status 500, for want of a
/// socket.
pub(crate) fn handshake(path: &str) -> Request<()> {
    Request::get(path)
        .header("Host", "localhost")
        .header("Connection", "Upgrade")
        .header("Upgrade", "websocket")
        .header("Sec-WebSocket-Version", "13")
        .header("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
        .body(())
        .expect("request is valid")
}
