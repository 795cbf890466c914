//! Laws of the list of conversations.

use tokio::task::JoinSet;

use super::calls::*;
use super::world::*;
use crate::page::PAGE_BYTES_MAX;
use crate::{
    Config, Conversation, ConversationSummary, Count, ErrorKind, GroupName, Message, NewGroup, NewMessage,
    Seq, Timeline,
};

fn name(name: &str) -> GroupName {
    GroupName::new(name).unwrap()
}

/// The conversation with the latest entry comes first, in whole pages.
///
/// A change is an entry, too.
pub async fn conversations_are_listed_the_most_recent_first(world: &dyn World) {
    let timeline = open(world).await;
    assert!(list(&timeline, "b").await.is_empty());
    for from in ["p", "q", "r", "b"] {
        say(&timeline, from, "b", 1).await;
        tick(&timeline).await;
    }
    say_to(&timeline, "p", "g", &["b", "p"], 2).await;
    tick(&timeline).await;
    let of = |ids: [&str; 5]| -> Vec<Conversation> {
        ids.iter().map(|id| if *id == "g" { group("g") } else { pair(id, "b") }).collect()
    };
    assert_eq!(listed(&timeline, "b").await, of(["g", "b", "r", "q", "p"]));
    say(&timeline, "b", "q", 3).await;
    tick(&timeline).await;
    assert_eq!(listed(&timeline, "b").await, of(["q", "g", "b", "r", "p"]));
    assert!(edit(&timeline, &pair("p", "b"), 1, Some("p"), 4).await.is_ok());
    assert_eq!(listed(&timeline, "b").await, of(["p", "q", "g", "b", "r"]));
    assert_eq!(read_to(&timeline, "b", &pair("r", "b"), 1).await, Ok(1));
    assert_eq!(listed(&timeline, "b").await, of(["p", "q", "g", "b", "r"]), "reading moves nothing");
    assert_eq!(listed(&timeline, "r").await, [pair("r", "b")]);
    assert!(timeline.shutdown(GRACE).await);
    let timeline = open(world).await;
    assert_eq!(listed(&timeline, "b").await, of(["p", "q", "g", "b", "r"]));
}

/// A page of the list ends after 1 MiB, however many were asked for.
///
/// A conversation whose last message is larger comes alone. Nothing is skipped.
pub async fn pages_of_a_list_end_after_1_mib(world: &dyn World) {
    let config = Config::default().message_bytes_max(PAGE_BYTES_MAX);
    let timeline = Timeline::start(config, world.start().await).unwrap();
    // Two thirds of a page fit into one with what is around them, three do not.
    let parts = [PAGE_BYTES_MAX, PAGE_BYTES_MAX / 3, PAGE_BYTES_MAX / 3, PAGE_BYTES_MAX / 3, 600];
    for (number, bytes) in parts.into_iter().enumerate() {
        let message = Message::new(format!("{{\"t\":\"{}\"}}", "x".repeat(bytes - 8))).unwrap();
        let (from, to) = (member(&format!("p{number}")), member("b"));
        timeline.send(NewMessage { from, to, message, message_id: None }).await.unwrap();
        tick(&timeline).await;
    }
    let (mut sizes, mut found, mut after) = (Vec::new(), Vec::new(), None);
    loop {
        let page = timeline.conversations(&member("b"), after.as_ref(), Count::new(1_000)).await.unwrap();
        sizes.push(page.conversations.len());
        after = page.conversations.last().map(ConversationSummary::mark);
        found.extend(page.conversations.into_iter().map(|summary| summary.view.conversation));
        if !page.more {
            break;
        }
    }
    assert_eq!(sizes, [3, 1, 1]);
    assert_eq!(found, ["p4", "p3", "p2", "p1", "p0"].map(|id| pair(id, "b")));
}

