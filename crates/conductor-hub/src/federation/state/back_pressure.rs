//! Who waits for readers at other nodes, and for links that have much on their way.
//!
//! ```text
//!   A: a sender ──► router ── holds? ──► relay ══ link ══► B ══ link ══► C: a reader behind
//!                      ▲                                                 │
//!                      └── heard ◄── taken ── B ◄── pace of `tea`: half ─┘
//! ```
//!
//! A node looks at the members of a channel whenever parcels of a link were delivered to them, and
//! tells all sisters when they are behind, or are not any more (`pace.rs`). A router asks here
//! before it delivers a row, as it asks the members of its own node, and waits as long for both.
//!
//! That comes too late for what is on its way. So of each channel no more than a window is on its
//! way to a sister (`channel_shares.rs`): she says what she has taken, at once and whatever her
//! members do, but behind what she has to say of them. A node that passes on more of a channel than
//! two windows says of itself that it is behind. What it says depends on its own members and links
//! alone, so no two nodes can wait for each other.

use std::mem;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Wake, Waker};
use std::time::Duration;

use foldhash::fast::RandomState;
use hashbrown::HashMap;
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::task::yield_now;
use tokio::time::Instant;

use super::{Federation, Locked, push};
use crate::ConnectionId;
use crate::federation::host::SisterHost;
use crate::federation::item::Item;
use crate::federation::pace::{HeardPaces, Pace, PaceMark, SaidPaces};
use crate::outbox::WaitMark;

/// Windows that may be on their way to a sister before a node that passes them on says so.
///
/// Its own senders are held at one, and what comes over other links is that of their windows.
const WINDOWS_PASSED_ON: usize = 2;

/// How long channels are looked at in a row, each with all its members.
///
/// Meanwhile no link delivers, and no other task has this thread.
const LOOK_TIME: Duration = Duration::from_millis(1);

/// What holds senders, and who waits. Each lock is held alone, or below that of the relay.
pub(super) struct BackPressure {
    heard: Mutex<HeardPaces>,
    /// Whether anything was heard that holds senders: most of the time nothing is.
    is_heard: AtomicBool,
    /// Whether anything was said that is to be taken back.
    is_said: AtomicBool,
    /// How many links have much on their way.
    pressed: Arc<AtomicUsize>,
    /// The senders that wait.
    waiting: Mutex<HashMap<ConnectionId, Waker, RandomState>>,
    bell: Arc<Bell>,
    /// Rings the bell.
    waker: Waker,
}

/// Rings when members that were behind may have caught up.
#[derive(Debug, Default)]
struct Bell(Notify);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.0.notify_one();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.notify_one();
    }
}

impl BackPressure {
    pub(super) fn new() -> Self {
        let bell = Arc::new(Bell::default());
        Self {
            heard: Mutex::default(),
            is_heard: AtomicBool::new(false),
            is_said: AtomicBool::new(false),
            pressed: Arc::default(),
            waiting: Mutex::default(),
            waker: Waker::from(Arc::clone(&bell)),
            bell,
        }
    }

    /// Returns where links count themselves that have much on their way.
    pub(super) fn pressed(&self) -> Arc<AtomicUsize> {
        Arc::clone(&self.pressed)
    }
}

impl Federation {
    /// Tells whether a sender to a channel has to wait for something that is not at this node.
    pub(crate) fn holds(&self, channel: &str, mark: WaitMark) -> bool {
        let BackPressure { heard, is_heard, .. } = &self.back_pressure;
        if is_heard.load(Ordering::Relaxed) && heard.lock().is_behind(channel, mark, Instant::now()) {
            return true;
        }
        mark == WaitMark::Half && self.has_on_its_way(channel, 1)
    }

    /// Wakes a sender when it need not wait any more; `false` if it need not wait now.
    pub(crate) fn wait(&self, channel: &str, mark: WaitMark, sender: ConnectionId, waker: &Waker) -> bool {
        self.back_pressure.waiting.lock().insert(sender, waker.clone());
        // Looked at again behind that. Who relieves it changes what is seen here first and takes
        // those who wait then, so either this sees the change or it is woken.
        if self.holds(channel, mark) {
            return true;
        }
        self.back_pressure.waiting.lock().remove(&sender);
        false
    }

    /// Has all who wait look again.
    pub(crate) fn relieve(&self) {
        let waiting = mem::take(&mut *self.back_pressure.waiting.lock());
        waiting.into_values().for_each(Waker::wake);
        if self.back_pressure.is_said.load(Ordering::Relaxed) {
            self.back_pressure.waker.wake_by_ref();
        }
    }

