//! Who changes a history next.

use std::hash::{BuildHasher, RandomState};

use tokio::sync::{Mutex, MutexGuard};

use crate::distributed::box_id::BoxId;

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
    pub(super) async fn wait(&self, history: &BoxId) -> MutexGuard<'_, ()> {
        let hash = self.hasher.hash_one(history) % TURNS as u64;
        let turn = usize::try_from(hash).unwrap_or_default();
        self.turns[turn].lock().await
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;
    use crate::{Conversation, GroupName};

    #[tokio::test]
    async fn changes_of_one_history_wait_for_each_other() {
        let history = BoxId::history(&Conversation::group(GroupName::new("g").unwrap()));
        let turns = Turns::new();
        let turn = turns.wait(&history).await;
        assert!(turns.wait(&history).now_or_never().is_none());
        drop(turn);
        assert!(turns.wait(&history).now_or_never().is_some());
    }
}
