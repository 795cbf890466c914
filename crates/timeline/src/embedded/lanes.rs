//! How many commands of one sender may wait.

use std::collections::HashMap;
use std::hash::BuildHasher as _;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::conversation::Parties;
use crate::store::Append;
use crate::{Conversation, Destination, Error, ErrorKind, GroupName, MemberId, MessageChange, Result};

/// Commands that share a turn: those of one member, or those to one group that nobody is named for
/// and the changes of that group.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Lane {
    Member(MemberId),
    Group(GroupName),
}

impl Lane {
    /// Returns the lane of a send.
    pub(super) fn of(append: &Append) -> Self {
        match (&append.from, &append.to) {
            (Some(member), _) | (None, Destination::Member(member)) => Self::Member(member.clone()),
            (None, Destination::Group(group)) => Self::Group(group.clone()),
        }
    }

    /// Returns the lane of a change of a message.
    pub(super) fn of_change(change: &MessageChange) -> Self {
        match &change.by {
            Some(member) => Self::Member(member.clone()),
            None => Self::of_conversation(&change.conversation),
        }
    }

    /// Returns the lane of what the program itself does with a conversation.
    pub(super) fn of_conversation(conversation: &Conversation) -> Self {
        match conversation.parties() {
            Parties::Pair(smaller, _) => Self::Member(smaller.clone()),
            Parties::Group(group) => Self::Group(group.clone()),
        }
    }
}

/// What stands for a lane where it waits for its turn: a digest of whose it is.
///
/// Its seed is made at random for each store, so nobody can find two that share a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct LaneTurn(u64);

/// A place in a lane, taken until it is dropped.
#[derive(Debug)]
pub(super) struct LanePermit {
    turn: LaneTurn,
    permit: OwnedSemaphorePermit,
}

impl LanePermit {
    /// Returns the turn of its lane.
    pub(super) fn turn(&self) -> LaneTurn {
        self.turn
    }

    /// Gives places back: those of one lane that come one after the other all at once.
    pub(super) fn give_back(permits: impl IntoIterator<Item = Self>) {
        let mut same: Option<OwnedSemaphorePermit> = None;
        for Self { permit, .. } in permits {
            match &mut same {
                Some(same) if Arc::ptr_eq(same.semaphore(), permit.semaphore()) => same.merge(permit),
                _ => same = Some(permit),
            }
        }
    }
}

/// Lets a part of the queue's length of each lane in; the others wait outside, and take no place
/// from other senders.
#[derive(Debug)]
pub(super) struct Lanes {
    each: usize,
    waiting: Mutex<HashMap<LaneTurn, Arc<Semaphore>, foldhash::fast::RandomState>>,
    seed: foldhash::quality::RandomState,
}

impl Lanes {
    /// Creates the lanes of a queue of this length.
    pub(super) fn new(queue: usize) -> Self {
        // With a quarter for each lane, a sender that floods leaves three quarters of the queue.
        Self { each: queue.div_ceil(4), waiting: Mutex::default(), seed: Default::default() }
    }

    /// Waits until there is a place in a lane, and takes it.
    ///
    /// # Cancel safety
    ///
    /// A dropped call takes none.
    pub(super) async fn enter(&self, lane: &Lane) -> Result<LanePermit> {
        let turn = LaneTurn(self.seed.hash_one(lane));
        let semaphore = {
            // The lock is held for the look-up alone, and not while the sender waits.
            let mut waiting = self.waiting.lock();
            if waiting.len() >= FORGOTTEN_AFTER {
                // A sender that waits or has a permit holds a clone, so all others can be
                // forgotten.
                // Clones are only made under this lock, so a lane that has none now gets none
                // meanwhile.
                waiting.retain(|_, semaphore| Arc::strong_count(semaphore) > 1);
            }
            match waiting.get(&turn) {
                Some(semaphore) => Arc::clone(semaphore),
                None => {
                    let semaphore = Arc::new(Semaphore::new(self.each));
                    waiting.insert(turn, Arc::clone(&semaphore));
                    semaphore
                }
            }
        };
        // The semaphore is never closed, so this does not fail.
        let permit = semaphore.acquire_owned().await.map_err(|error| {
            Error::with_source(
                ErrorKind::Unavailable,
                "the queue of the sender was closed; send again",
                error,
            )
        })?;
        Ok(LanePermit { turn, permit })
    }
}

/// How many lanes are kept before those that nobody uses are forgotten.
const FORGOTTEN_AFTER: usize = 4_096;
