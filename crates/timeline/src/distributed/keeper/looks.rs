//! One look at a box that is due.

use super::keep::keep_of;
use super::registry::{DueBox, Pruning};
use super::{pruner, registry, retention};
use crate::Result;
use crate::distributed::box_id::Side;
use crate::distributed::changes::freeing::free;
use crate::distributed::read;
use crate::distributed::shared::Shared;

/// Does what is to be done with a box, and notes when it is looked at again.
///
/// `now_ms` is the time of the server, or a little earlier.
pub(super) async fn look(shared: &Shared, due: &DueBox, now_ms: i64) -> Result<()> {
    let keep = keep_of(shared, &due.boxed);
    retention::by_number(shared, &due.boxed, keep).await?;
    let aged_at_ms = match keep.age_max() {
        Some(age) => {
            let now_ms = u64::try_from(now_ms).unwrap_or_default();
            retention::by_age(shared, &due.boxed, age, now_ms).await?
        }
        None => None,
    };
    if due.boxed.side() == Side::History {
        // What a purge has left is ended by its intent, and here if that was lost.
        let floor = read::head(shared, &due.boxed).await?.floor;
        free(shared, &due.boxed, floor).await?;
    }
    let pruning = match due.prune {
        Some((_, at_ms)) if at_ms > now_ms => Pruning::AsNoted,
        Some((to, _)) => {
            pruner::prune(shared, &due.boxed, to).await?;
            what_is_left(shared, due).await?
        }
        None => what_is_left(shared, due).await?,
    };
    registry::looked(shared, due, aged_at_ms, pruning).await
}

async fn what_is_left(shared: &Shared, due: &DueBox) -> Result<Pruning> {
    Ok(pruner::left(shared, &due.boxed).await?.map_or(Pruning::Nothing, Pruning::UpTo))
}
