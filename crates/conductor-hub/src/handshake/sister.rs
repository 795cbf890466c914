//! The handshake of a node that wants to be a sister.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_PROTOCOL, UPGRADE};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::timeout;

use super::{Bare, NOT_UPGRADED, bare, check, come_again, has_token, prepare, refuse};
use crate::federation::{
    ASKING_TIME_MAX, NoSister, SUBPROTOCOL, SisterDialler, SisterSocket, TlsBinding, accepted, is_private,
};
use crate::guard::guarded_hook;
use crate::shared::Shared;
use crate::{Denied, Error, Handshake, Hub};

/// The header by which nodes of the original said who they were. Anybody can send it, so that it
/// counts for nothing.
const IS_SISTER: &str = "is_sister";

/// Tells whether a request says that it comes from a sister, in whatever way.
pub(super) fn says_so(headers: &HeaderMap) -> bool {
    headers.contains_key(IS_SISTER) || has_token(headers, &SEC_WEBSOCKET_PROTOCOL, SUBPROTOCOL)
}

impl Hub {
    /// Answers the handshake of a node that says it is a sister, and has it prove that.
    pub(super) async fn handle_sister(&self, mut parts: Parts) -> Response<String> {
        let (accept, dialler, permit) = match self.admit_sister(&parts).await {
            Ok(admitted) => admitted,
            Err(denied) => {
                if let Some(sisters) = &self.shared.sisters {
                    sisters.metrics.refused.increment(1);
                }
                return refuse(denied);
            }
        };
        let Some(upgrade) = parts.extensions.remove::<OnUpgrade>() else {
            return refuse(Denied::new(StatusCode::INTERNAL_SERVER_ERROR, NOT_UPGRADED));
        };
        let binding = parts.extensions.get::<TlsBinding>().copied();
        self.shared.tasks.spawn(async move {
            meet(dialler, upgrade, binding).await;
            drop(permit);
        });
        let mut response = Response::new(String::new());
        *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        let headers = response.headers_mut();
        headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
        headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
        headers.insert(SEC_WEBSOCKET_ACCEPT, accept);
        headers.insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(SUBPROTOCOL));
        response
    }

    /// Tells whether a node may try to prove itself, and takes its place among those who do.
    async fn admit_sister(
        &self,
        parts: &Parts,
    ) -> Result<(HeaderValue, SisterDialler, OwnedSemaphorePermit), Denied> {
        let Ok(dialler) = Shared::dialler(&self.shared) else { return Err(Denied::unauthorized()) };
        if !has_token(&parts.headers, &SEC_WEBSOCKET_PROTOCOL, SUBPROTOCOL) {
            return Err(Denied::unauthorized());
        }
        let accept = check(parts, &self.shared.config.allowed_origins)?;
        let handshake = Handshake::new(parts, self.shared.next_id());
        let is_near =
            handshake.peer.is_some_and(|peer| is_private(peer.ip())) && !comes_by_a_proxy(&parts.headers);
        if !is_near && parts.extensions.get::<TlsBinding>().is_none() {
            let text = "sisters come from private addresses, or over TLS that this server ends itself";
            return Err(Denied::new(StatusCode::FORBIDDEN, text));
        }
        if self.shared.is_closing() {
            return Err(come_again("the hub is shutting down; connect again in a moment"));
        }
        // Before the program is asked, which may take long, so that it is asked by few at once.
        let Ok(permit) = Arc::clone(&dialler.federation.handshakes).try_acquire_owned() else {
            return Err(come_again("as many nodes as may be are becoming sisters; try again"));
        };
        let asked = guarded_hook(self.shared.hooks.auth.is_sister(&handshake));
        match timeout(self.shared.config.admit_timeout.min(ASKING_TIME_MAX), asked).await {
            Ok(Ok(true)) => Ok((accept, dialler, permit)),
            Ok(Ok(false)) => Err(Denied::unauthorized()),
            Ok(Err(_panicked)) => {
                tracing::error!("the auth hook panicked, so a sister was refused with status 500");
                Err(Denied::new(StatusCode::INTERNAL_SERVER_ERROR, "internal error"))
            }
            Err(_elapsed) => {
                Err(come_again("the server could not tell in time whether you are a sister; try again"))
            }
        }
    }
}

/// By which headers proxies say that they have passed a request on.
const OF_PROXIES: [&str; 4] = ["forwarded", "via", "x-forwarded-for", "x-real-ip"];

/// Tells whether a proxy has passed a request on, so that its peer is the proxy and nobody near.
fn comes_by_a_proxy(headers: &HeaderMap) -> bool {
    OF_PROXIES.iter().any(|name| headers.contains_key(*name))
}

/// Waits for the upgrade, then for the proof.
async fn meet(dialler: SisterDialler, upgrade: OnUpgrade, binding: Option<TlsBinding>) {
    let upgraded = match upgrade.await {
        Ok(upgraded) => upgraded,
        Err(lost) => {
            tracing::debug!(%lost, "a sister left during her handshake");
            return;
        }
    };
    let socket: SisterSocket = match bare(upgraded) {
        Bare::Tcp(socket, read) => {
            prepare(&socket);
            accepted(socket, read).await
        }
        #[cfg(feature = "tls")]
        Bare::Tls(stream, read) => {
            prepare(stream.get_ref().0);
            accepted(stream, read).await
        }
        Bare::Other(upgraded) => accepted(TokioIo::new(upgraded), Bytes::new()).await,
    };
    let socket = match binding {
        Some(binding) => socket.bound_to(binding.exported()),
        None => socket,
    };
    match dialler.accept(socket).await {
        Ok(_) => {}
        Err(NoSister::Failed(error)) => {
            tracing::warn!(error = format_args!("{error:#}"), "a node that dialled is no sister of this one");
        }
        // One that knows the secret, and has heard why, or one that went away by itself.
        Err(usual) => {
            let why = Error::from(usual);
            tracing::debug!(%why, "a node that dialled is not linked to this one");
        }
    }
}
