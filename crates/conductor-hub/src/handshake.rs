//! The WebSocket handshake over HTTP/1.1.
//!
//! Source: RFC 6455, section 4.2.

mod shared_socket;
#[cfg(feature = "sisters")]
mod sister;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{
    CONNECTION, CONTENT_TYPE, RETRY_AFTER, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_EXTENSIONS, SEC_WEBSOCKET_KEY,
    SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Version};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use hyper_util::server::conn::auto;
use sha1::{Digest, Sha1};
use tokio::net::TcpStream;
use tokio::time::timeout;
#[cfg(feature = "tls")]
use tokio_rustls::server::TlsStream;

pub(crate) use self::shared_socket::SharedSocket;
#[cfg(test)]
pub(crate) use self::shared_socket::connected;
use crate::admission::Admitted;
use crate::guard::{Panicked, guarded_hook};
use crate::shared::{ConnectionPermit, Shared};
use crate::{Denied, Handshake, Hub, connection_task, origin};

/// What a key is hashed with. Source: RFC 6455, section 1.3.
const ACCEPT_GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// Subprotocols we speak. Clients of the conductor offer the last two, and browsers
/// give up unless one of those they offer is chosen.
const SUBPROTOCOLS: [&str; 3] = ["conductor", "chat", "superchat"];

/// When a client comes again that found no room, or no answer in time.
const RETRY_AFTER_TIME: Duration = Duration::from_secs(1);

impl Hub {
    /// Answers a WebSocket handshake, and serves the connection once it is upgraded.
    ///
    /// Mount it at the route of the hub, for every method; the request must come
    /// from a server that allows upgrades, such as `axum::serve`, on a tokio runtime.
    /// The connection is a task of the hub's. Refusals are 405 for another method than GET, 400 and
    /// 426 for what is not a handshake, 403 for a page of another origin (see
    /// [`Config::allowed_origins`](crate::Config::allowed_origins)), 503 if the hub is full or
    /// shutting down, admits as many clients as it may at once, or waits too long for the auth
    /// hook, and whatever that hook says. It hears where the client comes from if the request has
    /// the extension [`PeerAddress`](crate::PeerAddress).
    pub async fn handle<B>(&self, request: Request<B>) -> Response<String> {
        let (mut parts, _body) = request.into_parts();
        #[cfg(feature = "sisters")]
        if sister::says_so(&parts.headers) {
            return self.handle_sister(parts);
        }
        let accept = match check(&parts, &self.shared.config.allowed_origins) {
            Ok(accept) => accept,
            Err(denied) => return refuse(denied),
        };
        let admitted = match self.admit(&parts).await {
            Ok(admitted) => admitted,
            Err(denied) => return refuse(denied),
        };
        // The place is taken after the hook, which may take its time: who is refused never had one.
        let permit = match Shared::reserve(&self.shared) {
            Ok(permit) => permit,
            Err(full) => return refuse(come_again(full.to_string())),
        };
        let Some(upgrade) = parts.extensions.remove::<OnUpgrade>() else {
            return refuse(Denied::new(StatusCode::INTERNAL_SERVER_ERROR, NOT_UPGRADED));
        };
        let deflation = self.shared.deflations.as_ref().and_then(|all| all.agree(&parts.headers));
        let extensions = deflation.as_ref().map(|deflation| deflation.window().answer());
        self.shared.tasks.spawn(upgraded(upgrade, permit, admitted.deflating(deflation)));
        let mut response = Response::new(String::new());
        *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        let headers = response.headers_mut();
        headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
        headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
        headers.insert(SEC_WEBSOCKET_ACCEPT, accept);
        if let Some(chosen) = subprotocol(&parts.headers) {
            headers.insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(chosen));
        }
        if let Some(answer) = extensions {
            headers.insert(SEC_WEBSOCKET_EXTENSIONS, answer);
        }
        response
    }

    /// Asks the auth hook, for a bounded time and beside a bounded number of others.
    async fn admit(&self, request: &Parts) -> Result<Admitted, Denied> {
        let config = &self.shared.config;
        // A hook that hangs holds a request each time. Its client keeps nobody else out, and all of
        // them together hold no more than these.
        let Some(_permit) = self.shared.admitting.begin(config.admissions_max) else {
            let most = config.admissions_max;
            let text = format!("{most} clients are being admitted, as many as may be at once; try again");
            return Err(come_again(text));
        };
        let handshake = Handshake::new(request, self.shared.next_id());
        let asked = guarded_hook(self.shared.hooks.auth.admit(&handshake));
        match timeout(config.admit_timeout, asked).await {
            Ok(Ok(Ok(admission))) => Ok(Admitted::new(handshake.connection, admission)),
            Ok(Ok(Err(denied))) => Err(denied),
            Ok(Err(Panicked)) => {
                tracing::error!("the auth hook panicked, so a client was refused with status 500");
                Err(Denied::new(StatusCode::INTERNAL_SERVER_ERROR, "internal error"))
            }
            Err(_elapsed) => {
                tracing::warn!(
                    admit_timeout = ?config.admit_timeout,
                    "the auth hook did not decide in time, so a client was refused with status 503"
                );
                Err(come_again("the server could not tell in time whether you may connect; try again"))
            }
        }
    }
}

