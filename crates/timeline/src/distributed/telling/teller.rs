//! Who is told of what is new.

use std::collections::HashMap;
use std::mem;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::task::TaskTracker;

use super::behind::{Behind, BehindInbox};
use super::hearing::Hearing;
use super::metrics;
use super::notice::HeardNotice;
use super::order::Order;
use super::outgoing::Outgoing;
use super::told::Told;
use crate::distributed::config::Config;
use crate::distributed::entry_id::EntryId;
use crate::distributed::node_id::NodeId;
use crate::distributed::tops::Top;
use crate::distributed::trouble::Trouble;
use crate::notifier::Notifier;
use crate::store::InboxWatchers;
use crate::{Entry, InboxPage, MemberId, ReadCursor, Result, Seq};

/// Tells of what is new: who waits here, the observer, and the other nodes.
///
/// Nothing here waits for anybody. What is said to the other nodes, and what is read for the
/// observer, is noted, and done by the tasks of [`run`](super::run).
///
/// # Order
///
/// The observer hears of the entries of an inbox in their order, though they are written side by
/// side. For that each sequence is [reserved](Self::reserved) before it is written, in the order in
/// which sequences were given out, which [`reserving`](crate::distributed::reserving) sees to, and
/// then either [committed](Self::committed) or [given up](Self::given_up). One that is committed
/// without having been reserved is told if no later one was.
pub(in crate::distributed) struct Teller {
    node: NodeId,
    watchers: InboxWatchers,
    has_observer: bool,
    locked: Mutex<Locked>,
    outgoing: Mutex<Outgoing>,
    to_say: Notify,
    behind: Mutex<Behind>,
    to_read: Notify,
    hearing: Hearing,
}

struct Locked {
    order: Order,
    /// None without an observer, and after the end.
    notifier: Option<Notifier>,
}

/// What the tasks of a teller end with: the thread of its observer.
pub(in crate::distributed) struct Telling {
    pub(super) observer: TaskTracker,
}

/// How far back an entry is recent, for an inbox that is found to be watched: longer than it takes
/// to find that, and than clocks differ.
const RECENT_MS: u64 = 60_000;

impl Teller {
    /// Starts the thread of the observer, if there is one.
    ///
    /// # Errors
    ///
    /// [`Unavailable`](crate::ErrorKind::Unavailable) if there cannot be another thread.
    pub(in crate::distributed) fn new(
        config: &Config,
        node: NodeId,
        watchers: InboxWatchers,
        trouble: Trouble,
    ) -> Result<(Self, Telling)> {
        let telling = Telling { observer: TaskTracker::new() };
        let start = |observer| Notifier::start(observer, telling.observer.token());
        let notifier = config.observer.as_ref().map(|observer| start(Arc::clone(observer))).transpose()?;
        let teller = Self {
            node,
            watchers,
            has_observer: notifier.is_some(),
            locked: Mutex::new(Locked { order: Order::default(), notifier }),
            outgoing: Mutex::default(),
            to_say: Notify::new(),
            behind: Mutex::default(),
            to_read: Notify::new(),
            hearing: Hearing::new(trouble),
        };
        Ok((teller, telling))
    }

    /// Notes which sequences of inboxes this node may write, before it does.
    pub(in crate::distributed) fn reserved(&self, places: impl Iterator<Item = (MemberId, Seq)>) {
        if self.has_observer {
            let (mut locked, now) = (self.locked.lock(), Instant::now());
            places.for_each(|(member, sequence)| locked.order.reserve(&member, sequence, now));
        }
    }

    /// Notes which of the reserved sequences this node does not write.
    ///
    /// It has taken others, or somebody else closes the holes.
    pub(in crate::distributed) fn given_up(&self, copies: &[(MemberId, Seq)]) {
        if self.has_observer {
            self.change(|order, told| {
                copies.iter().for_each(|(member, sequence)| order.give_up(member, *sequence, told));
            });
        }
    }

