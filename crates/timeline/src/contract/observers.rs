//! Laws of observers.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use tokio::sync::watch;
use tokio::task::JoinSet;

use super::calls::*;
use super::world::*;
use crate::{Entry, EntryKind, MemberId, MessageId, NewGroupMessage, Observer, ReadCursor};

/// Notes what it hears, by member.
#[derive(Default)]
struct Recorder {
    heard: Mutex<HashMap<String, Vec<Entry>>>,
    read: watch::Sender<Vec<String>>,
    count: watch::Sender<usize>,
}

impl Observer for Recorder {
    fn appended(&self, member: &str, entry: &Entry) {
        self.heard.lock().unwrap().entry(member.to_owned()).or_default().push(entry.clone());
        self.count.send_modify(|count| *count += 1);
    }

    fn read(&self, member: &MemberId, cursor: &ReadCursor) {
        let (told, reader, place) = (member.as_str(), cursor.member.as_str(), cursor.read.get());
        self.read.send_modify(|read| read.push(format!("{told}: {reader} {place}")));
    }
}

impl Recorder {
    /// Waits until so many entries were heard of, and returns all.
    async fn wait_for(&self, entries: usize) -> HashMap<String, Vec<Entry>> {
        self.count.subscribe().wait_for(|count| *count >= entries).await.unwrap();
        self.heard.lock().unwrap().clone()
    }
}

/// An observer hears of every inbox entry once and in order.
///
/// It hears of the sender's copy too, soon after the answer at the latest, and not of repetitions.
pub async fn observers_hear_every_entry_once_in_order(world: &dyn World) {
    let recorder = Arc::new(Recorder::default());
    let timeline = observed(world, Arc::<Recorder>::clone(&recorder)).await;
    let mut tasks = JoinSet::new();
    for sender in 0..8_u64 {
        let timeline = timeline.clone();
        tasks.spawn(async move {
            let from = format!("s{sender}");
            for number in 0..10 {
                let id = format!("{sender}/{number}");
                let answer = send_id(&timeline, &from, "b", number, &id).await.unwrap();
                assert_eq!(send_id(&timeline, &from, "b", number, &id).await.unwrap(), answer);
                let message_id = Some(MessageId::new(id).unwrap());
                let again = NewGroupMessage { message_id, ..group_send("g", &["b", "c"], number) };
                timeline.send_group(again.clone()).await.unwrap();
                timeline.send_group(again).await.unwrap();
            }
        });
    }
    while let Some(result) = tasks.join_next().await {
        result.unwrap();
    }
    // 80 of each kind, with two copies each.
    let heard = recorder.wait_for(320).await;
    assert_eq!(heard.len(), 10);
    for (member, entries) in heard {
        let mut all = Vec::new();
        append_contiguous(&mut all, &entries);
        assert_eq!(all, inbox(&timeline, &member).await);
    }
}

/// An observer hears of a large group and of pairs at the same time, in order.
pub async fn observers_hear_of_large_groups_and_pairs_in_order(world: &dyn World) {
    let recorder = Arc::new(Recorder::default());
    let timeline = observed(world, Arc::<Recorder>::clone(&recorder)).await;
    let names: Vec<_> = (0..120).map(|number| format!("m{number}")).collect();
    let mut tasks = JoinSet::new();
    for sender in 0..4_u64 {
        let (timeline, names) = (timeline.clone(), names.clone());
        tasks.spawn(async move {
            let (from, names) = (format!("s{sender}"), names.iter().map(String::as_str).collect::<Vec<_>>());
            for number in 0..4 {
                let id = format!("{sender}/{number}");
                let (to_many, to_one) = tokio::join!(
                    timeline.send_group(group_send("large", &names, number)),
                    send_id(&timeline, &from, "m7", number, &id),
                );
                assert!(to_many.unwrap().failed.is_empty() && to_one.is_ok());
            }
        });
    }
    while let Some(result) = tasks.join_next().await {
        result.unwrap();
    }
    // 16 to 120 members, and 16 with two copies each.
    let heard = recorder.wait_for(16 * 122).await;
    for id in ["m0", "m7", "m119", "s3"] {
        let mut all = Vec::new();
        append_contiguous(&mut all, &heard[id]);
        assert_eq!(all, inbox(&timeline, id).await);
    }
}

/// An observer hears of changes and purges, too.
///
/// Of repetitions it does not.
pub async fn observers_hear_of_changes_and_purges(world: &dyn World) {
    let recorder = Arc::new(Recorder::default());
    let timeline = observed(world, Arc::<Recorder>::clone(&recorder)).await;
    let ab = pair("a", "b");
    for number in 1..=3 {
        say(&timeline, "a", "b", number).await;
    }
    timeline.ack(&member("b"), seq(2)).await.unwrap();
    for _ in 0..2 {
        assert_eq!(edit(&timeline, &ab, 1, Some("a"), 4).await, Ok(4));
        assert_eq!(recall(&timeline, &ab, 2, Some("a")).await, Ok(5));
        assert_eq!(delete(&timeline, &ab, 3, None).await, Ok(6));
    }
    timeline.purge(&ab).await.unwrap();
    let heard = recorder.wait_for(14).await;
    assert_eq!(heard.len(), 2);
    for entries in heard.values() {
        let found: Vec<_> = entries.iter().map(|entry| (entry.sequence.get(), entry.kind)).collect();
        let told = [EntryKind::Edit, EntryKind::Recall, EntryKind::Deletion, EntryKind::Purge];
        let expected: Vec<_> = (1_u64..).zip([EntryKind::Message; 3].into_iter().chain(told)).collect();
        assert_eq!(found, expected);
        let targets: Vec<_> = entries[3..].iter().map(|entry| entry.target.get()).collect();
        assert_eq!(targets, [1, 2, 3, 6]);
    }
}

/// An observer hears of each cursor that rises.
///
/// It does for the reader, and for the other one of a pair.
pub async fn observers_hear_how_far_was_read(world: &dyn World) {
    let recorder = Arc::new(Recorder::default());
    let timeline = observed(world, Arc::<Recorder>::clone(&recorder)).await;
    let (ab, g) = (pair("a", "b"), group("g"));
    say(&timeline, "a", "b", 1).await;
    say(&timeline, "a", "b", 2).await;
    say(&timeline, "b", "b", 3).await;
    say_to(&timeline, "a", "g", &["a", "b", "c"], 4).await;
    // One that does not rise is not told, nor are those of senders who get a copy.
    for (id, conversation, place) in [("b", &ab, 1), ("b", &ab, 1), ("b", &g, 1), ("c", &g, 1), ("b", &ab, 2)]
    {
        assert_eq!(read_to(&timeline, id, conversation, place).await, Ok(place));
    }
    let expected = ["b: b 1", "a: b 1", "b: b 1", "c: c 1", "b: b 2", "a: b 2"];
    let mut read = recorder.read.subscribe();
    let heard = read.wait_for(|read| read.len() >= expected.len()).await.unwrap().clone();
    assert_eq!(heard, expected);
}