/// Waits for the upgrade, then starts another task that serves the bare socket, without the layers
/// of HTTP.
///
/// It is another task, so that what this one needs is not kept for as long as the connection lives.
async fn upgraded(upgrade: OnUpgrade, permit: ConnectionPermit, admitted: Admitted) {
    let upgraded = match upgrade.await {
        Ok(upgraded) => upgraded,
        Err(lost) => {
            tracing::debug!(%lost, "a client left during its handshake");
            return;
        }
    };
    let tasks = permit.0.tasks.clone();
    match bare(upgraded) {
        Bare::Tcp(socket, read) => {
            prepare(&socket);
            let socket = Arc::new(socket);
            let admitted = admitted.writing_to(Arc::clone(&socket));
            tasks.spawn(connection_task::serve(SharedSocket::new(socket), permit, admitted, read));
        }
        #[cfg(feature = "tls")]
        Bare::Tls(stream, read) => {
            prepare(stream.get_ref().0);
            tasks.spawn(connection_task::serve(stream, permit, admitted, read));
        }
        // It is used as it is, with the layers that it has.
        Bare::Other(upgraded) => {
            tasks.spawn(connection_task::serve(TokioIo::new(upgraded), permit, admitted, Bytes::new()));
        }
    }
}

/// A stream without the layers of HTTP, with what was read behind the handshake.
enum Bare {
    Tcp(TcpStream, Bytes),
    /// In a box, as it is large, and the future of a connection has room for its argument twice.
    #[cfg(feature = "tls")]
    Tls(Box<TlsStream<TcpStream>>, Bytes),
    /// Another server than hyper's, or another TLS than ours, is below.
    Other(Upgraded),
}

fn bare(upgraded: Upgraded) -> Bare {
    let upgraded = match unwrap::<TcpStream>(upgraded) {
        Ok((socket, read)) => return Bare::Tcp(socket, read),
        Err(upgraded) => upgraded,
    };
    #[cfg(feature = "tls")]
    let upgraded = match unwrap::<TlsStream<TcpStream>>(upgraded) {
        Ok((stream, read)) => return Bare::Tls(Box::new(stream), read),
        Err(upgraded) => upgraded,
    };
    Bare::Other(upgraded)
}

/// Takes the stream out of either server of hyper's, if it is of this type.
fn unwrap<S>(upgraded: Upgraded) -> Result<(S, Bytes), Upgraded>
where
    TokioIo<S>: hyper::rt::Read + hyper::rt::Write + Unpin + Send + 'static,
{
    let upgraded = match auto::upgrade::downcast::<TokioIo<S>>(upgraded) {
        Ok(parts) => return Ok((parts.io.into_inner(), parts.read_buf)),
        Err(upgraded) => upgraded,
    };
    let parts = upgraded.downcast::<TokioIo<S>>()?;
    Ok((parts.io.into_inner(), parts.read_buf))
}

/// Sets a socket up for the messages of a hub.
fn prepare(socket: &TcpStream) {
    // Frames are written whole, so waiting for more would only delay them.
    if let Err(fault) = socket.set_nodelay(true) {
        tracing::debug!(%fault, "TCP_NODELAY cannot be set; messages to this client may be delayed");
    }
    if let Err(fault) = leave_slow_readers_to_the_hub(socket) {
        tracing::debug!(
            %fault,
            "TCP_NOTSENT_LOWAT and TCP_USER_TIMEOUT cannot be set; the client may be closed as a \
             slow reader too early"
        );
    }
}

