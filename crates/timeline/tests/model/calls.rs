//! The calls, made of the store and of the model.

use proptest::prelude::*;
use timeline::{
    Conversation, Count, ErrorKind, GroupName, Message, MessageId, NewGroupMessage, NewMessage, Seq, Timeline,
};

use super::devices::Devices;
use super::lists::{Boxed, CONVERSATIONS, Change, KNOWN, Lists, MEMBERS, NAMED, Talk};
use super::member;

/// One call; numbers of places count back from behind the end.
///
/// With `Device` another device of the member comes, and the first one goes if there are too many.
/// With `Reopen` the store ends, and begins again so many ticks later, maybe after a repair.
#[derive(Debug, Clone, Copy)]
pub(super) enum Call {
    Send { talk: usize, is_turned: bool, id: Option<u8> },
    SendKnown { from: usize },
    SendNamed { from: usize, recipients: u8 },
    SendBack { from: usize, recipients: u8 },
    Change { talk: usize, back: u64, by: Option<usize>, change: Change },
    Read { member: usize, talk: usize, back: u64 },
    Ack { member: usize, back: u64 },
    Clear { member: usize, talk: usize },
    Purge { talk: usize },
    Join { member: usize },
    Leave { member: usize },
    Device { member: usize },
    Reopen { later: u64, closed: Option<Boxed> },
}

pub(super) fn call() -> impl Strategy<Value = Call> {
    let (member, talk, back) = (|| 0..MEMBERS, || 0..CONVERSATIONS.len(), || 0..7_u64);
    let by = prop::option::weighted(0.7, member());
    let change = prop_oneof![(0..4_u64).prop_map(Change::Edit), Just(Change::Recall), Just(Change::Delete)];
    let closed = prop_oneof![talk().prop_map(Boxed::History), member().prop_map(Boxed::Inbox)];
    prop_oneof![
        6 => (0..KNOWN, any::<bool>(), prop::option::of(0..3_u8))
            .prop_map(|(talk, is_turned, id)| Call::Send { talk, is_turned, id }),
        4 => member().prop_map(|from| Call::SendKnown { from }),
        3 => (member(), 1..8_u8).prop_map(|(from, recipients)| Call::SendNamed { from, recipients }),
        2 => (member(), 1..8_u8).prop_map(|(from, recipients)| Call::SendBack { from, recipients }),
        6 => (talk(), back(), by, change)
            .prop_map(|(talk, back, by, change)| Call::Change { talk, back, by, change }),
        4 => (member(), talk(), back()).prop_map(|(member, talk, back)| Call::Read { member, talk, back }),
        2 => (member(), back()).prop_map(|(member, back)| Call::Ack { member, back }),
        1 => (member(), talk()).prop_map(|(member, talk)| Call::Clear { member, talk }),
        1 => talk().prop_map(|talk| Call::Purge { talk }),
        1 => member().prop_map(|member| Call::Join { member }),
        1 => member().prop_map(|member| Call::Leave { member }),
        1 => member().prop_map(|member| Call::Device { member }),
        3 => (0..3_u64, prop::option::of(closed))
            .prop_map(|(later, closed)| Call::Reopen { later, closed }),
    ]
}

pub(super) fn conversation(talk: usize) -> Conversation {
    let group = |name| Conversation::group(GroupName::new(name).unwrap());
    match CONVERSATIONS[talk] {
        Talk::Pair(one, other) => Conversation::single(member(one), member(other)),
        Talk::Known => group("known"),
        Talk::Named => group("named"),
    }
}

/// The message with this number.
pub(super) fn message(text: u64) -> Message {
    Message::new(format!("{{\"n\":{text}}}")).unwrap()
}

pub(super) fn seq(number: u64) -> Seq {
    Seq::new(number).unwrap()
}