    /// Waits until [`look_at_paces`](Self::look_at_paces) may find something.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost.
    pub(crate) async fn pace_bell(&self) {
        self.back_pressure.bell.0.notified().await;
    }

    /// Looks again at the members who were behind, and tells sisters what has changed.
    pub(crate) async fn look_at_paces(&self, host: &dyn SisterHost) {
        let mut channels = self.channels_behind();
        while self.look_for_a_while(&mut channels, |said, channel| self.say_pace(said, channel, host)) {
            yield_now().await;
        }
    }

    /// Tells sisters how far the members of a channel are behind, if that is something new.
    pub(super) fn say_pace(&self, said: &mut SaidPaces, channel: &str, host: &dyn SisterHost) {
        let readers = host.reader_mark(channel, &self.back_pressure.waker);
        let passes_on_much = self.has_on_its_way(channel, WINDOWS_PASSED_ON);
        let mark = if passes_on_much { readers.max(PaceMark::Half) } else { readers };
        let Some(pace) = said.say(self.me, channel, mark) else { return };
        self.back_pressure.is_said.store(!said.is_empty(), Ordering::Relaxed);
        self.send_pace(&pace);
        if passes_on_much {
            // A link may have been relieved before it could be seen that this was said.
            self.back_pressure.waker.wake_by_ref();
        }
    }

    /// Says again what holds, and forgets what others do not say again.
    pub(crate) async fn pace_again(&self, now: Instant, host: &dyn SisterHost) {
        let mut channels = self.channels_behind();
        while self.look_for_a_while(&mut channels, |said, channel| self.say_again(said, channel, host)) {
            yield_now().await;
        }
        self.change_heard(|heard| heard.expire(now));
        self.relieve();
    }

    /// Notes what was heard over a link and passes it on, unless it was heard before.
    ///
    /// Tells whether a sender may go on by that.
    pub(super) fn hear_pace(&self, locked: &Locked, link: u64, pace: &Pace, now: Instant) -> bool {
        if pace.node == self.me || !self.change_heard(|heard| heard.hear(link, pace, now)) {
            return false;
        }
        for sister in locked.sisters.values().filter(|sister| sister.link != link) {
            push(sister, Item::Pace(pace.clone()));
        }
        pace.mark < PaceMark::Upper
    }

    /// Forgets what was heard over a link that has ended, and has those go on who waited for it.
    pub(super) fn forget_paces(&self, link: u64) {
        self.change_heard(|heard| heard.forget_link(link));
        self.relieve();
    }

    fn say_again(&self, said: &mut SaidPaces, channel: &str, host: &dyn SisterHost) {
        self.say_pace(said, channel, host);
        if let Some(pace) = said.again(self.me, channel) {
            self.send_pace(&pace);
        }
    }

    /// Returns the channels of which sisters were told that members are behind.
    fn channels_behind(&self) -> std::vec::IntoIter<Box<str>> {
        self.deliveries.lock().said.channels().into_iter()
    }

    /// Looks at as many of these channels as there is time for in a row; tells whether some are
    /// left.
    fn look_for_a_while(
        &self,
        channels: &mut std::vec::IntoIter<Box<str>>,
        look: impl Fn(&mut SaidPaces, &str),
    ) -> bool {
        let mut deliveries = self.deliveries.lock();
        let until = Instant::now() + LOOK_TIME;
        for channel in channels.by_ref() {
            look(&mut deliveries.said, &channel);
            if Instant::now() >= until {
                break;
            }
        }
        !channels.as_slice().is_empty()
    }

    fn change_heard<T>(&self, change: impl FnOnce(&mut HeardPaces) -> T) -> T {
        let mut heard = self.back_pressure.heard.lock();
        let changed = change(&mut heard);
        self.back_pressure.is_heard.store(!heard.is_empty(), Ordering::Relaxed);
        changed
    }

    fn send_pace(&self, pace: &Pace) {
        let locked = self.relay.lock();
        locked.sisters.values().for_each(|sister| push(sister, Item::Pace(pace.clone())));
    }

    /// Tells whether more of a channel than so many windows is on its way to some sister.
    fn has_on_its_way(&self, channel: &str, windows: usize) -> bool {
        if self.back_pressure.pressed.load(Ordering::Relaxed) == 0 {
            return false;
        }
        let locked = self.relay.lock();
        locked.sisters.values().any(|sister| sister.queue.is_over(channel, windows))
    }
}

#[cfg(test)]
mod tests;
