//! The handle of the embedded store.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, mpsc as std_mpsc};
use std::{fmt, thread};

use async_trait::async_trait;
use fjall::PersistMode;
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;

use super::committer::{Command, Committer, Job};
use super::directory::Directory;
use super::lanes::{Lane, Lanes};
use super::notifier::Notifier;
use super::opened::Opened;
use super::shared::Shared;
use super::tables::Tables;
use super::watchdog::Watchdog;
use super::writer::{Commit, StoreWriter};
use super::{Config, keys, metrics, opening, verify};
use crate::store::{Append, Appended};
use crate::{
    Conversation, Count, Error, ErrorKind, HistoryPage, InboxPage, MemberId, Observer, PageRequest, Position,
    Result, Seq, State, Store,
};

/// A store in one directory of one process.
///
/// After a failed write it is opened again by itself; [`state`](Store::state) says meanwhile that
/// sends are refused. Dropped without [`close`](Store::close) it loses nothing that was
/// acknowledged: its thread finishes the waiting sends, and the directory is free a moment later.
pub struct EmbeddedStore {
    commands: mpsc::Sender<Command>,
    lanes: Lanes,
    shared: Arc<Shared>,
    // Cancelled when the committing thread has ended.
    done: CancellationToken,
}

impl EmbeddedStore {
    /// Opens the store of a directory, or makes it.
    ///
    /// A store of an older layout is upgraded first. `observer` hears of every inbox entry; pass
    /// `Arc::new(())` for none.
    ///
    /// # Errors
    ///
    /// `Config` when a value is out of range, or when the directory cannot be made or written to,
    /// is in use by another process or was written by a newer version; `Corrupt` when something of
    /// it is missing or cannot be read: then nothing in it was changed. The message names the
    /// directory, and says what to do.
    pub async fn open(config: Config, observer: Arc<dyn Observer>) -> Result<Self> {
        let commit: Commit = Box::new(|batch| batch.durability(Some(PersistMode::SyncData)).commit());
        Self::open_with(config, observer, commit).await
    }

    /// Opens the store with another way to commit, so that tests can let it fail.
    pub(super) async fn open_with(
        config: Config,
        observer: Arc<dyn Observer>,
        commit: Commit,
    ) -> Result<Self> {
        config.validate()?;
        metrics::describe();
        let opening = config.clone();
        let (directory, opened) = blocking(move || {
            let directory = Arc::new(Directory::lock(&opening.directory)?);
            let opened = opening::open(&opening, &directory)?;
            Ok((directory, opened))
        })
        .await?;
        let Opened { tables, marker, last_batch } = opened;
        let tables = Arc::new(tables);
        let shared = Arc::new(Shared::new(&config.directory, Arc::clone(&tables), marker.flusher()));
        let (commands, receiver) = mpsc::channel(config.queue);
        let (keep, stop) = std_mpsc::sync_channel(0);
        let (path, least) = (config.directory.clone(), config.disk_free_min_bytes);
        let keeper = Watchdog::new(Arc::clone(&shared), path, least, commands.downgrade());
        let (lanes, batch_bytes) = (Lanes::new(config.queue), config.batch_bytes);
        let engine =
            StoreWriter::new(config, directory, Arc::clone(&shared), commit, (tables, marker, last_batch));
        let committer = Committer::new(Arc::clone(&shared), engine, Notifier::start(observer)?, batch_bytes);
        let done = CancellationToken::new();
        let guard = done.clone().drop_guard();
        // Threads of their own, because they block on the disk all the time. They end with the
        // queue.
        spawn("timeline-keep", move || keeper.run(&stop))?;
        spawn("timeline-commit", move || {
            let _keep: SyncSender<()> = keep;
            committer.run(receiver, guard);
        })?;
        Ok(Self { commands, lanes, shared, done })
    }

    /// Hands a call to the committer, waiting while its lane or its queue is full, and waits for
    /// the answer.
    async fn ask<T>(&self, lane: Lane, call: impl FnOnce(oneshot::Sender<Result<T>>) -> Job) -> Result<T> {
        let place = self.lanes.enter(&lane).await?;
        let (reply, answer) = oneshot::channel();
        self.commands.send(Command::Job(lane, call(reply), place)).await.map_err(|_| self.gone())?;
        answer.await.map_err(|_| self.gone())?
    }

