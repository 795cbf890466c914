//! The handshake of a node that wants to be a sister.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_PROTOCOL, UPGRADE};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::time::timeout;

use super::{Bare, NOT_UPGRADED, bare, check, come_again, has_token, prepare, refuse};
use crate::federation::{
    ASKING_TIME_MAX, NoSister, NotLinked, SUBPROTOCOL, SisterDialler, SisterSocket, StrangerPlace,
    TlsBinding, accepted, is_private,
};
use crate::guard::guarded_hook;
use crate::shared::Shared;
use crate::{Denied, Error, Handshake, Hub, PeerAddress};

/// The header by which nodes of the original said who they were. Anybody can send it, so that it
/// counts for nothing.
const IS_SISTER: &str = "is_sister";

/// Tells whether a request says that it comes from a sister, in whatever way.
pub(super) fn says_so(headers: &HeaderMap) -> bool {
    headers.contains_key(IS_SISTER) || has_token(headers, &SEC_WEBSOCKET_PROTOCOL, SUBPROTOCOL)
}

impl Hub {
    /// Answers the handshake of a node that says it is a sister, and has it prove that.
    pub(super) fn handle_sister(&self, mut parts: Parts) -> Response<String> {
        let (accept, dialler) = match self.admit_sister(&parts) {
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
        let (shared, place) = (Arc::clone(&self.shared), dialler.federation.strangers.take());
        self.shared.links.spawn(async move {
            let lost = place.lost();
            tokio::select! {
                () = meet(&shared, &dialler, upgrade, &parts, place) => {}
                () = lost.cancelled() => {
                    dialler.federation.metrics.refused.increment(1);
                    tracing::debug!(
                        "a node that dialled had proven nothing yet when as many others did, so it is cut off"
                    );
                }
            }
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

    /// Tells whether a node may try to prove itself.
    fn admit_sister(&self, parts: &Parts) -> Result<(HeaderValue, SisterDialler), Denied> {
        let Ok(dialler) = Shared::dialler(&self.shared) else { return Err(Denied::unauthorized()) };
        if !has_token(&parts.headers, &SEC_WEBSOCKET_PROTOCOL, SUBPROTOCOL) {
            return Err(Denied::unauthorized());
        }
        let accept = check(parts, &self.shared.config.allowed_origins)?;
        let peer = parts.extensions.get::<PeerAddress>().map(|peer| peer.address());
        let is_near = peer.is_some_and(|peer| is_private(peer.ip())) && !comes_by_a_proxy(&parts.headers);
        if !is_near && parts.extensions.get::<TlsBinding>().is_none() {
            let text = "sisters come from private addresses, or over TLS that this server ends itself";
            return Err(Denied::new(StatusCode::FORBIDDEN, text));
        }
        if self.shared.is_closing() {
            return Err(come_again("the hub is shutting down; connect again in a moment"));
        }
        Ok((accept, dialler))
    }
}

/// Asks the program about a node that has proven itself, for a bounded time and beside a bounded
/// number of others.
async fn ask(shared: &Shared, dialler: &SisterDialler, parts: &Parts) -> Result<(), NotLinked> {
    let within = shared.config.admit_timeout.min(ASKING_TIME_MAX);
    let Ok(_permit) = dialler.federation.asked.try_acquire() else {
        undecided(within);
        return Err(NotLinked::Undecided);
    };
    let handshake = Handshake::new(parts, shared.next_id());
    let asked = guarded_hook(shared.hooks.auth.is_sister(&handshake));
    match timeout(within, asked).await {
        Ok(Ok(true)) => Ok(()),
        Ok(Ok(false)) => Err(NotLinked::Denied),
        Ok(Err(_panicked)) => {
            tracing::error!("the auth hook panicked, so a sister was refused");
            Err(NotLinked::Undecided)
        }
        Err(_elapsed) => {
            undecided(within);
            Err(NotLinked::Undecided)
        }
    }
}

/// Says that the auth hook has not told whether a node is a sister.
fn undecided(within: Duration) {
    tracing::warn!(
        ?within,
        "the auth hook did not decide in time, or is asked about too many, so a sister was refused"
    );
}

/// By which headers proxies say that they have passed a request on.
const OF_PROXIES: [&str; 4] = ["forwarded", "via", "x-forwarded-for", "x-real-ip"];

/// Tells whether a proxy has passed a request on, so that its peer is the proxy and nobody near.
fn comes_by_a_proxy(headers: &HeaderMap) -> bool {
    OF_PROXIES.iter().any(|name| headers.contains_key(*name))
}

/// Waits for the upgrade, then for the proof; the place is given back behind that.
async fn meet(
    shared: &Shared,
    dialler: &SisterDialler,
    upgrade: OnUpgrade,
    parts: &Parts,
    place: StrangerPlace,
) {
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
    let socket = match parts.extensions.get::<TlsBinding>() {
        Some(binding) => socket.bound_to(binding.exported()),
        None => socket,
    };
    let asked = async move {
        // It is no stranger any more.
        drop(place);
        ask(shared, dialler, parts).await
    };
    match dialler.accept(socket, asked).await {
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
