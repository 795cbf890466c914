//! The thread that tells the observer what became durable.
//!
//! Whoever writes does not wait for it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread;

use metrics::counter;

use crate::{Entry, Error, ErrorKind, MemberId, Observer, ReadCursor, Result};

/// Hands entries to the observer, in order. Never waits for it.
///
/// When it is so slow that the queue is full, whole batches are left out, and the observer is told
/// how many entries it missed before it gets the next one. Dropped, it ends once the observer has
/// heard what waits.
#[derive(Debug)]
pub(crate) struct Notifier {
    batches: SyncSender<DurableBatch>,
    waiting: Arc<QueuedEntries>,
    missed: u64,
}

/// What one batch made durable.
#[derive(Debug)]
struct DurableBatch {
    /// How many entries were left out before.
    missed: u64,
    entries: Vec<(MemberId, Entry)>,
    /// Cursors that rose, with the member whose inbox is told.
    cursors: Vec<(MemberId, ReadCursor)>,
    /// Members who may have missed cursors.
    reads_missed: Vec<MemberId>,
    bytes: usize,
}

/// Why the observer does not hear of a batch.
#[derive(Debug, PartialEq, Eq)]
enum Unheard {
    TooSlow,
    /// It panicked, which the state tells as well.
    ThreadEnded,
}

#[derive(Debug, Default)]
struct QueuedEntries {
    entries: AtomicUsize,
    bytes: AtomicUsize,
}

/// How many entries wait at most.
const ENTRIES_MAX: usize = 65_536;

/// How many bytes of entries wait at most; those that many entries share count for each of them.
const BYTES_MAX: usize = 64 * 1024 * 1024;

/// What a cursor takes as a rule.
const CURSOR_BYTES: usize = 256;

/// How many batches wait at most.
const BATCHES_MAX: usize = 4_096;

impl Notifier {
    /// Starts the thread, which holds `guard` until it ends.
    pub(crate) fn start(observer: Arc<dyn Observer>, guard: impl Send + 'static) -> Result<Self> {
        let (batches, receiver) = sync_channel(BATCHES_MAX);
        let waiting = Arc::new(QueuedEntries::default());
        let shared = Arc::clone(&waiting);
        thread::Builder::new()
            .name("timeline-tell".to_owned())
            .spawn(move || {
                let _guard = guard;
                tell(&receiver, &shared, &*observer);
            })
            .map_err(|error| {
                let text = "the thread of the observer cannot be started";
                Error::with_source(ErrorKind::Unavailable, text, error)
            })?;
        Ok(Self { batches, waiting, missed: 0 })
    }

    /// Hands over what a batch made durable.
    ///
    /// Each cursor comes with the member who is told. Cursors that the observer misses count as
    /// nothing: the next ones that rise stand for them.
    pub(crate) fn tell(&mut self, entries: Vec<(MemberId, Entry)>, cursors: Vec<(MemberId, ReadCursor)>) {
        if !entries.is_empty() || !cursors.is_empty() {
            self.tell_all(entries, cursors, Vec::new());
        }
    }

    /// Hands over who may have missed cursors; false says to do it again later.
    #[cfg(feature = "mongo")]
    pub(crate) fn tell_reads_missed(&mut self, members: Vec<MemberId>) -> bool {
        members.is_empty() || self.tell_all(Vec::new(), Vec::new(), members)
    }

    /// Returns false if there was no room, as against nobody who hears.
    fn tell_all(
        &mut self,
        entries: Vec<(MemberId, Entry)>,
        cursors: Vec<(MemberId, ReadCursor)>,
        reads_missed: Vec<MemberId>,
    ) -> bool {
        let count = entries.len() as u64;
        let Err(why) = self.hand_over(entries, cursors, reads_missed) else {
            self.missed = 0;
            return true;
        };
        let has_ended = why == Unheard::ThreadEnded;
        match why {
            // One line for all that it misses in a row.
            _ if self.missed > 0 => {}
            Unheard::TooSlow => tracing::warn!(
                "the observer of the store is too slow and misses entries; clients fetch those later"
            ),
            Unheard::ThreadEnded => tracing::error!(
                "the thread that tells the observer of the store has ended, so the observer hears of no entry \
                 any more; clients fetch those, and only a restart helps"
            ),
        }
        self.miss(count);
        has_ended
    }

    /// Notes that the observer does not hear of so many entries, which nobody can tell it in order.
    #[cfg(feature = "mongo")]
    pub(crate) fn leave_out(&mut self, entries: u64) {
        if entries == 0 {
            return;
        }
        if self.missed == 0 {
            tracing::warn!(
                "the observer of the store misses entries, as too many wait for one before them; clients \
                 fetch those later"
            );
        }
        self.miss(entries);
    }

