//! The handle of a distributed store.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::changes::Turns;
use super::config::Config;
use super::database::Database;
use super::episodes::Episodes;
use super::groups::GroupTurns;
use super::intents::Intents;
use super::keeper::Upkeep;
use super::kept::kept;
use super::node_id::NodeId;
use super::read::{Holes, Newest};
use super::reserving_turns::ReservingTurns;
use super::rows::{CursorQueue, RowsCache};
use super::send::Sender;
use super::sequencer::Sequencer;
use super::shared::Shared;
use super::telling::Teller;
use super::trouble::Trouble;
use super::{ack, changes, finisher, forget, groups, keeper, lists, opening, read, received, rows, telling};
use crate::store::{Append, Appended, GroupChange, InboxChanges, InboxWatchers};
use crate::{
    Changed, Conversation, ConversationMark, ConversationPage, ConversationView, Count, Group, GroupName,
    GroupPage, HistoryPage, InboxPage, MemberId, MessageChange, PageRequest, Position, Result, Seq, State,
    Store, ViewPage,
};

/// A store on MongoDB, with or without Redis, which any number of nodes share.
///
/// # Shutdown
///
/// [`shutdown`](Store::shutdown) finishes what was accepted. Dropping the store ends it without
/// waiting; what was accepted is finished by this node or by another one.
pub struct DistributedStore {
    shared: Arc<Shared>,
    sender: Sender,
}

impl DistributedStore {
    /// Starts a node of the store.
    ///
    /// It waits for the first answer of MongoDB, a second at most, so that a login which is refused
    /// is an error. The store is open when its [`state`](Store::state) is `Well`: until then that
    /// is `Down`, and calls fail with [`Unavailable`](crate::ErrorKind::Unavailable). It is
    /// `Down` again while no primary answers; calls wait for one then, as long as a call may
    /// take.
    ///
    /// # Errors
    ///
    /// [`Config`](crate::ErrorKind::Config) when a setting is wrong, a login is refused, or outside
    /// a tokio runtime.
    pub async fn start(config: Config) -> Result<Self> {
        config.validate()?;
        let database = Database::start(&config).await?;
        let (node, tasks, stop) = (NodeId::fresh(), TaskTracker::new(), CancellationToken::new());
        let watchers = InboxWatchers::default();
        // The order matters: nothing fails once there are tasks that wait for the end of the store.
        let trouble = Trouble::of(&config);
        let (teller, telling) = Teller::new(&config, node.clone(), watchers.clone(), trouble.clone())?;
        let sequencer = Sequencer::start(&config, database.clone(), &trouble, &tasks, &stop)?;
        let shared = Arc::new(Shared {
            intents: Intents::new(database.clone(), node.clone()),
            sequencer,
            reserving: ReservingTurns::default(),
            watchers,
            teller,
            holes: Holes::new(config.grace),
            newest: Newest::new(),
            rows: RowsCache::new(),
            cursors: CursorQueue::new(),
            group_turns: GroupTurns::new(),
            turns: Turns::new(),
            upkeep: Upkeep::new(),
            episodes: Episodes::default(),
            node,
            state: watch::Sender::new(State::down("mongodb was not asked yet")),
            generation: AtomicU64::new(0),
            tasks,
            stop,
            config,
            database,
        });
        for part in [
            boxed(kept(Arc::clone(&shared), "opens it", opening::run)),
            boxed(telling::run(Arc::clone(&shared), telling)),
            boxed(kept(Arc::clone(&shared), "ends what was left half done", finisher::run)),
            boxed(kept(Arc::clone(&shared), "keeps its boxes", keeper::run)),
        ] {
            shared.tasks.spawn(part);
        }
        let sender = Sender::start(&shared);
        Ok(Self { shared, sender })
    }
}

fn boxed(
    part: impl Future<Output = ()> + Send + 'static,
) -> std::pin::Pin<Box<dyn Future<Output = ()> + Send>> {
    Box::pin(part)
}

#[async_trait]
impl Store for DistributedStore {
    async fn append(&self, append: Append) -> Result<Appended> {
        self.shared.check_open()?;
        self.sender.append(append).await
    }

    async fn append_all(&self, appends: Vec<Append>) -> Vec<Result<Appended>> {
        if let Err(error) = self.shared.check_open() {
            return appends.iter().map(|_| Err(error.clone())).collect();
        }
        self.sender.append_all(appends).await
    }

    async fn inbox(&self, member: &MemberId, last_read: Position, count: Count) -> Result<InboxPage> {
        self.shared.timed(read::inbox(&self.shared, member, last_read, count)).await
    }

    async fn history(&self, conversation: &Conversation, page: PageRequest) -> Result<HistoryPage> {
        self.shared.timed(read::history(&self.shared, conversation, page)).await
    }

