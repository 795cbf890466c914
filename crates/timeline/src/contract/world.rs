//! What a law needs of a store under test, and short forms for laws.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::{
    Config, Conversation, Count, Entry, GroupName, MemberId, Message, MessageId, NewGroupMessage, NewMessage,
    Observer, PageRequest, Result, Retention, Seq, Store, Timeline,
};

/// A place that a store keeps its data in, empty at first.
#[async_trait]
pub trait World: Sync {
    /// Starts the store of this place; again after it was shut down, with what it held.
    async fn start(&self) -> Arc<dyn Store>;

    /// Starts the store of this place with an observer.
    async fn start_observed(&self, observer: Arc<dyn Observer>) -> Arc<dyn Store>;

    /// Starts the store of this place so that it keeps entries as this says.
    async fn start_keeping(&self, retention: Retention) -> Arc<dyn Store>;
}

/// A time that only a hang reaches.
pub(super) const GRACE: Duration = Duration::from_secs(60);

pub(super) async fn open(world: &dyn World) -> Timeline {
    Timeline::start(Config::default(), world.start().await).unwrap()
}

pub(super) async fn observed(world: &dyn World, observer: Arc<dyn Observer>) -> Timeline {
    Timeline::start(Config::default(), world.start_observed(observer).await).unwrap()
}

pub(super) async fn keeping(world: &dyn World, retention: Retention) -> Timeline {
    Timeline::start(Config::default(), world.start_keeping(retention).await).unwrap()
}

pub(super) fn member(id: &str) -> MemberId {
    MemberId::new(id).unwrap()
}

pub(super) fn seq(number: u64) -> Seq {
    Seq::new(number).unwrap()
}

pub(super) fn message(number: u64) -> Message {
    Message::new(format!("{{\"n\":{number}}}")).unwrap()
}

pub(super) fn pair(one: &str, other: &str) -> Conversation {
    Conversation::single(member(one), member(other))
}

pub(super) fn group(name: &str) -> Conversation {
    Conversation::group(GroupName::new(name).unwrap())
}

pub(super) async fn send(timeline: &Timeline, from: &str, to: &str, number: u64) -> u64 {
    let send = NewMessage::new(member(from), member(to), message(number));
    timeline.send(send).await.unwrap().sequence.get()
}

pub(super) async fn send_id(timeline: &Timeline, from: &str, to: &str, number: u64, id: &str) -> Result<u64> {
    let message_id = Some(MessageId::new(id).unwrap());
    let send = NewMessage::new(member(from), member(to), message(number)).message_id(message_id);
    Ok(timeline.send(send).await?.sequence.get())
}

pub(super) fn group_send(name: &str, members: &[&str], number: u64) -> NewGroupMessage {
    NewGroupMessage {
        from: None,
        group: GroupName::new(name).unwrap(),
        members: members.iter().map(|id| member(id)).collect(),
        message: message(number),
        message_id: None,
    }
}

/// Sends the messages with these numbers to one member.
pub(super) async fn send_all(timeline: &Timeline, to: &str, numbers: impl IntoIterator<Item = u64>) {
    for number in numbers {
        send(timeline, "a", to, number).await;
    }
}

/// Reads a whole inbox as a client does, page by page; checks that it is contiguous from 1.
pub(super) async fn inbox(timeline: &Timeline, id: &str) -> Vec<String> {
    let mut all = Vec::new();
    loop {
        let page = timeline.sync(&member(id), seq(all.len() as u64), Count::new(7)).await.unwrap();
        append_contiguous(&mut all, &page.entries);
        assert!(page.latest_seq.get() >= all.len() as u64);
        if page.latest_seq.get() == all.len() as u64 {
            return all;
        }
    }
}

/// Reads a whole history, page by page; checks that it is contiguous from 1.
pub(super) async fn history(timeline: &Timeline, conversation: &Conversation) -> Vec<String> {
    let mut all = Vec::new();
    loop {
        let page = PageRequest::after(seq(all.len() as u64), Count::new(7));
        let entries = timeline.history(conversation, page).await.unwrap().entries;
        if entries.is_empty() {
            return all;
        }
        append_contiguous(&mut all, &entries);
    }
}

pub(super) fn append_contiguous(all: &mut Vec<String>, entries: &[Entry]) {
    for entry in entries {
        assert_eq!(entry.sequence.get(), all.len() as u64 + 1, "a gap or a repetition");
        all.push(entry.message.to_string());
    }
}

/// The messages with these numbers, as [`inbox`] and [`history`] return them.
pub(super) fn texts(numbers: impl IntoIterator<Item = u64>) -> Vec<String> {
    numbers.into_iter().map(|number| message(number).to_string()).collect()
}
