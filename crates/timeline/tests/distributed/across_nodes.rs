//! What nodes tell each other: entries, cursors, and who has left or was forgotten.
//!
//! Each test runs on MongoDB alone, and on both, as the nodes reach each other in another way then.

use std::time::Duration;

use timeline::{
    Conversation, Entry, GroupName, MemberId, Message, NewGroup, NewGroupMessage, NewMessage, Observer, Seq,
    Timeline, Watch,
};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};

use crate::place::{PATIENCE, Place, open};

/// How many messages are sent, each when the one before has come.
const MESSAGES: u32 = 20;

/// How long the other node may take for all of them.
///
/// One that hears nothing looks by itself every second, or every half a minute where it does not
/// notice: all of them take longer by that.
const TOLD: Duration = Duration::from_secs(5);

/// How many pushes wait to be looked at.
const PUSHES: usize = 4_096;

/// A node, and the places of what its observer hears for Bob.
struct Node {
    timeline: Timeline,
    pushed: mpsc::Receiver<Seq>,
}

struct Pushes(mpsc::Sender<Seq>);

impl Observer for Pushes {
    fn appended(&self, member: &str, entry: &Entry) {
        if member == "bob" {
            self.0.try_send(entry.place).expect("the test takes what is pushed");
        }
    }
}

impl Node {
    async fn start(place: &Place) -> Self {
        let (pushes, pushed) = mpsc::channel(PUSHES);
        let store = open(place.config().observer(Pushes(pushes))).await;
        Self { timeline: Timeline::start(timeline::Config::default(), store).unwrap(), pushed }
    }

    async fn end(self) {
        assert!(self.timeline.shutdown(PATIENCE).await);
    }
}

/// A place for each way by which nodes reach each other.
async fn places() -> Vec<Place> {
    [Place::on_mongo().await, Place::on_redis_and_mongo().await].into_iter().flatten().collect()
}

fn member(id: &str) -> MemberId {
    MemberId::new(id).unwrap()
}

fn message() -> Message {
    Message::new(r#"{"text":"hi"}"#).unwrap()
}

fn pair() -> Conversation {
    Conversation::single(member("ann"), member("bob"))
}

/// Sends from Ann to Bob, and returns the place.
async fn send(node: &Timeline) -> Seq {
    node.send(NewMessage::new(member("ann"), member("bob"), message())).await.unwrap().place
}

/// Waits until a watch of Bob's inbox has a message.
async fn until_read(watch: &mut Watch, place: Seq) {
    let read =
        async { while !watch.next().await.unwrap().entries.iter().any(|entry| entry.place == place) {} };
    timeout(PATIENCE, read).await.expect("the watch at the other node gets it");
}

/// Waits until the observer of a node was told of a message.
async fn until_pushed(pushed: &mut mpsc::Receiver<Seq>, place: Seq) {
    let told = async { while pushed.recv().await.expect("the node is there") != place {} };
    timeout(PATIENCE, told).await.expect("the observer of the other node is told of it");
}

/// Sends at one node, and returns how long Bob waited for it at another.
async fn waited(from: &Timeline, watch: &mut Watch, pushed: &mut mpsc::Receiver<Seq>) -> Duration {
    let mut waited = Duration::ZERO;
    for _ in 0..MESSAGES {
        let place = send(from).await;
        let answered = Instant::now();
        until_read(watch, place).await;
        until_pushed(pushed, place).await;
        waited += answered.elapsed();
    }
    waited
}

/// Has one node hear another: at the start it may not do so yet.
async fn until_told_at_once(from: &Timeline, to: &mut Node) {
    let mut watch = to.timeline.watch(&member("bob"), Seq::ZERO);
    let told = async { while waited(from, &mut watch, &mut to.pushed).await > TOLD {} };
    timeout(2 * PATIENCE, told).await.expect("a node tells the other one at once what is new");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn watches_and_observers_of_other_nodes_are_told_at_once() {
    for place in places().await {
        let (mut one, mut other) = (Node::start(&place).await, Node::start(&place).await);
        until_told_at_once(&one.timeline, &mut other).await;
        until_told_at_once(&other.timeline, &mut one).await;
        one.end().await;
        other.end().await;
    }
}

/// No look at the inboxes finds a cursor: there are notices of it, or nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cursor_that_rises_at_one_node_is_told_at_another() {
    for place in places().await {
        let (mut one, other) = (Node::start(&place).await, Node::start(&place).await);
        until_told_at_once(&other.timeline, &mut one).await;
        let (bob, mut device) = (member("bob"), one.timeline.watch(&member("ann"), Seq::ZERO));
        let latest = send(&other.timeline).await;
        assert_eq!(other.timeline.read(&bob, &pair(), latest).await.unwrap(), latest);
        let told = async {
            loop {
                let page = device.next().await.unwrap();
                if page.cursors.iter().any(|cursor| cursor.member == bob && cursor.read == latest) {
                    return;
                }
            }
        };
        timeout(PATIENCE, told).await.expect("Ann is told that Bob has read on");
        one.end().await;
        other.end().await;
    }
}

/// Unless it is told, a node believes for 5 minutes what it knows of a member.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_left_a_group_at_one_node_is_in_it_again_by_a_send_at_another() {
    for place in places().await {
        let (one, mut other) = (Node::start(&place).await, Node::start(&place).await);
        until_told_at_once(&one.timeline, &mut other).await;
        let (ann, bob, tea) = (member("ann"), member("bob"), GroupName::new("tea").unwrap());
        let group = NewGroup::new(tea.clone()).owner(ann.clone()).members([bob.clone()]);
        one.timeline.create_group(group).await.unwrap();
        let send = || {
            let members = [ann.clone(), bob.clone()];
            other.timeline.send_group(NewGroupMessage::new(tea.clone(), members, message()).from(ann.clone()))
        };
        // From here on the other node knows that he is in the group.
        send().await.unwrap();
        one.timeline.leave_group(&tea, vec![bob.clone()]).await.unwrap();
        let conversation = Conversation::group(tea.clone());
        let has_left = async || one.timeline.view(&bob, &conversation).await.unwrap().unwrap().has_left;
        assert!(has_left().await);
        let back = async {
            loop {
                send().await.unwrap();
                if !has_left().await {
                    return;
                }
            }
        };
        timeout(PATIENCE, back).await.expect("the other node hears that he has left, and takes him in again");
        one.end().await;
        other.end().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_was_forgotten_at_one_node_is_in_a_conversation_again_by_a_send_at_another() {
    for place in places().await {
        let (one, mut other) = (Node::start(&place).await, Node::start(&place).await);
        until_told_at_once(&one.timeline, &mut other).await;
        let bob = member("bob");
        // From here on the other node knows that he is in the conversation.
        send(&other.timeline).await;
        one.timeline.delete_member(&bob).await.unwrap();
        let is_known = async || one.timeline.view(&bob, &pair()).await.unwrap().is_some();
        assert!(!is_known().await);
        let back = async {
            loop {
                send(&other.timeline).await;
                if is_known().await {
                    return;
                }
            }
        };
        timeout(PATIENCE, back).await.expect("the other node hears that he was forgotten");
        one.end().await;
        other.end().await;
    }
}
