//! Laws of observers.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use tokio::task::JoinSet;

use super::place::*;
use crate::{Entry, GroupSend, MessageId, Observer};

/// Notes what it hears, by member.
#[derive(Default)]
struct Recorder {
    heard: Mutex<HashMap<String, Vec<Entry>>>,
}

impl Observer for Recorder {
    fn appended(&self, member: &str, entry: &Entry) {
        self.heard.lock().unwrap().entry(member.to_owned()).or_default().push(entry.clone());
    }
}

impl Recorder {
    fn last(&self, member: &str) -> u64 {
        self.heard
            .lock()
            .unwrap()
            .get(member)
            .and_then(|entries| entries.last())
            .map_or(0, |e| e.sequence.get())
    }
}

/// For the sender's copy too; repetitions are not heard.
pub async fn observers_hear_every_entry_once_in_order_before_the_answer(place: &dyn Place) {
    let recorder = Arc::new(Recorder::default());
    let timeline = observed(place, Arc::<Recorder>::clone(&recorder)).await;
    let mut tasks = JoinSet::new();
    for sender in 0..8_u64 {
        let (timeline, recorder) = (timeline.clone(), Arc::clone(&recorder));
        tasks.spawn(async move {
            let from = format!("s{sender}");
            for number in 0..10 {
                let id = format!("{sender}/{number}");
                let answer = send_id(&timeline, &from, "b", number, &id).await.unwrap();
                assert!(recorder.last("b") >= answer, "heard before the answer");
                assert_eq!(send_id(&timeline, &from, "b", number, &id).await.unwrap(), answer);
                let message_id = Some(MessageId::new(id).unwrap());
                let again = GroupSend { message_id, ..group_send("g", &["b", "c"], number) };
                timeline.send_group(again.clone()).await.unwrap();
                timeline.send_group(again).await.unwrap();
            }
        });
    }
    while let Some(result) = tasks.join_next().await {
        result.unwrap();
    }
    let heard = recorder.heard.lock().unwrap().clone();
    assert_eq!(heard.len(), 10);
    for (member, entries) in heard {
        let mut all = Vec::new();
        append_contiguous(&mut all, &entries);
        assert_eq!(all, inbox(&timeline, &member).await);
    }
}