    /// Tells of entries of inboxes that this node has written, once they can be read.
    pub(in crate::distributed) fn committed(&self, entries: Vec<(MemberId, Entry)>) {
        if entries.is_empty() {
            return;
        }
        entries.iter().for_each(|(member, _)| self.watchers.notify(member));
        self.say(|outgoing| {
            entries.iter().for_each(|(member, entry)| outgoing.add_inbox(member, entry.sequence));
        });
        if self.has_observer {
            self.change(|order, told| {
                for (member, entry) in entries {
                    let is_watched = self.watchers.is_watched(&member);
                    order.commit(&member, entry, is_watched, told);
                }
            });
        }
    }

    /// Tells that an inbox was freed, once its floor is durable.
    pub(in crate::distributed) fn freed(&self, member: &MemberId) {
        self.watchers.notify(member);
        self.say(|outgoing| outgoing.add_inbox(member, Seq::ZERO));
    }

    /// Tells a member how far a conversation was read, once the cursor is durable.
    pub(in crate::distributed) fn read(&self, cursor: &ReadCursor, told: &MemberId) {
        self.tell_cursor(cursor, told);
        self.say(|outgoing| outgoing.add_cursor(told, cursor));
    }

    /// Tells the other nodes of rows whose members have left their groups.
    pub(in crate::distributed) fn left(&self, rows: &[EntryId]) {
        self.say(|outgoing| rows.iter().for_each(|row| outgoing.add_left(*row)));
    }

    /// Tells the other nodes that a member was forgotten.
    pub(in crate::distributed) fn forgotten(&self, member: &MemberId) {
        self.say(|outgoing| outgoing.add_forgotten(member));
    }

    /// Takes in what another node has said, and returns it if it is new.
    ///
    /// What it says of rows is left to the caller.
    pub(super) fn hear(&self, text: &[u8]) -> Option<HeardNotice> {
        metrics::heard();
        let heard = match HeardNotice::parse(text) {
            Ok(heard) if heard.node == self.node.as_str() => return None,
            Ok(heard) => heard,
            Err(error) => {
                self.hearing.doubt(&error);
                return None;
            }
        };
        heard.inboxes.iter().for_each(|(member, _, _)| self.watchers.notify(member));
        self.change(|order, told| {
            for (member, first, top) in &heard.inboxes {
                if *top > Seq::ZERO && self.watchers.is_watched(member) {
                    order.hear(member, *first, *top, told);
                }
            }
        });
        for (told, cursor) in &heard.cursors {
            if self.watchers.is_watched(told) {
                self.tell_cursor(cursor, told);
            }
        }
        if heard.all {
            self.hearing.doubt(&"another node had more to say than it can");
        }
        Some(heard)
    }

    /// Takes in what the store has of inboxes that are watched, and wakes who may not know it.
    pub(super) fn see(&self, members: &[MemberId], tops: &HashMap<String, Top>, now_ms: u64) {
        let mut woken = Vec::new();
        self.change(|order, told| {
            for member in members {
                let top = tops.get(member.as_str());
                let is_recent = top.is_some_and(|top| top.at_ms.saturating_add(RECENT_MS) >= now_ms);
                let ends = top.map_or((Seq::ZERO, Seq::ZERO), |top| (top.seq, top.floor));
                if order.see(member, ends, is_recent, told) {
                    woken.push(member);
                }
            }
        });
        woken.into_iter().for_each(|member| self.watchers.notify(member));
    }

    /// Tells watchers and the observer that they may have missed cursors.
    ///
    /// If there is no room for the observer, all are told again.
    pub(super) fn reads_missed(&self, members: &[MemberId]) {
        members.iter().for_each(|member| self.watchers.notify_reads_missed(member));
        let mut locked = self.locked.lock();
        let tell = |notifier: &mut Notifier| notifier.tell_reads_missed(members.to_vec());
        let is_told = locked.notifier.as_mut().is_none_or(tell);
        drop(locked);
        if !is_told {
            self.hearing.lack_cursors();
        }
    }

    /// Forgets the inboxes that were not [seen](Self::see) since the last call.
    pub(super) fn end_pass(&self) {
        self.locked.lock().order.end_pass();
    }

