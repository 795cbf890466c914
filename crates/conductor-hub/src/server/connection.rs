//! Serves the connections of a listener until they are the hub's.

use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

#[cfg(feature = "tls")]
use super::Tls;
use super::fallback::{BoxBody, BoxError, Fallback, boxed};
use super::listener::Listener;
use super::peer::Peer;
use super::places::{BusyPlace, Place};
use crate::Hub;

/// The most bytes of the head of a request.
const HEAD_BYTES_MAX: usize = 64 * 1024;

/// The most header lines of a request.
const HEADERS_MAX: usize = 64;

/// How long a peer may acknowledge nothing of its answer; the hub ends this for its own.
#[cfg(any(target_os = "linux", target_os = "android"))]
const UNREAD_TIMEOUT: Duration = Duration::from_secs(30);

/// What all connections of a server have in common.
pub(super) struct Connections {
    pub(super) hub: Hub,
    pub(super) fallback: Fallback,
    pub(super) path: String,
    pub(super) head_timeout: Duration,
    #[cfg(feature = "tls")]
    pub(super) tls: Option<Tls>,
    /// No more connections, and on those that are there no more requests.
    pub(super) stop: CancellationToken,
    /// The end of those that are left.
    pub(super) cut: CancellationToken,
}

impl Connections {
    /// Serves all who connect until the server ends.
    pub(super) async fn serve(self, listener: Listener, tasks: TaskTracker) {
        let this = Arc::new(self);
        while let Some((socket, peer, place)) = this.stop.run_until_cancelled(listener.next()).await {
            let this = Arc::clone(&this);
            tasks.spawn(async move {
                tokio::select! {
                    () = this.connection(socket, peer, &place) => {}
                    // Who has lost its place, or had its time, is dropped where it is.
                    () = place.lost() => {}
                    () = this.cut.cancelled() => {}
                }
            });
        }
    }

    async fn connection(&self, socket: TcpStream, peer: SocketAddr, place: &Place) {
        if let Err(fault) = prepare(&socket) {
            tracing::debug!(%fault, %peer, "a connection was gone before it was served");
            return;
        }
        let end = Peer::new(peer);
        #[cfg(feature = "tls")]
        if let Some(tls) = &self.tls {
            match tokio::time::timeout(self.head_timeout, tls.accept(socket)).await {
                Ok(Ok(stream)) => {
                    #[cfg(feature = "sisters")]
                    let end = end.bound_to(&stream);
                    self.http(stream, end, place).await;
                }
                Ok(Err(fault)) => tracing::debug!(%fault, %peer, "a TLS handshake failed"),
                Err(_elapsed) => tracing::debug!(%peer, "a TLS handshake took too long"),
            }
            return;
        }
        self.http(socket, end, place).await;
    }

    /// Answers requests, until the connection ends or is the hub's.
    async fn http<S>(&self, stream: S, peer: Peer, place: &Place)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let begin = place.requests();
        let service = service_fn(|request: Request<Incoming>| self.answer(request, peer, begin()));
        let mut builder = http1::Builder::new();
        builder
            .timer(TokioTimer::new())
            .header_read_timeout(self.head_timeout)
            .max_headers(HEADERS_MAX)
            .max_buf_size(HEAD_BYTES_MAX);
        let connection = builder.serve_connection(TokioIo::new(stream), service).with_upgrades();
        let mut connection = pin!(connection);
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = self.stop.cancelled() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = ended {
            tracing::debug!(%error, peer = %peer.address, "an HTTP connection ended with an error");
        }
    }

    async fn answer(
        &self,
        mut request: Request<Incoming>,
        peer: Peer,
        busy: BusyPlace,
    ) -> Result<Response<AnswerBody>, BoxError> {
        peer.note(request.extensions_mut());
        let response = if self.is_for_the_hub(request.uri().path()) {
            self.hub.handle(request).await.map(boxed)
        } else {
            self.fallback.answer(request).await?
        };
        Ok(response.map(|body| AnswerBody { body, _busy: busy }))
    }

    fn is_for_the_hub(&self, path: &str) -> bool {
        path == self.path || (self.path.ends_with('/') && path.starts_with(&self.path))
    }
}

/// The body of an answer; until it is written the connection is busy.
struct AnswerBody {
    body: BoxBody,
    _busy: BusyPlace,
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Has answers sent at once, and bounds what a peer that does not read can hold on to.
fn prepare(socket: &TcpStream) -> std::io::Result<()> {
    socket.set_nodelay(true)?;
    #[cfg(any(target_os = "linux", target_os = "android"))]
    socket2::SockRef::from(socket).set_tcp_user_timeout(Some(UNREAD_TIMEOUT))?;
    Ok(())
}
