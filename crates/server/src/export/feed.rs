//! The lines of a store, piece by piece, for somebody who takes them more slowly.

use bytes::Bytes;
use tidings::timeline::embedded::Export;
use tokio::sync::mpsc;

use super::Piece;

/// Reads an export and gives its pieces away until it ends, or nobody takes them any more; returns
/// whether all of it was given away. Blocks.
pub(crate) fn feed(mut export: Export, pieces: &mpsc::Sender<Piece>) -> bool {
    loop {
        let piece = match export.chunk() {
            Ok(Some(chunk)) => Ok(Bytes::from(chunk)),
            Ok(None) => return true,
            Err(error) => Err(anyhow::Error::new(error).context("export")),
        };
        let was_read = piece.is_ok();
        if pieces.blocking_send(piece).is_err() || !was_read {
            return false;
        }
    }
}
