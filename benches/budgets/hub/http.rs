//! HTTP in front of the hub, as a program has it.

use std::convert::Infallible;
use std::net::SocketAddr;

use conductor_hub::{Hub, PeerAddress};
use hyper::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::io::{AsyncRead, AsyncWrite};

/// Serves one connection.
pub(crate) async fn serve(hub: Hub, socket: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) {
    serve_from(hub, socket, None).await;
}

/// Does the same, and tells the hub where the connection comes from, which sisters have to know.
pub(crate) async fn serve_from(
    hub: Hub,
    socket: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    peer: Option<SocketAddr>,
) {
    let service = service_fn(move |mut request: Request<Incoming>| {
        if let Some(peer) = peer {
            request.extensions_mut().insert(PeerAddress::new(peer));
        }
        let hub = hub.clone();
        async move { Ok::<_, Infallible>(hub.handle(request).await) }
    });
    let server = auto::Builder::new(TokioExecutor::new());
    drop(server.serve_connection_with_upgrades(TokioIo::new(socket), service).await);
}
