//! Serves HTTP connections, so many at once, each with its limits.
//!
//! A clean stop finishes all of them.

use std::pin::pin;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tidings::hub::PeerAddress;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt as _;

use crate::listen::LimitedListener;

/// Headers and request line together.
const HEAD_BYTES_MAX: usize = 64 * 1024;
/// Header lines of one request.
const HEADERS_MAX: usize = 64;

/// Serves until `stop`, then finishes the requests that are being answered.
pub(crate) async fn serve(
    door: LimitedListener,
    router: Router,
    request_time: Duration,
    stop: CancellationToken,
) {
    let tasks = TaskTracker::new();
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(request_time)
        .max_headers(HEADERS_MAX)
        .max_buf_size(HEAD_BYTES_MAX);
    while let Some((stream, permit)) = stop.run_until_cancelled(door.next()).await {
        let (handle, router) = (permit.handle(), router.clone());
        // A peer that is gone already has no address any more.
        let peer = stream.peer_addr().ok().map(PeerAddress::new);
        let service = service_fn(move |request: hyper::Request<Incoming>| {
            let mut request: Request = request.map(Body::new);
            request.extensions_mut().insert(handle.clone());
            if let Some(peer) = peer {
                request.extensions_mut().insert(peer);
            }
            router.clone().oneshot(request)
        });
        // After an upgrade the connection ends here and the hub has its socket: the permit is given
        // back, as WebSockets have places of their own.
        let connection = builder.serve_connection(TokioIo::new(stream), service).with_upgrades();
        let stop = stop.clone();
        tasks.spawn(async move {
            let (mut connection, closed) = (pin!(connection), permit.closed());
            // A stop lets the request that is being answered finish. A connection that loses its
            // permit is dropped at once, in the stop as well.
            let ended = tokio::select! {
                ended = connection.as_mut() => ended,
                () = closed.cancelled() => Ok(()),
                () = stop.cancelled() => {
                    connection.as_mut().graceful_shutdown();
                    closed.run_until_cancelled(connection.as_mut()).await.unwrap_or(Ok(()))
                }
            };
            if let Err(error) = ended {
                tracing::debug!(%error, "an HTTP connection ended with an error");
            }
        });
    }
    // The order matters: nobody comes in any more, and then those inside are waited for.
    door.close();
    tasks.close();
    tasks.wait().await;
}