    fn miss(&mut self, entries: u64) {
        self.missed += entries;
        counter!("timeline_observer_missed_total").increment(entries);
    }

    /// Queues a batch, or says why it is left out.
    fn hand_over(
        &self,
        entries: Vec<(MemberId, Entry)>,
        cursors: Vec<(MemberId, ReadCursor)>,
        reads_missed: Vec<MemberId>,
    ) -> Result<(), Unheard> {
        let count = entries.len() + cursors.len() + reads_missed.len();
        let entries_bytes: usize =
            entries.iter().map(|(member, entry)| member.as_str().len() + entry.bytes()).sum();
        let bytes = entries_bytes + (cursors.len() + reads_missed.len()) * CURSOR_BYTES;
        // Only this thread adds and only the other one subtracts, so between the look and the
        // adding room can only grow.
        let before = self.waiting.entries.load(Ordering::Acquire);
        // A batch that is larger than the bounds is taken when the queue is empty.
        let room = before == 0
            || (before + count <= ENTRIES_MAX
                && self.waiting.bytes.load(Ordering::Acquire).saturating_add(bytes) <= BYTES_MAX);
        if !room {
            return Err(Unheard::TooSlow);
        }
        // These are added before the batch is handed over: the other thread may be done with it at
        // once, and would subtract what was not added yet.
        self.waiting.entries.fetch_add(count, Ordering::AcqRel);
        self.waiting.bytes.fetch_add(bytes, Ordering::AcqRel);
        let batch = DurableBatch { missed: self.missed, entries, cursors, reads_missed, bytes };
        let (batch, why) = match self.batches.try_send(batch) {
            Ok(()) => return Ok(()),
            Err(TrySendError::Full(batch)) => (batch, Unheard::TooSlow),
            Err(TrySendError::Disconnected(batch)) => (batch, Unheard::ThreadEnded),
        };
        self.waiting.done(&batch);
        Err(why)
    }
}

impl QueuedEntries {
    fn done(&self, news: &DurableBatch) {
        // The order matters: no entries means that the queue is empty, so the bytes go first.
        self.bytes.fetch_sub(news.bytes, Ordering::AcqRel);
        let count = news.entries.len() + news.cursors.len() + news.reads_missed.len();
        self.entries.fetch_sub(count, Ordering::AcqRel);
    }
}

