//! What waits for all connections of a hub together.

use std::sync::atomic::{AtomicIsize, AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::{Condvar, Mutex};
use tokio::time::Instant;

/// What the place of a frame in an outbox takes, roughly: half of a queue may be empty.
const PLACE_BYTES: usize = 16;

/// How long a publisher waits while nobody reads anything.
const IN_VAIN: Duration = Duration::from_millis(500);

/// How long a publisher waits in all.
const WAIT_MAX: Duration = Duration::from_secs(2);

/// Counts the bytes of all outboxes, and has a bound for them.
///
/// A frame counts once, however many outboxes share it, and from the moment it is made until the
/// last of them has let go of it; its place counts in each. So the count is the memory that is
/// held, and a message to a large channel weighs no more than one to two people.
///
/// ```text
/// 0 ───────────────── 1/2 ─────────────────── 3/4 ──────────────────── limit
///        everybody            slow readers are      who may wait, waits    who stands still is
///        goes on              not waited for when   for those who read     ended, until half is free
///                             they leave
/// ```
///
/// It is a bound for what readers leave, not a lock: publishers do not wait for each other, so it
/// is exceeded by what is published in the moment that ending readers takes.
#[derive(Debug)]
pub(crate) struct OutboxMemory {
    held: HeldBytes,
    bytes_max: usize,
    /// Most bytes of one outbox.
    pub(crate) outbox_bytes_max: usize,
    /// Publishers that wait.
    waiting: AtomicUsize,
    gate: Mutex<()>,
    freed: Condvar,
    started: Instant,
}

/// Alone on its lines of the cache: everybody writes it, and the rest is only read.
#[derive(Debug)]
#[repr(align(128))]
struct HeldBytes(AtomicIsize);

impl OutboxMemory {
    pub(crate) fn new(bytes_max: usize, outbox_bytes_max: usize) -> Self {
        Self {
            held: HeldBytes(AtomicIsize::new(0)),
            bytes_max,
            outbox_bytes_max,
            waiting: AtomicUsize::new(0),
            gate: Mutex::new(()),
            freed: Condvar::new(),
            started: Instant::now(),
        }
    }

    /// Returns how much all outboxes hold.
    pub(crate) fn held(&self) -> usize {
        // The count may be below zero for a moment: what was taken can be given back by another
        // thread before the thread that took it has counted it.
        usize::try_from(self.held.0.load(Ordering::SeqCst)).unwrap_or(0)
    }

    pub(crate) fn take(&self, bytes: usize) {
        self.held.0.fetch_add(bytes.cast_signed(), Ordering::Relaxed);
    }

    pub(crate) fn give_back(&self, bytes: usize) {
        let before = self.held.0.fetch_sub(bytes.cast_signed(), Ordering::SeqCst);
        // Both sides first write and then read, in one order for all threads (`SeqCst`). So either
        // this thread sees that somebody waits, or the one who waits sees what was given back; a
        // wake-up cannot be lost.
        if self.waiting.load(Ordering::SeqCst) > 0 && before <= (self.high() + bytes).cast_signed() {
            // Who waits holds the gate from its look at `held` until it sleeps. Taking the gate
            // once keeps the notification from coming between the two.
            drop(self.gate.lock());
            self.freed.notify_all();
        }
    }

    /// Counts places in outboxes that were taken.
    pub(crate) fn take_places(&self, places: usize) {
        if places > 0 {
            self.take(places * PLACE_BYTES);
        }
    }

    pub(crate) fn give_places_back(&self, places: usize) {
        if places > 0 {
            self.give_back(places * PLACE_BYTES);
        }
    }

    /// Tells whether there is less room than there should be.
    pub(crate) fn is_full(&self) -> bool {
        self.held.0.load(Ordering::Relaxed) > self.bytes_max.cast_signed()
    }

    /// Tells whether who leaves as a slow reader is to hold nothing while it says goodbye.
    pub(crate) fn is_tight(&self) -> bool {
        self.held.0.load(Ordering::Relaxed) > self.half().cast_signed()
    }

    /// Returns the time as outboxes note it: milliseconds since the hub was started, and never 0.
    pub(crate) fn time(&self, instant: Instant) -> u32 {
        let millis = instant.saturating_duration_since(self.started).as_millis();
        u32::try_from(millis).unwrap_or(u32::MAX).max(1)
    }

    /// Returns the time in microseconds since the hub was started, and never 0.
    pub(crate) fn micros(&self, instant: Instant) -> u64 {
        let micros = instant.saturating_duration_since(self.started).as_micros();
        u64::try_from(micros).unwrap_or(u64::MAX).max(1)
    }

    /// Blocks the thread until there is room for more, for a bounded time and as long as readers
    /// read; returns whether there is.
    pub(crate) fn wait(&self) -> bool {
        if self.held() <= self.high() {
            return true;
        }
        // This blocks a thread and not a task, so it measures by the clock of the system and not by
        // that of tokio.
        let started = std::time::Instant::now();
        let (mut least, mut progress) = (self.held(), started);
        self.waiting.fetch_add(1, Ordering::SeqCst);
        let mut gate = self.gate.lock();
        let has_room = loop {
            let (held, now) = (self.held(), std::time::Instant::now());
            if held <= self.high() {
                break true;
            }
            if held < least {
                (least, progress) = (held, now);
            }
            let until = (progress + IN_VAIN).min(started + WAIT_MAX);
            if now >= until {
                break false;
            }
            self.freed.wait_for(&mut gate, until - now);
        };
        drop(gate);
        self.waiting.fetch_sub(1, Ordering::SeqCst);
        has_room
    }

    /// Returns how much all outboxes may hold.
    pub(crate) const fn bytes_max(&self) -> usize {
        self.bytes_max
    }

    pub(crate) const fn half(&self) -> usize {
        self.bytes_max / 2
    }

    const fn high(&self) -> usize {
        self.bytes_max / 4 * 3
    }
}
