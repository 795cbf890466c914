//! `GET /export`: all that the timelines store, while the server goes on.
//!
//! It is the state of one moment; `docs/timelines.md` has the lines. The last one is of the type
//! `end`: an answer without it was cut. There is one export at a time, as each keeps what is
//! removed meanwhile on the disk; for the same reason one that goes on for a quarter of
//! `erased-within` is ended, whether its client reads or not.

use std::sync::Arc;

use anyhow::anyhow;
use axum::body::{Body, Bytes};
use axum::extract::{Extension, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use futures_util::future::{BoxFuture, FutureExt as _, pending};
use futures_util::{Stream, stream};
use tidings::identity::Revocations;
use tidings::timeline::embedded::EmbeddedStore;
use tokio::sync::{Semaphore, mpsc};
use tokio_util::sync::CancellationToken;

use super::answer;
use super::login_end::{LoginEnd, login_end};
use crate::access::{Caller, ClientAddress};
use crate::export::{PIECES, Piece, feed};

/// How many exports may be made at once.
const AT_ONCE: usize = 1;

/// Makes exports. Clones are the same.
#[derive(Debug, Clone)]
pub(crate) struct Exports {
    /// None where the messages are not in the data directory.
    store: Option<Arc<EmbeddedStore>>,
    places: Arc<Semaphore>,
    /// What ends an export before the login of its caller expires.
    revocations: Revocations,
    stop: CancellationToken,
}

impl Exports {
    pub(crate) fn new(
        store: Option<Arc<EmbeddedStore>>,
        revocations: Revocations,
        stop: CancellationToken,
    ) -> Self {
        metrics::describe_counter!(
            "tidings_exports_total",
            "Exports of the timelines, by outcome: whole, or cut"
        );
        Self { store, places: Arc::new(Semaphore::new(AT_ONCE)), revocations, stop }
    }
}

pub(super) async fn export(
    State(exports): State<Exports>,
    Extension(caller): Extension<Caller>,
    Extension(ClientAddress(address)): Extension<ClientAddress>,
) -> Response {
    if matches!(caller, Caller::Anybody) && !address.to_canonical().is_loopback() {
        let text =
            "without logins the export is for this machine alone; ask from there, or have users log in";
        return answer::error(StatusCode::FORBIDDEN, "FORBIDDEN", text);
    }
    let Some(store) = &exports.store else {
        let text = "the messages of this server are in MongoDB; back them up there, with mongodump";
        return answer::error(StatusCode::CONFLICT, "NOT_EMBEDDED", text);
    };
    let Ok(place) = Arc::clone(&exports.places).try_acquire_owned() else {
        let text = "an export is being made already; ask again when it has ended";
        return answer::error(StatusCode::SERVICE_UNAVAILABLE, "TOO_MANY_EXPORTS", text);
    };
    let export = match store.export() {
        Ok(export) => export,
        Err(error) => {
            return answer::error(StatusCode::SERVICE_UNAVAILABLE, "UNAVAILABLE", &error.to_string());
        }
    };
    let (pieces, received) = mpsc::channel(PIECES);
    // It reads on a thread that may block, and ends when nobody takes its pieces any more.
    tokio::task::spawn_blocking(move || {
        let outcome = if feed(export, &pieces) { "whole" } else { "cut" };
        metrics::counter!("tidings_exports_total", "outcome" => outcome).increment(1);
        drop(place);
    });
    let end = match caller.identity() {
        Some(identity) => login_end(identity.clone(), exports.revocations).boxed(),
        None => pending().boxed(),
    };
    let kind = [(header::CONTENT_TYPE, HeaderValue::from_static("application/x-ndjson"))];
    (kind, Body::from_stream(lines(received, end, exports.stop))).into_response()
}

/// The pieces as they are read. An end before the last one is an error, so that no client takes
/// half of it for all.
fn lines(
    pieces: mpsc::Receiver<Piece>,
    end: BoxFuture<'static, LoginEnd>,
    stop: CancellationToken,
) -> impl Stream<Item = anyhow::Result<Bytes>> {
    stream::unfold(Some((pieces, end, stop)), |state| async move {
        let (mut pieces, mut end, stop) = state?;
        tokio::select! {
            // The order matters: nothing is told any more to who may not hear it.
            biased;
            reason = &mut end => {
                Some((Err(anyhow!("the login of who asked for the export is {}", reason.name())), None))
            }
            () = stop.cancelled() => Some((Err(anyhow!("the server stops, and the export was cut")), None)),
            // The store ends an export whose time is up, with an error as its last piece.
            piece = pieces.recv() => match piece? {
                Ok(piece) => Some((Ok(piece), Some((pieces, end, stop)))),
                Err(error) => Some((Err(error), None)),
            },
        }
    })
}

#[cfg(test)]
mod tests {
    use futures_util::StreamExt as _;

    use super::*;

    fn lines_of(stop: &CancellationToken) -> (mpsc::Sender<Piece>, impl Stream<Item = Piece>) {
        let (pieces, received) = mpsc::channel(PIECES);
        (pieces, lines(received, pending().boxed(), stop.clone()))
    }

    #[tokio::test]
    async fn a_whole_export_ends_and_one_that_fails_is_an_error() {
        let stop = CancellationToken::new();
        let (pieces, whole) = lines_of(&stop);
        pieces.send(Ok(Bytes::from_static(b"{}\n"))).await.unwrap();
        drop(pieces);
        let all: Vec<Piece> = whole.collect().await;
        assert!(all.len() == 1 && all[0].is_ok());
        let (pieces, failed) = lines_of(&stop);
        pieces.send(Err(anyhow!("damaged"))).await.unwrap();
        let all: Vec<Piece> = failed.collect().await;
        assert!(all.len() == 1 && all[0].is_err());
    }

    #[tokio::test]
    async fn a_stop_and_the_end_of_the_login_cut_it() {
        let stop = CancellationToken::new();
        let (_pieces, cut) = lines_of(&stop);
        stop.cancel();
        let all: Vec<Piece> = cut.collect().await;
        assert!(all.len() == 1 && all[0].is_err());
        let (_pieces, received) = mpsc::channel(PIECES);
        let over = std::future::ready(LoginEnd::Expired).boxed();
        let all: Vec<Piece> = lines(received, over, CancellationToken::new()).collect().await;
        assert!(all.len() == 1 && all[0].as_ref().unwrap_err().to_string().contains("expired"));
    }
}
