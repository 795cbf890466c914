use std::sync::mpsc::{Receiver, Sender, channel};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use super::*;
use crate::store::InboxChanges;
use crate::{Conversation, Message, Observer};

/// A time that only a hang reaches.
const LIMIT: Duration = Duration::from_secs(60);

fn member(id: &str) -> MemberId {
    MemberId::new(id).unwrap()
}

fn seq(number: u64) -> Seq {
    Seq::new(number).unwrap()
}

fn entry(number: u64) -> Entry {
    Entry::new(seq(number), Message::new("{}").unwrap())
}

/// Sends on what it hears.
struct Hears(Sender<String>);

impl Observer for Hears {
    fn appended(&self, member: &str, entry: &Entry) {
        self.0.send(format!("{member} {}", entry.sequence)).unwrap();
    }

    fn read(&self, member: &MemberId, cursor: &ReadCursor) {
        self.0.send(format!("{member}: {} {}", cursor.member, cursor.read)).unwrap();
    }

    fn reads_missed(&self, member: &MemberId) {
        self.0.send(format!("{member} lacks cursors")).unwrap();
    }
}

/// A node, without the tasks that reach the others and the store.
struct Scene {
    teller: Teller,
    watchers: InboxWatchers,
    heard: Receiver<String>,
}

impl Scene {
    fn new() -> Self {
        let (sender, heard) = channel();
        let config = Config::new("mongodb://localhost").observer(Hears(sender));
        let watchers = InboxWatchers::default();
        let (teller, _telling) =
            Teller::new(&config, NodeId::fresh(), watchers.clone(), Trouble::of(&config)).unwrap();
        Self { teller, watchers, heard }
    }

    fn commit(&self, id: &str, number: u64) {
        self.teller.committed(vec![(member(id), entry(number))]);
    }

    fn next(&self) -> String {
        self.heard.recv_timeout(LIMIT).unwrap()
    }

    /// Ends the observer, and returns what it had not heard of before.
    fn rest(self) -> Vec<String> {
        self.teller.end();
        drop(self.teller);
        self.heard.iter().collect()
    }

    fn says_to(&self, other: &Self) {
        for text in self.teller.take_outgoing() {
            other.teller.hear(text.as_bytes());
        }
    }

    fn look(&self, id: &str, top: u64) {
        let tops = HashMap::from([(id.to_owned(), Top { seq: seq(top), at_ms: 0, floor: Seq::ZERO })]);
        self.teller.see(&[member(id)], &tops, u64::MAX);
        self.teller.end_pass();
    }
}

fn has_changed(changes: &InboxChanges) -> bool {
    matches!(changes.poll_changed(&Context::from_waker(Waker::noop())), Poll::Ready(Ok(())))
}

#[test]
fn own_entries_are_told_in_order_and_watchers_woken_at_once() {
    let scene = Scene::new();
    let changes = scene.watchers.subscribe(&member("a"));
    let places = [(member("a"), seq(1)), (member("b"), seq(1)), (member("a"), seq(2))];
    scene.teller.reserved(places.into_iter());
    scene.commit("a", 2);
    assert!(has_changed(&changes));
    scene.commit("b", 1);
    assert_eq!(scene.next(), "b 1");
    scene.teller.given_up(&[(member("b"), seq(1))]);
    scene.commit("a", 1);
    assert_eq!([scene.next(), scene.next()], ["a 1", "a 2"]);
    assert!(scene.rest().is_empty());
}

