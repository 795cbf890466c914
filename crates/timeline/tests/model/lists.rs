//! The model: what a store keeps, as lists.

use std::collections::BTreeMap;

use timeline::{EntryStatus, ErrorKind};

use super::kept::{AGE_TICKS, Kept};

pub(super) const MEMBERS: usize = 3;

/// The pairs, then a group that the store knows, and one that it does not.
pub(super) const CONVERSATIONS: [Talk; 6] =
    [Talk::Pair(0, 1), Talk::Pair(0, 2), Talk::Pair(1, 2), Talk::Pair(1, 1), Talk::Known, Talk::Named];

pub(super) const KNOWN: usize = 4;
pub(super) const NAMED: usize = 5;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Talk {
    Pair(usize, usize),
    Known,
    Named,
}

/// What is at a place of a history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    Message {
        text: u64,
        is_edited: bool,
    },
    Recalled,
    Deleted,
    Edit(u64),
    Recall(u64),
    Deletion(u64),
    Purge(u64),
    /// Nothing: a repair has closed the place.
    Closed,
}

#[derive(Debug, Clone)]
pub(super) struct Item {
    pub(super) from: Option<usize>,
    pub(super) what: What,
    recipients: Vec<usize>,
    // When it was written, in ticks.
    at: u64,
    // Where the last change is told; where the message is, if there is none.
    told_at: u64,
}

#[derive(Debug, Default)]
pub(super) struct History {
    pub(super) items: Vec<Item>,
    pub(super) floor: u64,
    // Places by message ids, with who sent which text.
    ids: BTreeMap<u8, (u64, usize, u64)>,
}

#[derive(Debug, Default)]
pub(super) struct Inbox {
    pub(super) copies: Vec<Copied>,
    pub(super) floor: u64,
}

/// What is at a sequence of an inbox.
#[derive(Debug, Clone, Copy)]
pub(super) struct Copied {
    /// Which conversation it is of, and the place in it; nothing where a repair closed the place.
    pub(super) of: Option<(usize, u64)>,
    at: u64,
}

/// Where a repair closes the next place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Boxed {
    History(usize),
    Inbox(usize),
}

#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Row {
    pub(super) read: u64,
    joined: u64,
    cleared: u64,
    pub(super) has_left: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    Edit(u64),
    Recall,
    Delete,
}

#[derive(Debug)]
pub(super) struct Lists {
    pub(super) histories: Vec<History>,
    pub(super) inboxes: Vec<Inbox>,
    /// By member and conversation.
    pub(super) rows: BTreeMap<(usize, usize), Row>,
    /// Who is in the group that the store knows.
    pub(super) known: Vec<usize>,
    pub(super) kept: Kept,
    /// How the store says why a repair has closed a place.
    pub(super) closes_as: EntryStatus,
    /// What the clock shows, in ticks.
    pub(super) now: u64,
}

type Answer = Result<u64, ErrorKind>;

impl History {
    pub(super) fn top(&self) -> u64 {
        self.items.len() as u64
    }

    /// The places above this one, with what is there.
    pub(super) fn above(&self, place: u64) -> impl Iterator<Item = (u64, &Item)> {
        (1..).zip(&self.items).filter(move |(known, _)| *known > place)
    }

    pub(super) fn at(&self, place: u64) -> Option<&Item> {
        self.above(self.floor).find(|(known, _)| *known == place).map(|(_, item)| item)
    }

    fn at_mut(&mut self, place: u64) -> &mut Item {
        let index = usize::try_from(place - 1).unwrap();
        &mut self.items[index]
    }

    /// Whether there is nothing that a purge would remove.
    fn is_purged(&self) -> bool {
        self.above(self.floor).all(|(_, item)| matches!(item.what, What::Purge(_)))
    }
}

impl Inbox {
    pub(super) fn top(&self) -> u64 {
        self.copies.len() as u64
    }
}

impl Lists {
    pub(super) fn new(kept: Kept, closes_as: EntryStatus) -> Self {
        Self {
            histories: CONVERSATIONS.iter().map(|_| History::default()).collect(),
            inboxes: (0..MEMBERS).map(|_| Inbox::default()).collect(),
            rows: BTreeMap::from([((0, KNOWN), Row::default())]),
            known: vec![0],
            kept,
            closes_as,
            now: 0,
        }
    }

    /// Takes a message, and returns its place and the sequence in the last inbox.
    pub(super) fn send(&mut self, talk: usize, from: usize, recipients: &[usize], text: u64) -> u64 {
        let what = What::Message { text, is_edited: false };
        let place = self.append(talk, Some(from), recipients, what);
        for &member in recipients {
            let new = Row { joined: place - 1, ..Row::default() };
            let row = self.rows.entry((member, talk)).or_insert(new);
            if row.has_left {
                (row.joined, row.has_left) = (place - 1, false);
            }
        }
        let only_sends = Row { joined: place - 1, has_left: true, ..Row::default() };
        let row = self.rows.entry((from, talk)).or_insert(only_sends);
        row.read = row.read.max(place);
        place
    }

