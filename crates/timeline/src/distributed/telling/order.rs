//! In which order the observer hears of entries.
//!
//! This module is pure.

use std::collections::{BTreeMap, HashMap};

use tokio::time::Instant;

use super::recently_told::RecentlyTold;
use super::told::Told;
use crate::{Entry, MemberId, Seq};

/// What waits to be told, by inbox, and up to where each was told.
///
/// Batches are written side by side, so that an entry may be there before the one in front of it.
/// Each sequence of this node is reserved here before it is written:
///
/// ```text
///  reserve 5, reserve 6, commit 6          6 waits for 5
///                        commit 5          5 and 6 are told
///                        give up 5         6 is told; of a watched inbox 5 is read before
/// ```
///
/// Of an inbox that nobody watches the observer hears what this node wrote. Of one that is watched
/// it hears everything: whatever is missing before an entry is read from the store, and the entry
/// with it. A reservation that nobody ends counts as given up after a time.
#[derive(Debug, Default)]
pub(super) struct Order {
    /// None is empty.
    lines: HashMap<MemberId, Line>,
    watched: HashMap<MemberId, WatchedInbox>,
    recent: RecentlyTold,
    waiting: Amount,
    /// The number of the pass over the watched inboxes that is under way.
    pass: u32,
}

type Line = BTreeMap<Seq, Place>;

/// What is known of a sequence that was not told.
#[derive(Debug)]
enum Place {
    /// It may be written; since when.
    Reserved(Instant),
    Written(Box<Entry>),
    /// It was written, and there was no room for it.
    LeftOut,
}

/// An inbox that somebody waits for here.
#[derive(Debug)]
struct WatchedInbox {
    /// Up to where the observer has heard of it.
    told: Seq,
    /// The last entry that the watchers were woken for.
    top: Seq,
    floor: Seq,
    /// The last pass that has seen it.
    pass: u32,
}

#[derive(Debug, Default)]
struct Amount {
    entries: usize,
    bytes: usize,
}

/// How many entries wait here for others at most; behind them there is the queue of the observer.
const ENTRIES_MAX: usize = 16_384;

/// How many bytes of entries wait here at most.
const BYTES_MAX: usize = 16 * 1024 * 1024;

/// How many entries of an inbox are read for the observer at once; it misses what is before them.
const BACKLOG_MAX: u64 = 1_000;

impl Order {
    /// Notes that a sequence may be written by this node.
    pub(super) fn reserve(&mut self, member: &MemberId, sequence: Seq, now: Instant) {
        let line = self.lines.entry(member.clone()).or_default();
        line.entry(sequence).or_insert(Place::Reserved(now));
    }

    /// Notes that a sequence is not written by this node after all.
    pub(super) fn give_up(&mut self, member: &MemberId, sequence: Seq, told: &mut Told) {
        let Some(line) = self.lines.get_mut(member) else { return };
        if matches!(line.get(&sequence), Some(Place::Reserved(_))) {
            line.remove(&sequence);
            self.release(member, told);
        }
    }

    /// Notes that this node has written an entry.
    pub(super) fn commit(&mut self, member: &MemberId, entry: Entry, is_watched: bool, told: &mut Told) {
        let sequence = entry.sequence;
        if is_watched {
            let watched = self.watch(member, sequence);
            watched.top = watched.top.max(sequence);
        }
        let Some(line) = self.lines.get_mut(member) else {
            self.pass_on(member, entry, told);
            return;
        };
        // What is first is told at once, and needs no room.
        let is_first = line.first_key_value().is_none_or(|(first, _)| sequence <= *first);
        let place = if is_first || self.waiting.has_room(&entry) {
            self.waiting.add(&entry);
            Place::Written(Box::new(entry))
        } else {
            Place::LeftOut
        };
        if let Some(Place::Written(twice)) = line.insert(sequence, place) {
            self.waiting.give_back(&twice);
        }
        self.release(member, told);
    }

    /// Notes that another node has written these entries into an inbox that is watched.
    ///
    /// They go up to `top`, and begin with `first`.
    pub(super) fn hear(&mut self, member: &MemberId, first: Seq, top: Seq, told: &mut Told) {
        let watched = self.watch(member, first);
        watched.top = watched.top.max(top);
        if watched.told < top {
            told.behind.push((member.clone(), top));
        }
    }

    /// Notes what the store has of an inbox that is watched; says whether its watchers may not know
    /// of it.
    ///
    /// Of an inbox that was not known to be watched, what is recent may have come since it is: its
    /// last entry is told.
    pub(super) fn see(
        &mut self,
        member: &MemberId,
        (top, floor): (Seq, Seq),
        is_recent: bool,
        told: &mut Told,
    ) -> bool {
        let (is_known, pass) = (self.watched.contains_key(member), self.pass);
        let watched = self.watch(member, if is_recent { top } else { top.next() });
        let is_news = if is_known { top > watched.top || floor > watched.floor } else { is_recent };
        watched.pass = pass;
        watched.top = watched.top.max(top);
        watched.floor = watched.floor.max(floor);
        watched.told = watched.told.max(floor);
        if watched.told < top {
            told.behind.push((member.clone(), top));
        }
        is_news
    }

