//! HTTP in front of the hub, as a program has it.

use std::convert::Infallible;

use conductor_hub::Hub;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::io::{AsyncRead, AsyncWrite};

/// Serves one connection.
pub(crate) async fn serve(hub: Hub, socket: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) {
    let service = service_fn(move |request| {
        let hub = hub.clone();
        async move { Ok::<_, Infallible>(hub.handle(request).await) }
    });
    let server = auto::Builder::new(TokioExecutor::new());
    drop(server.serve_connection_with_upgrades(TokioIo::new(socket), service).await);
}
