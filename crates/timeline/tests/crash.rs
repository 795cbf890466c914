//! What was acknowledged survives `kill -9` at any moment, once, and without a gap.
//!
//! A program of its own, as it opens stores and starts processes; the program `suite` says why.
#![expect(clippy::unwrap_used, reason = "a failed call fails the test")]

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use timeline::embedded::EmbeddedStore;
use timeline::{
    Config, Conversation, Count, Entry, GroupName, MemberId, Message, MessageId, NewGroup, NewGroupMessage,
    NewMessage, PageRequest, Seq, Timeline, embedded,
};
use tokio::task::JoinSet;

/// A time that only a hang reaches.
const GRACE: Duration = Duration::from_secs(60);

/// Tells the child where its store is; without it the child's test does nothing.
const DIRECTORY: &str = "TIMELINE_CRASH_DIRECTORY";
const ROUND: &str = "TIMELINE_CRASH_ROUND";
const SENDERS: usize = 12;
const MEMBERS: [&str; 4] = ["a", "b", "c", "d"];

async fn open(directory: &Path) -> Timeline {
    let store = EmbeddedStore::start(embedded::Config::new(directory)).await.unwrap();
    Timeline::start(Config::default(), store).unwrap()
}

fn member(id: &str) -> MemberId {
    MemberId::new(id).unwrap()
}

/// The part of the killed process: sends until it dies, and prints each message once it is
/// acknowledged.
#[test]
fn child() {
    let (Ok(directory), Ok(round)) = (std::env::var(DIRECTORY), std::env::var(ROUND)) else { return };
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let timeline = open(Path::new(&directory)).await;
        let mut senders = JoinSet::new();
        for sender in 0..SENDERS {
            senders.spawn(send_for_ever(timeline.clone(), format!("{round}-{sender}"), sender));
        }
        while senders.join_next().await.is_some() {}
    });
}

/// The part of the killed process of the other test: joins, prints each member once the join is
/// acknowledged, and waits to be killed.
#[test]
fn child_that_joins() {
    let (Ok(directory), Ok(round)) = (std::env::var(DIRECTORY), std::env::var(ROUND)) else { return };
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let timeline = open(Path::new(&directory)).await;
        let mut joining = JoinSet::new();
        for task in 0..4 {
            joining.spawn(join_until_killed(timeline.clone(), format!("{round}-{task}")));
        }
        while joining.join_next().await.is_some() {}
    });
}

/// The part of the killed process of the test of acks: acknowledges what is there, and then each
/// message that it sends; prints each floor once the ack is answered.
#[test]
fn child_that_acks() {
    let (Ok(directory), Ok(_round)) = (std::env::var(DIRECTORY), std::env::var(ROUND)) else { return };
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let timeline = open(Path::new(&directory)).await;
        let mut last = timeline.sync(&member("a"), Seq::ZERO, Count::default()).await.unwrap().latest_seq;
        loop {
            let floor = timeline.ack(&member("a"), last).await.unwrap();
            std::io::stdout().write_all(format!("ack {floor}\n").as_bytes()).unwrap();
            let note = NewMessage::new(member("a"), member("a"), message("x"));
            last = timeline.send(note).await.unwrap().sequence;
        }
    });
}

async fn join_until_killed(timeline: Timeline, name: String) {
    // Without an end the group would be full, and the child die by itself, before a busy machine
    // comes to kill it: 3 rounds of 4 tasks fit into the 1,000 members of a group.
    for number in 0..80 {
        let id = format!("{name}-{number}");
        timeline.join_group(&known(), vec![member(&id)]).await.unwrap();
        std::io::stdout().write_all(format!("join {id}\n").as_bytes()).unwrap();
    }
    std::future::pending::<()>().await;
}

/// The group that members join.
fn known() -> GroupName {
    GroupName::new("known").unwrap()
}

