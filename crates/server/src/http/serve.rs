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
use tidings::hub::federation::TlsBinding;
use tidings::hub::server::Tls;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt as _;

use crate::listen::{ConnectionPermit, LimitedListener};

/// Headers and request line together.
const HEAD_BYTES_MAX: usize = 64 * 1024;
/// Header lines of one request.
const HEADERS_MAX: usize = 64;

/// Serves until `stop`, then finishes the requests that are being answered; over TLS, if there is a
/// certificate.
pub(crate) async fn serve(
    door: LimitedListener,
    tls: Option<Tls>,
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
        // A peer that is gone already has no address any more.
        let peer = stream.peer_addr().ok().map(PeerAddress::new);
        let connection = HttpConnection {
            builder: builder.clone(),
            router: router.clone(),
            permit,
            peer,
            stop: stop.clone(),
        };
        match tls.clone() {
            None => tasks.spawn(connection.serve(stream, None)),
            Some(tls) => tasks.spawn(async move {
                if let Some(stream) = connection.shake_hands(&tls, stream, request_time).await {
                    // Nobody can ask the stream for it once it is the HTTP server's.
                    let binding = TlsBinding::accepted(&stream);
                    connection.serve(stream, binding).await;
                }
            }),
        };
    }
    // The order matters: nobody comes in any more, and then those inside are waited for.
    door.close();
    tasks.close();
    tasks.wait().await;
}

/// A connection, and what it is served with.
struct HttpConnection {
    builder: http1::Builder,
    router: Router,
    permit: ConnectionPermit,
    peer: Option<PeerAddress>,
    stop: CancellationToken,
}

impl HttpConnection {
    /// Ends its handshake of TLS, unless that takes too long or its place is taken.
    async fn shake_hands(
        &self,
        tls: &Tls,
        stream: TcpStream,
        time: Duration,
    ) -> Option<TlsStream<TcpStream>> {
        let closed = self.permit.closed();
        let shaken = tokio::select! {
            shaken = timeout(time, tls.accept(stream)) => shaken,
            () = closed.cancelled() => return None,
            () = self.stop.cancelled() => return None,
        };
        match shaken {
            Ok(Ok(stream)) => Some(stream),
            Ok(Err(error)) => {
                tracing::debug!(%error, "a TLS handshake failed");
                None
            }
            Err(_elapsed) => {
                tracing::debug!("a TLS handshake took too long");
                None
            }
        }
    }

    /// Answers its requests, until it ends or is the hub's.
    ///
    /// The hub hears what binds the proof of a sister to the connection, if it is one of TLS.
    async fn serve<S>(self, stream: S, binding: Option<TlsBinding>)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let Self { builder, router, permit, peer, stop } = self;
        let handle = permit.handle();
        let service = service_fn(move |request: hyper::Request<Incoming>| {
            let mut request: Request = request.map(Body::new);
            request.extensions_mut().insert(handle.clone());
            if let Some(peer) = peer {
                request.extensions_mut().insert(peer);
            }
            if let Some(binding) = binding {
                request.extensions_mut().insert(binding);
            }
            router.clone().oneshot(request)
        });
        // After an upgrade the connection ends here and the hub has its socket: the permit is given
        // back, as WebSockets have places of their own.
        let connection = builder.serve_connection(TokioIo::new(stream), service).with_upgrades();
        let (mut connection, closed) = (pin!(connection), permit.closed());
        // A stop lets the request that is being answered finish. A connection that loses its permit
        // is dropped at once, in the stop as well.
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
    }
}
