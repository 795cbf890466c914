//! The handle of the embedded store.

use std::sync::Arc;
use std::{fmt, thread};

use async_trait::async_trait;
use fjall::PersistMode;
use parking_lot::RwLock;
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;

use super::committer::{Command, Commit, Committer};
use super::directory::Directory;
use super::tables::Tables;
use super::{Config, keys, opening};
use crate::store::{Append, Appended};
use crate::{
    Conversation, Count, Error, ErrorKind, History, Inbox, MemberId, Observer, Page, Position, Result, Seq,
    State, Store,
};

/// A store in one directory of one process.
///
/// Dropped without [`close`](Store::close) it loses nothing that was acknowledged: its thread finishes the waiting sends,
/// and the directory is free a moment later.
pub struct EmbeddedStore {
    commands: mpsc::Sender<Command>,
    // `None` once closed, so that the directory is free although handles remain.
    tables: RwLock<Option<Arc<Tables>>>,
    state: Arc<watch::Sender<State>>,
    // Cancelled when the committing thread has ended.
    done: CancellationToken,
}

impl EmbeddedStore {
    /// Opens the store of a directory, or makes it.
    ///
    /// `observer` hears of every inbox entry; pass `Arc::new(())` for none.
    ///
    /// # Errors
    ///
    /// `Config` when a value is out of range, or when the directory cannot be made or written to or is in use by another
    /// process; `Corrupt` when what is in it cannot be read. The message names the directory.
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
        let (queue, batch_bytes) = (config.queue, config.batch_bytes);
        let opened = blocking(move || {
            let directory = Arc::new(Directory::lock(&config.directory)?);
            opening::open(&config, &directory)
        })
        .await?;
        let tables = Arc::new(opened.tables);
        let (commands, receiver) = mpsc::channel(queue);
        let state = Arc::new(watch::Sender::new(State::Well));
        let committer = Committer::new(
            Arc::clone(&tables),
            (opened.marker, opened.last_batch),
            observer,
            commit,
            batch_bytes,
            Arc::clone(&state),
        );
        let done = CancellationToken::new();
        let guard = done.clone().drop_guard();
        // A thread of its own, because it blocks on the disk all the time. It ends with its queue.
        thread::Builder::new()
            .name("timeline-commit".to_owned())
            .spawn(move || committer.run(receiver, guard))
            .map_err(|error| {
                Error::new(ErrorKind::Unavailable, "the committing thread cannot be started")
                    .with_source(error)
            })?;
        Ok(Self { commands, tables: RwLock::new(Some(tables)), state, done })
    }

    fn tables(&self) -> Result<Arc<Tables>> {
        self.tables.read().clone().ok_or_else(closed)
    }

    /// Hands a command to the committer, waiting while its queue is full, and waits for the answer.
    async fn ask<T>(&self, command: impl FnOnce(oneshot::Sender<Result<T>>) -> Command) -> Result<T> {
        let (reply, answer) = oneshot::channel();
        self.commands.send(command(reply)).await.map_err(|_| self.gone())?;
        answer.await.map_err(|_| self.gone())?
    }

    /// Returns why the committer does not answer: it was told to end, or it panicked.
    fn gone(&self) -> Error {
        match self.tables() {
            Ok(_) => Error::new(ErrorKind::Unavailable, "the committing thread ended unexpectedly"),
            Err(closed) => closed,
        }
    }
}

#[async_trait]
impl Store for EmbeddedStore {
    async fn append(&self, append: Append) -> Result<Appended> {
        self.ask(|reply| Command::Append(append, reply)).await
    }

    async fn inbox(&self, member: &MemberId, last_read: Position, count: Count) -> Result<Inbox> {
        let (tables, prefix) = (self.tables()?, keys::inbox(member));
        let page = Page::after(last_read.sequence, count);
        blocking(move || tables.inbox(&prefix, last_read, page)).await
    }

    async fn history(&self, conversation: &Conversation, page: Page) -> Result<History> {
        let (tables, prefix) = (self.tables()?, keys::history(conversation));
        let paged = blocking(move || tables.page(&prefix, page)).await?;
        Ok(History::new(paged.entries, paged.more))
    }

