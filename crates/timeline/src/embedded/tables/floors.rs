//! Up to where the histories are gone that the entries of an inbox belong to.

use std::collections::HashMap;

use fjall::Snapshot;

use super::Tables;
use crate::embedded::keys;
use crate::{Conversation, Destination, Entry, MemberId, Result, Seq};

/// The floors of the histories that a page of an inbox meets; each is looked up once.
#[derive(Debug, Default)]
pub(super) struct Floors {
    // Those met last, which are told by the names in the entry: no key is made for them.
    latest: Vec<LatestFloor>,
    // Which of them makes room for the next one.
    oldest: usize,
    // By what the keys of the history begin with.
    all: HashMap<Vec<u8>, Seq, foldhash::fast::RandomState>,
}

#[derive(Debug)]
struct LatestFloor {
    from: Option<MemberId>,
    to: Option<Destination>,
    floor: Seq,
}

/// How many are compared by their names: a page has entries of one or a few conversations mostly.
const LATEST_MAX: usize = 8;

impl Floors {
    /// Returns the floor of the history that an entry of the owner's inbox belongs to; 0 if that is
    /// unknown.
    pub(super) fn of(
        &mut self,
        tables: &Tables,
        snapshot: &Snapshot,
        owner: &MemberId,
        entry: &Entry,
    ) -> Result<Seq> {
        if let Some(known) = self.latest.iter().find(|known| known.is_of(entry)) {
            return Ok(known.floor);
        }
        let floor = match conversation_of(owner, entry) {
            Some(conversation) => self.look_up(tables, snapshot, keys::history(&conversation))?,
            None => Seq::ZERO,
        };
        self.note(LatestFloor { from: entry.from.clone(), to: entry.to.clone(), floor });
        Ok(floor)
    }

    fn look_up(&mut self, tables: &Tables, snapshot: &Snapshot, history: Vec<u8>) -> Result<Seq> {
        if let Some(floor) = self.all.get(&history) {
            return Ok(*floor);
        }
        let floor = tables.extent(snapshot, &history)?.floor;
        self.all.insert(history, floor);
        Ok(floor)
    }

    fn note(&mut self, known: LatestFloor) {
        match self.latest.get_mut(self.oldest) {
            Some(oldest) => *oldest = known,
            None => self.latest.push(known),
        }
        self.oldest = (self.oldest + 1) % LATEST_MAX;
    }
}

impl LatestFloor {
    fn is_of(&self, entry: &Entry) -> bool {
        // Whoever sends to a group, the history is the same.
        let is_group = matches!(self.to, Some(Destination::Group(_)));
        self.to == entry.to && (is_group || self.from == entry.from)
    }
}

/// Returns the conversation that an entry of the owner's inbox belongs to, as far as it tells.
///
/// What nobody sent is to the other member of a pair in each of the two inboxes; entries of layout
/// 1 name nobody.
pub(super) fn conversation_of(owner: &MemberId, entry: &Entry) -> Option<Conversation> {
    match (&entry.from, entry.to.as_ref()?) {
        (_, Destination::Group(group)) => Some(Conversation::group(group.clone())),
        (from, Destination::Member(to)) => {
            let from = from.as_ref().unwrap_or(owner);
            Some(Conversation::single(from.clone(), to.clone()))
        }
    }
}