fn tell(batches: &Receiver<DurableBatch>, waiting: &QueuedEntries, observer: &dyn Observer) {
    while let Ok(news) = batches.recv() {
        // An observer that panicked at one entry still hears of the next.
        let call = |call: &dyn Fn()| {
            if catch_unwind(AssertUnwindSafe(call)).is_err() {
                tracing::error!(
                    "the observer of the store panicked and misses an entry; clients fetch it later"
                );
            }
        };
        if news.missed > 0 {
            call(&|| observer.missed(news.missed));
        }
        for (member, entry) in &news.entries {
            call(&|| observer.appended(member.as_str(), entry));
        }
        for (member, cursor) in &news.cursors {
            call(&|| observer.read(member, cursor));
        }
        for member in &news.reads_missed {
            call(&|| observer.reads_missed(member));
        }
        // The place of a batch is given back only after its last entry was told, so the bounds also
        // hold for the batch that the observer has in hand.
        waiting.done(&news);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Sender, channel};

    use parking_lot::Mutex;

    use super::*;
    use crate::{Conversation, Message, Seq};

    /// Waits before each entry until it is let go on.
    struct Slow {
        go: Mutex<Receiver<()>>,
        heard: Sender<Result<u64, u64>>,
    }

    impl Observer for Slow {
        fn appended(&self, _member: &str, entry: &Entry) {
            self.go.lock().recv().unwrap();
            self.heard.send(Ok(entry.sequence.get())).unwrap();
        }

        fn missed(&self, entries: u64) {
            self.heard.send(Err(entries)).unwrap();
        }
    }

    fn batch(sequence: u64, entries: usize) -> Vec<(MemberId, Entry)> {
        let entry = Entry::new(Seq::new(sequence).unwrap(), Message::new("{}").unwrap());
        vec![(MemberId::new("a").unwrap(), entry); entries]
    }

    #[test]
    fn a_slow_observer_holds_nobody_up_and_is_told_what_it_missed() {
        let (go, receiver) = channel();
        let (sender, heard) = channel();
        let slow = Slow { go: Mutex::new(receiver), heard: sender };
        let mut herald = Notifier::start(Arc::new(slow), ()).unwrap();
        herald.tell(batch(1, ENTRIES_MAX - 1), Vec::new());
        herald.tell(batch(2, 1), Vec::new());
        // No room, although the observer has not heard anything yet.
        herald.tell(batch(3, 5), Vec::new());
        herald.tell(batch(4, 2), Vec::new());
        for _ in 1..ENTRIES_MAX {
            go.send(()).unwrap();
            assert_eq!(heard.recv().unwrap(), Ok(1));
        }
        go.send(()).unwrap();
        assert_eq!(heard.recv().unwrap(), Ok(2));
        while herald.waiting.entries.load(Ordering::Acquire) > 0 {
            thread::yield_now();
        }
        herald.tell(batch(5, 1), Vec::new());
        go.send(()).unwrap();
        assert_eq!(heard.recv().unwrap(), Err(7));
        assert_eq!(heard.recv().unwrap(), Ok(5));
    }

    #[test]
    fn an_observer_that_panics_hears_of_the_next_entry() {
        struct Panics(Sender<u64>);
        impl Observer for Panics {
            fn appended(&self, _member: &str, entry: &Entry) {
                self.0.send(entry.sequence.get()).unwrap();
                assert!(entry.sequence.get() != 1, "the test wants it");
            }
        }
        let (sender, heard) = channel();
        let mut herald = Notifier::start(Arc::new(Panics(sender)), ()).unwrap();
        for sequence in 1..=2 {
            herald.tell(batch(sequence, 1), Vec::new());
            assert_eq!(heard.recv().unwrap(), sequence);
        }
    }

    #[test]
    fn a_cursor_is_told_behind_the_entries_of_its_batch() {
        struct Hears(Sender<String>);
        impl Observer for Hears {
            fn appended(&self, member: &str, entry: &Entry) {
                self.0.send(format!("{member} has {}", entry.sequence.get())).unwrap();
            }

            fn read(&self, member: &MemberId, cursor: &ReadCursor) {
                let (reader, place) = (cursor.member.as_str(), cursor.read.get());
                self.0
                    .send(format!("{member}: {reader} has read {place}", member = member.as_str()))
                    .unwrap();
            }
        }
        let (sender, heard) = channel();
        let mut herald = Notifier::start(Arc::new(Hears(sender)), ()).unwrap();
        let member = |name: &str| MemberId::new(name).unwrap();
        let pair = Conversation::single(member("a"), member("b"));
        let cursor = ReadCursor::new(member("a"), pair, Seq::new(7).unwrap());
        herald.tell(batch(1, 1), vec![(member("b"), cursor.clone())]);
        herald.tell(Vec::new(), vec![(member("a"), cursor)]);
        for expected in ["a has 1", "b: a has read 7", "a: a has read 7"] {
            assert_eq!(heard.recv().unwrap(), expected);
        }
    }

    #[cfg(feature = "mongo")]
    #[test]
    fn missed_cursors_for_which_there_is_no_room_are_to_be_told_again() {
        let (batches, receiver) = sync_channel(1);
        let mut herald = Notifier { batches, waiting: Arc::default(), missed: 0 };
        let members = || vec![MemberId::new("a").unwrap()];
        assert!(herald.tell_reads_missed(members()));
        assert!(!herald.tell_reads_missed(members()), "the queue is full");
        herald.waiting.done(&receiver.recv().unwrap());
        assert!(herald.tell_reads_missed(members()));
        drop(receiver);
        assert!(herald.tell_reads_missed(members()), "nobody would hear of it later either");
    }

    #[test]
    fn a_thread_that_has_ended_is_not_called_slow() {
        let (batches, receiver) = sync_channel(1);
        let herald = Notifier { batches, waiting: Arc::default(), missed: 0 };
        assert_eq!(herald.hand_over(batch(1, 1), Vec::new(), Vec::new()), Ok(()));
        assert_eq!(herald.hand_over(batch(2, 1), Vec::new(), Vec::new()), Err(Unheard::TooSlow));
        // As the thread does: it takes what waits, and ends.
        herald.waiting.done(&receiver.recv().unwrap());
        drop(receiver);
        assert_eq!(herald.hand_over(batch(3, 1), Vec::new(), Vec::new()), Err(Unheard::ThreadEnded));
        assert_eq!(herald.waiting.entries.load(Ordering::Acquire), 0, "it is not counted as waiting");
    }
}
