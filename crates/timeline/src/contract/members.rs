//! Laws of members who go for ever.

use super::calls::*;
use super::world::*;
use crate::{Count, EntryKind, GroupName, NewGroup, Timeline};

fn name(name: &str) -> GroupName {
    GroupName::new(name).unwrap()
}

/// Two pairs and two groups, in which `a` has sent 5 messages and been sent 3.
async fn talk(timeline: &Timeline) {
    let known = NewGroup::new(name("known")).owner(member("a")).members([member("b")]);
    timeline.create_group(known).await.unwrap();
    say(timeline, "a", "b", 1).await;
    say(timeline, "b", "a", 2).await;
    say(timeline, "a", "b", 3).await;
    say(timeline, "a", "c", 4).await;
    say_to(timeline, "a", "known", &["a", "b"], 5).await;
    say_to(timeline, "b", "known", &["a", "b"], 6).await;
    say_to(timeline, "a", "named", &["a", "c"], 7).await;
    say_to(timeline, "c", "named", &["a", "c"], 8).await;
}

/// A deleted member's messages are gone everywhere, and the member from all groups.
///
/// What others wrote stays. Nothing is kept for the member alone.
pub async fn a_deleted_member_leaves_no_message(world: &dyn World) {
    let timeline = open(world).await;
    talk(&timeline).await;
    let a = member("a");
    timeline.received(&a, seq(2)).await.unwrap();
    // Of a group that the member only sends to, it is in no list.
    say_to(&timeline, "a", "posted", &["b", "c"], 9).await;
    assert!(!listed(&timeline, "a").await.contains(&group("posted")));
    assert_eq!(timeline.delete_member(&a).await.unwrap(), 6);
    assert_eq!(history_told(&timeline, &group("posted")).await, ["deleted", "deletion 1"]);
    assert_eq!(
        history_told(&timeline, &pair("a", "b")).await,
        ["deleted", "2", "deleted", "deletion 1", "deletion 3"]
    );
    assert_eq!(history_told(&timeline, &pair("a", "c")).await, ["deleted", "deletion 1"]);
    assert_eq!(history_told(&timeline, &group("known")).await, ["deleted", "6", "deletion 1"]);
    assert_eq!(history_told(&timeline, &group("named")).await, ["deleted", "8", "deletion 1"]);
    for id in ["b", "c"] {
        let of_a = inbox_entries(&timeline, id).await.into_iter();
        let mut of_a = of_a.filter(|entry| entry.from == Some(member("a")));
        assert!(of_a.all(|entry| entry.kind == EntryKind::Tombstone));
    }
    let members: Vec<_> = timeline
        .group(&name("known"))
        .await
        .unwrap()
        .unwrap()
        .members
        .into_iter()
        .map(|seat| seat.member)
        .collect();
    assert_eq!(members, [member("b")]);
    assert!(timeline.groups_of(&a, None, Count::default()).await.unwrap().groups.is_empty());
    is_forgotten(&timeline).await;
    assert_eq!(timeline.delete_member(&a).await.unwrap(), 0, "there is nothing left");
    assert_eq!(timeline.delete_member(&member("nobody")).await.unwrap(), 0);
    assert!(timeline.shutdown(GRACE).await);
    is_forgotten(&open(world).await).await;
}

async fn is_forgotten(timeline: &Timeline) {
    let (a, count) = (member("a"), Count::default());
    assert!(listed(timeline, "a").await.is_empty());
    assert!(timeline.unread_of(&a, None, count).await.unwrap().views.is_empty());
    assert!(timeline.view(&a, &pair("a", "b")).await.unwrap().is_none());
    assert_eq!(cursors(timeline, &pair("a", "b"), &["a"]).await, [0]);
    assert_eq!(timeline.received_of(&a).await.unwrap(), seq(0));
    let page = timeline.sync(&a, seq(0), count).await.unwrap();
    assert!(page.entries.is_empty() && page.floor == page.latest_seq && page.floor > seq(0), "{page:?}");
}

/// The inbox of a deleted member counts on.
///
/// One who comes again begins with what comes.
pub async fn a_deleted_member_who_comes_again_begins_anew(world: &dyn World) {
    let timeline = open(world).await;
    talk(&timeline).await;
    timeline.delete_member(&member("a")).await.unwrap();
    let top = timeline.sync(&member("a"), seq(0), Count::default()).await.unwrap().latest_seq;
    assert!(timeline.shutdown(GRACE).await);
    let timeline = open(world).await;
    assert_eq!(say(&timeline, "b", "a", 9).await, 6);
    let page = timeline.sync(&member("a"), seq(0), Count::default()).await.unwrap();
    assert_eq!((page.latest_seq, page.floor), (top.next(), top));
    assert_eq!(inbox_told(&timeline, "a").await, ["9"]);
    assert_eq!(listed(&timeline, "a").await, [pair("a", "b")]);
    assert_eq!(unread(&timeline, "a", &pair("a", "b")).await, 1);
    say_to(&timeline, "b", "known", &["a"], 10).await;
    assert_eq!(unread(&timeline, "a", &group("known")).await, 1);
    assert_eq!(inbox_told(&timeline, "a").await, ["9", "10"]);
}

/// A deletion reaches messages in groups that were left, and in what was cleared.
pub async fn a_deleted_member_is_gone_from_what_they_left(world: &dyn World) {
    let timeline = open(world).await;
    talk(&timeline).await;
    timeline.leave_group(&name("known"), vec![member("a")]).await.unwrap();
    timeline.clear(&member("a"), &pair("a", "b")).await.unwrap();
    assert!(recall(&timeline, &pair("a", "c"), 1, Some("a")).await.is_ok());
    assert_eq!(timeline.delete_member(&member("a")).await.unwrap(), 4, "one was taken back before");
    assert_eq!(history_told(&timeline, &group("known")).await[0], "deleted");
    assert_eq!(history_told(&timeline, &pair("a", "b")).await[..3], ["deleted", "2", "deleted"]);
    assert_eq!(history_told(&timeline, &pair("a", "c")).await[0], "recalled");
    // The list is the same as that of the last message.
    say_to(&timeline, "c", "named", &["a", "c"], 9).await;
    assert_eq!(listed(&timeline, "a").await, [group("named")]);
    assert_eq!(unread(&timeline, "a", &group("named")).await, 1);
}