/// A summary has the last message, how far both have read, and what is unread.
///
/// The last message is shown as it is now; what tells of a change is none.
pub async fn a_summary_shows_the_last_message_as_it_is_now(world: &dyn World) {
    let timeline = open(world).await;
    let ab = pair("a", "b");
    for number in 1..=3 {
        say(&timeline, "a", "b", number).await;
    }
    assert_eq!(read_to(&timeline, "b", &ab, 1).await, Ok(1));
    let last = async |id| {
        let summary = list(&timeline, id).await.remove(0);
        let history = history_entries(&timeline, &ab).await;
        assert_eq!(summary.view, view(&timeline, id, &ab).await);
        assert_eq!(summary.view.at_ms, history[history.len() - 1].at_ms);
        assert_eq!(summary.view.latest.get(), history.len() as u64);
        assert!(summary.title.is_empty());
        (
            told(&summary.last.unwrap()),
            summary.view.read.get(),
            summary.peer_read.get(),
            summary.view.unread.get(),
        )
    };
    assert_eq!(last("a").await, ("3".to_owned(), 3, 1, 0));
    assert_eq!(last("b").await, ("3".to_owned(), 1, 3, 2));
    assert!(edit(&timeline, &ab, 3, Some("a"), 4).await.is_ok());
    assert_eq!(last("b").await, ("4*".to_owned(), 1, 3, 2));
    assert!(recall(&timeline, &ab, 3, Some("a")).await.is_ok());
    assert_eq!(last("b").await, ("recalled".to_owned(), 1, 3, 1));
    say(&timeline, "b", "b", 5).await;
    say_to(&timeline, "a", "g", &["b"], 6).await;
    let all = list(&timeline, "b").await;
    assert_eq!(all.len(), 3);
    let others: Vec<_> = all.iter().filter(|summary| summary.view.conversation != ab).collect();
    assert!(others.iter().all(|summary| summary.peer_read == Seq::ZERO), "{others:?}");
}

/// The groups of a member are in their list with their titles, from when they came.
///
/// It is so before the first message. Those that they left are not, until they come again.
pub async fn groups_are_listed_with_titles_until_they_are_left(world: &dyn World) {
    let timeline = open(world).await;
    let new = |id: &str| NewGroup::new(name(id)).title(format!("title of {id}")).owner(member("a"));
    timeline.create_group(new("g").members([member("b")])).await.unwrap();
    timeline.create_group(new("h")).await.unwrap();
    assert_eq!(listed(&timeline, "b").await, [group("g")]);
    let summary = list(&timeline, "b").await.remove(0);
    assert_eq!((summary.title.as_str(), summary.last, summary.view.latest), ("title of g", None, seq(0)));
    assert!(summary.view.at_ms > 1_700_000_000_000 && summary.view.unread.get() == 0);
    tick(&timeline).await;
    timeline.join_group(&name("h"), vec![member("b")]).await.unwrap();
    assert_eq!(listed(&timeline, "b").await, [group("h"), group("g")]);
    tick(&timeline).await;
    say_to(&timeline, "a", "g", &["a", "b"], 1).await;
    assert_eq!(listed(&timeline, "b").await, [group("g"), group("h")]);
    timeline.rename_group(&name("g"), "Tea").await.unwrap();
    assert_eq!(list(&timeline, "b").await[0].title, "Tea");
    timeline.leave_group(&name("g"), vec![member("b")]).await.unwrap();
    assert_eq!(listed(&timeline, "b").await, [group("h")]);
    assert!(view(&timeline, "b", &group("g")).await.has_left);
    say_to(&timeline, "a", "g", &["a"], 2).await;
    assert_eq!(listed(&timeline, "b").await, [group("h")]);
    timeline.join_group(&name("g"), vec![member("b")]).await.unwrap();
    assert!(!view(&timeline, "b", &group("g")).await.has_left);
    assert_eq!(listed(&timeline, "b").await.len(), 2);
    timeline.leave_group(&name("g"), vec![member("b")]).await.unwrap();
    tick(&timeline).await;
    say_to(&timeline, "a", "g", &["a", "b"], 3).await;
    assert_eq!(listed(&timeline, "b").await, [group("g"), group("h")], "a send takes them in again");
    timeline.leave_group(&name("g"), vec![member("b")]).await.unwrap();
    say_to(&timeline, "a", "g", &["a", "b"], 4).await;
    assert!(!view(&timeline, "b", &group("g")).await.has_left, "so does one to the same list as before");
}

