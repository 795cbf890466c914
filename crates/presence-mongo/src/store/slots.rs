//! The documents of time slots.

use bson::{Document, RawDocumentBuf, doc};
use futures_util::TryStreamExt;
use mongodb::error::{Error as DriverError, ErrorKind as DriverErrorKind};
use mongodb::options::ReadConcern;

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

/// The server's code for a read that only members of a replica set can answer.
const NO_REPLICA_SET: i32 = 123;

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
        let filter = one_of(namespace, slots);
        let found: Vec<RawDocumentBuf> = self
            .call("time slots cannot be read", move |database, names| async move {
                let pings = database.collection::<RawDocumentBuf>(&names.pings);
                pings.find(filter).await?.try_collect::<Vec<_>>().await
            })
            .await?;
        Ok(found.iter().filter_map(|slot| SlotRead::of(namespace, slot)).collect())
    }

    /// Reads the documents of slots with all that anybody was acknowledged before this began.
    ///
    /// A primary that was cut off answers any other read for as long as the election timeout, by
    /// what it had. It answers this one only after a majority has confirmed that it is primary
    /// still. `None` says that the server is no member of a replica set: it has no majority to
    /// lose.
    pub(crate) async fn read_slots_for_certain(
        &self,
        namespace: &Namespace,
        slots: &[TimeSlot],
    ) -> Result<Option<Vec<SlotRead>>, Error> {
        let filter = one_of(namespace, slots);
        // The server has to end it: it would wait for its majority for ever. It does so before the
        // time of the call is up, so that the error says why.
        let limit = self.patience / 4 * 3;
        let found: Option<Vec<RawDocumentBuf>> = self
            .call("time slots cannot be read for certain", move |database, names| async move {
                let pings = database.collection::<RawDocumentBuf>(&names.pings);
                let find = pings.find(filter).read_concern(ReadConcern::linearizable()).max_time(limit);
                match find.await {
                    Err(error) if is_alone(&error) => Ok(None),
                    found => found?.try_collect::<Vec<_>>().await.map(Some),
                }
            })
            .await?;
        Ok(found.map(|found| found.iter().filter_map(|slot| SlotRead::of(namespace, slot)).collect()))
    }
}

/// Returns the condition that a document is that of one of these slots.
fn one_of(namespace: &Namespace, slots: &[TimeSlot]) -> Document {
    let ids: Vec<_> = slots.iter().map(|slot| namespace.slot_id(*slot)).collect();
    doc! { "_id": { "$in": ids } }
}

/// Says whether the server is no member of a replica set.
fn is_alone(error: &DriverError) -> bool {
    matches!(&*error.kind, DriverErrorKind::Command(error) if error.code == NO_REPLICA_SET)
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
