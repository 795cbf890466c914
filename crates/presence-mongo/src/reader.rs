//! The task that knows who is alive in one namespace.
//!
//! It reads the slots that count when a slot begins, when somebody asks, and when a change stream
//! says so; in between it hears of bits from the change stream. Nobody is dead before slots were
//! read that say so: whatever fails, the last state is kept. What makes somebody dead by age is
//! read once more, for certain.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use mongo_link::Backoff;
use tokio::time::{Instant, sleep_until};

use crate::change_buffer::Buffered;
use crate::error::{Error, ErrorKind};
use crate::liveness::Liveness;
use crate::shared::Shared;
use crate::slots::{SlotBits, TimeSlot, Window};
use crate::space::Space;
use crate::store::{READ_MAX, SlotRead};

/// Reads as long as somebody watches, until the base closes.
pub(crate) async fn run(shared: Arc<Shared>, space: Arc<Space>) {
    let mut reader = Reader::new(Arc::clone(&shared), Arc::clone(&space));
    while !shared.closing.is_cancelled() {
        if space.table.is_watched() {
            reader.step().await;
        } else {
            space.table.forget();
            space.alive_keys.set(0);
            space.watched_keys.set(0);
            tokio::select! {
                () = space.table.wanted.notified() => {}
                () = shared.closing.cancelled() => {}
            }
            // Whoever watches from now on hears of nothing that was known before.
            reader = Reader::new(Arc::clone(&shared), Arc::clone(&space));
        }
    }
}

/// What is known of a namespace.
struct Reader {
    shared: Arc<Shared>,
    space: Arc<Space>,
    window: Window,
    liveness: Liveness,
    /// Nothing was told yet: the watch table may know those who died meanwhile.
    is_new: bool,
    /// How many beings pinged without a document when that was logged.
    strangers: usize,
    /// Up to which request there was a sync.
    served: u64,
    /// When the next sync is made.
    next: Instant,
    backoff: Backoff,
    /// How long after the beginning of a slot it is read: not all processes read at once.
    offset: Duration,
}

impl Reader {
    fn new(shared: Arc<Shared>, space: Arc<Space>) -> Self {
        let period = shared.clock.period();
        Self {
            window: Window::new(period),
            liveness: Liveness::default(),
            is_new: true,
            strangers: 0,
            served: 0,
            next: Instant::now(),
            backoff: shared.backoff(),
            offset: (period.length() / 20).mul_f64(fastrand::f64()),
            shared,
            space,
        }
    }

    /// Does what is due, or waits until something is.
    async fn step(&mut self) {
        let asked = self.space.table.asked();
        let Buffered { bits, must_read, lagged } = self.space.changes.take();
        if let Some(error) = lagged {
            self.space.table.tell(&error);
        }
        self.space.watched_keys.set(self.space.table.watched());
        let is_deaf = !bits.is_empty() && self.is_deaf();
        if must_read || is_deaf || asked > self.served || self.next <= Instant::now() {
            self.add(&bits);
            self.serve(asked).await;
        } else if !bits.is_empty() {
            self.add(&bits);
            if let Err(error) = self.settle().await {
                // What it could not look up is looked up again by the next sync.
                self.failed(asked, &error);
            }
        } else {
            tokio::select! {
                () = sleep_until(self.next) => {}
                () = self.space.table.wanted.notified() => {}
                () = self.space.changes.arrived.notified() => {}
                () = self.shared.closing.cancelled() => {}
            }
        }
    }

    /// Says whether the clock was set since the last read: what is heard does not count before the
    /// next one.
    fn is_deaf(&self) -> bool {
        self.shared.clock.slot().is_ok_and(|slot| !self.window.hears(slot))
    }

    fn add(&mut self, changes: &BTreeMap<TimeSlot, SlotBits>) {
        for (slot, bits) in changes {
            self.window.hear(*slot, bits);
        }
    }

