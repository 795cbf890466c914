//! Times that never fall in a history, whatever came before an entry.
//!
//! A history is paged by time as one looks into a book: a time in the middle says on which side to
//! go on. An entry that is earlier than one before it would be passed over. An entry has its time
//! from its reservation, which is not below that of the last entry then. Two things may come later:
//!
//! ```text
//!  a group that is made without a history     its entries are no earlier than the group
//!  an entry of another node in the middle     what is behind it is no earlier than that
//! ```
//!
//! Whoever has written there raises the times of its entries and of what is earlier behind them.
//! The `_id`s of copies have the time that their entry was written with, which the entry keeps
//! then.

use std::collections::BTreeMap;

use mongodb::bson::{Bson, Document, doc};

use super::{Flush, Phase};
use crate::distributed::box_id::BoxId;
use crate::distributed::documents::time;
use crate::distributed::groups::{self, CLAIMED};
use crate::distributed::read;
use crate::distributed::send::Operation;
use crate::distributed::shared::Shared;
use crate::{Conversation, Parties, Result, Seq};

/// From a place of a history on nothing is earlier than a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Earliest {
    from: Seq,
    at_ms: u64,
}

impl Flush {
    /// Raises times in histories where groups were made since their first entries were reserved.
    pub(super) async fn date_first_entries(&mut self) -> Result<()> {
        // An attempt that fails, or is cut off, leaves them to the next one.
        let due = self.undated.clone();
        self.date_entries(&due).await?;
        self.undated.clear();
        Ok(())
    }

    async fn date_entries(&mut self, due: &[usize]) -> Result<()> {
        let mut names = Vec::new();
        for operation in due.iter().map(|at| &self.operations[*at]) {
            if let Parties::Group(name) = operation.conversation.parties()
                && self.is_among_the_first(operation)
            {
                names.push(name.clone());
            }
        }
        names.sort_unstable();
        names.dedup();
        for (name, at_ms) in groups::created(&self.shared.database, &names).await? {
            let history = BoxId::history(&Conversation::group(name));
            self.raise_times(&history, Earliest { from: Seq::ZERO.next(), at_ms }).await?;
        }
        Ok(())
    }

    /// Returns whether a group may have been made without a history before this entry was there.
    ///
    /// It claims that many places, so that of more nobody is in front of it.
    fn is_among_the_first(&self, operation: &Operation) -> bool {
        let floor = self.shared.sequencer.floor(&operation.history);
        operation.entry.seq.get() <= floor.get().saturating_add(CLAIMED as u64)
    }

    /// Raises times behind entries of others, which have places that were reserved for these.
    pub(super) async fn date_behind(&mut self, taken: &[usize]) -> Result<()> {
        let mut places = BTreeMap::<BoxId, Vec<Seq>>::new();
        for operation in taken.iter().map(|at| &self.operations[*at]) {
            // Without an entry behind the place there is nothing to raise.
            let is_behind = |at: usize| {
                let other = &self.operations[at];
                other.history == operation.history && other.entry.seq > operation.entry.seq
            };
            if self.written().any(is_behind) {
                places.entry(operation.history.clone()).or_default().push(operation.entry.seq);
            }
        }
        for (history, places) in places {
            for earliest in holders(&self.shared, &history, &places).await? {
                self.raise_times(&history, earliest).await?;
            }
        }
        Ok(())
    }

    /// Returns the operations whose entries are there, and that have not ended.
    fn written(&self) -> impl Iterator<Item = usize> {
        (0..self.phases.len()).filter(|at| self.phases[*at] == Phase::Copies)
    }

    /// Raises the times of what is in a history, and of what this flush knows of it.
    async fn raise_times(&mut self, history: &BoxId, earliest: Earliest) -> Result<()> {
        let is_earlier = |operation: &Operation| {
            let entry = &operation.entry;
            operation.history == *history && entry.seq >= earliest.from && entry.entry.at_ms < earliest.at_ms
        };
        let earlier: Vec<_> = self.written().filter(|at| is_earlier(&self.operations[*at])).collect();
        // What is in front of these is its writer's, or was there before a group with a history.
        let from = earlier.iter().map(|at| self.operations[*at].entry.seq).min();
        let Some(from) = from else { return Ok(()) };
        let (filter, update) = raising(history, Earliest { from, ..earliest });
        let raised = self.shared.database.call(move |collections| async move {
            collections.histories.update_many(filter, vec![update]).await
        });
        raised.await?;
        for at in earlier {
            let entry = &mut self.operations[at].entry;
            entry.keyed_ms = entry.keyed_ms.or(Some(entry.entry.at_ms));
            entry.entry.at_ms = earliest.at_ms;
        }
        Ok(())
    }
}

/// Returns what finds what is earlier in a history, and raises its time.
fn raising(history: &BoxId, earliest: Earliest) -> (Document, Document) {
    let Earliest { from, at_ms } = earliest;
    let filter = doc! {
        "id": history.as_str(),
        "seq": { "$gte": from.to_i64() },
        "at": { "$lt": time(at_ms) },
    };
    let keyed = doc! { "$ifNull": ["$keyed", "$at"] };
    (filter, doc! { "$set": { "keyed": keyed, "at": time(at_ms) } })
}

/// Returns what these places are the earliest of: the times of the entries that have them.
async fn holders(shared: &Shared, history: &BoxId, places: &[Seq]) -> Result<Vec<Earliest>> {
    let seqs: Vec<_> = places.iter().map(|place| Bson::Int64(place.to_i64())).collect();
    let filter = doc! { "id": history.as_str(), "seq": { "$in": seqs } };
    let read = shared.database.call(move |collections| async move {
        let find = collections.histories.find(filter).projection(doc! { "seq": 1, "at": 1 });
        let (mut cursor, mut found) = (find.await?, Vec::new());
        while cursor.advance().await? {
            let document = cursor.current();
            found.push(Earliest { from: read::seq_of(document), at_ms: read::at_of(document) });
        }
        Ok(found)
    });
    read.await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Conversation, GroupName};

    #[test]
    fn what_is_earlier_keeps_the_time_that_its_copies_are_known_by() {
        let history = BoxId::history(&Conversation::group(GroupName::new("g").unwrap()));
        let earliest = Earliest { from: Seq::new(3).unwrap(), at_ms: 7 };
        let (filter, update) = raising(&history, earliest);
        let expected = doc! { "id": "seq:group:g", "seq": { "$gte": 3_i64 }, "at": { "$lt": 7_i64 } };
        assert_eq!(filter, expected);
        let set = doc! { "keyed": { "$ifNull": ["$keyed", "$at"] }, "at": 7_i64 };
        assert_eq!(update.get_document("$set").unwrap(), &set);
    }
}
