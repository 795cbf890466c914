//! Where the last messages of histories are that do not end with one.

use std::collections::HashMap;

use futures_util::TryStreamExt;
use futures_util::future::try_join_all;
use mongodb::bson::{Document, RawDocumentBuf, doc};

use super::super::database::Database;
use super::super::documents::{CLAIM, HOLE, kind_number};
use super::super::fields::{number, text};
use super::extents::{BATCH, message_bytes};
use crate::{EntryKind, Result, Seq};

/// How many entries of a history are looked at for the last message.
const LOOKED_AT: u64 = 100;

/// How many histories one command is about: the server plans each for itself.
const WINDOWS_MAX: usize = 100;

/// The kinds of entries that only tell of others.
const TELLING: [EntryKind; 4] = [EntryKind::Edit, EntryKind::Recall, EntryKind::Deletion, EntryKind::Purge];

/// The entries of a history that may be looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Window {
    pub(super) history: String,
    /// The last place that the member does not see.
    pub(super) after: Seq,
    pub(super) top: Seq,
}

/// The last message of a history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct LastMessage {
    pub(super) place: Seq,
    /// How many bytes it has.
    pub(super) bytes: u64,
}

impl Window {
    /// Returns whether there are more entries than are looked at.
    pub(super) fn is_cut(&self) -> bool {
        self.top.get().saturating_sub(LOOKED_AT) > self.after.get()
    }

    fn filter(&self) -> Document {
        let first = self.after.get().max(self.top.get().saturating_sub(LOOKED_AT));
        let after = Seq::new(first).unwrap_or(Seq::MAX).to_i64();
        let mut telling = TELLING.map(kind_number).to_vec();
        telling.extend([CLAIM, HOLE]);
        doc! {
            "id": &self.history,
            "seq": { "$gt": after, "$lte": self.top.to_i64() },
            "kind": { "$nin": telling },
        }
    }
}

/// Returns the last message or tombstone of each history that has one among its last 100 entries.
///
/// # Errors
///
/// [`Unavailable`](crate::ErrorKind::Unavailable) if the primary does not answer.
pub(super) async fn find(database: &Database, windows: &[Window]) -> Result<HashMap<String, LastMessage>> {
    let looking: Vec<_> = windows.chunks(WINDOWS_MAX).map(|some| find_some(database, some)).collect();
    let mut last = HashMap::new();
    for document in try_join_all(looking).await?.iter().flatten() {
        if let (Some(id), Some(place)) = (text(document, "_id"), number(document, "seq")) {
            let place = Seq::new(place).unwrap_or(Seq::MAX);
            let bytes = number(document, "bytes").unwrap_or_default();
            last.insert(id.to_owned(), LastMessage { place, bytes });
        }
    }
    Ok(last)
}

async fn find_some(database: &Database, windows: &[Window]) -> Result<Vec<RawDocumentBuf>> {
    let filters: Vec<_> = windows.iter().map(Window::filter).collect();
    let pipeline = [
        doc! { "$match": { "$or": filters } },
        // The order matters: the messages themselves are not sorted.
        doc! { "$project": { "_id": 0, "id": 1, "seq": 1, "bytes": message_bytes() } },
        doc! { "$sort": { "seq": -1 } },
        doc! { "$group": { "_id": "$id", "seq": { "$first": "$seq" }, "bytes": { "$first": "$bytes" } } },
    ];
    database
        .call(move |collections| async move {
            let found = collections.histories.aggregate(pipeline).batch_size(BATCH);
            found.with_type::<RawDocumentBuf>().await?.try_collect().await
        })
        .await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(after: u64, top: u64) -> Window {
        let seq = |number| Seq::new(number).unwrap();
        Window { history: "seq:a:b".to_owned(), after: seq(after), top: seq(top) }
    }

    #[test]
    fn a_window_has_the_last_hundred_entries_that_the_member_sees() {
        let bounds = |after, top| window(after, top).filter().get_document("seq").cloned().unwrap();
        assert_eq!(bounds(0, 90), doc! { "$gt": 0_i64, "$lte": 90_i64 });
        assert_eq!(bounds(7, 300), doc! { "$gt": 200_i64, "$lte": 300_i64 });
        assert_eq!(bounds(250, 300), doc! { "$gt": 250_i64, "$lte": 300_i64 });
        assert!(window(199, 300).is_cut() && !window(200, 300).is_cut() && !window(0, 90).is_cut());
    }

    #[test]
    fn what_tells_of_others_is_no_message() {
        let filter = window(0, 9).filter();
        assert_eq!(filter.get_str("id").unwrap(), "seq:a:b");
        assert_eq!(filter.get_document("kind").unwrap(), &doc! { "$nin": [1, 2, 4, 5, 7, 6] });
    }
}
