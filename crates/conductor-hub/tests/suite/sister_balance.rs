//! How many sisters a node has: parts come together, and links that are too many go.
//!
//! The links are in memory and time is not real, so that minutes take no time.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use conductor_hub::Hub;
use conductor_hub::federation::{
    NodeId, Sister, SisterConfig, SisterDialler, SisterEnd, SisterManager, SisterMeta, Sisters,
};
use parking_lot::Mutex;
use tokio::time::{sleep, timeout};

use crate::support::Client;
use crate::support::node::SECRET;
use crate::support::wires::Wires;

/// How long anything may take, in time that is not real.
const PATIENCE: Duration = Duration::from_secs(120);

fn two_sisters() -> SisterConfig {
    SisterConfig::new(*SECRET).max_sisters(2)
}

/// Waits until something is so that no event tells.
async fn until(mut is_so: impl FnMut() -> bool) {
    let waiting = async {
        while !is_so() {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, waiting).await.expect("it comes in time");
}

/// Tells whether a hub has links to these and no others.
fn has_sisters(hub: &Hub, others: &[&Hub]) -> bool {
    let sisters = hub.sisters();
    sisters.len() == others.len()
        && others.iter().all(|other| sisters.iter().any(|sister| Some(sister.node()) == other.node()))
}

/// Waits until a message of each hub has come to a member of each other one.
async fn all_hear_all(hubs: &[Hub]) {
    let mut members = Vec::new();
    for hub in hubs {
        members.push(Client::bound(hub, "tea").await);
    }
    let hearing = async {
        for (from, hub) in hubs.iter().enumerate() {
            for (to, member) in members.iter_mut().enumerate().filter(|(to, _)| *to != from) {
                let question = format!("from {from} to {to}");
                loop {
                    hub.publish("tea", question.clone()).expect("the name is short");
                    let heard = async { while member.next().await.body != question.as_bytes() {} };
                    if timeout(Duration::from_millis(100), heard).await.is_ok() {
                        break;
                    }
                }
            }
        }
    };
    timeout(PATIENCE, hearing).await.expect("all hear all");
}

#[tokio::test(start_paused = true)]
async fn parts_that_had_enough_sisters_each_come_together_again() {
    let (wires, mut hubs, mut managers) = (Wires::default(), Vec::new(), Vec::new());
    for _ in 0..6 {
        let manager = Arc::new(Sisters::new());
        hubs.push(wires.start(Arc::clone(&manager), two_sisters()));
        managers.push(manager);
    }
    for (from, manager) in managers.iter().enumerate() {
        (0..6).filter(|to| *to != from).for_each(|to| manager.add(wires.wire(from, to)));
    }
    all_hear_all(&hubs).await;
    wires.cut([0, 1, 2]);
    until(|| {
        [&hubs[..3], &hubs[3..]].iter().all(|part| {
            let others =
                |hub: &Hub| part.iter().filter(|other| other.node() != hub.node()).collect::<Vec<_>>();
            part.iter().all(|hub| has_sisters(hub, &others(hub)))
        })
    })
    .await;
    // Each part has forgotten the other.
    sleep(Duration::from_secs(30)).await;
    wires.mend();
    all_hear_all(&hubs).await;
    // Nor does what is too many part them again.
    sleep(Duration::from_secs(120)).await;
    all_hear_all(&hubs).await;
}

/// What a manager was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Noted {
    Asked(NodeId),
    /// So many sisters she has.
    Answered(NodeId, u32),
    Ended(NodeId, SisterEnd),
}

/// Does as the manager of the crate does, and notes what it is told.
#[derive(Default)]
struct Noting {
    sisters: Sisters,
    noted: Mutex<Vec<Noted>>,
}

impl Noting {
    fn has(&self, noted: Noted) -> bool {
        self.noted.lock().contains(&noted)
    }
}

#[async_trait]
impl SisterManager for Noting {
    async fn start(&self, dialler: &SisterDialler) {
        self.sisters.start(dialler).await;
    }

    fn connected(&self, sister: &Arc<Sister>) {
        self.sisters.connected(sister);
    }

    fn disconnected(&self, sister: &Arc<Sister>, reason: SisterEnd) {
        self.sisters.disconnected(sister, reason);
        self.noted.lock().push(Noted::Ended(sister.node(), reason));
    }

    fn meta_query(&self, sister: &Arc<Sister>, meta: SisterMeta) -> SisterMeta {
        self.noted.lock().push(Noted::Asked(sister.node()));
        meta
    }

    fn meta_response(&self, sister: &Arc<Sister>, meta: SisterMeta) {
        self.noted.lock().push(Noted::Answered(sister.node(), meta.sisters));
    }
}

#[tokio::test(start_paused = true)]
async fn a_link_too_many_is_given_up_and_another_is_dialled_when_a_sister_dies() {
    let (wires, mut managers, mut hubs) = (Wires::default(), Vec::new(), Vec::new());
    for _ in 0..5 {
        let manager = Arc::new(Noting::default());
        hubs.push(wires.start(Arc::clone(&manager), two_sisters()));
        managers.push(manager);
    }
    let [a, b, c, d, e] = [&hubs[0], &hubs[1], &hubs[2], &hubs[3], &hubs[4]];
    let dials = |from: usize, to| managers[from].sisters.add(wires.wire(from, to));
    dials(0, 1);
    dials(0, 2);
    dials(2, 1);
    until(|| has_sisters(a, &[b, c]) && has_sisters(b, &[a, c]) && has_sisters(c, &[a, b])).await;
    // A third one each for A and B, who hear each other by way of C as well.
    dials(3, 0);
    dials(4, 1);
    until(|| has_sisters(a, &[b, c, d]) && has_sisters(b, &[a, c, e])).await;
    until(|| has_sisters(a, &[c, d]) && has_sisters(b, &[c, e])).await;
    let id = |hub: &Hub| hub.node().expect("it has sisters");
    assert!(managers[1].has(Noted::Asked(id(a))) && managers[0].has(Noted::Answered(id(b), 3)));
    assert!(managers[0].has(Noted::Ended(id(b), SisterEnd::Closed)), "the one that dialled gave it up");
    assert!(managers[1].has(Noted::Ended(id(a), SisterEnd::Lost)));
    // What is not too many stays.
    sleep(Duration::from_secs(60)).await;
    assert!(has_sisters(a, &[c, d]) && has_sisters(b, &[c, e]) && has_sisters(c, &[a, b]));
    assert!(c.shutdown(Duration::from_secs(5)).await);
    until(|| has_sisters(a, &[b, d]) && has_sisters(b, &[a, e])).await;
}