async fn send_for_ever(timeline: Timeline, name: String, sender: usize) {
    for number in 0.. {
        let id = format!("{name}-{number}");
        let (message, message_id) = (message(&id), Some(MessageId::new(id.as_str()).unwrap()));
        let group = (sender + number).is_multiple_of(3);
        if group {
            let members = MEMBERS.map(member).to_vec();
            let group = GroupName::new("g").unwrap();
            timeline
                .send_group(
                    NewGroupMessage::new(group, members, message).from(member("a")).message_id(message_id),
                )
                .await
                .unwrap();
        } else {
            timeline
                .send(NewMessage::new(member("a"), member("b"), message).message_id(message_id))
                .await
                .unwrap();
        }
        // One write per line, so that a killed process leaves no half of two.
        let line = format!("{} {id}\n", if group { "group" } else { "single" });
        std::io::stdout().write_all(line.as_bytes()).unwrap();
    }
}

fn message(id: &str) -> Message {
    Message::new(format!("{{\"id\":\"{id}\"}}")).unwrap()
}

/// Runs the child until it acknowledged `lines` calls, kills it, and returns all it acknowledged.
fn run_and_kill(child: &str, directory: &Path, round: usize, lines: usize) -> Vec<(bool, String)> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([child, "--exact", "--nocapture"])
        .env(DIRECTORY, directory)
        .env(ROUND, round.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut acknowledged = Vec::new();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    while output.read_line(&mut line).unwrap() > 0 {
        // The last line may be cut off; the harness prints some of its own.
        if let Some((kind, id)) = line.strip_suffix('\n').and_then(|line| line.split_once(' '))
            && matches!(kind, "single" | "group" | "join" | "ack")
        {
            acknowledged.push((kind == "group", id.to_owned()));
        }
        line.clear();
        if acknowledged.len() == lines {
            // SIGKILL; what is still in the pipe was acknowledged too and is read to the end.
            child.kill().unwrap();
        }
    }
    child.wait().unwrap();
    assert!(acknowledged.len() >= lines, "the child died by itself after {} calls", acknowledged.len());
    acknowledged
}

/// Counts the messages of a box, and checks that it has no gap.
async fn counted(read: impl AsyncFn(Seq) -> Vec<Entry>) -> HashMap<String, usize> {
    let (mut counts, mut last) = (HashMap::new(), Seq::ZERO);
    loop {
        let entries = read(last).await;
        let Some(newest) = entries.last() else { return counts };
        let sequences = entries.iter().map(|entry| entry.sequence.get());
        assert!(sequences.eq(last.get() + 1..=newest.sequence.get()), "a gap after {last}");
        last = newest.sequence;
        for entry in &entries {
            *counts.entry(entry.message.to_string()).or_default() += 1;
        }
    }
}

async fn check(timeline: &Timeline, acknowledged: &[(bool, String)]) {
    let count = Count::new(1_000);
    let inbox = |id: &'static str| {
        counted(async move |last| timeline.sync(&member(id), last, count).await.unwrap().entries)
    };
    let history = |conversation: Conversation| {
        counted(async move |last| {
            timeline.history(&conversation, PageRequest::after(last, count)).await.unwrap().entries
        })
    };
    let [a, b, c, d] = [inbox("a").await, inbox("b").await, inbox("c").await, inbox("d").await];
    let group = history(Conversation::group(GroupName::new("g").unwrap())).await;
    let single = history(Conversation::single(member("a"), member("b"))).await;
    for (to_group, id) in acknowledged {
        let text = message(id).to_string();
        let boxes = if *to_group { vec![&group, &a, &b, &c, &d] } else { vec![&single, &a, &b] };
        for counts in boxes {
            assert_eq!(counts.get(&text), Some(&1), "{id} was acknowledged");
        }
    }
    // Sends that were not acknowledged took effect whole or not at all, and once.
    assert_eq!(a, b);
    assert_eq!((&c, &d), (&group, &group));
    let mut both = single;
    both.extend(group);
    assert_eq!(a, both);
    assert!(a.values().all(|count| *count == 1));
}

#[tokio::test]
async fn acknowledged_sends_survive_kill_9_once_and_without_a_gap() {
    let directory = tempfile::tempdir().unwrap();
    let mut acknowledged = Vec::new();
    // The moment of the kill varies by how much was sent.
    for (round, lines) in [1, 40, 333, 7, 150, 600].into_iter().enumerate() {
        let path = directory.path().to_owned();
        let run = tokio::task::spawn_blocking(move || run_and_kill("child", &path, round, lines));
        acknowledged.extend(run.await.unwrap());
        let timeline = open(directory.path()).await;
        check(&timeline, &acknowledged).await;
        // Sends of the dead process, repeated: acknowledged or not, they are there once.
        for (to_group, id) in acknowledged.iter().rev().filter(|(to_group, _)| !to_group).take(5) {
            assert!(!to_group);
            let (message, message_id) = (message(id), Some(MessageId::new(id.as_str()).unwrap()));
            timeline
                .send(NewMessage::new(member("a"), member("b"), message).message_id(message_id))
                .await
                .unwrap();
        }
        check(&timeline, &acknowledged).await;
        assert!(timeline.shutdown(GRACE).await);
    }
}

