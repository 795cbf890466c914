//! Who of this node changes a group now.

use tokio::sync::{Mutex, MutexGuard};
use tokio::time::{Instant, timeout_at};
use xxhash_rust::xxh3::xxh3_64;

use crate::{Error, ErrorKind, GroupName, Result};

/// How many groups are changed at the same time at most.
const TURNS: u64 = 64;

/// Lets one caller of this node after the other change a group.
///
/// The transactions of other nodes are met in the database, where one of two has to begin again.
/// Callers of one node would only keep each other from ending.
pub(in crate::distributed) struct GroupTurns(Vec<Mutex<()>>);

impl GroupTurns {
    pub(in crate::distributed) fn new() -> Self {
        Self((0..TURNS).map(|_| Mutex::new(())).collect())
    }

    /// Waits until no other caller changes this group; a few groups share a turn.
    pub(super) async fn wait(&self, group: &GroupName, end: Instant) -> Result<MutexGuard<'_, ()>> {
        let turn = usize::try_from(xxh3_64(group.as_str().as_bytes()) % TURNS).unwrap_or_default();
        match timeout_at(end, self.0[turn].lock()).await {
            Ok(turn) => Ok(turn),
            Err(_elapsed) => {
                let text = format!(
                    "the group {group} was not changed: other changes of it, or of one that shares its turn, took \
                     all of the time; try again later"
                );
                Err(Error::new(ErrorKind::Unavailable, text))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn one_caller_after_the_other_changes_a_group() {
        let turns = GroupTurns::new();
        let soon = || Instant::now() + Duration::from_secs(10);
        let tea = GroupName::new("tea").unwrap();
        let first = turns.wait(&tea, soon()).await.unwrap();
        assert_eq!(turns.wait(&tea, soon()).await.unwrap_err().kind(), ErrorKind::Unavailable);
        drop(first);
        assert!(turns.wait(&tea, soon()).await.is_ok());
    }
}