/// Makes a call of both, whose answers must be the same.
pub(super) async fn make(timeline: &Timeline, lists: &mut Lists, devices: &mut Devices, call: Call) {
    let place =
        |lists: &Lists, talk: usize, back: u64| (lists.histories[talk].top() + 1).saturating_sub(back);
    match call {
        Call::Send { talk, is_turned, id } => send(timeline, lists, talk, is_turned, id).await,
        Call::SendKnown { from } if lists.known.contains(&from) => {
            let recipients = lists.known.clone();
            send_group(timeline, (lists, devices), KNOWN, from, &recipients).await;
        }
        Call::SendKnown { .. } | Call::Reopen { .. } => {}
        Call::SendNamed { from, recipients } => {
            send_group(timeline, (lists, devices), NAMED, from, &named(recipients)).await;
        }
        // Whoever has left the group is back, also without joining.
        Call::SendBack { from, recipients } => {
            send_group(timeline, (lists, devices), KNOWN, from, &named(recipients)).await;
        }
        Call::Change { talk, back, by, change } => {
            let place = place(lists, talk, back);
            let found = changed(timeline, talk, place, by, change).await;
            assert_eq!(found, lists.change(talk, place, by, change), "{call:?}");
        }
        Call::Read { member: id, talk, back } => {
            let (place, before) = (place(lists, talk, back), lists.read_of(id, talk));
            let found = timeline.read(&member(id), &conversation(talk), seq(place)).await;
            let found = found.map(Seq::get).map_err(|error| error.kind());
            assert_eq!(found, lists.read(id, talk, place), "{call:?}");
            if lists.read_of(id, talk) > before {
                devices.expect_read(lists, id, talk);
            }
        }
        Call::Ack { member: id, back } => {
            let sequence = (lists.inboxes[id].top() + 1).saturating_sub(back);
            let found = timeline.ack(&member(id), seq(sequence)).await;
            let found = found.map(Seq::get).map_err(|error| error.kind());
            assert_eq!(found, lists.ack(id, sequence), "{call:?}");
        }
        Call::Clear { member: id, talk } => {
            let found = timeline.clear(&member(id), &conversation(talk)).await.map_err(|error| error.kind());
            assert_eq!(found, lists.clear(id, talk), "{call:?}");
        }
        Call::Purge { talk } => purge(timeline, lists, talk).await,
        Call::Join { member: id } => {
            timeline.join_group(&GroupName::new("known").unwrap(), vec![member(id)]).await.unwrap();
            lists.join(id);
        }
        Call::Leave { member: id } => {
            timeline.leave_group(&GroupName::new("known").unwrap(), vec![member(id)]).await.unwrap();
            lists.leave(id);
        }
        Call::Device { member: id } => devices.add(timeline, lists, id),
    }
}

/// The members whose bits are set.
fn named(recipients: u8) -> Vec<usize> {
    (0..MEMBERS).filter(|number| (recipients >> number) & 1 == 1).collect()
}

async fn send(timeline: &Timeline, lists: &mut Lists, talk: usize, is_turned: bool, id: Option<u8>) {
    let Talk::Pair(one, other) = CONVERSATIONS[talk] else { return };
    let (from, to) = if is_turned { (other, one) } else { (one, other) };
    let recipients = if from == to { vec![to] } else { vec![from, to] };
    // What has an id has one text, so that it is repeated.
    let text = id.map_or_else(|| lists.histories[talk].top() % 4, |id| 100 + u64::from(id));
    let message_id = id.map(|id| MessageId::new(format!("id{id}")).unwrap());
    let send = NewMessage::new(member(from), member(to), message(text)).message_id(message_id);
    let found = timeline.send(send).await.map(|sent| sent.place.get()).map_err(|error| error.kind());
    let expected = match id {
        Some(id) => lists.send_id(talk, from, &recipients, text, id),
        None => Ok(lists.send(talk, from, &recipients, text)),
    };
    assert_eq!(found, expected);
}

async fn send_group(
    timeline: &Timeline,
    (lists, devices): (&mut Lists, &mut Devices),
    talk: usize,
    from: usize,
    recipients: &[usize],
) {
    let name = GroupName::new(if talk == KNOWN { "known" } else { "named" }).unwrap();
    let text = lists.histories[talk].top() % 4;
    let send = NewGroupMessage::new(name, recipients.iter().map(|&number| member(number)), message(text));
    let sent = timeline.send_group(send.from(member(from))).await.unwrap();
    assert!(sent.failed.is_empty());
    assert_eq!(sent.place.get(), lists.send(talk, from, recipients, text));
    // Who gets a copy knows by it how far its sender has read.
    if !recipients.contains(&from) {
        devices.expect_read(lists, from, talk);
    }
}

async fn changed(
    timeline: &Timeline,
    talk: usize,
    place: u64,
    by: Option<usize>,
    change: Change,
) -> Result<u64, ErrorKind> {
    let (conversation, place, by) = (conversation(talk), seq(place), by.map(member));
    let changed = match change {
        Change::Edit(text) => timeline.edit(&conversation, place, by, message(text)).await,
        Change::Recall => timeline.recall(&conversation, place, by).await,
        Change::Delete => timeline.delete_message(&conversation, place, by).await,
    };
    changed.map(|changed| changed.place.get()).map_err(|error| error.kind())
}

/// Purges a history that ever had an entry.
async fn purge(timeline: &Timeline, lists: &mut Lists, talk: usize) {
    if lists.histories[talk].top() == 0 {
        return;
    }
    let found = timeline.purge(&conversation(talk)).await.unwrap().get();
    let (place, told) = lists.purge(talk);
    assert_eq!(found, place);
    // A store tells it to further recipients as far as it knows them.
    for id in 0..MEMBERS {
        let page = timeline.sync(&member(id), Seq::ZERO, Count::new(1)).await.unwrap();
        let has_more = page.latest_seq.get() > lists.inboxes[id].top();
        if has_more && talk >= KNOWN && !told.contains(&id) {
            lists.copy(id, talk, place);
        }
    }
}
