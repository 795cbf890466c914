//! Laws of cursors.

use tokio::task::JoinSet;

use super::world::*;
use crate::ErrorKind;

/// The highest report counts, even if reports come at the same time.
pub async fn a_cursor_rises_and_never_falls(world: &dyn World) {
    let timeline = open(world).await;
    for number in 1..=20 {
        send(&timeline, "a", "b", number).await;
    }
    let member = member("b");
    assert_eq!(timeline.received(&member, seq(7)).await.unwrap(), seq(7));
    assert_eq!(timeline.received(&member, seq(3)).await.unwrap(), seq(7));
    assert_eq!(timeline.received_of(&member).await.unwrap(), seq(7));
    let mut tasks = JoinSet::new();
    for number in (1..=20).rev() {
        let (timeline, member) = (timeline.clone(), member.clone());
        tasks.spawn(async move {
            assert!(timeline.received(&member, seq(number)).await.unwrap() >= seq(number));
        });
    }
    while let Some(result) = tasks.join_next().await {
        result.unwrap();
    }
    assert_eq!(timeline.received_of(&member).await.unwrap(), seq(20));
    assert_eq!(inbox(&timeline, "b").await, texts(1..=20), "a cursor frees nothing");
}

/// A report beyond the end of the inbox is refused.
pub async fn a_cursor_cannot_pass_the_inbox(world: &dyn World) {
    let timeline = open(world).await;
    assert_eq!(timeline.received(&member("b"), seq(0)).await.unwrap(), seq(0));
    assert_eq!(timeline.received(&member("b"), seq(1)).await.unwrap_err().kind(), ErrorKind::InvalidInput);
    send(&timeline, "a", "b", 1).await;
    assert_eq!(timeline.received(&member("b"), seq(2)).await.unwrap_err().kind(), ErrorKind::InvalidInput);
    assert_eq!(timeline.received_of(&member("b")).await.unwrap(), seq(0));
    assert_eq!(timeline.received(&member("b"), seq(1)).await.unwrap(), seq(1));
}