#[tokio::test]
async fn acknowledged_joins_survive_kill_9_in_the_group_and_in_the_lists() {
    let directory = tempfile::tempdir().unwrap();
    let timeline = open(directory.path()).await;
    timeline.create_group(NewGroup::new(known()).owner(member("owner"))).await.unwrap();
    assert!(timeline.shutdown(GRACE).await);
    let mut acknowledged = Vec::new();
    for (round, lines) in [1, 40, 100].into_iter().enumerate() {
        let path = directory.path().to_owned();
        let run = move || run_and_kill("child_that_joins", &path, round, lines);
        acknowledged.extend(tokio::task::spawn_blocking(run).await.unwrap());
        let timeline = open(directory.path()).await;
        let group = timeline.group(&known()).await.unwrap().unwrap();
        for (_, id) in &acknowledged {
            assert!(group.role_of(&member(id)).is_some(), "{id} was acknowledged");
        }
        // A join is in the group and in the list of the member, or in neither.
        for joined in &group.members {
            let page = timeline.groups_of(&joined.member, None, Count::default()).await.unwrap();
            assert_eq!((page.groups.len(), page.more), (1, false), "{}", joined.member);
            assert_eq!(page.groups[0].members as usize, group.members.len());
        }
        assert!(timeline.shutdown(GRACE).await);
    }
}

#[tokio::test]
async fn acknowledged_entries_stay_freed_after_kill_9_among_their_removal() {
    let directory = tempfile::tempdir().unwrap();
    let mut reached = 0;
    for (round, lines) in [1, 1, 2, 30].into_iter().enumerate() {
        let timeline = open(directory.path()).await;
        // Enough for several batches of removals: the kill comes at the first answer.
        let mut senders = JoinSet::new();
        for _ in 0..50 {
            let timeline = timeline.clone();
            senders.spawn(async move {
                for _ in 0..50 {
                    let note = NewMessage::new(member("a"), member("a"), message("x"));
                    timeline.send(note).await.unwrap();
                }
            });
        }
        while let Some(sent) = senders.join_next().await {
            sent.unwrap();
        }
        assert!(timeline.shutdown(GRACE).await);

        let path = directory.path().to_owned();
        let run = tokio::task::spawn_blocking(move || run_and_kill("child_that_acks", &path, round, lines));
        let acknowledged = run.await.unwrap();
        let floor = acknowledged.last().unwrap().1.parse::<u64>().unwrap();
        assert!(floor >= reached + 2_500, "{floor} after {reached}");
        embedded::check_deep(directory.path()).unwrap();
        let timeline = open(directory.path()).await;
        let page = timeline.sync(&member("a"), Seq::ZERO, Count::new(1_000)).await.unwrap();
        assert!(!page.reset && page.floor.get() >= floor, "{floor} was acknowledged");
        // Neither an entry that was freed is seen, nor is one above it lost.
        let sequences = page.entries.iter().map(|entry| entry.sequence.get());
        assert!(sequences.eq(page.floor.get() + 1..=page.latest_seq.get()), "{:?}", page.floor);
        let note = NewMessage::new(member("a"), member("a"), message("x"));
        reached = timeline.send(note).await.unwrap().sequence.get();
        assert_eq!(reached, page.latest_seq.get() + 1, "it goes on counting");
        assert_eq!(timeline.ack(&member("a"), Seq::ZERO).await.unwrap(), page.floor);
        // The history has every message.
        let request = PageRequest::before(Seq::ZERO, Count::new(1));
        let conversation = Conversation::single(member("a"), member("a"));
        let newest = timeline.history(&conversation, request).await.unwrap().entries;
        assert_eq!(newest[0].sequence.get(), reached);
        assert!(timeline.shutdown(GRACE).await);
    }
}
