//! The lines of a store, piece by piece, for somebody who takes them more slowly.

use bytes::Bytes;
use tidings::timeline::embedded::Export;
use tokio::runtime::Handle;
use tokio::sync::mpsc;

use super::Piece;

/// Reads an export and gives its pieces away until it ends, or nobody takes them any more; returns
/// whether all of it was given away.
///
/// It blocks, on a thread of a runtime that may block. The export is dropped when its time has
/// ended, also while nobody takes the next piece: the last piece then says why.
pub(crate) fn feed(mut export: Export, pieces: &mpsc::Sender<Piece>) -> bool {
    // The last word has room from the beginning, which nobody has to make by reading.
    let Ok(last_word) = pieces.try_reserve() else { return false };
    let why = loop {
        let piece = match export.chunk() {
            Ok(Some(chunk)) => Ok(Bytes::from(chunk)),
            Ok(None) => return true,
            Err(error) => break error,
        };
        let given = Handle::current().block_on(async {
            tokio::select! {
                biased;
                given = pieces.send(piece) => Ok(given.is_ok()),
                why = export.ended() => Err(why),
            }
        });
        match given {
            Ok(true) => {}
            Ok(false) => return false,
            Err(why) => break why,
        }
    };
    // The order matters: nothing is kept for the export any more, whenever its last word is read.
    drop(export);
    let why = anyhow::Error::new(why).context("export");
    tracing::warn!(error = %format_args!("{why:#}"), "an export was cut");
    last_word.send(Err(why));
    false
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use tidings::timeline::embedded::{self, EmbeddedStore};
    use tidings::timeline::{self, MemberId, Message, NewMessage, Timeline};
    use tokio::time;

    use super::*;
    use crate::export::PIECES;

    #[tokio::test]
    async fn an_export_that_nobody_reads_is_ended_after_a_quarter_of_the_time_and_says_why() {
        let directory = tempfile::tempdir().unwrap();
        let store = EmbeddedStore::start(embedded::Config::new(directory.path())).await.unwrap();
        let store = Arc::new(store);
        let timeline = Timeline::start(timeline::Config::default(), Arc::clone(&store)).unwrap();
        let text = Message::new(format!("{{\"text\":\"{}\"}}", "x".repeat(60_000))).unwrap();
        let member = MemberId::new("a").unwrap();
        // More than the pieces that may wait.
        for _ in 0..20 {
            timeline.send(NewMessage::new(member.clone(), member.clone(), text.clone())).await.unwrap();
        }
        time::pause();
        let (export, (pieces, mut received)) = (store.export().unwrap(), mpsc::channel(PIECES));
        let fed = tokio::task::spawn_blocking(move || feed(export, &pieces));
        while received.len() + 1 < PIECES {
            tokio::task::yield_now().await;
        }
        time::advance(embedded::Config::ERASED_WITHIN_DEFAULT / 4 + Duration::from_secs(1)).await;
        assert!(!fed.await.unwrap(), "it is not whole");
        let mut last = None;
        while let Some(piece) = received.recv().await {
            last = Some(piece);
        }
        let why = format!("{:#}", last.unwrap().unwrap_err());
        assert!(why.contains("after 21600 s") && why.contains("make it again"), "{why}");
        // Another one has its place.
        assert!(store.export().unwrap().chunk().unwrap().is_some());
    }
}
