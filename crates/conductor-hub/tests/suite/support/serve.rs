//! A server of hyper around a hub.

use std::net::SocketAddr;

use conductor_hub::{Config, Hooks, Hub, PeerAddress};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::net::TcpListener;
use tokio_util::task::TaskTracker;

/// Serves a hub at a free port for as long as the test runs.
pub(crate) async fn serve(config: Config, hooks: Hooks) -> (Hub, SocketAddr) {
    let hub = Hub::start(config, hooks).expect("configuration is valid");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has free ports");
    let address = listener.local_addr().expect("listener has an address");
    let (tasks, serving) = (TaskTracker::new(), hub.clone());
    let connections = tasks.clone();
    tasks.spawn(async move {
        while let Ok((socket, peer)) = listener.accept().await {
            let hub = serving.clone();
            let service = service_fn(move |mut request: http::Request<hyper::body::Incoming>| {
                request.extensions_mut().insert(PeerAddress::new(peer));
                let hub = hub.clone();
                async move { Ok::<_, std::convert::Infallible>(hub.handle(request).await) }
            });
            connections.spawn(async move {
                let server = auto::Builder::new(TokioExecutor::new());
                server.serve_connection_with_upgrades(TokioIo::new(socket), service).await.ok();
            });
        }
    });
    (hub, address)
}
