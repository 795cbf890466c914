//! The handle of the embedded store.

mod asking;

use std::path::Path;
use std::pin::pin;
use std::sync::{Arc, mpsc as std_mpsc};
use std::time::Duration;
use std::{fmt, thread};

use async_trait::async_trait;
use fjall::PersistMode;
use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::time::{Instant, timeout};
use tokio_util::task::TaskTracker;

use self::asking::{READS_MAX, blocking};
use super::committer::{
    ANSWERED_MAX, Answering, Command, Committer, Job, PlanningAhead, PlanningDesk, run_answering,
    run_planning,
};
use super::directory::Directory;
use super::eraser::Eraser;
use super::exchange::Export;
use super::lanes::{Lane, Lanes};
use super::opened::Opened;
use super::plan::PreparedSend;
use super::shared::Shared;
use super::thread_guard::ThreadGuard;
use super::watchdog::Watchdog;
use super::writer::{Commit, StoreWriter};
use super::{Config, clock, keys, metrics, opening};
use crate::notifier::Notifier;
use crate::store::{Append, Appended, GroupChange, InboxChanges};
use crate::{
    Changed, Conversation, ConversationMark, ConversationPage, ConversationView, Count, Error, ErrorKind,
    Group, GroupName, GroupPage, HistoryPage, InboxPage, MemberId, MessageChange, PageRequest, Position,
    Result, Seq, State, Store, ViewPage,
};

/// A store in one directory of one process.
///
/// After a failed write it is opened again by itself; [`state`](Store::state) says meanwhile that
/// sends are refused. [`start`](Self::start) makes it, [`shutdown`](Store::shutdown) ends it and
/// waits. Dropping it ends the same without waiting: its thread finishes the waiting sends, and the
/// directory is free a moment later.
pub struct EmbeddedStore {
    commands: mpsc::Sender<Command>,
    lanes: Lanes,
    shared: Arc<Shared>,
    // How long an export may go on.
    export_most: Duration,
    // Held by those that read.
    reads: Semaphore,
    // Each thread of the store holds a token of this until it ends.
    threads: TaskTracker,
}

impl EmbeddedStore {
    /// Starts the store of a directory, or makes it.
    ///
    /// A store of an older layout is upgraded first.
    ///
    /// # Errors
    ///
    /// [`Config`](crate::ErrorKind::Config) when a value is out of range, when the directory cannot
    /// be made or written to, is in use by another process or was written by a newer version, or
    /// outside a tokio runtime; [`Corrupt`](crate::ErrorKind::Corrupt) when something of it is
    /// missing or cannot be read: then nothing in it was changed. The message names the directory,
    /// and says what to do.
    pub async fn start(config: Config) -> Result<Self> {
        let commit: Commit = Box::new(|batch| batch.durability(Some(PersistMode::SyncData)).commit());
        Self::start_with(config, commit).await
    }

    /// Begins an export of the store as it is at this moment, while calls go on.
    ///
    /// It [ends](Export::ended) after a quarter of [`erased_within`](Config::erased_within), so
    /// that nobody who takes longer keeps erased texts in the files, and after 7 days in a store
    /// that [erases](Config::erases) nothing.
    ///
    /// # Errors
    ///
    /// [`Unavailable`](crate::ErrorKind::Unavailable) while the store cannot be read, and while
    /// erased texts leave its files; [`Closed`](crate::ErrorKind::Closed) after its end.
    pub fn export(&self) -> Result<Export> {
        Export::new(Arc::clone(&self.shared), self.export_most)
    }

