//! What a change stream has delivered of one namespace, until the reader takes it.

use std::collections::BTreeMap;
use std::mem::take;

use bson::Document;
use mongodb::change_stream::event::ChangeStreamEvent;
use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::error::Error;
use crate::namespace::Namespace;
use crate::slots::{SlotBits, TimeSlot};

/// How many slots it has at most: more than count at any time.
const SLOTS_MAX: usize = 8;

/// The changes of one namespace, merged: it takes no more room the longer nobody takes them.
#[derive(Debug, Default)]
pub(crate) struct ChangeBuffer {
    locked: Mutex<Buffered>,
    pub(crate) arrived: Notify,
}

/// What has come since the reader took the last changes.
#[derive(Debug, Default)]
pub(crate) struct Buffered {
    pub(crate) bits: BTreeMap<TimeSlot, SlotBits>,
    /// All there is must be read.
    pub(crate) must_read: bool,
    /// Why changes may have been missed.
    pub(crate) lagged: Option<Error>,
}

impl ChangeBuffer {
    /// Adds what happened to a document, if that is a slot of this namespace; says whether it is.
    pub(crate) fn add(&self, namespace: &Namespace, event: &ChangeStreamEvent<Document>) -> bool {
        let Some((slot, bits)) = read(namespace, event) else { return false };
        if !bits.is_empty() {
            let mut locked = self.locked.lock();
            locked.bits.entry(slot).or_default().merge(&bits);
            if locked.bits.len() > SLOTS_MAX {
                // Whatever these slots are, what is left out here must be read.
                locked.bits.pop_first();
                locked.must_read = true;
            }
            drop(locked);
            self.arrived.notify_one();
        }
        true
    }

    /// Says that all there is must be read.
    pub(crate) fn must_read(&self) {
        self.locked.lock().must_read = true;
        self.arrived.notify_one();
    }

    /// Says that changes may have been missed. They are read once the stream lives again.
    pub(crate) fn lagged(&self, error: Error) {
        self.locked.lock().lagged = Some(error);
        self.arrived.notify_one();
    }

    /// Takes what there is.
    pub(crate) fn take(&self) -> Buffered {
        take(&mut *self.locked.lock())
    }
}

/// Reads a change: a new document comes whole, a changed one with the fields that changed.
fn read(namespace: &Namespace, event: &ChangeStreamEvent<Document>) -> Option<(TimeSlot, SlotBits)> {
    let slot = namespace.read_slot(event.document_key.as_ref()?.get("_id")?)?;
    let changed = event.update_description.as_ref().map(|update| &update.updated_fields);
    let (bits, unread) = SlotBits::read(event.full_document.as_ref().or(changed)?);
    if unread > 0 {
        tracing::warn!(%namespace, %slot, words = unread, "words of a time slot cannot be read");
    }
    Some((slot, bits))
}

#[cfg(test)]
mod tests {
    use bson::doc;

    use super::*;
    use crate::slots::Sequence;

    fn event(more: Document) -> ChangeStreamEvent<Document> {
        let mut event = doc! { "_id": { "_data": "00" }, "operationType": "update" };
        event.insert("documentKey", doc! { "_id": 30_i64 });
        event.extend(more);
        bson::deserialize_from_slice(&event.to_vec().unwrap()).unwrap()
    }

    fn updated(fields: Document) -> ChangeStreamEvent<Document> {
        event(doc! { "updateDescription": { "updatedFields": fields, "removedFields": [] } })
    }

    fn buffered(event: &ChangeStreamEvent<Document>) -> SlotBits {
        let changes = ChangeBuffer::default();
        assert!(changes.add(&Namespace::default(), event));
        changes.take().bits.remove(&TimeSlot::new(30)).unwrap_or_default()
    }

    #[test]
    fn the_first_death_of_a_slot_comes_with_all_around_it_and_the_next_one_alone() {
        let first = buffered(&updated(doc! { "dead": { "3f": 2_i64 } }));
        let next = buffered(&updated(doc! { "dead.3f": 2_i64, "alive.1": 4_i64 }));
        assert_eq!(first.dead, next.dead);
        assert_eq!(first.dead.iter().next(), Sequence::new(0x3f * 63 + 1));
        assert_eq!(next.alive.iter().next(), Sequence::new(65));
    }

    #[test]
    fn a_new_slot_comes_whole() {
        let bits = buffered(&event(
            doc! { "operationType": "insert", "fullDocument": { "_id": 30_i64, "alive": { "0": 6_i64 } } },
        ));
        assert_eq!(bits.alive.iter().count(), 2);
    }

    #[test]
    fn the_slot_of_another_namespace_is_not_ours() {
        let named = Namespace::named("a").unwrap();
        assert!(!ChangeBuffer::default().add(&named, &updated(doc! { "alive.0": 2_i64 })));
    }

    #[test]
    fn news_that_nobody_takes_do_not_grow() {
        let changes = ChangeBuffer::default();
        for slot in 1..100_i64 {
            let key = doc! { "documentKey": { "_id": slot * 30 } };
            let mut event = updated(doc! { "alive.0": 2_i64 });
            event.document_key = key.get_document("documentKey").ok().cloned();
            changes.add(&Namespace::default(), &event);
        }
        let buffered = changes.take();
        assert_eq!(buffered.bits.len(), SLOTS_MAX);
        assert!(buffered.must_read, "what was left out is read");
    }
}