    /// Reads from what is open. The engine panics about what it takes for impossible: then a file
    /// is damaged, too.
    async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Tables) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (tables, shared) = (self.shared.tables()?, Arc::clone(&self.shared));
        blocking(move || {
            let read = catch_unwind(AssertUnwindSafe(|| read(&tables))).unwrap_or_else(|_| {
                Err(Error::new(
                    ErrorKind::Corrupt,
                    "the timeline store is damaged: its engine cannot read its files",
                ))
            });
            // Not kept from being opened again while the damaged file is looked for.
            drop(tables);
            read.map_err(|error| verify::judge(&shared, error))
        })
        .await
    }

    /// Returns why the committer did not answer: it was told to end, or it panicked about the
    /// batch.
    fn gone(&self) -> Error {
        match self.shared.tables() {
            Ok(_) => Error::new(
                ErrorKind::Unavailable,
                "a failure of the store cut the send short; repeat it with the same message id",
            ),
            Err(error) => error,
        }
    }
}

#[async_trait]
impl Store for EmbeddedStore {
    async fn append(&self, append: Append) -> Result<Appended> {
        let (lane, append) = (Lane::of(&append), Box::new(append));
        self.ask(lane, |reply| Job::Append(append, reply)).await
    }

    async fn inbox(&self, member: &MemberId, last_read: Position, count: Count) -> Result<InboxPage> {
        let (prefix, page) = (keys::inbox(member), PageRequest::after(last_read.sequence, count));
        self.read(move |tables| tables.inbox(&prefix, last_read, page)).await
    }

    async fn history(&self, conversation: &Conversation, page: PageRequest) -> Result<HistoryPage> {
        let prefix = keys::history(conversation);
        let paged = self.read(move |tables| tables.page(&prefix, page)).await?;
        Ok(HistoryPage::new(paged.entries, paged.more))
    }

    async fn received(&self, member: &MemberId, sequence: Seq) -> Result<Seq> {
        let (lane, member) = (Lane::Member(member.clone()), member.clone());
        self.ask(lane, |reply| Job::Received(member, sequence, reply)).await
    }

    async fn received_of(&self, member: &MemberId) -> Result<Seq> {
        let key = keys::received(member);
        self.read(move |tables| tables.cursor(&tables.snapshot(), &key)).await
    }

    fn state(&self) -> watch::Receiver<State> {
        self.shared.state()
    }

    async fn close(&self) -> Result<()> {
        self.shared.close();
        // Refused only when the committer has ended or is ending already.
        if self.commands.send(Command::Close).await.is_err() {
            tracing::trace!("the store is closed already");
        }
        self.done.cancelled().await;
        Ok(())
    }
}

impl fmt::Debug for EmbeddedStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EmbeddedStore").finish_non_exhaustive()
    }
}

fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> Result<()> {
    match thread::Builder::new().name(name.to_owned()).spawn(run) {
        Ok(_detached) => Ok(()),
        Err(error) => {
            let text = format!("the thread {name} of the store cannot be started");
            Err(Error::new(ErrorKind::Unavailable, text).with_source(error))
        }
    }
}

