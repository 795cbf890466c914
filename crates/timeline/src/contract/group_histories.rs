//! Laws of groups whose names have a history before them.

use super::world::*;
use crate::{Conversation, Count, ErrorKind, GroupName, NewGroup, PageRequest};

/// A group that is to have no history is created only of a name without one.
///
/// A message that is sent at the same time comes before it, and then there is no group, or after.
pub async fn a_group_without_history_takes_over_none(world: &dyn World) {
    let timeline = open(world).await;
    let new = |group: &str| NewGroup::new(GroupName::new(group).unwrap()).owner(member("b"));
    let alone = |group: &str| new(group).without_history(true);
    timeline.send_group(group_send("old", &["a"], 1)).await.unwrap();
    let refused = timeline.create_group(alone("old")).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Conflict);
    assert_eq!(timeline.group(&new("old").name).await.unwrap(), None);
    // The inbox of a member who is called alike, and the history with them, are other ones.
    send(&timeline, "a", "new", 2).await;
    timeline.create_group(alone("new")).await.unwrap();

    for round in 0..10 {
        let id = format!("g{round}");
        let send = timeline.send_group(group_send(&id, &["a"], 1));
        let (sent, created) = tokio::join!(send, timeline.create_group(alone(&id)));
        sent.unwrap();
        let known = timeline.group(&new(&id).name).await.unwrap();
        match created {
            Ok(group) => {
                let first = PageRequest::after(seq(0), Count::new(1));
                let page = timeline.history(&Conversation::group(group.name.clone()), first).await.unwrap();
                assert!(page.entries[0].at_ms >= group.created_at_ms, "{page:?} is older than {group:?}");
                assert_eq!(known, Some(group));
            }
            Err(error) => assert_eq!((error.kind(), known), (ErrorKind::Conflict, None)),
        }
    }

    assert!(timeline.shutdown(GRACE).await);
    let timeline = open(world).await;
    let refused = timeline.create_group(alone("old")).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Conflict);
    let group = timeline.create_group(new("old")).await.unwrap();
    assert_eq!(timeline.group(&group.name).await.unwrap().as_ref(), Some(&group));
    let conversation = Conversation::group(group.name.clone());
    assert_eq!(history(&timeline, &conversation).await, texts([1]));
}
