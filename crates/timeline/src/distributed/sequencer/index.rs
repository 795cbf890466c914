//! Sequences without Redis: the last entry + 1.
//!
//! What this process gave out counts as used, also before it is committed, so that two sends at the
//! same time get different sequences. What another node takes meanwhile shows when the index
//! refuses the entry.

use std::sync::Arc;

use super::known::{Known, KnownTops, Reading};
use super::{Reserved, Want, metrics};
use crate::Result;
use crate::distributed::box_id::BoxId;
use crate::distributed::database::Database;
use crate::distributed::moment::Moment;
use crate::distributed::tops;

/// Gives out the sequences behind the last entries.
#[derive(Debug)]
pub(super) struct IndexCounter {
    database: Database,
    known: Arc<KnownTops>,
}

impl IndexCounter {
    pub(super) fn new(database: Database, known: Arc<KnownTops>) -> Self {
        Self { database, known }
    }

    /// Gives out sequences, in the order of `wants`.
    ///
    /// # Errors
    ///
    /// [`Unavailable`](crate::ErrorKind::Unavailable) if an end has to be read and cannot be.
    pub(super) async fn reserve(
        &self,
        wants: &[Want<'_>],
        now_ms: u64,
        reading: Reading,
    ) -> Result<Vec<Reserved>> {
        let began = Moment::now();
        let fresh = |want: &Want<'_>| match reading {
            Reading::IfNeeded => self.known.get(want.boxed).filter(|known| known.is_fresh(began)),
            Reading::Always => None,
        };
        let ends: Vec<Option<Known>> = wants.iter().map(fresh).collect();
        let unread: Vec<&BoxId> =
            wants.iter().zip(&ends).filter(|(_, end)| end.is_none()).map(|(want, _)| want.boxed).collect();
        // The order matters: all is read before anything is given out, so that a reading that fails
        // leaves no holes.
        let mut read = Vec::new();
        if !unread.is_empty() {
            read = tops::read_all(&self.database, &unread).await?;
        }
        let mut read = read.into_iter();
        let ends: Vec<Known> = ends
            .into_iter()
            .map(|end| end.unwrap_or_else(|| Known::read(read.next().unwrap_or_default(), began)))
            .collect();
        let reserved = self.known.take(wants, &ends, now_ms);
        metrics::given_by_index(wants.iter().map(|want| want.count).sum());
        Ok(reserved)
    }
}
