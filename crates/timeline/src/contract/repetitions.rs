//! Laws of repeated sends.

use tokio::task::JoinSet;

use super::world::*;
use crate::{ErrorKind, MessageId, NewGroupMessage};

/// A repeated send has one effect and the same answer.
///
/// This holds when other messages came in between, and from the other side of another conversation.
pub async fn a_repeated_send_has_one_effect_and_the_same_answer(world: &dyn World) {
    let timeline = open(world).await;
    send(&timeline, "x", "b", 1).await;
    assert_eq!(send_id(&timeline, "a", "b", 2, "id").await.unwrap(), 2);
    send(&timeline, "a", "b", 3).await;
    assert_eq!(send_id(&timeline, "a", "b", 2, "id").await.unwrap(), 2);
    assert_eq!(
        send_id(&timeline, "a", "c", 2, "id").await.unwrap(),
        1,
        "another conversation, another message"
    );
    assert_eq!(inbox(&timeline, "b").await, texts([1, 2, 3]));
    assert_eq!(inbox(&timeline, "a").await, texts([2, 3, 2]));
    assert_eq!(history(&timeline, &pair("a", "b")).await, texts([2, 3]));
}

/// Concurrent repetitions have one effect, whichever comes first.
pub async fn concurrent_repetitions_have_one_effect(world: &dyn World) {
    let timeline = open(world).await;
    for round in 1..=10 {
        let mut tasks = JoinSet::new();
        // A store may take some of these together, and finds the answer to others written: both
        // have to be the first one.
        for _ in 0..16 {
            let timeline = timeline.clone();
            tasks.spawn(
                async move { send_id(&timeline, "a", "b", round, &format!("id{round}")).await.unwrap() },
            );
        }
        while let Some(answer) = tasks.join_next().await {
            assert_eq!(answer.unwrap(), round);
        }
    }
    assert_eq!(inbox(&timeline, "b").await, texts(1..=10));
    assert_eq!(history(&timeline, &pair("a", "b")).await, texts(1..=10));
}

/// What was answered is as durable as the message itself.
pub async fn a_repetition_after_opening_again_has_the_first_answer(world: &dyn World) {
    let timeline = open(world).await;
    send_id(&timeline, "a", "b", 1, "one").await.unwrap();
    send_id(&timeline, "a", "b", 2, "two").await.unwrap();
    assert!(timeline.shutdown(GRACE).await);
    let timeline = open(world).await;
    assert_eq!(send_id(&timeline, "a", "b", 1, "one").await.unwrap(), 1);
    assert_eq!(send_id(&timeline, "a", "b", 2, "two").await.unwrap(), 2);
    assert_eq!(inbox(&timeline, "b").await, texts([1, 2]));
}

/// A message id that was used for something else is a conflict.
///
/// With another text or another sender the first message stays; the second is refused and takes no
/// sequence.
pub async fn a_message_id_used_for_something_else_is_a_conflict(world: &dyn World) {
    let timeline = open(world).await;
    send_id(&timeline, "a", "b", 1, "id").await.unwrap();
    assert_eq!(send_id(&timeline, "a", "b", 2, "id").await.unwrap_err().kind(), ErrorKind::Conflict);
    assert_eq!(send_id(&timeline, "b", "a", 1, "id").await.unwrap_err().kind(), ErrorKind::Conflict);
    assert_eq!(send(&timeline, "a", "b", 3).await, 2);
    assert_eq!(inbox(&timeline, "b").await, texts([1, 3]));
    assert_eq!(history(&timeline, &pair("a", "b")).await, texts([1, 3]));
}

/// A repeated group send has one effect, whatever members it names.
pub async fn a_repeated_group_send_has_one_effect(world: &dyn World) {
    let timeline = open(world).await;
    let with_id = |members: &[&str], number| {
        let message_id = Some(MessageId::new("id").unwrap());
        NewGroupMessage { message_id, ..group_send("g", members, number) }
    };
    for members in [&["a", "b"][..], &["a", "b"], &["c"]] {
        assert!(timeline.send_group(with_id(members, 1)).await.unwrap().failed.is_empty());
    }
    let reused = timeline.send_group(with_id(&["a", "b"], 2)).await;
    assert_eq!(reused.unwrap_err().kind(), ErrorKind::Conflict);
    assert_eq!(history(&timeline, &group("g")).await, texts([1]));
    assert_eq!(inbox(&timeline, "a").await, texts([1]));
    assert_eq!(inbox(&timeline, "c").await, texts([]));
}
