//! Whatever concurrent senders do, every sequence is there once; also with repetitions, and opened
//! again in between.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use proptest::prelude::*;
use timeline::embedded::EmbeddedStore;
use timeline::{
    Config, Conversation, Count, Entry, GroupName, MemberId, Message, MessageId, NewGroupMessage, NewMessage,
    PageRequest, Seq, Timeline, embedded,
};
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

/// A time that only a hang reaches.
const GRACE: Duration = Duration::from_secs(60);

const MEMBERS: u8 = 4;
const GROUPS: u8 = 2;

/// One send; those of a phase run at once.
#[derive(Debug, Clone)]
enum Sending {
    Single { from: u8, to: u8, copies: u8 },
    Group { group: u8, members: Vec<u8>, copies: u8 },
}

fn sending() -> impl Strategy<Value = Sending> {
    let member = || 0..MEMBERS;
    let copies = || 1..4_u8;
    prop_oneof![
        (member(), member(), copies()).prop_map(|(from, to, copies)| Sending::Single { from, to, copies }),
        (0..GROUPS, prop::collection::vec(member(), 1..6), copies())
            .prop_map(|(group, members, copies)| Sending::Group { group, members, copies }),
    ]
}

fn member(number: u8) -> MemberId {
    MemberId::new(format!("m{number}")).unwrap()
}

fn group(number: u8) -> GroupName {
    GroupName::new(format!("m{number}")).unwrap()
}

async fn open(directory: &Path) -> Timeline {
    // Small, so that batches end and senders wait.
    let config = embedded::Config::new(directory).queue(8).batch_bytes(64 * 1024);
    let store = EmbeddedStore::start(config).await.unwrap();
    Timeline::start(Config::default(), store).unwrap()
}

/// Sends each copy of a message at once with all others, and adds what must come of it to the
/// model.
async fn send_phase(
    timeline: &Timeline,
    phase: usize,
    sendings: &[Sending],
    model: &mut BTreeMap<String, Vec<String>>,
) {
    let mut tasks = JoinSet::new();
    for (index, sending) in sendings.iter().enumerate() {
        let id = format!("{phase}-{index}");
        let message = Message::new(format!("{{\"id\":\"{id}\"}}")).unwrap();
        let message_id = Some(MessageId::new(id).unwrap());
        let mut put = |to: String| model.entry(to).or_default().push(message.to_string());
        match sending {
            Sending::Single { from, to, copies } => {
                put(format!("pair {} {}", from.min(to), from.max(to)));
                put(format!("inbox {to}"));
                if from != to {
                    put(format!("inbox {from}"));
                }
                let send = NewMessage::new(member(*from), member(*to), message).message_id(message_id);
                for _ in 0..*copies {
                    let (timeline, send) = (timeline.clone(), send.clone());
                    tasks.spawn(async move { (index, timeline.send(send).await.unwrap().sequence.get()) });
                }
            }
            Sending::Group { group: number, members, copies } => {
                put(format!("group {number}"));
                let mut distinct = members.clone();
                distinct.sort_unstable();
                distinct.dedup();
                distinct.iter().for_each(|to| put(format!("inbox {to}")));
                let members = members.iter().map(|number| member(*number));
                let send = NewGroupMessage::new(group(*number), members, message).message_id(message_id);
                for _ in 0..*copies {
                    let (timeline, send) = (timeline.clone(), send.clone());
                    tasks.spawn(async move {
                        (index, timeline.send_group(send).await.unwrap().failed.len() as u64)
                    });
                }
            }
        }
    }
    let mut answers = BTreeMap::new();
    while let Some(done) = tasks.join_next().await {
        let (index, answer) = done.unwrap();
        assert_eq!(*answers.entry(index).or_insert(answer), answer, "a repetition has the same answer");
    }
}

fn check(mut expected: Vec<String>, entries: &[Entry], name: &str) {
    let sequences = entries.iter().map(|entry| entry.sequence.get());
    assert!(sequences.eq(1..=entries.len() as u64), "{name} has a gap: {entries:?}");
    let mut found: Vec<_> = entries.iter().map(|entry| entry.message.to_string()).collect();
    found.sort_unstable();
    expected.sort_unstable();
    assert_eq!(found, expected, "{name}");
}

async fn check_all(timeline: &Timeline, model: &BTreeMap<String, Vec<String>>) {
    let expected = |name: &str| model.get(name).cloned().unwrap_or_default();
    let page = PageRequest::after(Seq::ZERO, Count::new(1_000));
    for one in 0..MEMBERS {
        let inbox = timeline.sync(&member(one), Seq::ZERO, Count::new(1_000)).await.unwrap();
        let name = format!("inbox {one}");
        check(expected(&name), &inbox.entries, &name);
        for other in one..MEMBERS {
            let entries = timeline
                .history(&Conversation::single(member(one), member(other)), page)
                .await
                .unwrap()
                .entries;
            let name = format!("pair {one} {other}");
            check(expected(&name), &entries, &name);
        }
    }
    for number in 0..GROUPS {
        let entries = timeline.history(&Conversation::group(group(number)), page).await.unwrap().entries;
        let name = format!("group {number}");
        check(expected(&name), &entries, &name);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_sequence_is_there_once(
        phases in prop::collection::vec(prop::collection::vec(sending(), 1..40), 1..4),
        close in any::<bool>(),
    ) {
        let directory = tempfile::tempdir().unwrap();
        let mut model = BTreeMap::new();
        for (phase, sendings) in phases.iter().enumerate() {
            // A runtime of its own for each phase, so that a store that is not closed is dropped
            // with everything else.
            Runtime::new().unwrap().block_on(async {
                let timeline = open(directory.path()).await;
                check_all(&timeline, &model).await;
                send_phase(&timeline, phase, sendings, &mut model).await;
                check_all(&timeline, &model).await;
                if close || phase + 1 < phases.len() {
                    assert!(timeline.shutdown(GRACE).await);
                }
            });
        }
    }
}