    /// Forgets the inboxes that were not seen in this pass, and begins another one.
    pub(super) fn end_pass(&mut self) {
        let Self { watched, recent, pass, .. } = self;
        watched.retain(|member, inbox| {
            let is_seen = inbox.pass == *pass;
            if !is_seen {
                recent.rise(member, inbox.told);
            }
            is_seen
        });
        *pass = pass.wrapping_add(1);
        // Room for many is given back after they have left, and not with each one.
        if watched.len() * 4 < watched.capacity() {
            watched.shrink_to(watched.len() * 2);
        }
    }

    /// Returns after which entry to read an inbox that has some up to `top`.
    ///
    /// None if it has none to tell.
    pub(super) fn read_from(&mut self, member: &MemberId, top: Seq, told: &mut Told) -> Option<Seq> {
        let watched = self.watched.get_mut(member)?;
        let many = top.get().saturating_sub(watched.told.get()).saturating_sub(BACKLOG_MAX);
        told.missed += many;
        watched.told = Seq::new(watched.told.get() + many).unwrap_or(top);
        (watched.told < top).then_some(watched.told)
    }

    /// Tells what was read of an inbox that is watched, and returns up to where it was told.
    pub(super) fn catch_up(
        &mut self,
        member: &MemberId,
        entries: Vec<Entry>,
        floor: Seq,
        told: &mut Told,
    ) -> Option<Seq> {
        let watched = self.watched.get_mut(member)?;
        for entry in entries {
            if entry.sequence > watched.told {
                watched.told = entry.sequence;
                told.entries.push((member.clone(), entry));
            }
        }
        // What was freed is known to a device of the member.
        watched.told = watched.told.max(floor);
        self.release(member, told);
        self.watched.get(member).map(|watched| watched.told)
    }

    /// Gives up what was reserved before this time, in the lines that wait for it.
    pub(super) fn expire(&mut self, reserved_before: Instant, told: &mut Told) {
        let is_late = |place: &Place| matches!(place, Place::Reserved(at) if *at < reserved_before);
        let late = |line: &Line| line.first_key_value().is_some_and(|(_, place)| is_late(place));
        let late: Vec<_> =
            self.lines.iter().filter(|(_, line)| late(line)).map(|(member, _)| member.clone()).collect();
        for member in late {
            if let Some(line) = self.lines.get_mut(&member) {
                line.retain(|_, place| !is_late(place));
            }
            self.release(&member, told);
        }
        if self.lines.len() * 4 < self.lines.capacity() {
            self.lines.shrink_to(self.lines.len() * 2);
        }
    }

    /// Returns what is known of an inbox that is watched.
    ///
    /// If that is nothing yet, all is told from `first` on, and what waits to be told.
    fn watch(&mut self, member: &MemberId, first: Seq) -> &mut WatchedInbox {
        let Self { lines, watched, recent, pass, .. } = self;
        watched.entry(member.clone()).or_insert_with(|| {
            let waiting = lines.get(member).and_then(|line| line.first_key_value());
            let first = waiting.map_or(first, |(waiting, _)| first.min(*waiting));
            let told = recent.get(member).unwrap_or_default().max(before(first));
            WatchedInbox { told, top: Seq::ZERO, floor: Seq::ZERO, pass: *pass }
        })
    }

    /// Tells what waits for nothing any more.
    fn release(&mut self, member: &MemberId, told: &mut Told) {
        let Some(mut line) = self.lines.remove(member) else { return };
        while let Some(first) = line.first_entry() {
            if matches!(first.get(), Place::Reserved(_)) {
                break;
            }
            let sequence = *first.key();
            match first.remove() {
                Place::Written(entry) => {
                    self.waiting.give_back(&entry);
                    self.pass_on(member, *entry, told);
                }
                _ => self.leave_out(member, sequence, told),
            }
        }
        if !line.is_empty() {
            self.lines.insert(member.clone(), line);
        }
    }

    /// Tells an entry, unless it or a later one was told, or one before it has to be read.
    fn pass_on(&mut self, member: &MemberId, entry: Entry, told: &mut Told) {
        let sequence = entry.sequence;
        let Some(watched) = self.watched.get_mut(member) else {
            if self.recent.rise(member, sequence) {
                told.entries.push((member.clone(), entry));
            }
            return;
        };
        if sequence == watched.told.next() {
            watched.told = sequence;
            told.entries.push((member.clone(), entry));
        } else if sequence > watched.told {
            told.behind.push((member.clone(), sequence));
        }
    }

    /// Has an entry read again for which there was no room, or missed where nobody watches.
    fn leave_out(&self, member: &MemberId, sequence: Seq, told: &mut Told) {
        match self.watched.get(member) {
            Some(watched) if sequence <= watched.told => {}
            Some(_) => told.behind.push((member.clone(), sequence)),
            None => told.missed += 1,
        }
    }
}

impl Amount {
    fn has_room(&self, entry: &Entry) -> bool {
        self.entries < ENTRIES_MAX && self.bytes + entry.bytes() <= BYTES_MAX
    }

    fn add(&mut self, entry: &Entry) {
        self.entries += 1;
        self.bytes += entry.bytes();
    }

    fn give_back(&mut self, entry: &Entry) {
        self.entries -= 1;
        self.bytes -= entry.bytes();
    }
}

/// Returns the sequence in front of another one.
fn before(sequence: Seq) -> Seq {
    Seq::new(sequence.get().saturating_sub(1)).unwrap_or_default()
}

#[cfg(test)]
mod tests;