/// A conversation that was cleared is gone for that member, until its next message.
///
/// The others keep it, and so does the history.
pub async fn a_cleared_conversation_is_gone_for_one_member(world: &dyn World) {
    let timeline = open(world).await;
    let (ab, b) = (pair("a", "b"), member("b"));
    let refused = timeline.clear(&b, &ab).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::NotFound);
    for number in 1..=3 {
        say(&timeline, "a", "b", number).await;
    }
    for _ in 0..2 {
        timeline.clear(&b, &ab).await.unwrap();
        assert!(listed(&timeline, "b").await.is_empty());
        assert_eq!(unread(&timeline, "b", &ab).await, 0);
        let seen = view(&timeline, "b", &ab).await;
        assert_eq!((seen.floor, seen.latest), (seq(3), seq(3)));
    }
    assert_eq!(listed(&timeline, "a").await, std::slice::from_ref(&ab));
    assert_eq!(view(&timeline, "a", &ab).await.floor, seq(0));
    assert_eq!(history_told(&timeline, &ab).await, ["1", "2", "3"]);
    assert!(recall(&timeline, &ab, 2, Some("a")).await.is_ok());
    assert_eq!(unread(&timeline, "b", &ab).await, 0);
    assert!(listed(&timeline, "b").await.is_empty(), "what is above is no message");
    assert!(timeline.shutdown(GRACE).await);
    let timeline = open(world).await;
    say(&timeline, "a", "b", 4).await;
    let summary = list(&timeline, "b").await.remove(0);
    assert_eq!((summary.view.unread.get(), summary.view.floor), (1, seq(3)));
    assert_eq!(told(&summary.last.unwrap()), "4");
}

/// A list that is read while messages come has what stays where it is once.
///
/// One that moves up meanwhile is found by reading from the start again.
pub async fn a_list_read_among_sends_misses_nothing_that_stays(world: &dyn World) {
    const PEERS: usize = 24;
    let timeline = open(world).await;
    let peers: Vec<_> = (0..PEERS).map(|number| format!("p{number:02}")).collect();
    for peer in &peers {
        say(&timeline, peer, "b", 1).await;
    }
    tick(&timeline).await;
    let mut tasks = JoinSet::new();
    for peer in peers.iter().step_by(3) {
        let (timeline, peer) = (timeline.clone(), peer.clone());
        tasks.spawn(async move {
            for number in 0..10 {
                say(&timeline, &peer, "b", number).await;
            }
        });
    }
    for _ in 0..5 {
        let found = paged_times(&timeline, "b").await;
        for (number, peer) in peers.iter().enumerate() {
            let times = found.iter().filter(|known| **known == pair(peer, "b")).count();
            assert!(times == 1 || (number % 3 == 0 && times == 0), "{peer} {times} times");
        }
    }
    while let Some(result) = tasks.join_next().await {
        result.unwrap();
    }
    assert_eq!(listed(&timeline, "b").await.len(), PEERS);
}

/// Reads the list in pages of 5, whose times never rise.
async fn paged_times(timeline: &Timeline, id: &str) -> Vec<Conversation> {
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let page = timeline.conversations(&member(id), after.as_ref(), Count::new(5)).await.unwrap();
        for summary in page.conversations {
            let mark = summary.mark();
            assert!(after.as_ref().is_none_or(|last| last.at_ms >= mark.at_ms), "{mark:?}");
            after = Some(mark);
            all.push(summary.view.conversation);
        }
        if !page.more {
            return all;
        }
    }
}