    /// Starts the store with another way to commit, so that tests can let it fail.
    pub(super) async fn start_with(config: Config, commit: Commit) -> Result<Self> {
        config.validate()?;
        // Reads block on threads of the runtime, so there has to be one.
        Handle::try_current().map_err(|outside| {
            let text = "a timeline store must be started inside a tokio runtime";
            Error::with_source(ErrorKind::Config, text, outside)
        })?;
        metrics::describe();
        let opening = config.clone();
        let opened = blocking(move || {
            let directory = Arc::new(Directory::lock(&opening.directory)?);
            let opened = opening::open(&opening, &directory)?;
            let erased_since = opened.tables.erased_before(clock::unix_ms());
            Ok((directory, opened, erased_since))
        });
        let (directory, opened, erased_since) = shown(&config.directory, opened).await?;
        let Opened { tables, marker, last_batch } = opened;
        let tables = Arc::new(tables);
        let shared = Arc::new(Shared::new(&config.directory, Arc::clone(&tables)));
        if let Some(since) = erased_since {
            // This comes before any thread begins: what is erased from now on is younger, and would
            // stand for what an earlier start has left.
            shared.erased(since);
        }
        let (commands, receiver) = mpsc::channel(config.queue);
        // Who ends whom:
        //
        //  shutdown, or the last handle dropped ──► the queue closes ──► timeline-commit ends
        //        ┌─────────────────────────────────────────────────────────────┘
        //        ├─ drops the notifier ──► timeline-tell ends, if there is an observer
        //        ├─ drops the answering ─► timeline-answer ends
        //        ├─ drops the planning ──► timeline-plan ends
        //        ├─ drops `keep` ────────► timeline-keep ends
        //        └─ drops `erase` ───────► timeline-erase ends, if the store erases
        //
        // Nothing is ever sent over `keep` and `erase`.
        let (keep, stop) = std_mpsc::sync_channel::<()>(0);
        let (erase, stop_erasing) = std_mpsc::sync_channel::<()>(0);
        let (store, within) = (directory.store(), config.erased_within);
        let erases = config.erases;
        let export_most = if erases { within / 4 } else { *Config::ERASED_WITHIN_BOUNDS.end() };
        let (path, least) = (config.directory.clone(), config.disk_free_min_bytes);
        let keeper = Watchdog::new(Arc::clone(&shared), path, least, commands.downgrade());
        let eraser = Eraser::new(Arc::clone(&shared), store, within, commands.downgrade());
        let (lanes, batch_bytes) = (Lanes::new(config.queue), config.batch_bytes);
        let retention = config.retention.clone();
        let threads = TaskTracker::new();
        let guard = |name| ThreadGuard::new(name, &shared, threads.token());
        let herald = match &config.observer {
            Some(observer) => Some(Notifier::start(Arc::clone(observer), guard("timeline-tell"))?),
            None => None,
        };
        let engine =
            StoreWriter::new(config, directory, Arc::clone(&shared), commit, (tables, marker, last_batch));
        let (answering, answered) = std_mpsc::sync_channel(ANSWERED_MAX);
        let (begun, lent) = std_mpsc::sync_channel(1);
        let desk =
            PlanningDesk::new(Arc::clone(&shared), receiver, (batch_bytes, retention), herald.is_some());
        let desk = Arc::new(Mutex::new(desk));
        let (to_plan, told) = (Arc::clone(&desk), (herald, Answering::new(answering)));
        let (sharing, ahead) = (Arc::clone(&shared), PlanningAhead::new(begun));
        let commit = move || Committer::new(sharing, engine, (desk.lock(), ahead), told).run();
        // Threads of their own, because they block on the disk all the time. They end with the
        // queue.
        spawn("timeline-keep", guard("timeline-keep"), move || keeper.run(&stop))?;
        spawn("timeline-answer", guard("timeline-answer"), move || run_answering(&answered))?;
        spawn("timeline-plan", guard("timeline-plan"), move || run_planning(&to_plan, &lent))?;
        if erases {
            spawn("timeline-erase", guard("timeline-erase"), move || eraser.run(&stop_erasing))?;
        }
        let held = (guard("timeline-commit"), keep, erase);
        spawn("timeline-commit", held, commit)?;
        threads.close();
        Ok(Self { commands, lanes, shared, export_most, reads: Semaphore::new(READS_MAX), threads })
    }
}

