//! What the thread that rewrites the files has written.

use std::sync::mpsc::SyncSender;

use fjall::{OwnedWriteBatch as WriteBatch, Readable as _};

use super::tables::{Tables, read_error};
use super::{keys, records};
use crate::Result;

/// A batch that no caller asks for but the thread `timeline-erase`.
///
/// Only the committing thread writes, so that the batches have their numbers without a gap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Upkeep {
    /// Fills the journal.
    Fill,
    /// Notes that no file has an erased text any more.
    Finish,
}

/// Where the answer to an [`Upkeep`] goes.
pub(super) type UpkeepReply = SyncSender<Result<()>>;

/// How many bytes fill the journal at once: a send that comes meanwhile waits for them.
const FILLER_BYTES: usize = 2 * 1024 * 1024;

impl Upkeep {
    /// Makes the batch `number`.
    ///
    /// `since` says when the first text was erased meanwhile, if any was: then the note stays, of
    /// that one.
    pub(super) fn batch(self, tables: &Tables, number: u64, since: Option<u64>) -> WriteBatch {
        let mut batch = tables.batch(number);
        match self {
            Self::Fill => {
                batch.insert(&tables.bodies, keys::FILLER, vec![records::VERSION; FILLER_BYTES]);
            }
            Self::Finish => {
                batch.remove(&tables.bodies, keys::FILLER);
                match since {
                    Some(since) => batch.insert(&tables.state, keys::ERASED, records::encode_number(since)),
                    None => batch.remove(&tables.state, keys::ERASED),
                }
            }
        }
        batch
    }
}

impl Tables {
    /// Has a batch note that texts are erased; of all that files may still have, the note tells
    /// when the first one was.
    pub(super) fn note_erased(&self, batch: &mut WriteBatch, unix_ms: u64) {
        let first = match self.erased_at() {
            Ok(first) => first.map_or(unix_ms, |first| first.min(unix_ms)),
            // It may have been any time ago.
            Err(_unread) => 0,
        };
        batch.insert(&self.state, keys::ERASED, records::encode_number(first));
    }

    /// Returns since when a store that is opened at `now_ms` has erased texts in its files.
    ///
    /// What cannot be read may be there, and a time that is still to come tells nothing: then it
    /// was any time ago.
    pub(super) fn erased_before(&self, now_ms: u64) -> Option<u64> {
        match self.erased_at() {
            Ok(since) => since.map(|since| if since > now_ms { 0 } else { since }),
            Err(_unread) => Some(0),
        }
    }

    /// Returns when the first text was erased that files of the store may have, in milliseconds
    /// since 1970.
    pub(super) fn erased_at(&self) -> Result<Option<u64>> {
        let record = self.snapshot().get(&self.state, keys::ERASED).map_err(read_error)?;
        record.map(|record| records::decode_number(&record)).transpose()
    }
}