/// Runs what may wait for the disk off the async threads.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => {
            Err(Error::new(ErrorKind::Unavailable, "the read was cut short; try again").with_source(error))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::time::Duration;

    use super::*;
    use crate::{Entry, Message, NewMessage, Timeline};

    /// Commits unless told to fail, as a full or broken disk does.
    fn failing(broken: Arc<AtomicBool>) -> Commit {
        Box::new(move |batch| {
            if broken.load(Ordering::SeqCst) {
                return Err(fjall::Error::Io(std::io::ErrorKind::StorageFull.into()));
            }
            batch.durability(Some(PersistMode::SyncData)).commit()
        })
    }

    #[derive(Default)]
    struct Heard(Mutex<Vec<u64>>);

    impl Observer for Heard {
        fn appended(&self, _member: &str, entry: &Entry) {
            self.0.lock().unwrap().push(entry.sequence.get());
        }
    }

    async fn send(timeline: &Timeline, number: usize) -> Result<u64> {
        let from = MemberId::new("a").unwrap();
        let message = Message::new(format!("{{\"n\":{number}}}")).unwrap();
        let sent = timeline.send(NewMessage { to: from.clone(), from, message, message_id: None }).await?;
        Ok(sent.sequence.get())
    }

    /// Waits until the store is as wished.
    async fn until(timeline: &Timeline, wished: impl FnMut(&State) -> bool) -> State {
        let mut state = timeline.state();
        let found = tokio::time::timeout(Duration::from_secs(60), state.wait_for(wished)).await;
        found.expect("within a minute").unwrap().clone()
    }

    #[tokio::test]
    async fn a_failed_commit_leaves_nothing_and_the_store_goes_on_by_itself() {
        let directory = tempfile::tempdir().unwrap();
        let (broken, heard) = (Arc::new(AtomicBool::new(false)), Arc::new(Heard::default()));
        let config = Config::new(directory.path());
        let commit = failing(Arc::clone(&broken));
        let store =
            EmbeddedStore::open_with(config.clone(), Arc::<Heard>::clone(&heard), commit).await.unwrap();
        let timeline = Timeline::new(Arc::new(store), crate::Config::default()).unwrap();
        assert_eq!(send(&timeline, 1).await.unwrap(), 1);
        // In the way of the file that it tries, so that it is not opened again before we look.
        let probe = directory.path().join("probe");
        std::fs::create_dir(&probe).unwrap();
        broken.store(true, Ordering::SeqCst);
        let (second, third) = tokio::join!(send(&timeline, 2), send(&timeline, 3));
        let errors = [second.unwrap_err(), third.unwrap_err()];
        assert!(errors.iter().all(|error| error.kind() == ErrorKind::Unavailable), "{errors:?}");
        assert!(errors[0].to_string().contains("no storage space"), "{}", errors[0]);
        until(&timeline, |state| matches!(state, State::ReadOnly { .. })).await;
        let member = MemberId::new("a").unwrap();
        let inbox = timeline.sync(&member, Seq::ZERO, Count::default()).await.unwrap();
        assert_eq!((inbox.latest_seq.get(), inbox.entries.len()), (1, 1), "reads go on");
        broken.store(false, Ordering::SeqCst);
        std::fs::remove_dir(probe).unwrap();
        until(&timeline, State::is_well).await;
        assert_eq!(send(&timeline, 4).await.unwrap(), 2, "no sequence was skipped");
        assert_eq!(timeline.received(&member, Seq::ZERO.next()).await.unwrap().get(), 1);
        timeline.close().await.unwrap();
        assert!(matches!(&*timeline.state().borrow(), State::Down { .. }));

        let store = EmbeddedStore::open(config, Arc::new(())).await.unwrap();
        let timeline = Timeline::new(Arc::new(store), crate::Config::default()).unwrap();
        assert_eq!(send(&timeline, 5).await.unwrap(), 3);
    }

    #[tokio::test]
    async fn a_write_that_does_not_come_back_asks_for_a_restart() {
        let directory = tempfile::tempdir().unwrap();
        let (go, wait) = std_mpsc::channel::<()>();
        let commit: Commit = Box::new(move |batch| {
            // Until the test lets go of it.
            wait.recv().ok();
            batch.durability(Some(PersistMode::SyncData)).commit()
        });
        let store =
            EmbeddedStore::open_with(Config::new(directory.path()), Arc::new(()), commit).await.unwrap();
        let timeline = Timeline::new(Arc::new(store), crate::Config::default()).unwrap();
        let sent = send(&timeline, 1);
        tokio::pin!(sent);
        let lost = until(&timeline, |state| matches!(state, State::Lost { .. }));
        let state = tokio::select! {
            sent = &mut sent => panic!("{sent:?}"),
            state = lost => state,
        };
        assert!(state.to_string().contains("has not come back"), "{state}");
        drop(go);
        assert_eq!(sent.await.unwrap(), 1);
        until(&timeline, State::is_well).await;
    }

    #[tokio::test]
    async fn a_flipped_bit_in_a_table_is_named_by_the_read_the_state_and_a_deep_check() {
        let directory = tempfile::tempdir().unwrap();
        let config = Config::new(directory.path());
        let store = EmbeddedStore::open(config.clone(), Arc::new(())).await.unwrap();
        let shared = Arc::clone(&store.shared);
        let timeline = Timeline::new(Arc::new(store), crate::Config::default()).unwrap();
        for number in 1..=50 {
            send(&timeline, number).await.unwrap();
        }
        let entries = shared.tables().unwrap().entries.clone();
        blocking(move || entries.rotate_memtable_and_wait().map_err(crate::embedded::tables::read_error))
            .await
            .unwrap();
        let folder = directory.path().join("store/keyspaces/1/tables");
        let mut files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let (table, text) = (files.next().unwrap(), b"{\"n\":25}");
        let mut bytes = std::fs::read(&table).unwrap();
        let place = bytes.windows(text.len()).position(|window| window == text).unwrap();
        bytes[place + 5] ^= 1;
        std::fs::write(&table, &bytes).unwrap();

        let member = MemberId::new("a").unwrap();
        let names = |text: &str| text.contains(table.to_str().unwrap()) && text.contains("tidings salvage");
        let asked = std::time::Instant::now();
        let error = timeline.sync(&member, Seq::ZERO, Count::default()).await.unwrap_err();
        // The first read waits for the name for two seconds, which a busy machine may need.
        let waited = asked.elapsed() >= Duration::from_secs(2);
        assert!(error.kind() == ErrorKind::Corrupt && (waited || names(&error.to_string())), "{error}");
        until(&timeline, |state| matches!(state, State::ReadOnly { .. }) && names(&state.to_string())).await;
        let error = timeline.sync(&member, Seq::ZERO, Count::default()).await.unwrap_err();
        assert!(error.kind() == ErrorKind::Corrupt && names(&error.to_string()), "{error}");
        let error = send(&timeline, 51).await.unwrap_err();
        assert!(error.kind() == ErrorKind::Unavailable && names(&error.to_string()), "{error}");
        timeline.close().await.unwrap();
        drop(shared);
        // The table is so small that what opening reads of it lies in the damaged block, too.
        for check in [super::super::check, super::super::check_deep] {
            let error = check(directory.path()).unwrap_err();
            assert!(error.kind() == ErrorKind::Corrupt && names(&error.to_string()), "{error}");
        }
        bytes[place + 5] ^= 1;
        std::fs::write(&table, &bytes).unwrap();
        super::super::check_deep(directory.path()).unwrap();
    }

    #[tokio::test]
    async fn a_committer_that_panics_goes_on() {
        let directory = tempfile::tempdir().unwrap();
        let panics = Arc::new(AtomicBool::new(true));
        let told = Arc::clone(&panics);
        let commit: Commit = Box::new(move |batch| {
            assert!(!told.load(Ordering::SeqCst), "the test wants it");
            batch.durability(Some(PersistMode::SyncData)).commit()
        });
        let store =
            EmbeddedStore::open_with(Config::new(directory.path()), Arc::new(()), commit).await.unwrap();
        let timeline = Timeline::new(Arc::new(store), crate::Config::default()).unwrap();
        for number in 0..2 {
            assert_eq!(send(&timeline, number).await.unwrap_err().kind(), ErrorKind::Unavailable);
        }
        panics.store(false, Ordering::SeqCst);
        until(&timeline, State::is_well).await;
        let mut sent = send(&timeline, 2).await;
        if sent.is_err() {
            // The store noted the last panic after its sender had heard of it.
            until(&timeline, State::is_well).await;
            sent = send(&timeline, 2).await;
        }
        assert_eq!(sent.unwrap(), 1);
        timeline.close().await.unwrap();
        assert_eq!(send(&timeline, 3).await.unwrap_err().kind(), ErrorKind::Closed);
    }

    #[tokio::test]
    async fn a_store_whose_files_went_away_is_down_with_the_reason() {
        let directory = tempfile::tempdir().unwrap();
        let broken = Arc::new(AtomicBool::new(false));
        let commit = failing(Arc::clone(&broken));
        let store =
            EmbeddedStore::open_with(Config::new(directory.path()), Arc::new(()), commit).await.unwrap();
        let timeline = Timeline::new(Arc::new(store), crate::Config::default()).unwrap();
        assert_eq!(send(&timeline, 1).await.unwrap(), 1);
        broken.store(true, Ordering::SeqCst);
        std::fs::rename(directory.path().join("store"), directory.path().join("elsewhere")).unwrap();
        send(&timeline, 2).await.unwrap_err();
        broken.store(false, Ordering::SeqCst);
        // A write that takes long is told as well.
        let missing = |state: &State| state.to_string().contains("store is missing");
        until(&timeline, |state| matches!(state, State::Down { .. }) && missing(state)).await;
        let member = MemberId::new("a").unwrap();
        let error = timeline.sync(&member, Seq::ZERO, Count::default()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert_eq!(send(&timeline, 3).await.unwrap_err().kind(), ErrorKind::Unavailable);
        std::fs::rename(directory.path().join("elsewhere"), directory.path().join("store")).unwrap();
        until(&timeline, State::is_well).await;
        assert_eq!(send(&timeline, 4).await.unwrap(), 2);
    }

    #[tokio::test]
    async fn sends_that_wait_are_written_before_close_returns() {
        let directory = tempfile::tempdir().unwrap();
        let mut config = Config::new(directory.path());
        // Small, so that senders also wait for room.
        (config.queue, config.batch_bytes) = (4, 64 * 1024);
        let store = EmbeddedStore::open(config.clone(), Arc::new(())).await.unwrap();
        let timeline = Timeline::new(Arc::new(store), crate::Config::default()).unwrap();
        let mut senders = tokio::task::JoinSet::new();
        for number in 0..50 {
            let timeline = timeline.clone();
            senders.spawn(async move { send(&timeline, number).await });
        }
        tokio::task::yield_now().await;
        timeline.close().await.unwrap();
        let mut acknowledged = 0;
        while let Some(result) = senders.join_next().await {
            match result.unwrap() {
                Ok(_) => acknowledged += 1,
                Err(error) => assert_eq!(error.kind(), ErrorKind::Closed),
            }
        }
        let store = EmbeddedStore::open(config, Arc::new(())).await.unwrap();
        let inbox =
            store.inbox(&MemberId::new("a").unwrap(), Seq::ZERO.into(), Count::default()).await.unwrap();
        assert_eq!(inbox.latest_seq.get(), acknowledged);
    }
}