#[async_trait]
impl Store for EmbeddedStore {
    async fn append(&self, append: Append) -> Result<Appended> {
        let (lane, send) = (Lane::of(&append), Box::new(PreparedSend::new(append)));
        let written = self.ask(lane, |reply| Job::Append(send, reply)).await?;
        Ok(written.appended)
    }

    async fn append_all(&self, appends: Vec<Append>) -> Vec<Result<Appended>> {
        // All are handed over before the first answer is waited for, so that one flush is for many.
        let mut handed = Vec::with_capacity(appends.len());
        for append in appends {
            let (lane, send) = (Lane::of(&append), Box::new(PreparedSend::new(append)));
            handed.push(self.hand_over(lane, |reply| Job::Append(send, reply)).await);
        }
        let mut answers = Vec::with_capacity(handed.len());
        for answer in handed {
            answers.push(match answer {
                Ok(answer) => {
                    let written = answer.await.unwrap_or_else(|_| Err(self.gone()));
                    written.map(|written| written.appended)
                }
                Err(error) => Err(error),
            });
        }
        answers
    }

    async fn inbox(&self, member: &MemberId, last_read: Position, count: Count) -> Result<InboxPage> {
        let (member, page) = (member.clone(), PageRequest::after(last_read.sequence, count));
        self.read_tables(move |tables| tables.inbox(&member, last_read, page)).await
    }

    async fn history(&self, conversation: &Conversation, page: PageRequest) -> Result<HistoryPage> {
        let conversation = conversation.clone();
        self.read_tables(move |tables| tables.history(&conversation, page)).await
    }

    async fn received(&self, member: &MemberId, sequence: Seq) -> Result<Seq> {
        let (lane, member) = (Lane::Member(member.clone()), member.clone());
        self.ask(lane, |reply| Job::Received(member, sequence, reply)).await
    }

    async fn received_of(&self, member: &MemberId) -> Result<Seq> {
        let key = keys::received(member);
        self.read_tables(move |tables| tables.cursor(&tables.snapshot(), &key)).await
    }

    async fn ack(&self, member: &MemberId, sequence: Seq) -> Result<Seq> {
        let (lane, member) = (Lane::Member(member.clone()), member.clone());
        self.ask(lane, |reply| Job::Ack(member, sequence, reply)).await
    }

    fn inbox_changes(&self, member: &MemberId) -> InboxChanges {
        self.shared.watchers.subscribe(member)
    }

    async fn change_group(&self, group: &GroupName, change: GroupChange) -> Result<Group> {
        // Changes of one group share a lane, so that a flood of them leaves room for senders.
        let (lane, group, change) = (Lane::Group(group.clone()), group.clone(), Box::new(change));
        self.ask(lane, |reply| Job::Group(group, change, reply)).await
    }

    async fn group(&self, group: &GroupName) -> Result<Option<Group>> {
        let group = group.clone();
        self.read_tables(move |tables| tables.group(&tables.snapshot(), &group)).await
    }

    async fn groups_of(
        &self,
        member: &MemberId,
        after: Option<&GroupName>,
        count: Count,
    ) -> Result<GroupPage> {
        let (member, after) = (member.clone(), after.cloned());
        self.read_tables(move |tables| tables.groups_of(&member, after.as_ref(), count)).await
    }

    async fn change_message(&self, change: MessageChange) -> Result<Changed> {
        let (lane, change) = (Lane::of_change(&change), Box::new(change));
        self.ask(lane, |reply| Job::Change(change, reply)).await
    }

    async fn read(&self, member: &MemberId, conversation: &Conversation, sequence: Seq) -> Result<Seq> {
        let (lane, member) = (Lane::Member(member.clone()), member.clone());
        let conversation = conversation.clone();
        self.ask(lane, |reply| Job::Read(member, conversation, sequence, reply)).await
    }

    async fn read_of(&self, conversation: &Conversation, members: &[MemberId]) -> Result<Vec<Seq>> {
        let (conversation, members) = (conversation.clone(), members.to_vec());
        self.read_tables(move |tables| tables.read_of(&conversation, &members)).await
    }