    async fn received(&self, member: &MemberId, sequence: Seq) -> Result<Seq> {
        self.ask(|reply| Command::Received(member.clone(), sequence, reply)).await
    }

    async fn received_of(&self, member: &MemberId) -> Result<Seq> {
        let (tables, key) = (self.tables()?, keys::received(member));
        blocking(move || tables.cursor(&tables.snapshot(), &key)).await
    }

    fn state(&self) -> watch::Receiver<State> {
        self.state.subscribe()
    }

    async fn close(&self) -> Result<()> {
        self.tables.write().take();
        self.state.send_replace(State::down("the store is closed"));
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

/// Runs what may wait for the disk off the async threads.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => Err(Error::new(ErrorKind::Unavailable, "a read was cut short").with_source(error)),
    }
}

fn closed() -> Error {
    Error::new(ErrorKind::Closed, "the timeline store is closed")
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;
    use crate::{Entry, Message, Send, Timeline};

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
        let sent = timeline.send(Send { to: from.clone(), from, message, message_id: None }).await?;
        Ok(sent.sequence.get())
    }

    #[tokio::test]
    async fn a_failed_commit_leaves_nothing_and_nothing_is_written_after_it() {
        let directory = tempfile::tempdir().unwrap();
        let (broken, heard) = (Arc::new(AtomicBool::new(false)), Arc::new(Heard::default()));
        let config = Config::new(directory.path());
        let commit = failing(Arc::clone(&broken));
        let store =
            EmbeddedStore::open_with(config.clone(), Arc::<Heard>::clone(&heard), commit).await.unwrap();
        let timeline = Timeline::new(Arc::new(store), crate::Config::default()).unwrap();
        assert_eq!(send(&timeline, 1).await.unwrap(), 1);
        broken.store(true, Ordering::SeqCst);
        let (second, third) = tokio::join!(send(&timeline, 2), send(&timeline, 3));
        for result in [second, third] {
            let error = result.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unavailable);
            assert!(std::error::Error::source(&error).is_some());
        }
        assert!(
            matches!(&*timeline.state().borrow(), State::ReadOnly { reason } if reason.contains("failed"))
        );
        // Also when the disk seems to work again: what it holds is unknown until the store is opened again.
        broken.store(false, Ordering::SeqCst);
        assert_eq!(send(&timeline, 4).await.unwrap_err().kind(), ErrorKind::Unavailable);
        let member = MemberId::new("a").unwrap();
        assert_eq!(
            timeline.received(&member, Seq::ZERO.next()).await.unwrap_err().kind(),
            ErrorKind::Unavailable
        );
        let inbox = timeline.sync(&member, Seq::ZERO, Count::default()).await.unwrap();
        assert_eq!((inbox.latest_seq.get(), inbox.entries.len()), (1, 1), "reads go on");
        assert_eq!(*heard.0.lock().unwrap(), [1]);
        timeline.close().await.unwrap();

        let store = EmbeddedStore::open(config, Arc::new(())).await.unwrap();
        let timeline = Timeline::new(Arc::new(store), crate::Config::default()).unwrap();
        assert_eq!(send(&timeline, 5).await.unwrap(), 2, "no sequence was skipped");
    }

    #[tokio::test]
    async fn a_committer_that_died_makes_the_store_unavailable() {
        let directory = tempfile::tempdir().unwrap();
        let commit: Commit = Box::new(|_| panic!("the test wants it"));
        let store =
            EmbeddedStore::open_with(Config::new(directory.path()), Arc::new(()), commit).await.unwrap();
        let timeline = Timeline::new(Arc::new(store), crate::Config::default()).unwrap();
        for number in 0..2 {
            assert_eq!(send(&timeline, number).await.unwrap_err().kind(), ErrorKind::Unavailable);
        }
        timeline.close().await.unwrap();
        assert_eq!(send(&timeline, 3).await.unwrap_err().kind(), ErrorKind::Closed);
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
