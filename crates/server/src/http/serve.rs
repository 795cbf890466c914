//! Accepting HTTP connections: so many at once, each with its limits, all finished on a clean stop.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::rt::TokioTimer;
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
    head_time: Duration,
    stop: CancellationToken,
) {
    let places = Arc::new(Semaphore::new(connections_max));
    let tasks = TaskTracker::new();
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(head_time)
        .max_headers(HEADERS_MAX)
        .max_buf_size(HEAD_BYTES_MAX);
    // A full house leaves further callers in the kernel's queue.
    while let Some(Ok(place)) = stop.run_until_cancelled(Arc::clone(&places).acquire_owned()).await {
        let Some(stream) = stop.run_until_cancelled(listen::accept(&listener)).await else { break };
        let service = TowerToHyperService::new(router.clone());
        let connection = builder.serve_connection(TokioIo::new(stream), service).with_upgrades();
        let stop = stop.clone();
        tasks.spawn(async move {
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
            drop(place);
        });
    }
    drop(listener);
    tasks.close();
    tasks.wait().await;
}