    async fn view(&self, member: &MemberId, conversation: &Conversation) -> Result<Option<ConversationView>> {
        let (member, conversation) = (member.clone(), conversation.clone());
        self.read_tables(move |tables| tables.view(&member, &conversation)).await
    }

    async fn views(&self, member: &MemberId, after: Option<&Conversation>, count: Count) -> Result<ViewPage> {
        let (member, after) = (member.clone(), after.cloned());
        self.read_tables(move |tables| tables.views(&member, after.as_ref(), count)).await
    }

    async fn conversations(
        &self,
        member: &MemberId,
        after: Option<&ConversationMark>,
        count: Count,
    ) -> Result<ConversationPage> {
        let (member, after) = (member.clone(), after.cloned());
        self.read_tables(move |tables| tables.conversations(&member, after.as_ref(), count)).await
    }

    async fn clear(&self, member: &MemberId, conversation: &Conversation) -> Result<()> {
        let (lane, member) = (Lane::Member(member.clone()), member.clone());
        let conversation = conversation.clone();
        self.ask(lane, |reply| Job::Clear(member, conversation, reply)).await
    }

    async fn purge(&self, conversation: &Conversation) -> Result<Seq> {
        let (lane, conversation) = (Lane::of_conversation(conversation), conversation.clone());
        self.ask(lane, |reply| Job::Purge(conversation, reply)).await
    }

    async fn forget(&self, member: &MemberId) -> Result<()> {
        let mut after = None;
        loop {
            // A member may have been in very many conversations: others write in between.
            let (lane, member) = (Lane::Member(member.clone()), member.clone());
            after = self.ask(lane, |reply| Job::Forget(member, after, reply)).await?;
            if after.is_none() {
                return Ok(());
            }
        }
    }

    fn state(&self) -> watch::Receiver<State> {
        self.shared.state()
    }

    async fn shutdown(&self, grace: Duration) -> bool {
        // The order matters: the flag is set before the thread is woken, or it might look at the
        // flag, miss it, and sleep again.
        self.shared.close();
        // The command is refused if the channel is full or the committer has ended. Neither needs
        // it: behind a full channel the committer sees that the store is closed.
        if self.commands.try_send(Command::Close).is_err() {
            tracing::trace!("the committing thread needs no other word to end");
        }
        if timeout(grace, self.threads.wait()).await.is_err() {
            let threads = self.shared.running.lock().join(", ");
            tracing::warn!(
                %threads,
                "the timeline store has not ended in time, as these of its threads go on; if it is \
                 timeline-erase alone, everything is written, and the next start erases what is left"
            );
            return false;
        }
        self.shared.ended_well()
    }
}

impl fmt::Debug for EmbeddedStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EmbeddedStore").finish_non_exhaustive()
    }
}

/// How often is said that an opening still goes on.
const SHOWN_EVERY: Duration = Duration::from_secs(2);

/// Waits until a store is open, and says for how long it has been opened if that takes a while.
async fn shown<T>(directory: &Path, opening: impl Future<Output = Result<T>>) -> Result<T> {
    let (start, mut opening) = (Instant::now(), pin!(opening));
    loop {
        if let Ok(opened) = timeout(SHOWN_EVERY, &mut opening).await {
            return opened;
        }
        tracing::info!(
            directory = %directory.display(),
            seconds = start.elapsed().as_secs(),
            "the timeline store is still being opened; what was written last is read from its journals"
        );
    }
}

/// Runs a thread that holds something until it ends.
fn spawn(name: &str, held: impl Send + 'static, run: impl FnOnce() + Send + 'static) -> Result<()> {
    let run = move || {
        let _held = held;
        run();
    };
    match thread::Builder::new().name(name.to_owned()).spawn(run) {
        Ok(_detached) => Ok(()),
        Err(error) => {
            let text = format!("the thread {name} of the store cannot be started");
            Err(Error::with_source(ErrorKind::Unavailable, text, error))
        }
    }
}

#[cfg(test)]
mod tests;
