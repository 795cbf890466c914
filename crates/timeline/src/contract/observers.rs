//! Laws of observers.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use tokio::sync::watch;
use tokio::task::JoinSet;

use super::world::*;
use crate::{Entry, MessageId, NewGroupMessage, Observer};

/// Notes what it hears, by member.
#[derive(Default)]
struct Recorder {
    heard: Mutex<HashMap<String, Vec<Entry>>>,
    count: watch::Sender<usize>,
}

impl Observer for Recorder {
    fn appended(&self, member: &str, entry: &Entry) {
        self.heard.lock().unwrap().entry(member.to_owned()).or_default().push(entry.clone());
        self.count.send_modify(|count| *count += 1);
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
