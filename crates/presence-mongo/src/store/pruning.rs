//! Looks for what is of no use any more, and removes it.

use std::time::Duration;

use bson::{Document, doc};
use futures_util::TryStreamExt;

use super::beings::ids;
use super::{Store, joined};
use crate::error::Error;
use crate::namespace::Namespace;
use crate::prune::ranges;
use crate::slots::{Sequence, TimeSlot};

/// How many ranges one removal names.
const RANGES_MAX: usize = 500;

/// How many ids one removal names.
const IDS_MAX: usize = 1_000;

impl Store {
    /// Removes the slots before one, and says how many they were.
    pub(crate) async fn remove_slots_before(
        &self,
        namespace: &Namespace,
        slot: TimeSlot,
    ) -> Result<u64, Error> {
        self.remove_slots("old time slots cannot be removed", namespace.slots_before(slot)).await
    }

    /// Removes the slots from one on that lie ahead by more than this, and says how many they were.
    ///
    /// The server's clock decides once more when it removes them: whatever held this process up,
    /// what has begun meanwhile stays.
    pub(crate) async fn remove_slots_ahead(
        &self,
        namespace: &Namespace,
        slot: TimeSlot,
        by: Duration,
    ) -> Result<u64, Error> {
        let filter = namespace.slots_ahead(slot, by);
        self.remove_slots("time slots that lie ahead cannot be removed", filter).await
    }

    /// Returns the beings up to one that have the key of a later one up to it.
    pub(crate) async fn superseded(
        &self,
        namespace: &Namespace,
        up_to: Sequence,
    ) -> Result<Vec<Sequence>, Error> {
        let field = namespace.number_field();
        let within = match namespace.number_field() {
            "_id" => doc! { "_id": { "$gte": 0_i64, "$lte": up_to.number() } },
            _ => joined(namespace.holds("_id"), doc! { field: { "$lte": up_to.number() } }),
        };
        let of_key = format!("${field}");
        let pipeline = [
            doc! { "$match": within },
            doc! { "$group": { "_id": "$key", "all": { "$push": of_key } } },
            doc! { "$match": { "all.1": { "$exists": true } } },
        ];
        let keys: Vec<Document> = self
            .call_at_length("superseded beings cannot be read", move |database, names| async move {
                let beings = database.collection::<Document>(&names.beings);
                beings.aggregate(pipeline).allow_disk_use(true).await?.try_collect::<Vec<_>>().await
            })
            .await?;
        let mut superseded = Vec::new();
        for key in &keys {
            let all = key.get_array("all").into_iter().flatten();
            let mut all: Vec<_> = all.filter_map(|number| Sequence::new(number.as_i64()?)).collect();
            all.sort_unstable();
            all.pop();
            superseded.append(&mut all);
        }
        superseded.sort_unstable();
        Ok(superseded)
    }

    /// Removes beings, in parts and as long as this may go on, and says how many there were.
    pub(crate) async fn remove_beings(
        &self,
        namespace: &Namespace,
        beings: &[Sequence],
        may_go_on: impl Fn() -> bool,
    ) -> Result<u64, Error> {
        let filters: Vec<Document> = if namespace.number_field() == "_id" {
            // Restarts leave runs of numbers without a gap.
            let ranges: Vec<Document> = ranges(beings)
                .map(|range| doc! { "_id": { "$gte": range.start().number(), "$lte": range.end().number() } })
                .collect();
            ranges.chunks(RANGES_MAX).map(|some| doc! { "$or": some.to_vec() }).collect()
        } else {
            beings.chunks(IDS_MAX).map(|some| doc! { "_id": { "$in": ids(namespace, some) } }).collect()
        };
        let mut removed = 0;
        for filter in filters {
            if !may_go_on() {
                break;
            }
            removed += self.remove_all("superseded beings cannot be removed", filter).await?;
        }
        Ok(removed)
    }

    /// Removes all slots and beings of a namespace, and says how many they were.
    ///
    /// The counter stays, so that no number comes again.
    pub(crate) async fn clear(&self, namespace: &Namespace) -> Result<(u64, u64), Error> {
        let what = "the slots of a namespace cannot be removed";
        let slots = self.remove_slots(what, namespace.holds("_id")).await?;
        let what = "the beings of a namespace cannot be removed";
        Ok((slots, self.remove_all(what, namespace.holds("_id")).await?))
    }

    /// Returns about how many slots and beings there are in the base, in all namespaces.
    pub(crate) async fn counts(&self) -> Result<(u64, u64), Error> {
        self.call("documents cannot be counted", |database, names| async move {
            let pings = database.collection::<Document>(&names.pings).estimated_document_count().await?;
            let beings = database.collection::<Document>(&names.beings).estimated_document_count().await?;
            Ok::<_, mongodb::error::Error>((pings, beings))
        })
        .await
    }

    async fn remove_slots(&self, what: &'static str, filter: Document) -> Result<u64, Error> {
        self.call_at_length(what, move |database, names| async move {
            let pings = database.collection::<Document>(&names.pings);
            pings.delete_many(filter).await.map(|removed| removed.deleted_count)
        })
        .await
    }

    async fn remove_all(&self, what: &'static str, filter: Document) -> Result<u64, Error> {
        self.call_at_length(what, move |database, names| async move {
            let beings = database.collection::<Document>(&names.beings);
            beings.delete_many(filter).await.map(|removed| removed.deleted_count)
        })
        .await
    }
}
