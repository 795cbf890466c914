//! How many messages are unread.
//!
//! All places behind the cursor are messages but those of which the index `no_message` says that
//! they are not. It knows for hundreds of histories at once where the last of these lies; they are
//! counted only in histories where that is behind the cursor.

use std::collections::HashMap;

use futures_util::TryStreamExt;
use futures_util::future::try_join_all;
use mongodb::bson::{Document, RawDocumentBuf, doc};
use mongodb::options::Hint;

use super::super::database::Database;
use super::super::fields::{number, text};
use super::extents::BATCH;
use crate::{Result, Seq, Unread};

/// How many histories one command is about that looks for the last place without a message.
const HISTORIES_MAX: usize = 512;

/// How many ranges one command counts: the server plans each for itself.
const RANGES_MAX: usize = 100;

/// How many of these commands of one call are under way at once.
const COMMANDS_MAX: usize = 4;

/// How many places are looked at first: mostly there are a thousand messages among them.
const PLACES_FIRST: u64 = 4_000;

/// The index of the entries that are no messages.
const INDEX: &str = "no_message";

/// The places of a history that a member has not read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Range {
    pub(super) history: String,
    /// The last place that does not count.
    pub(super) base: Seq,
    pub(super) top: Seq,
}

impl Range {
    /// Returns the part of the range that is looked at first.
    fn begin(self) -> Self {
        let top = Seq::new(self.base.get().saturating_add(PLACES_FIRST)).unwrap_or(Seq::MAX);
        Self { top: self.top.min(top), ..self }
    }

    fn filter(&self) -> Document {
        let (base, top) = (self.base.to_i64(), self.top.to_i64());
        doc! { "id": &self.history, "seq": { "$gt": base, "$lte": top }, "kind": { "$gt": 0 } }
    }

    /// Returns how many messages it has, of which so many places have none.
    fn messages(&self, without: u64) -> u64 {
        self.top.get().saturating_sub(self.base.get()).saturating_sub(without)
    }
}

/// Returns how many messages are in ranges, by their histories; 0 for one that is not there.
///
/// # Errors
///
/// [`Unavailable`](crate::ErrorKind::Unavailable) if the primary does not answer.
pub(super) async fn count(database: &Database, ranges: Vec<Range>) -> Result<HashMap<String, Unread>> {
    let ranges: Vec<_> = ranges.into_iter().filter(|range| range.base < range.top).collect();
    let last = last_without(database, &ranges).await?;
    let (others, plain): (Vec<_>, Vec<_>) =
        ranges.into_iter().partition(|range| last.get(&range.history).is_some_and(|last| *last > range.base));
    let unread = |range: &Range, without| (range.history.clone(), Unread::new(range.messages(without)));
    let mut counted: HashMap<_, _> = plain.iter().map(|range| unread(range, 0)).collect();
    let begins: Vec<_> = others.iter().cloned().map(Range::begin).collect();
    let without = places_without(database, &begins).await?;
    let known = |range: &Range| without.get(&range.history).copied().unwrap_or_default();
    let mut large = Vec::new();
    for (range, begin) in others.into_iter().zip(&begins) {
        let messages = begin.messages(known(begin));
        if begin.top < range.top && messages < u64::from(Unread::MAX) {
            large.push(range);
        } else {
            counted.insert(range.history, Unread::new(messages));
        }
    }
    let without = places_without(database, &large).await?;
    for range in &large {
        counted.extend([unread(range, without.get(&range.history).copied().unwrap_or_default())]);
    }
    Ok(counted)
}

/// Returns the last place without a message of each history that has one.
async fn last_without(database: &Database, ranges: &[Range]) -> Result<HashMap<String, Seq>> {
    let mut last = HashMap::new();
    for round in ranges.chunks(HISTORIES_MAX * COMMANDS_MAX) {
        let reading: Vec<_> = round.chunks(HISTORIES_MAX).map(|some| last_of(database, some)).collect();
        for document in try_join_all(reading).await?.iter().flatten() {
            if let (Some(id), Some(place)) = (text(document, "_id"), number(document, "seq")) {
                last.insert(id.to_owned(), Seq::new(place).unwrap_or(Seq::MAX));
            }
        }
    }
    Ok(last)
}

async fn last_of(database: &Database, ranges: &[Range]) -> Result<Vec<RawDocumentBuf>> {
    let ids: Vec<_> = ranges.iter().map(|range| range.history.clone()).collect();
    let pipeline = vec![
        doc! { "$match": { "id": { "$in": ids }, "kind": { "$gt": 0 } } },
        doc! { "$sort": { "id": -1, "seq": -1 } },
        doc! { "$group": { "_id": "$id", "seq": { "$first": "$seq" } } },
    ];
    aggregate(database, pipeline).await
}

/// Returns how many places of each range have no message; histories without one are left out.
async fn places_without(database: &Database, ranges: &[Range]) -> Result<HashMap<String, u64>> {
    let mut places = HashMap::new();
    for round in ranges.chunks(RANGES_MAX * COMMANDS_MAX) {
        let reading: Vec<_> = round.chunks(RANGES_MAX).map(|some| count_of(database, some)).collect();
        for document in try_join_all(reading).await?.iter().flatten() {
            if let (Some(id), Some(count)) = (text(document, "_id"), number(document, "count")) {
                places.insert(id.to_owned(), count);
            }
        }
    }
    Ok(places)
}

async fn count_of(database: &Database, ranges: &[Range]) -> Result<Vec<RawDocumentBuf>> {
    let filters: Vec<_> = ranges.iter().map(Range::filter).collect();
    let pipeline = vec![
        doc! { "$match": { "$or": filters } },
        doc! { "$group": { "_id": "$id", "count": { "$sum": 1 } } },
    ];
    aggregate(database, pipeline).await
}

/// Asks the index of the entries that are no messages, and no document.
async fn aggregate(database: &Database, pipeline: Vec<Document>) -> Result<Vec<RawDocumentBuf>> {
    database
        .call(move |collections| async move {
            let found = collections.histories.aggregate(pipeline).hint(Hint::Name(INDEX.to_owned()));
            found.batch_size(BATCH).with_type::<RawDocumentBuf>().await?.try_collect().await
        })
        .await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(base: u64, top: u64) -> Range {
        let seq = |number| Seq::new(number).unwrap();
        Range { history: "seq:a:b".to_owned(), base: seq(base), top: seq(top) }
    }

    #[test]
    fn places_without_a_message_are_not_counted() {
        assert_eq!(range(3, 10).messages(0), 7);
        assert_eq!(range(3, 10).messages(2), 5);
        assert_eq!(range(3, 10).messages(9), 0);
        assert_eq!(range(10, 3).messages(0), 0);
    }

    #[test]
    fn a_large_range_is_begun_at_its_base() {
        assert_eq!(range(3, 10).begin(), range(3, 10));
        assert_eq!(range(3, 90_000).begin(), range(3, 4_003));
    }

    #[test]
    fn each_range_names_its_history() {
        let filter = doc! { "id": "seq:a:b", "seq": { "$gt": 3_i64, "$lte": 10_i64 }, "kind": { "$gt": 0 } };
        assert_eq!(range(3, 10).filter(), filter);
    }
}