    /// Takes a message with an id, which is that of another one while that is kept.
    pub(super) fn send_id(&mut self, talk: usize, from: usize, to: &[usize], text: u64, id: u8) -> Answer {
        let history = &self.histories[talk];
        match history.ids.get(&id) {
            Some(&(place, sender, first)) if place > history.floor => {
                if (sender, first) == (from, text) {
                    Ok(place)
                } else {
                    Err(ErrorKind::Conflict)
                }
            }
            _ => {
                let place = self.send(talk, from, to, text);
                self.histories[talk].ids.insert(id, (place, from, text));
                Ok(place)
            }
        }
    }

    fn append(&mut self, talk: usize, from: Option<usize>, recipients: &[usize], what: What) -> u64 {
        let history = &mut self.histories[talk];
        let told_at = history.top() + 1;
        history.items.push(Item { from, what, recipients: recipients.to_vec(), at: self.now, told_at });
        if let Some(kept) = self.kept.histories {
            history.floor = history.floor.max(told_at.saturating_sub(kept));
        }
        for &member in recipients {
            self.copy(member, talk, told_at);
        }
        told_at
    }

    /// Puts a copy into an inbox.
    pub(super) fn copy(&mut self, member: usize, talk: usize, place: u64) {
        let inbox = &mut self.inboxes[member];
        inbox.copies.push(Copied { of: Some((talk, place)), at: self.now });
        if let Some(kept) = self.kept.inboxes {
            inbox.floor = inbox.floor.max(inbox.top().saturating_sub(kept));
        }
    }

    pub(super) fn change(&mut self, talk: usize, place: u64, by: Option<usize>, change: Change) -> Answer {
        let item = self.histories[talk].at(place).cloned().ok_or(ErrorKind::NotFound)?;
        if !matches!(item.what, What::Message { .. } | What::Recalled | What::Deleted) {
            return Err(ErrorKind::NotFound);
        }
        if by.is_some() && by != item.from {
            return Err(ErrorKind::Forbidden);
        }
        let (becomes, telling) = match (item.what, change) {
            (What::Message { text: old, .. }, Change::Edit(text)) if old == text => return Ok(item.told_at),
            (What::Message { .. }, Change::Edit(text)) => {
                (What::Message { text, is_edited: true }, What::Edit(place))
            }
            (_, Change::Edit(_)) => return Err(ErrorKind::Conflict),
            (What::Message { .. }, Change::Recall) => (What::Recalled, What::Recall(place)),
            (What::Message { .. } | What::Recalled, Change::Delete) => (What::Deleted, What::Deletion(place)),
            _ => return Ok(item.told_at),
        };
        let told_at = self.append(talk, by, &item.recipients, telling);
        let changed = self.histories[talk].at_mut(place);
        (changed.what, changed.told_at) = (becomes, told_at);
        Ok(told_at)
    }

    pub(super) fn read(&mut self, member: usize, talk: usize, place: u64) -> Answer {
        let row = self.rows.get_mut(&(member, talk)).ok_or(ErrorKind::NotFound)?;
        if place > self.histories[talk].top() {
            return Err(ErrorKind::InvalidInput);
        }
        row.read = row.read.max(place);
        Ok(row.read)
    }

    /// How far a member has read.
    pub(super) fn read_of(&self, member: usize, talk: usize) -> u64 {
        self.rows.get(&(member, talk)).map_or(0, |row| row.read)
    }

    pub(super) fn ack(&mut self, member: usize, sequence: u64) -> Answer {
        let inbox = &mut self.inboxes[member];
        if sequence > inbox.top() {
            return Err(ErrorKind::InvalidInput);
        }
        inbox.floor = inbox.floor.max(sequence);
        Ok(inbox.floor)
    }

    pub(super) fn clear(&mut self, member: usize, talk: usize) -> Result<(), ErrorKind> {
        let row = self.rows.get_mut(&(member, talk)).ok_or(ErrorKind::NotFound)?;
        row.cleared = self.histories[talk].top();
        Ok(())
    }

    /// Purges a history that has entries; returns the place of it and who is told.
    pub(super) fn purge(&mut self, talk: usize) -> (u64, Vec<usize>) {
        let history = &mut self.histories[talk];
        let top = history.top();
        if history.is_purged() {
            return (top, Vec::new());
        }
        history.floor = top;
        let told = match CONVERSATIONS[talk] {
            Talk::Pair(one, other) if one == other => vec![one],
            Talk::Pair(one, other) => vec![one, other],
            Talk::Known => self.known.clone(),
            Talk::Named => Vec::new(),
        };
        (self.append(talk, None, &told, What::Purge(top)), told)
    }

