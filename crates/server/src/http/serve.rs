//! Accepting HTTP connections: so many at once, each with its limits, all finished on a clean stop.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::listen;

/// Headers and request line together.
const HEAD_BYTES_MAX: usize = 64 * 1024;
/// Header lines of one request.
const HEADERS_MAX: usize = 64;

/// Serves until `stop`, then finishes the requests that are being answered.
pub(crate) async fn serve(
    listener: TcpListener,
    router: Router,
    connections_max: usize,
    request_time: Duration,
    stop: CancellationToken,
) {
    let places = Arc::new(Semaphore::new(connections_max));
    let tasks = TaskTracker::new();
    metrics::describe_gauge!(
        "tidings_http_connections",
        "HTTP connections open, those of the hub not counted"
    );
    let open = metrics::gauge!("tidings_http_connections");
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(request_time)
        .max_headers(HEADERS_MAX)
        .max_buf_size(HEAD_BYTES_MAX);
    // A full house leaves further callers in the kernel's queue.
    while let Some(Ok(place)) = stop.run_until_cancelled(Arc::clone(&places).acquire_owned()).await {
        let Some(stream) = stop.run_until_cancelled(listen::accept(&listener)).await else { break };
        if let Err(error) = listen::drop_unread_after(&stream, request_time) {
            tracing::debug!(%error, "connection was gone before it was served");
            continue;
        }
        let service = TowerToHyperService::new(router.clone());
        let connection = builder.serve_connection(TokioIo::new(stream), service).with_upgrades();
        let (stop, open) = (stop.clone(), open.clone());
        tasks.spawn(async move {
            open.increment(1);
            let mut connection = pin!(connection);
            let ended = tokio::select! {
                ended = connection.as_mut() => ended,
                () = stop.cancelled() => {
                    connection.as_mut().graceful_shutdown();
                    connection.await
                }
            };
            if let Err(error) = ended {
                tracing::debug!(%error, "HTTP connection ended");
            }
            open.decrement(1);
            drop(place);
        });
    }
    drop(listener);
    tasks.close();
    tasks.wait().await;
}