    /// Tells the observer what was read of an inbox for it.
    pub(super) fn catch_up(&self, inbox: BehindInbox, page: InboxPage) {
        let (count, mut last) = (page.entries.len(), None);
        self.change(|order, told| last = order.catch_up(&inbox.member, page.entries, page.floor, told));
        let now = Instant::now();
        match last {
            Some(last) if last >= inbox.top => {}
            Some(_) if count > 0 => {
                self.read_for_observer(|behind| behind.add(&inbox.member, inbox.top, now));
            }
            // The next entry is not there yet, or never comes and is closed soon.
            Some(_) => self.read_again(inbox),
            None => {}
        }
    }

    /// Has an inbox read again for the observer, a little later.
    pub(super) fn read_again(&self, inbox: BehindInbox) {
        self.read_for_observer(|behind| behind.again(inbox, Instant::now()));
    }

    /// Returns after which entry to read an inbox for the observer; none if there is nothing to
    /// read, or nobody waits for the inbox any more.
    pub(super) fn read_from(&self, inbox: &BehindInbox) -> Option<Seq> {
        if !self.watchers.is_watched(&inbox.member) {
            return None;
        }
        let mut last = None;
        self.change(|order, told| last = order.read_from(&inbox.member, inbox.top, told));
        last
    }

    /// Takes inboxes that are to be read for the observer now.
    pub(super) fn take_behind(&self, most: usize) -> Vec<BehindInbox> {
        self.behind.lock().take(Instant::now(), most)
    }

    /// Returns when the next inbox is to be read for the observer.
    pub(super) fn next_behind(&self) -> Option<Instant> {
        self.behind.lock().next()
    }

    /// Waits until another inbox is to be read for the observer.
    ///
    /// # Cancel safety
    ///
    /// A dropped call loses nothing.
    pub(super) async fn is_behind(&self) {
        self.to_read.notified().await;
    }

    /// Takes what is to be said to the other nodes.
    pub(super) fn take_outgoing(&self) -> Vec<String> {
        let outgoing = mem::take(&mut *self.outgoing.lock());
        outgoing.into_texts(self.node.as_str())
    }

    /// Waits until there is something to say.
    ///
    /// # Cancel safety
    ///
    /// A dropped call loses nothing.
    pub(super) async fn has_outgoing(&self) {
        self.to_say.notified().await;
    }

    /// Gives up what was reserved before this time.
    pub(super) fn expire(&self, reserved_before: Instant) {
        self.change(|order, told| order.expire(reserved_before, told));
    }

    /// Ends the thread of the observer, once it has heard what waits for it.
    pub(super) fn end(&self) {
        let notifier = self.locked.lock().notifier.take();
        drop(notifier);
    }

    pub(super) fn has_observer(&self) -> bool {
        self.has_observer
    }

    pub(super) fn hearing(&self) -> &Hearing {
        &self.hearing
    }

    fn tell_cursor(&self, cursor: &ReadCursor, told: &MemberId) {
        self.watchers.notify_read(cursor, told);
        if let Some(notifier) = &mut self.locked.lock().notifier {
            notifier.tell(Vec::new(), vec![(told.clone(), cursor.clone())]);
        }
    }

    fn say(&self, add: impl FnOnce(&mut Outgoing)) {
        add(&mut self.outgoing.lock());
        self.to_say.notify_one();
    }

    fn read_for_observer(&self, add: impl FnOnce(&mut Behind)) {
        add(&mut self.behind.lock());
        self.to_read.notify_one();
    }

    /// Changes the order, and tells the observer what that leads to.
    fn change(&self, change: impl FnOnce(&mut Order, &mut Told)) {
        let mut told = Told::default();
        let mut locked = self.locked.lock();
        change(&mut locked.order, &mut told);
        let Told { entries, missed, behind } = told;
        // The observer's queue is filled under the lock, so that its order is that of the changes.
        if let Some(notifier) = &mut locked.notifier {
            notifier.leave_out(missed);
            notifier.tell(entries, Vec::new());
        }
        drop(locked);
        if self.has_observer && !behind.is_empty() {
            let now = Instant::now();
            self.read_for_observer(|all| behind.iter().for_each(|(member, top)| all.add(member, *top, now)));
        }
    }
}

#[cfg(test)]
mod tests;