    /// Closes the next place of a box, as a repair does, and returns whether it did.
    ///
    /// A box that was never used has nothing to repair.
    pub(super) fn close(&mut self, closed: Boxed) -> bool {
        match closed {
            Boxed::History(talk) => {
                let history = &mut self.histories[talk];
                let Some(at) = history.items.last().map(|last| last.at) else { return false };
                let told_at = history.top() + 1;
                let (what, recipients) = (What::Closed, Vec::new());
                history.items.push(Item { from: None, what, recipients, at, told_at });
            }
            Boxed::Inbox(member) => {
                let inbox = &mut self.inboxes[member];
                let Some(at) = inbox.copies.last().map(|last| last.at) else { return false };
                inbox.copies.push(Copied { of: None, at });
            }
        }
        true
    }

    /// Removes what is too old by now, and what is too much.
    pub(super) fn expire(&mut self) {
        let now = self.now;
        let is_old = |at: u64| at + AGE_TICKS <= now;
        let after = |last: Option<usize>| last.map_or(0, |last| last as u64 + 1);
        for history in self.histories.iter_mut().filter(|_| self.kept.ages_histories) {
            let last = history.items.iter().rposition(|item| is_old(item.at));
            history.floor = history.floor.max(after(last));
        }
        for inbox in self.inboxes.iter_mut().filter(|_| self.kept.ages_inboxes) {
            let last = inbox.copies.iter().rposition(|copied| is_old(copied.at));
            inbox.floor = inbox.floor.max(after(last));
        }
        // A place that a repair closed counts as well.
        for history in &mut self.histories {
            let most = self.kept.histories.unwrap_or(u64::MAX);
            history.floor = history.floor.max(history.top().saturating_sub(most));
        }
        for inbox in &mut self.inboxes {
            let most = self.kept.inboxes.unwrap_or(u64::MAX);
            inbox.floor = inbox.floor.max(inbox.top().saturating_sub(most));
        }
    }

    pub(super) fn join(&mut self, member: usize) {
        if !self.known.contains(&member) {
            self.known.push(member);
            // Who was named since they left is back already.
            let new = Row { has_left: true, ..Row::default() };
            let row = self.rows.entry((member, KNOWN)).or_insert(new);
            if row.has_left {
                (row.joined, row.has_left) = (self.histories[KNOWN].top(), false);
            }
        }
    }

    pub(super) fn leave(&mut self, member: usize) {
        if self.known.contains(&member) {
            self.known.retain(|known| *known != member);
            self.rows.entry((member, KNOWN)).or_default().has_left = true;
        }
    }

    /// Up to where a conversation is gone for a member.
    pub(super) fn floor(&self, row: Row, talk: usize) -> u64 {
        row.cleared.max(self.histories[talk].floor)
    }

    pub(super) fn unread(&self, row: Row, talk: usize) -> usize {
        let base = self.floor(row, talk).max(row.read).max(row.joined);
        self.histories[talk].above(base).filter(|(_, item)| matches!(item.what, What::Message { .. })).count()
    }

    /// Whether a conversation is in the list of a member.
    pub(super) fn is_listed(&self, row: Row, talk: usize) -> bool {
        let (history, floor) = (&self.histories[talk], self.floor(row, talk));
        let has_entry = history.above(floor).any(|(_, item)| match item.what {
            What::Message { .. } | What::Recalled | What::Deleted | What::Closed => self.is_one(item.what),
            What::Purge(_) => false,
            // What was cleared does not come back with a change of what is in it.
            What::Edit(_) | What::Recall(_) | What::Deletion(_) => row.cleared <= history.floor,
        });
        !row.has_left && (has_entry || history.top() == 0)
    }

    /// The last message or tombstone that a member sees.
    pub(super) fn last(&self, row: Row, talk: usize) -> Option<u64> {
        self.histories[talk]
            .above(self.floor(row, talk))
            .filter(|(_, item)| self.is_one(item.what))
            .map(|(place, _)| place)
            .last()
    }

    /// Whether it is a message, or stands for one that is gone.
    fn is_one(&self, what: What) -> bool {
        match what {
            What::Message { .. } | What::Recalled | What::Deleted => true,
            // Of one that was not used nothing is gone.
            What::Closed => self.closes_as != EntryStatus::Unused,
            What::Edit(_) | What::Recall(_) | What::Deletion(_) | What::Purge(_) => false,
        }
    }
}
