//! The documents of time slots.

use bson::{Document, RawDocumentBuf, doc};
use futures_util::TryStreamExt;

use super::duplicates::is_duplicate;
use super::{Store, joined};
use crate::error::Error;
use crate::namespace::Namespace;
use crate::slots::{SlotBits, TimeSlot};

/// A slot as it was read.
#[derive(Debug)]
pub(crate) struct SlotRead {
    pub(crate) slot: TimeSlot,
    pub(crate) bits: SlotBits,
    /// How large its document is.
    pub(crate) bytes: usize,
}

/// How often an upsert is tried that meets others of the same document.
const UPSERTS: usize = 5;

impl Store {
    /// Sets bits in a slot's document, which is made if there is none.
    pub(crate) async fn write_slot(
        &self,
        namespace: &Namespace,
        slot: TimeSlot,
        bits: &SlotBits,
    ) -> Result<(), Error> {
        let mut update = bits.update();
        if let Some(fields) = namespace.slot_fields(slot) {
            update = joined(doc! { "$set": fields }, update);
        }
        let id = namespace.slot_id(slot);
        self.call("pings cannot be written", move |database, names| async move {
            let pings = database.collection::<Document>(&names.pings);
            for tried in 1.. {
                let updated = pings.update_one(doc! { "_id": id.clone() }, update.clone()).upsert(true).await;
                match updated {
                    Err(error) if tried < UPSERTS && is_duplicate(&error) => {}
                    updated => return updated.map(drop),
                }
            }
            Ok(())
        })
        .await
    }

    /// Reads the documents of slots; some may be missing.
    pub(crate) async fn read_slots(
        &self,
        namespace: &Namespace,
        slots: &[TimeSlot],
    ) -> Result<Vec<SlotRead>, Error> {
        let ids: Vec<_> = slots.iter().map(|slot| namespace.slot_id(*slot)).collect();
        let found: Vec<RawDocumentBuf> = self
            .call("time slots cannot be read", move |database, names| async move {
                let pings = database.collection::<RawDocumentBuf>(&names.pings);
                pings.find(doc! { "_id": { "$in": ids } }).await?.try_collect::<Vec<_>>().await
            })
            .await?;
        Ok(found.iter().filter_map(|slot| SlotRead::of(namespace, slot)).collect())
    }
}

impl SlotRead {
    fn of(namespace: &Namespace, raw: &RawDocumentBuf) -> Option<Self> {
        let document = Document::try_from(&**raw).ok()?;
        let slot = namespace.read_slot(document.get("_id")?)?;
        let (bits, unread) = SlotBits::read(&document);
        if unread > 0 {
            tracing::warn!(%namespace, %slot, words = unread, "words of a time slot cannot be read");
        }
        Some(Self { slot, bits, bytes: raw.as_bytes().len() })
    }
}
