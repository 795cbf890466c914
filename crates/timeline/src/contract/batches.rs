//! Laws of batches.

use super::world::*;
use crate::store::Append;
use crate::{
    Config, Destination, ErrorKind, GroupName, MemberId, Message, MessageId, NewMessage, Result,
    SENDS_BYTES_MAX, SENDS_MAX, Sent, Timeline,
};

fn new(from: &str, to: &str, number: u64) -> NewMessage {
    NewMessage::new(member(from), member(to), message(number))
}

fn with_id(from: &str, to: &str, number: u64, id: &str) -> NewMessage {
    new(from, to, number).message_id(MessageId::new(id).unwrap())
}

/// A message of `a`, as a store gets it.
fn append(to: Destination, recipients: Vec<MemberId>, number: u64) -> Append {
    let conversation = match &to {
        Destination::Member(to) => pair("a", to.as_str()),
        Destination::Group(to) => group(to.as_str()),
    };
    Append { conversation, from: Some(member("a")), to, recipients, message: message(number), token: None }
}

/// A message whose text has so many bytes.
fn long(bytes: usize) -> Message {
    Message::new(format!("{{\"t\":\"{}\"}}", "x".repeat(bytes - 8))).unwrap()
}

async fn answers(timeline: &Timeline, sends: Vec<NewMessage>) -> Vec<Result<u64, ErrorKind>> {
    let answer = |answer: Result<Sent>| answer.map(|sent| sent.sequence.get()).map_err(|error| error.kind());
    timeline.send_batch(sends).await.unwrap().into_iter().map(answer).collect()
}

/// A batch answers each message in the order of the list.
///
/// One that is refused keeps no other back, and takes no sequence. Those of one sender are stored
/// in their order.
pub async fn a_batch_answers_each_message_in_order(world: &dyn World) {
    let timeline = open(world).await;
    assert!(answers(&timeline, Vec::new()).await.is_empty());
    send_id(&timeline, "a", "b", 1, "id").await.unwrap();
    let too_long = NewMessage { message: long(64 * 1024 + 1), ..new("a", "b", 0) };
    let sends = vec![
        new("a", "b", 2),
        with_id("a", "b", 9, "id"),
        too_long,
        new("a", "c", 3),
        with_id("a", "b", 1, "id"),
        with_id("a", "b", 4, "other"),
        with_id("a", "b", 4, "other"),
        new("a", "a", 5),
    ];
    let expected: [Result<u64, ErrorKind>; 8] =
        [Ok(2), Err(ErrorKind::Conflict), Err(ErrorKind::InvalidInput), Ok(1), Ok(1), Ok(3), Ok(3), Ok(5)];
    assert_eq!(answers(&timeline, sends).await, expected);
    assert_eq!(inbox(&timeline, "a").await, texts(1..=5));
    assert_eq!(inbox(&timeline, "b").await, texts([1, 2, 4]));
    assert_eq!(history(&timeline, &pair("a", "b")).await, texts([1, 2, 4]));

    let many = (0..SENDS_MAX as u64).map(|number| new("x", "y", number)).collect();
    let expected: Vec<Result<u64, ErrorKind>> = (1..=SENDS_MAX as u64).map(Ok).collect();
    assert_eq!(answers(&timeline, many).await, expected);
    assert_eq!(inbox(&timeline, "y").await, texts(0..SENDS_MAX as u64));
    assert!(timeline.shutdown(GRACE).await);
    let closed: [Result<u64, ErrorKind>; 2] = [Err(ErrorKind::Closed), Err(ErrorKind::Closed)];
    assert_eq!(answers(&timeline, vec![new("a", "b", 6), new("a", "c", 7)]).await, closed);
    let timeline = open(world).await;
    assert_eq!(inbox(&timeline, "a").await, texts(1..=5));
}

/// Messages that are stored together keep their order, however many get each.
pub async fn a_batch_to_one_and_to_many_keeps_its_order(world: &dyn World) {
    let store = world.start().await;
    let members: Vec<_> = (0..120).map(|number| member(&format!("m{number}"))).collect();
    let to_many = Destination::Group(GroupName::new("large").unwrap());
    let to_one = Destination::Member(member("m7"));
    let appends = (1..=8).map(|number| {
        if number % 3 == 0 {
            append(to_many.clone(), members.clone(), number)
        } else {
            append(to_one.clone(), vec![member("a"), member("m7")], number)
        }
    });
    let answers = store.append_all(appends.collect()).await;
    let places: Vec<_> = answers.into_iter().map(|answer| answer.unwrap().place.get()).collect();
    assert_eq!(places, [1, 2, 1, 3, 4, 2, 5, 6]);
    let timeline = Timeline::start(Config::default(), store).unwrap();
    assert_eq!(inbox(&timeline, "m7").await, texts(1..=8));
    assert_eq!(inbox(&timeline, "m8").await, texts([3, 6]));
    assert_eq!(history(&timeline, &group("large")).await, texts([3, 6]));
}

/// A batch that is repeated with its message ids has one effect.
///
/// The answers are the same, also when both run at the same time.
pub async fn a_repeated_batch_has_one_effect(world: &dyn World) {
    let timeline = open(world).await;
    let sends =
        || -> Vec<_> { (1..=50).map(|number| with_id("a", "b", number, &format!("{number}"))).collect() };
    let expected: Vec<Result<u64, ErrorKind>> = (1..=50).map(Ok).collect();
    let (one, other) = tokio::join!(answers(&timeline, sends()), answers(&timeline, sends()));
    assert_eq!((one, other), (expected.clone(), expected.clone()));
    assert_eq!(answers(&timeline, sends()).await, expected);
    assert_eq!(inbox(&timeline, "b").await, texts(1..=50));
    assert_eq!(history(&timeline, &pair("a", "b")).await, texts(1..=50));
}

/// A batch of too many messages, or of too many bytes, stores none of them.
pub async fn batches_out_of_bounds_leave_no_trace(world: &dyn World) {
    let timeline = open(world).await;
    let many = (0..=SENDS_MAX as u64).map(|number| new("a", "b", number)).collect();
    let each = 64 * 1024;
    let large = |count: usize| -> Vec<_> {
        (0..count).map(|_| NewMessage { message: long(each), ..new("a", "b", 0) }).collect()
    };
    for sends in [many, large(SENDS_BYTES_MAX / each + 1)] {
        let refused = timeline.send_batch(sends).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::InvalidInput);
        assert!(refused.to_string().starts_with("sends: "), "{refused}");
    }
    assert_eq!(inbox(&timeline, "b").await, texts([]));
    let answers = answers(&timeline, large(SENDS_BYTES_MAX / each)).await;
    assert_eq!(answers.last(), Some(&Ok((SENDS_BYTES_MAX / each) as u64)));
}
