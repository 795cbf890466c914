//! One room: its members and what happened to them.

use std::time::SystemTime;

use foldhash::quality::RandomState;
use indexmap::IndexMap;
use tokio::sync::watch;

use crate::feed::{Log, Logged, Reading};
use crate::name::Id;
use crate::page::Cursor;
use crate::rooms::{Action, Member, MemberPage, Payload};

/// A room that has members, or streams that follow it.
#[derive(Debug)]
pub(super) struct RoomState {
    members: IndexMap<Id, Payload, RandomState>,
    pub(super) log: Log<RoomRecord>,
    /// How many streams follow it.
    watchers: usize,
    /// Tells them that the log has grown. Most rooms have none.
    news: Option<watch::Sender<Reading>>,
}

/// One change.
#[derive(Debug)]
pub(in crate::memory) struct RoomRecord {
    pub(super) id: Id,
    pub(super) action: Action,
    /// How many members there were after it.
    pub(super) count: u64,
    pub(super) at: SystemTime,
}

impl Logged for RoomRecord {
    fn bytes(&self) -> usize {
        let payload = match &self.action {
            Action::Joined(payload) | Action::Updated(payload) => payload.as_bytes().len(),
            Action::Left(_) => 0,
        };
        size_of::<Self>() + self.id.as_bytes().len() + payload
    }
}

/// What came of an update.
#[derive(Debug)]
pub(super) enum Updated {
    NoMember,
    /// It was shown already.
    Same,
    Changed(Action),
}

impl RoomState {
    pub(super) fn new(epoch: u64, events_max: usize, keys: RandomState) -> Self {
        Self {
            members: IndexMap::with_hasher(keys),
            // The bytes of all the rooms of a stripe have a bound together.
            log: Log::new(epoch, events_max, usize::MAX),
            watchers: 0,
            news: None,
        }
    }

    /// Says whether nobody would miss it.
    pub(super) fn is_unused(&self) -> bool {
        self.members.is_empty() && self.watchers == 0
    }

    pub(super) fn count(&self) -> u64 {
        self.members.len() as u64
    }

    pub(super) fn join(&mut self, id: Id, payload: Payload) -> Action {
        self.members.insert(id, payload.clone());
        Action::Joined(payload)
    }

    /// Changes what a member shows.
    pub(super) fn update(&mut self, id: &Id, payload: &Payload) -> Updated {
        let Some(current) = self.members.get_mut(id) else { return Updated::NoMember };
        if current == payload {
            return Updated::Same;
        }
        current.clone_from(payload);
        Updated::Changed(Action::Updated(payload.clone()))
    }

    pub(super) fn leave(&mut self, id: &Id) {
        // The last member takes the free place: `page` and `before` rely on that, as they go from
        // the end.
        self.members.swap_remove(id);
    }

    /// Lists from the end, where new members come: who moves when another one leaves, moves to
    /// where the listing is yet to come. So nobody is missed who is a member all the while.
    pub(super) fn page(&self, cursor: Cursor, limit: usize) -> MemberPage {
        let end = match usize::try_from(cursor.offset()) {
            Ok(0) | Err(_) => self.members.len(),
            Ok(end) => end.min(self.members.len()),
        };
        let mut room = MemberPage::BYTES_MAX;
        let fits = |member: &Member| room.checked_sub(member.page_bytes()).map(|rest| room = rest).is_some();
        let members: Vec<_> = self.before(end, limit).0.rev().take_while(fits).collect();
        let start = end - members.len();
        let next = (start > 0).then(|| Cursor::new(0, start as u64));
        MemberPage::new(members, next)
    }

    /// Returns at most `limit` members before the place `end`, and the place of the first.
    pub(super) fn before(
        &self,
        end: usize,
        limit: usize,
    ) -> (impl DoubleEndedIterator<Item = Member>, usize) {
        let end = end.min(self.members.len());
        let start = end.saturating_sub(limit);
        let members = self.members.as_slice()[start..end].iter();
        (members.map(|(id, payload)| Member::new(id.clone(), payload.clone())), start)
    }

    pub(super) fn watch(&mut self) -> watch::Receiver<Reading> {
        self.watchers += 1;
        self.news.get_or_insert_default().subscribe()
    }

    pub(super) fn unwatch(&mut self) {
        self.watchers -= 1;
        if self.watchers == 0 {
            self.news = None;
        }
    }

    pub(super) fn news(&self) -> Option<watch::Sender<Reading>> {
        self.news.clone()
    }
}
