use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::watch;
use tokio::time::sleep;

use super::*;
use crate::memory::MemoryStore;
use crate::store::{Append, Appended, InboxChanges};
use crate::{
    Changed, Config, ConversationMark, ConversationPage, ConversationView, Group, GroupName, GroupPage,
    HistoryPage, InboxPage, Message, NewMessage, Position, State, Store, ViewPage,
};

/// A store that does not know where the copies of one history are, as of those of layout 2, and
/// takes some time for each change.
#[derive(Debug)]
struct FromBefore {
    store: MemoryStore,
    unknown: Conversation,
    each: Duration,
}

#[async_trait]
impl Store for FromBefore {
    async fn append(&self, append: Append) -> Result<Appended> {
        self.store.append(append).await
    }

    async fn append_all(&self, appends: Vec<Append>) -> Vec<Result<Appended>> {
        self.store.append_all(appends).await
    }

    async fn inbox(&self, member: &MemberId, last_read: Position, count: Count) -> Result<InboxPage> {
        self.store.inbox(member, last_read, count).await
    }

    async fn history(&self, conversation: &Conversation, page: PageRequest) -> Result<HistoryPage> {
        self.store.history(conversation, page).await
    }

    async fn ack(&self, member: &MemberId, sequence: Seq) -> Result<Seq> {
        self.store.ack(member, sequence).await
    }

    fn inbox_changes(&self, member: &MemberId) -> InboxChanges {
        self.store.inbox_changes(member)
    }

    async fn received(&self, member: &MemberId, sequence: Seq) -> Result<Seq> {
        self.store.received(member, sequence).await
    }

    async fn received_of(&self, member: &MemberId) -> Result<Seq> {
        self.store.received_of(member).await
    }

    async fn change_group(&self, group: &GroupName, change: GroupChange) -> Result<Group> {
        self.store.change_group(group, change).await
    }

    async fn group(&self, group: &GroupName) -> Result<Option<Group>> {
        self.store.group(group).await
    }

    async fn groups_of(
        &self,
        member: &MemberId,
        after: Option<&GroupName>,
        count: Count,
    ) -> Result<GroupPage> {
        self.store.groups_of(member, after, count).await
    }

    async fn change_message(&self, change: MessageChange) -> Result<Changed> {
        if change.conversation == self.unknown {
            return Err(Error::new(ErrorKind::Conflict, "where the copies are is not known"));
        }
        sleep(self.each).await;
        self.store.change_message(change).await
    }

    async fn read(&self, member: &MemberId, conversation: &Conversation, sequence: Seq) -> Result<Seq> {
        self.store.read(member, conversation, sequence).await
    }

    async fn read_of(&self, conversation: &Conversation, members: &[MemberId]) -> Result<Vec<Seq>> {
        self.store.read_of(conversation, members).await
    }

    async fn view(&self, member: &MemberId, conversation: &Conversation) -> Result<Option<ConversationView>> {
        self.store.view(member, conversation).await
    }

    async fn views(&self, member: &MemberId, after: Option<&Conversation>, count: Count) -> Result<ViewPage> {
        self.store.views(member, after, count).await
    }

    async fn conversations(
        &self,
        member: &MemberId,
        after: Option<&ConversationMark>,
        count: Count,
    ) -> Result<ConversationPage> {
        self.store.conversations(member, after, count).await
    }

    async fn clear(&self, member: &MemberId, conversation: &Conversation) -> Result<()> {
        self.store.clear(member, conversation).await
    }

    async fn purge(&self, conversation: &Conversation) -> Result<Seq> {
        self.store.purge(conversation).await
    }

    async fn forget(&self, member: &MemberId) -> Result<()> {
        self.store.forget(member).await
    }

    fn state(&self) -> watch::Receiver<State> {
        self.store.state()
    }

    async fn shutdown(&self, grace: Duration) -> bool {
        self.store.shutdown(grace).await
    }
}

fn member(id: &str) -> MemberId {
    MemberId::new(id).unwrap()
}

/// The kinds of the entries of a history.
async fn kinds(timeline: &Timeline, conversation: &Conversation) -> Vec<EntryKind> {
    let page = timeline.history(conversation, PageRequest::default()).await.unwrap();
    page.entries.iter().map(|entry| entry.kind).collect()
}

#[tokio::test]
async fn a_member_stays_until_what_cannot_be_deleted_is_purged() {
    let unknown = Conversation::single(member("a"), member("b"));
    let other = Conversation::single(member("a"), member("c"));
    let store = FromBefore { store: MemoryStore::default(), unknown: unknown.clone(), each: Duration::ZERO };
    let timeline = Timeline::start(Config::default(), store).unwrap();
    for to in ["b", "c"] {
        let message = Message::new("{}").unwrap();
        timeline.send(NewMessage::new(member("a"), member(to), message)).await.unwrap();
    }
    let refused = timeline.delete_member(&member("a")).await.unwrap_err();
    assert!(refused.kind() == ErrorKind::Conflict && refused.to_string().contains("a and b"), "{refused}");
    assert_eq!(kinds(&timeline, &unknown).await, [EntryKind::Message]);
    assert_eq!(kinds(&timeline, &other).await, [EntryKind::Tombstone, EntryKind::Deletion]);
    assert!(timeline.view(&member("a"), &unknown).await.unwrap().is_some(), "it can be found again");

    timeline.purge(&unknown).await.unwrap();
    assert_eq!(timeline.delete_member(&member("a")).await.unwrap(), 0);
    assert_eq!(timeline.view(&member("a"), &unknown).await.unwrap(), None);
}

#[tokio::test(start_paused = true)]
async fn a_deletion_that_takes_long_says_how_far_it_is_and_goes_on_when_it_is_repeated() {
    let unknown = Conversation::single(member("x"), member("y"));
    let store = FromBefore { store: MemoryStore::default(), unknown, each: Duration::from_secs(1) };
    let timeline = Timeline::start(Config::default(), store).unwrap();
    for _ in 0..10 {
        let message = Message::new("{}").unwrap();
        timeline.send(NewMessage::new(member("a"), member("b"), message)).await.unwrap();
    }
    let late = timeline.delete_member(&member("a")).await.unwrap_err();
    assert!(late.kind() == ErrorKind::Unavailable && late.to_string().contains("8 messages"), "{late}");
    let conversation = Conversation::single(member("a"), member("b"));
    assert!(timeline.view(&member("a"), &conversation).await.unwrap().is_some(), "the member is there");
    assert_eq!(timeline.delete_member(&member("a")).await.unwrap(), 2);
}