/// Has the system judge no reader by itself, and keep little more than is on its way to the client.
///
/// It would take megabytes for a slow reader, and then nothing until a third of that is read:
/// whoever reads 100 KB/s all the time would seem to stand still for longer than the stall timeout.
/// What is not sent waits in the outbox, where it is counted. The time that a server gives for its
/// answers (`TCP_USER_TIMEOUT`) ends with the handshake: for the system a client whose window is
/// smaller than a segment takes nothing, though it reads all the time. Pings and the stall timeout
/// find who is gone.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn leave_slow_readers_to_the_hub(socket: &TcpStream) -> io::Result<()> {
    const UNSENT_BYTES_MAX: u32 = 128 * 1024;
    let socket = socket2::SockRef::from(socket);
    socket.set_tcp_notsent_lowat(UNSENT_BYTES_MAX)?;
    socket.set_tcp_user_timeout(None)
}

/// Elsewhere the system's own bounds count.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn leave_slow_readers_to_the_hub(_socket: &TcpStream) -> io::Result<()> {
    Ok(())
}

/// Checks a handshake; returns the value that accepts it.
fn check(parts: &Parts, allowed_origins: &[String]) -> Result<HeaderValue, Denied> {
    if parts.method != Method::GET {
        return Err(Denied::new(StatusCode::METHOD_NOT_ALLOWED, "a WebSocket is opened with GET"));
    }
    let headers = &parts.headers;
    if parts.version != Version::HTTP_11 || !has_token(headers, &UPGRADE, "websocket") {
        let text = "this path is a WebSocket; ask for an upgrade over HTTP/1.1";
        return Err(Denied::new(StatusCode::UPGRADE_REQUIRED, text));
    }
    if !has_token(headers, &CONNECTION, "upgrade") {
        return Err(Denied::new(StatusCode::BAD_REQUEST, "the header Connection must say Upgrade"));
    }
    if headers.get(SEC_WEBSOCKET_VERSION).is_none_or(|version| version != "13") {
        let text = "the header Sec-WebSocket-Version must be 13";
        return Err(Denied::new(StatusCode::UPGRADE_REQUIRED, text));
    }
    let key = headers.get(SEC_WEBSOCKET_KEY).map_or(&[][..], HeaderValue::as_bytes);
    if !STANDARD.decode(key).is_ok_and(|nonce| nonce.len() == 16) {
        let text = "the header Sec-WebSocket-Key must be 16 bytes in base64";
        return Err(Denied::new(StatusCode::BAD_REQUEST, text));
    }
    if !origin::is_allowed(headers, allowed_origins) {
        let text = "pages of this origin may not connect; the operator of the server can allow it";
        return Err(Denied::new(StatusCode::FORBIDDEN, text));
    }
    let digest = Sha1::new().chain_update(key).chain_update(ACCEPT_GUID).finalize();
    HeaderValue::try_from(STANDARD.encode(digest))
        .map_err(|_| Denied::new(StatusCode::INTERNAL_SERVER_ERROR, NOT_UPGRADED))
}

/// What a client is told whose socket the program around the hub did not hand over.
const NOT_UPGRADED: &str = "the connection could not become a WebSocket; try again";

fn has_token(headers: &HeaderMap, name: &http::HeaderName, token: &str) -> bool {
    tokens(headers, name).any(|found| found.eq_ignore_ascii_case(token))
}

fn subprotocol(headers: &HeaderMap) -> Option<&'static str> {
    tokens(headers, &SEC_WEBSOCKET_PROTOCOL)
        .find_map(|offered| SUBPROTOCOLS.into_iter().find(|ours| *ours == offered))
}

fn tokens<'a>(headers: &'a HeaderMap, name: &http::HeaderName) -> impl Iterator<Item = &'a str> {
    // A header may come several times, and each time have several tokens.
    let values = headers.get_all(name).into_iter();
    values.filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(',')).map(str::trim)
}

/// The denial of a client that may be admitted in a moment.
fn come_again(text: impl Into<String>) -> Denied {
    Denied::new(StatusCode::SERVICE_UNAVAILABLE, text).retry_after(RETRY_AFTER_TIME)
}

fn refuse(denied: Denied) -> Response<String> {
    let Denied { status, text, retry_after } = denied;
    let mut response = Response::new(text);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    if let Some(time) = retry_after {
        // The header has whole seconds; a client that comes too early is refused again.
        let seconds = time.as_secs().saturating_add(u64::from(time.subsec_nanos() > 0));
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    if status == StatusCode::UPGRADE_REQUIRED {
        headers.insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
        headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    }
    if status == StatusCode::METHOD_NOT_ALLOWED {
        headers.insert(http::header::ALLOW, HeaderValue::from_static("GET"));
    }
    response
}
