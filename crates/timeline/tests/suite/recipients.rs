//! What waits for a store holds each recipient once, however often a client names it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use timeline::store::{Append, Appended, GroupChange, InboxChanges, InboxWatchers};
use timeline::{
    Config, Conversation, Count, Group, GroupName, GroupPage, HistoryPage, InboxPage, MemberId, Message,
    NewGroupMessage, PageRequest, Position, Result, Seq, State, Timeline,
};
use tokio::sync::watch;

use crate::mocked;

/// Keeps what it is given, as a queue does.
#[derive(Debug, Default)]
struct Queue(Mutex<Vec<Append>>);

mocked::store!(Queue {
    async fn append(&self, append: Append) -> Result<Appended> {
        self.0.lock().unwrap().push(append);
        Ok(Appended::new(Seq::ZERO, Seq::ZERO, Vec::new()))
    }

    async fn inbox(&self, _: &MemberId, _: Position, _: Count) -> Result<InboxPage> {
        Ok(InboxPage::new(Seq::ZERO, Vec::new()))
    }

    async fn history(&self, _: &Conversation, _: PageRequest) -> Result<HistoryPage> {
        Ok(HistoryPage::default())
    }

    async fn ack(&self, _: &MemberId, sequence: Seq) -> Result<Seq> {
        Ok(sequence)
    }

    fn inbox_changes(&self, member: &MemberId) -> InboxChanges {
        InboxWatchers::default().subscribe(member)
    }

    async fn received(&self, _: &MemberId, sequence: Seq) -> Result<Seq> {
        Ok(sequence)
    }

    async fn received_of(&self, _: &MemberId) -> Result<Seq> {
        Ok(Seq::ZERO)
    }

    async fn change_group(&self, group: &GroupName, change: GroupChange) -> Result<Group> {
        change.apply(group, None, 0, || Ok(false))
    }

    async fn group(&self, _: &GroupName) -> Result<Option<Group>> {
        Ok(None)
    }

    async fn groups_of(&self, _: &MemberId, _: Option<&GroupName>, _: Count) -> Result<GroupPage> {
        Ok(GroupPage::default())
    }

    fn state(&self) -> watch::Receiver<State> {
        watch::Sender::new(State::Well).subscribe()
    }

    async fn shutdown(&self, _: Duration) -> bool {
        true
    }
});

#[tokio::test]
async fn a_member_that_is_named_over_and_over_takes_the_room_of_one() {
    let queue = Arc::new(Queue::default());
    let timeline = Timeline::start(Config::default(), Arc::clone(&queue)).unwrap();
    let names = ["a", "b", "c"].map(|id| MemberId::new(id).unwrap());
    // As many as fit into a request of 1 MiB.
    let members = (0..262_144).map(|index: usize| names[index % 3].clone());
    let message = Message::new("{}").unwrap();
    timeline.send_group(NewGroupMessage::new(GroupName::new("g").unwrap(), members, message)).await.unwrap();
    let waiting = queue.0.lock().unwrap();
    assert_eq!(waiting[0].recipients, names);
    let room = waiting[0].recipients.capacity();
    assert!(room <= 8, "{room} members have room where 3 are");
}
