//! The largest groups, and those that are too large.

use timeline::distributed::GROUP_MEMBERS_MAX;
use timeline::{
    Config, Count, ErrorKind, GroupName, MemberId, Message, NewGroup, NewGroupMessage, Seq, Timeline,
};

use crate::place::{PATIENCE, Place, open};

fn members(count: usize) -> Vec<MemberId> {
    (0..count).map(|number| MemberId::new(format!("m{number}")).unwrap()).collect()
}

fn group(name: &str) -> GroupName {
    GroupName::new(name).unwrap()
}

/// The timeline is told to allow more than the store can do.
async fn started(place: &Place) -> Timeline {
    let config = Config::default().group_members_max(2 * GROUP_MEMBERS_MAX);
    Timeline::start(config, open(place.config()).await).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_send_reaches_the_largest_group_and_one_to_more_is_refused() {
    let Some(place) = Place::on_redis_and_mongo().await else { return };
    let timeline = started(&place).await;
    let send = |count: usize| {
        let message = Message::new(r#"{"text":"hi"}"#).unwrap();
        timeline.send_group(NewGroupMessage::new(group("tea"), members(count), message))
    };
    let refused = send(GROUP_MEMBERS_MAX + 1).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::InvalidInput, "{refused}");
    // Nothing of it was stored, so this is the first entry.
    let sent = send(GROUP_MEMBERS_MAX).await.unwrap();
    assert_eq!((sent.place, sent.failed), (Seq::new(1).unwrap(), Vec::new()));
    let last = members(GROUP_MEMBERS_MAX).pop().unwrap();
    let page = timeline.sync(&last, Seq::ZERO, Count::default()).await.unwrap();
    assert_eq!(page.entries.len(), 1);
    assert!(timeline.shutdown(PATIENCE).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_group_is_made_with_as_many_members_as_it_may_have_and_nobody_joins_it() {
    let Some(place) = Place::on_mongo().await else { return };
    let timeline = started(&place).await;
    let create = |count: usize| timeline.create_group(NewGroup::new(group("tea")).members(members(count)));
    let refused = create(GROUP_MEMBERS_MAX + 1).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::InvalidInput, "{refused}");
    assert_eq!(create(GROUP_MEMBERS_MAX).await.unwrap().members.len(), GROUP_MEMBERS_MAX);
    let late = MemberId::new("late").unwrap();
    let refused = timeline.join_group(&group("tea"), vec![late]).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::InvalidInput, "{refused}");
    assert!(timeline.shutdown(PATIENCE).await);
}
