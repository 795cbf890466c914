//! The boxes that were written while more was kept, or nothing was kept for a time.
//!
//! They are found by the rows of members, which each conversation has, never by its entries. A
//! history of the Go service has no rows until somebody writes to it, or [`repair`] enters them.
//! That enters the histories of groups here, too.
//!
//! [`repair`]: crate::distributed::repair()

use mongodb::bson::{Document, doc};

use super::keep::keep_of;
use super::{registry, retention};
use crate::distributed::box_id::{BoxId, Side};
use crate::distributed::shared::Shared;
use crate::distributed::tops;
use crate::{Result, Retention};

/// How many rows are read at a time.
const ROWS: i64 = 1_000;

/// Enters boxes into the registry, a part at a time: all that are kept for a time, and those that
/// have more entries than they keep.
///
/// The boxes of one side are entered after those of the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Census {
    side: Side,
    /// The last box of that side that was entered; empty at the beginning.
    last: String,
}

impl Census {
    /// Begins one, unless everything is kept.
    pub(super) fn begin(shared: &Shared) -> Option<Self> {
        let keeps_less = shared.config.retention != Retention::new();
        keeps_less.then(|| Self { side: Side::History, last: String::new() })
    }

    /// Enters the next part, and returns what is left to do.
    pub(super) async fn step(self, shared: &Shared, now_ms: i64) -> Result<Option<Self>> {
        let ids = self.read(shared).await?;
        let boxes: Vec<_> = ids.iter().map(|id| BoxId::stored(self.side, id)).collect();
        let counted = boxes.iter().filter(|boxed| keep_of(shared, boxed).entries_min().is_some());
        let counted: Vec<_> = counted.map(BoxId::as_str).collect();
        let tops = tops::read(&shared.database, self.side, &counted).await?;
        let is_due = |boxed: &BoxId| {
            let (keep, top) = (keep_of(shared, boxed), tops.get(boxed.as_str()));
            keep.age_max().is_some() || top.is_some_and(|top| retention::has_too_many(keep, *top))
        };
        let due: Vec<_> = boxes.into_iter().filter(is_due).collect();
        registry::enter(&shared.database, &due, now_ms).await?;
        Ok(self.after(ids.last()))
    }

    /// Reads the ids of boxes behind the last one, in their order.
    async fn read(&self, shared: &Shared) -> Result<Vec<String>> {
        let (field, filter, order) = self.rows();
        let ids = shared.database.call(move |collections| async move {
            let rows = collections.rows.find(filter).sort(order).limit(ROWS);
            // The index alone answers this.
            let mut cursor = rows.projection(doc! { "_id": 0, field: 1 }).await?;
            let mut ids: Vec<String> = Vec::new();
            while cursor.advance().await? {
                let id = cursor.current().get_str(field).unwrap_or_default();
                if !id.is_empty() && ids.last().is_none_or(|last| last != id) {
                    ids.push(id.to_owned());
                }
            }
            Ok(ids)
        });
        ids.await
    }

    /// Returns the field of rows that names boxes, what finds those behind the last one, and their
    /// order.
    fn rows(&self) -> (&'static str, Document, Document) {
        let (field, other) = match self.side {
            Side::History => ("id", "member"),
            Side::Inbox => ("member", "id"),
        };
        (field, doc! { field: { "$gt": self.last.as_str() } }, doc! { field: 1, other: 1 })
    }

    fn after(self, last: Option<&String>) -> Option<Self> {
        match (last, self.side) {
            (Some(last), side) => Some(Self { side, last: last.clone() }),
            (None, Side::History) => Some(Self { side: Side::Inbox, last: String::new() }),
            (None, Side::Inbox) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn histories_are_entered_first_and_each_part_goes_on_behind_the_last() {
        let begin = Census { side: Side::History, last: String::new() };
        let next = begin.after(Some(&"seq:a:b".to_owned())).unwrap();
        assert_eq!(next.rows(), ("id", doc! { "id": { "$gt": "seq:a:b" } }, doc! { "id": 1, "member": 1 }));
        let inboxes = next.after(None).unwrap();
        assert_eq!(
            inboxes.rows(),
            ("member", doc! { "member": { "$gt": "" } }, doc! { "member": 1, "id": 1 })
        );
        assert_eq!(inboxes.after(None), None);
    }
}
