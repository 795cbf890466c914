//! What a batch finds: the store as it is before it.
//!
//! ```text
//!  looked up in     unwritten ──► recent ──► tables
//!                   the batch     what was   all that
//!                   before, if it written    is durable
//!                   is in flight  lately
//! ```
//!
//! What is in two of them is the same in both, but for what the batch in flight changes: that
//! counts first. Only sends are planned behind such a batch.

use super::unwritten::Unwritten;
use crate::embedded::recent::{Audience, Recent};
use crate::embedded::records::{Extent, Row, StoredAnswer};
use crate::embedded::tables::{Tables, read_error};
use crate::embedded::{keys, records};
use crate::{Result, Retention};

/// The store as a batch finds it.
#[derive(Clone, Copy)]
pub(in crate::embedded) struct BeforeBatch<'a> {
    pub(super) tables: &'a Tables,
    pub(super) recent: &'a Recent,
    /// What the batch before changes, while that is being written.
    unwritten: Option<&'a Unwritten>,
    /// What is kept; everything without it.
    pub(super) retention: Option<&'a Retention>,
}

impl<'a> BeforeBatch<'a> {
    /// Begins with what is durable, and keeps everything.
    pub(in crate::embedded) fn new(tables: &'a Tables, recent: &'a Recent) -> Self {
        Self { tables, recent, unwritten: None, retention: None }
    }

    /// Keeps what `retention` says from now on.
    pub(in crate::embedded) fn keeping(self, retention: &'a Retention) -> Self {
        Self { retention: Some(retention), ..self }
    }

    /// Has a batch count that is being written.
    ///
    /// Sends find all that they look up. Other calls also look at what is not known of such a
    /// batch, so they wait for it.
    pub(in crate::embedded) fn behind(self, unwritten: Option<&'a Unwritten>) -> Self {
        Self { unwritten, ..self }
    }

    /// Returns where a box begins and ends.
    pub(super) fn extent(self, prefix: &[u8]) -> Result<Extent> {
        let unwritten = self.unwritten.and_then(|unwritten| unwritten.extent(prefix));
        match unwritten.or_else(|| self.recent.get(prefix)) {
            Some(extent) => Ok(extent),
            None => self.tables.extent(&self.tables.snapshot(), prefix),
        }
    }

    /// Returns what is left to remove of a box.
    pub(super) fn left(self, prefix: &[u8]) -> Result<Option<Extent>> {
        match self.unwritten.and_then(|unwritten| unwritten.left(prefix)) {
            Some(left) => Ok(Some(left)),
            None if keys::is_history(prefix) => self.tables.left_to_erase(prefix),
            None => self.tables.left_to_remove(prefix),
        }
    }

    /// Returns a row that is known without a look into the tables; the inner `None` says that there
    /// is none.
    pub(super) fn known_row(self, key: &[u8]) -> Option<Option<Row>> {
        let unwritten = self.unwritten.and_then(|unwritten| unwritten.row(key));
        unwritten.or_else(|| self.recent.row(key).map(Some))
    }

    /// Returns a row that is in the tables.
    pub(super) fn stored_row(self, key: &[u8]) -> Result<Option<Row>> {
        match self.tables.state.get(key).map_err(read_error)? {
            Some(record) => records::decode_row(&record).map(Some),
            None => Ok(None),
        }
    }

    /// Returns which members of a history have a row and have not left, if that is known of any.
    pub(super) fn audience(self, history: &[u8]) -> Option<Audience> {
        match self.unwritten.and_then(|unwritten| unwritten.audience(history)) {
            Some(audience) => audience,
            None => self.recent.audience(history),
        }
    }

    /// Returns the answer to a send that was done before, by its key.
    pub(super) fn answer(self, key: &[u8]) -> Result<Option<StoredAnswer>> {
        if let Some(answer) = self.unwritten.and_then(|unwritten| unwritten.answer(key)) {
            return Ok(Some(answer));
        }
        match self.tables.sends.get(key).map_err(read_error)? {
            Some(record) => records::decode_answer(&record).map(Some),
            None => Ok(None),
        }
    }
}