#[test]
fn another_node_hears_of_what_is_watched_there_and_reads_it() {
    let (here, there) = (Scene::new(), Scene::new());
    let changes = there.watchers.subscribe(&member("a"));
    for number in 1..=2 {
        here.commit("a", number);
        here.commit("b", number);
    }
    here.says_to(&there);
    assert!(has_changed(&changes));
    let behind = there.teller.take_behind(8);
    assert_eq!(behind.len(), 1, "nobody waits for the other inbox there");
    let [inbox] = <[BehindInbox; 1]>::try_from(behind).unwrap();
    assert_eq!((&inbox.member, there.teller.read_from(&inbox)), (&member("a"), Some(Seq::ZERO)));
    there.teller.catch_up(inbox, InboxPage::new(seq(2), vec![entry(1)]));
    let [rest] = <[BehindInbox; 1]>::try_from(there.teller.take_behind(8)).unwrap();
    there.teller.catch_up(rest, InboxPage::new(seq(2), vec![entry(2)]));
    assert!(there.teller.take_behind(8).is_empty());
    // A node does not listen to itself.
    there.commit("a", 3);
    let said = there.teller.take_outgoing();
    said.iter().for_each(|text| drop(there.teller.hear(text.as_bytes())));
    assert!(there.teller.take_behind(8).is_empty());
    assert_eq!(there.rest(), ["a 1", "a 2", "a 3"]);
}

#[test]
fn cursors_and_frees_reach_who_waits_on_another_node() {
    let (here, there) = (Scene::new(), Scene::new());
    let changes = there.watchers.subscribe(&member("a"));
    here.teller.freed(&member("a"));
    here.says_to(&there);
    assert!(has_changed(&changes) && there.teller.take_behind(8).is_empty());
    let cursor = ReadCursor::new(member("b"), Conversation::single(member("a"), member("b")), seq(7));
    here.teller.read(&cursor, &member("b"));
    here.teller.read(&cursor, &member("a"));
    here.says_to(&there);
    assert!(has_changed(&changes));
    assert_eq!(changes.take_cursors().map(|risen| risen.cursors.clone()), Some(vec![cursor]));
    assert_eq!(here.rest(), ["b: b 7", "a: b 7"]);
    assert_eq!(there.rest(), ["a: b 7"]);
}

#[test]
fn a_look_at_the_store_wakes_those_whose_inbox_has_changed() {
    let scene = Scene::new();
    let changes = scene.watchers.subscribe(&member("a"));
    scene.look("a", 4);
    assert!(!has_changed(&changes), "what was there is old");
    scene.commit("a", 5);
    assert!(has_changed(&changes));
    scene.look("a", 5);
    assert!(!has_changed(&changes) && scene.teller.take_behind(8).is_empty(), "it was told");
    scene.look("a", 6);
    assert!(has_changed(&changes));
    assert_eq!(scene.teller.take_behind(8).len(), 1);
    assert_eq!(scene.rest(), ["a 5"]);
}

#[test]
fn who_may_have_missed_cursors_is_told_so() {
    let scene = Scene::new();
    let changes = scene.watchers.subscribe(&member("a"));
    scene.teller.reads_missed(&scene.watchers.members());
    assert!(has_changed(&changes));
    assert!(changes.take_cursors().is_some_and(|risen| risen.were_cut && risen.cursors.is_empty()));
    assert_eq!(scene.rest(), ["a lacks cursors"]);
}

#[test]
fn missed_cursors_for_which_the_observer_has_no_room_are_told_again() {
    /// Stands still until the test ends.
    struct Stands(Mutex<Receiver<()>>);
    impl Observer for Stands {
        fn appended(&self, _member: &str, _entry: &Entry) {}

        fn reads_missed(&self, _member: &MemberId) {
            assert!(self.0.lock().recv().is_err());
        }
    }
    let (_end, ended) = channel();
    let config = Config::new("mongodb://localhost").observer(Stands(Mutex::new(ended)));
    let (teller, _telling) =
        Teller::new(&config, NodeId::fresh(), InboxWatchers::default(), Trouble::of(&config)).unwrap();
    teller.reads_missed(&[member("a")]);
    assert!(!teller.hearing().lacks_cursors());
    // More batches than ever wait.
    for _ in 0..10_000 {
        teller.reads_missed(&[member("a")]);
    }
    assert!(teller.hearing().lacks_cursors());
}

#[test]
fn what_cannot_be_read_is_a_reason_to_look() {
    use futures_util::FutureExt as _;

    let scene = Scene::new();
    scene.teller.hear(b"\xff");
    assert!(scene.teller.hearing().doubted().now_or_never().is_some());
}
