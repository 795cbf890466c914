//! Who changes a history next.

use std::hash::{BuildHasher, RandomState};

use tokio::sync::{Mutex, MutexGuard};
use tokio::time::{Instant, timeout_at};

use crate::distributed::box_id::BoxId;
use crate::{Error, ErrorKind, Result};

/// Lets the changes of one history take turns within this process.
///
/// The documents decide who is first, whatever node it is on. Who loses there has reserved places
/// in vain, which become tombstones; so those of one process do not compete. Several histories may
/// share a turn.
#[derive(Debug)]
pub(in crate::distributed) struct Turns {
    turns: Box<[Mutex<()>]>,
    hasher: RandomState,
}

/// How many histories are changed at once, if they do not share a turn.
const TURNS: usize = 1_024;

impl Turns {
    pub(in crate::distributed) fn new() -> Self {
        Self { turns: (0..TURNS).map(|_| Mutex::default()).collect(), hasher: RandomState::new() }
    }

    /// Waits for the turn of a history, and has it until what this returns is dropped.
    ///
    /// # Errors
    ///
    /// [`Unavailable`](ErrorKind::Unavailable) if it does not come in time.
    pub(super) async fn wait(&self, history: &BoxId, until: Instant) -> Result<MutexGuard<'_, ()>> {
        let hash = self.hasher.hash_one(history) % TURNS as u64;
        let turn = usize::try_from(hash).unwrap_or_default();
        timeout_at(until, self.turns[turn].lock()).await.map_err(|_elapsed| {
            let text = "other changes of the conversation, or of one that shares its turn, did not end in \
                        time; try again";
            Error::new(ErrorKind::Unavailable, text)
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{Conversation, GroupName};

    #[tokio::test(start_paused = true)]
    async fn changes_of_one_history_wait_for_each_other() {
        let history = BoxId::history(&Conversation::group(GroupName::new("g").unwrap()));
        let turns = Turns::new();
        let until = Instant::now() + Duration::from_secs(10);
        let turn = turns.wait(&history, until).await.unwrap();
        assert_eq!(turns.wait(&history, until).await.unwrap_err().kind(), ErrorKind::Unavailable);
        drop(turn);
        assert!(turns.wait(&history, until).await.is_ok());
    }
}
