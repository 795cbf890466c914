//! The texts that many entries share.

use std::collections::HashMap;

use fjall::OwnedWriteBatch as WriteBatch;

use crate::embedded::records::{BodyKey, EncodedText, Stored};
use crate::embedded::tables::{Tables, read_error};
use crate::embedded::{keys, records};
use crate::{Error, ErrorKind, Message, Result};

/// More recipients than this share the text of a message, if it is longer than [`SHARED_BYTES`].
///
/// A text of its own is read at once with its entry; a shared one is one more look for each reader.
const SHARED_RECIPIENTS: usize = 16;

/// See [`SHARED_RECIPIENTS`].
const SHARED_BYTES: usize = 256;

/// Returns whether the entries of a message share its text.
pub(super) fn is_shared(recipients: usize, message: &Message) -> bool {
    recipients > SHARED_RECIPIENTS && message.as_str().len() > SHARED_BYTES
}

/// The shared texts that a batch writes and removes.
pub(super) struct Texts {
    number: u64,
    count: u32,
    written: HashMap<BodyKey, Message, foldhash::fast::RandomState>,
    removed: Vec<BodyKey>,
}

impl Texts {
    /// Begins with no texts; `number` is that of the batch.
    pub(super) fn new(number: u64) -> Self {
        Self { number, count: 0, written: HashMap::default(), removed: Vec::new() }
    }

    /// Returns the text of a message as its entries have it, and writes it if they share it.
    pub(super) fn add<'m>(&mut self, message: &'m Message, recipients: usize) -> EncodedText<'m> {
        if !is_shared(recipients, message) {
            return EncodedText::Here(message.as_str());
        }
        EncodedText::Body(self.share(message))
    }

    /// Writes a text that many entries share, and returns its key.
    pub(super) fn share(&mut self, message: &Message) -> BodyKey {
        let key = keys::body(self.number, self.count);
        self.count += 1;
        self.written.insert(key, message.clone());
        key
    }

    /// Removes a text that no entry has any more.
    pub(super) fn remove(&mut self, key: BodyKey) {
        if self.written.remove(&key).is_none() {
            self.removed.push(key);
        }
    }

    /// Returns the text of an entry.
    pub(super) fn of(&self, tables: &Tables, stored: &Stored) -> Result<Message> {
        let Some(key) = stored.body else { return Ok(stored.entry.message.clone()) };
        if let Some(message) = self.written.get(&key) {
            return Ok(message.clone());
        }
        let body = tables.bodies.get(key).map_err(read_error)?;
        let lost = || Error::new(ErrorKind::Corrupt, "the text that a stored entry shares is missing");
        records::decode_body(&body.ok_or_else(lost)?)
    }

    /// Writes what was added, and removes what was removed.
    pub(super) fn write(self, tables: &Tables, batch: &mut WriteBatch) {
        for (key, message) in self.written {
            batch.insert(&tables.bodies, key, records::encode_body(&message));
        }
        for key in self.removed {
            batch.remove(&tables.bodies, key);
        }
    }
}