    /// Makes a sync, and tells those who asked for it.
    async fn serve(&mut self, asked: u64) {
        self.served = asked;
        let begun = Instant::now();
        let synced = self.sync().await;
        self.shared.metrics.sync.record(begun.elapsed());
        match synced {
            Ok(slot) => {
                self.backoff.reset();
                let next = self.shared.clock.period().next(slot);
                self.next = self.shared.clock.instant_in(next, self.offset);
                tracing::debug!(
                    namespace = %self.space.namespace, %slot, alive = self.liveness.alive(),
                    held = self.window.holds(), took = ?begun.elapsed(), "read"
                );
                self.space.table.served(asked);
            }
            Err(error) => self.failed(asked, &error),
        }
    }

    fn failed(&mut self, asked: u64, error: &Error) {
        self.shared.metrics.sync_failures.increment(1);
        tracing::debug!(namespace = %self.space.namespace, "{error:#}");
        self.next = Instant::now() + self.backoff.failed();
        self.space.table.failed(asked, error);
        if error.kind() == ErrorKind::Refused {
            // It does not pass by itself: whoever watches has to know.
            tracing::warn!(namespace = %self.space.namespace, "watchers end: {error:#}");
            self.space.table.end_all(Some(error));
            self.shared.listen.notify_one();
        }
    }

    /// Reads the slots that count and tells what has changed; returns the slot it was made in.
    async fn sync(&mut self) -> Result<TimeSlot, Error> {
        let period = self.shared.clock.period();
        let slot = self.shared.clock.slot()?;
        let all_wrote = self.shared.clock.was_healthy(period.before(slot));
        let slots = self.window.to_read(slot, all_wrote);
        let read = self.shared.store.read_slots(&self.space.namespace, &slots).await?;
        let largest = read.iter().map(|slot| slot.bytes).max().unwrap_or(0);
        self.shared.metrics.slot_bytes.set(largest as f64);
        self.add_read(&read);
        // Rare enough to cost a write of the server's; whoever begins to watch is told of
        // everybody.
        if self.is_new || self.liveness.loses(&self.window.bits_after(slot, all_wrote)) {
            self.make_certain(&slots).await?;
        }
        self.window.advance(slot, all_wrote);
        self.liveness.forget_strangers();
        self.settle().await?;
        Ok(slot)
    }

    /// Reads slots again, with a majority that confirms that nobody has written more.
    async fn make_certain(&mut self, slots: &[TimeSlot]) -> Result<(), Error> {
        let read = self.shared.store.read_slots_for_certain(&self.space.namespace, slots).await;
        if read.is_err() {
            // The others may not have been able to write, wherever the majority is.
            self.shared.clock.disturb();
        }
        self.add_read(&read?.unwrap_or_default());
        Ok(())
    }

    fn add_read(&mut self, read: &[SlotRead]) {
        for slot in read {
            self.window.read(slot.slot, &slot.bits);
        }
    }

    /// Looks up those who are new, and tells who came to life and who died.
    async fn settle(&mut self) -> Result<(), Error> {
        let bits = self.window.bits();
        let looked_up = self.look_up(&bits).await;
        let changes = self.liveness.settle(&bits);
        for (key, alive) in &changes {
            tracing::debug!(namespace = %self.space.namespace, %key, alive, "changed");
        }
        self.shared.metrics.changes.increment(changes.len() as u64);
        self.space.alive_keys.set(self.liveness.alive());
        // Whoever could not be looked up may be alive: nothing is whole without him.
        if self.is_new && looked_up.is_ok() {
            self.is_new = false;
            self.space.table.change(self.liveness.all_alive(), true);
        } else if !self.is_new {
            self.space.table.change(changes, false);
        }
        looked_up
    }

    async fn look_up(&mut self, bits: &SlotBits) -> Result<(), Error> {
        let unknown = self.liveness.unknown(bits);
        for some in unknown.chunks(READ_MAX) {
            let found = self.shared.store.read_beings(&self.space.namespace, some).await?;
            self.shared.metrics.beings_read.increment(some.len() as u64);
            self.liveness.learn(some, found);
        }
        let strangers = self.liveness.strangers();
        if strangers > self.strangers {
            tracing::warn!(namespace = %self.space.namespace, strangers, "beings without a document ping");
        }
        self.strangers = strangers;
        Ok(())
    }
}
