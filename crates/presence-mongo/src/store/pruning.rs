//! Looks for what is of no use any more, and removes it.

use std::future::ready;
use std::ops::RangeInclusive;
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

/// How many numbers, one after the other, are a part: all of them in one document are far from
/// the 16 MB that it may have.
const PART: i64 = 100_000;

impl Store {
    /// Removes the slots before one that began more than this time ago, and says how many they
    /// were.
    ///
    /// The server's clock decides once more when it removes them: it may have been set back since
    /// this process read it.
    pub(crate) async fn remove_slots_before(
        &self,
        namespace: &Namespace,
        slot: TimeSlot,
        by: Duration,
    ) -> Result<u64, Error> {
        self.remove_slots("old time slots cannot be removed", namespace.slots_before(slot, by)).await
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

    /// Returns the beings up to one that have the key of a later one up to it, in order.
    ///
    /// The numbers are looked at in parts, as the server answers with one document for a key: first
    /// the beings that a later one in their part supersedes, then the last ones of their parts.
    pub(crate) async fn superseded(
        &self,
        namespace: &Namespace,
        up_to: Sequence,
    ) -> Result<Vec<Sequence>, Error> {
        let within = within(namespace, up_to);
        let mut superseded = self.all_but_last(of_parts(&within, namespace.number_field())).await?;
        superseded.append(&mut self.all_but_last(of_keys(&within, namespace.number_field())).await?);
        superseded.sort_unstable();
        Ok(superseded)
    }

    /// Returns all numbers of each group but its last.
    async fn all_but_last(&self, pipeline: Vec<Document>) -> Result<Vec<Sequence>, Error> {
        self.call_at_length("superseded beings cannot be read", move |database, names| async move {
            let beings = database.collection::<Document>(&names.beings);
            let groups = beings.aggregate(pipeline).allow_disk_use(true).await?;
            let numbers = groups.try_fold(Vec::new(), |mut all, group| {
                all.extend(superseded_in(&group));
                ready(Ok(all))
            });
            numbers.await
        })
        .await
    }

    /// Removes beings, in parts and as long as this may go on, and says how many there were.
    pub(crate) async fn remove_beings(
        &self,
        namespace: &Namespace,
        beings: &[Sequence],
        may_go_on: impl Fn() -> bool,
    ) -> Result<u64, Error> {
        let what = "superseded beings cannot be removed";
        let mut removed = 0;
        if namespace.number_field() == "_id" {
            // Restarts leave runs of numbers without a gap.
            let runs: Vec<_> = ranges(beings).collect();
            for some in runs.chunks(RANGES_MAX) {
                if !may_go_on() {
                    break;
                }
                removed += self.remove_all(what, within_runs(some)).await?;
            }
            return Ok(removed);
        }
        for some in beings.chunks(IDS_MAX) {
            if !may_go_on() {
                break;
            }
            let filter = doc! { "_id": { "$in": ids(namespace, some) } };
            removed += self.remove_all(what, filter).await?;
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

/// Returns the condition that a being has a number up to one.
fn within(namespace: &Namespace, up_to: Sequence) -> Document {
    match namespace.number_field() {
        "_id" => doc! { "_id": { "$gte": 0_i64, "$lte": up_to.number() } },
        field => joined(namespace.holds("_id"), doc! { field: { "$lte": up_to.number() } }),
    }
}

/// Returns the stages that group the numbers of a key in a part, where there are several.
fn of_parts(within: &Document, field: &str) -> Vec<Document> {
    let number = format!("${field}");
    vec![
        doc! { "$match": within.clone() },
        doc! { "$group": { "_id": { "key": "$key", "part": part_of(&number) }, "all": { "$push": number } } },
        doc! { "$match": { "all.1": { "$exists": true } } },
    ]
}

/// Returns the stages that group the last number of each part by key, where there are several.
fn of_keys(within: &Document, field: &str) -> Vec<Document> {
    let number = format!("${field}");
    let last = doc! { "_id": { "key": "$key", "part": part_of(&number) }, "last": { "$max": number } };
    vec![
        doc! { "$match": within.clone() },
        doc! { "$group": last },
        doc! { "$group": { "_id": "$_id.key", "all": { "$push": "$last" } } },
        doc! { "$match": { "all.1": { "$exists": true } } },
    ]
}

/// Returns the expression for the first number of the part in which a number lies.
fn part_of(number: &str) -> Document {
    doc! { "$subtract": [number, { "$mod": [number, PART] }] }
}

/// Returns all numbers of a group but the last; they come in any order.
fn superseded_in(group: &Document) -> Vec<Sequence> {
    let all = group.get_array("all").into_iter().flatten();
    let mut all: Vec<_> = all.filter_map(|number| Sequence::new(number.as_i64()?)).collect();
    all.sort_unstable();
    all.pop();
    all
}

/// Returns the condition that a number lies in one of these runs.
fn within_runs(runs: &[RangeInclusive<Sequence>]) -> Document {
    let numbers = |run: &RangeInclusive<Sequence>| {
        doc! { "_id": { "$gte": run.start().number(), "$lte": run.end().number() } }
    };
    doc! { "$or": runs.iter().map(numbers).collect::<Vec<_>>() }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// What the server takes and sends at most.
    const DOCUMENT_BYTES_MAX: usize = 16 * 1024 * 1024;

    /// The first number of the part in which a number lies, as the server reckons it.
    fn part(number: i64) -> i64 {
        number - number % PART
    }

    /// Groups numbers as the server does, each group by what it is told of them.
    fn groups<G: Ord>(numbers: &[i64], group_of: impl Fn(i64) -> G) -> Vec<Document> {
        let mut groups: BTreeMap<G, Vec<i64>> = BTreeMap::new();
        numbers.iter().for_each(|number| groups.entry(group_of(*number)).or_default().push(*number));
        groups.into_values().map(|all| doc! { "all": all }).collect()
    }

    #[test]
    fn the_largest_group_of_a_part_is_far_from_too_large() {
        let all: Vec<i64> = (0..PART).map(|number| i64::MAX - number).collect();
        let group = doc! { "_id": { "key": "x".repeat(1_024), "part": i64::MAX - PART }, "all": all };
        assert!(group.to_vec().unwrap().len() < DOCUMENT_BYTES_MAX / 4);
        // The last ones of all parts, after ten thousand million starts of one key.
        let lasts: Vec<i64> = (1..=100_000).map(|part| part * PART).collect();
        assert!(doc! { "_id": "key", "all": lasts }.to_vec().unwrap().len() < DOCUMENT_BYTES_MAX / 4);
    }

    #[test]
    fn of_all_numbers_in_all_parts_the_last_one_alone_stays() {
        for count in [1, 2, PART - 1, PART, PART + 1, 3 * PART] {
            let numbers: Vec<i64> = (1..=count).collect();
            let by_part = groups(&numbers, part);
            let lasts: Vec<i64> =
                by_part.iter().filter_map(|group| group.get_array("all").ok()?.last()?.as_i64()).collect();
            let by_key = groups(&lasts, |_| ());
            let mut superseded: Vec<i64> =
                by_part.iter().chain(&by_key).flat_map(superseded_in).map(Sequence::number).collect();
            superseded.sort_unstable();
            assert!(superseded.iter().copied().eq(1..count), "of {count}");
        }
    }

    #[test]
    fn a_group_in_any_order_leaves_out_its_last() {
        let numbers = |group: Document| superseded_in(&group).into_iter().map(Sequence::number).collect();
        let some: Vec<i64> = numbers(doc! { "all": [9_i64, 3_i64, 7_i64] });
        assert_eq!(some, [3, 7]);
        let none: Vec<i64> = numbers(doc! { "all": [] });
        assert!(none.is_empty());
    }
}