    async fn ack(&self, member: &MemberId, sequence: Seq) -> Result<Seq> {
        let (shared, member) = (Arc::clone(&self.shared), member.clone());
        self.shared.whole(async move { ack::ack(&shared, &member, sequence).await }).await
    }

    fn inbox_changes(&self, member: &MemberId) -> InboxChanges {
        self.shared.watchers.subscribe(member)
    }

    async fn received(&self, member: &MemberId, sequence: Seq) -> Result<Seq> {
        let (shared, member) = (Arc::clone(&self.shared), member.clone());
        self.shared.whole(async move { received::raise(&shared, &member, sequence).await }).await
    }

    async fn received_of(&self, member: &MemberId) -> Result<Seq> {
        self.shared.timed(received::of(&self.shared, member)).await
    }

    async fn change_group(&self, group: &GroupName, change: GroupChange) -> Result<Group> {
        let (shared, group) = (Arc::clone(&self.shared), group.clone());
        self.shared.whole(async move { groups::change(&shared, &group, change).await }).await
    }

    async fn group(&self, group: &GroupName) -> Result<Option<Group>> {
        self.shared.timed(groups::get(&self.shared, group)).await
    }

    async fn groups_of(
        &self,
        member: &MemberId,
        after: Option<&GroupName>,
        count: Count,
    ) -> Result<GroupPage> {
        self.shared.timed(groups::of_member(&self.shared, member, after, count)).await
    }

    async fn change_message(&self, change: MessageChange) -> Result<Changed> {
        let shared = Arc::clone(&self.shared);
        self.shared.whole(async move { changes::change_message(&shared, change).await }).await
    }

    async fn read(&self, member: &MemberId, conversation: &Conversation, sequence: Seq) -> Result<Seq> {
        let (shared, member, conversation) = (Arc::clone(&self.shared), member.clone(), conversation.clone());
        let raised = async move { rows::read(&shared, &member, &conversation, sequence).await };
        Ok(self.shared.whole(raised).await?.0)
    }

    async fn read_of(&self, conversation: &Conversation, members: &[MemberId]) -> Result<Vec<Seq>> {
        self.shared.timed(rows::read_of(&self.shared, conversation, members)).await
    }

    async fn view(&self, member: &MemberId, conversation: &Conversation) -> Result<Option<ConversationView>> {
        self.shared.timed(lists::view(&self.shared, member, conversation)).await
    }

    async fn views(&self, member: &MemberId, after: Option<&Conversation>, count: Count) -> Result<ViewPage> {
        self.shared.timed(lists::views(&self.shared, member, after, count)).await
    }

    async fn conversations(
        &self,
        member: &MemberId,
        after: Option<&ConversationMark>,
        count: Count,
    ) -> Result<ConversationPage> {
        self.shared.timed(Box::pin(lists::conversations(&self.shared, member, after, count))).await
    }

    async fn clear(&self, member: &MemberId, conversation: &Conversation) -> Result<()> {
        let (shared, member, conversation) = (Arc::clone(&self.shared), member.clone(), conversation.clone());
        self.shared.whole(async move { lists::clear(&shared, &member, &conversation).await }).await
    }

    async fn purge(&self, conversation: &Conversation) -> Result<Seq> {
        let (shared, conversation) = (Arc::clone(&self.shared), conversation.clone());
        self.shared.whole(async move { changes::purge(&shared, &conversation).await }).await
    }

    async fn forget(&self, member: &MemberId) -> Result<()> {
        let (shared, member) = (Arc::clone(&self.shared), member.clone());
        self.shared.whole(async move { forget::forget(&shared, &member).await }).await
    }

    fn state(&self) -> watch::Receiver<State> {
        self.shared.state.subscribe()
    }

    async fn shutdown(&self, grace: Duration) -> bool {
        let end = Instant::now() + grace;
        // The order matters: what was accepted is finished before the parts that it needs end.
        let is_sent = timeout_at(end, self.sender.shutdown()).await.is_ok();
        self.shared.tasks.close();
        self.shared.state.send_replace(State::down("it was shut down"));
        self.shared.watchers.close();
        self.shared.stop.cancel();
        let is_done = timeout_at(end, self.shared.tasks.wait()).await.is_ok();
        let left = end.saturating_duration_since(Instant::now());
        let is_closed = self.shared.database.link().shutdown(left).await;
        is_sent && is_done && is_closed
    }
}

impl Drop for DistributedStore {
    fn drop(&mut self) {
        self.shared.tasks.close();
        self.shared.stop.cancel();
        self.shared.watchers.close();
    }
}

impl fmt::Debug for DistributedStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DistributedStore").field("node", &self.shared.node).finish_non_exhaustive()
    }
}
