//! Senders and readers at different nodes, without sockets.

use std::ops::RangeInclusive;
use std::pin::pin;
use std::thread;

use bytes::{Bytes, BytesMut};
use futures_util::FutureExt;

use super::*;
use crate::Config;
use crate::federation::config::SisterConfig;
use crate::federation::link_observer::LinkObserver;
use crate::federation::node_id::NodeId;
use crate::federation::open_streams::StreamPass;
use crate::federation::parcel::{ParcelAuthor, ParcelBody};
use crate::federation::sister::{Sister, SisterEnd, SisterMeta};
use crate::protocol::{Message, MessageRef, Opcode};
use crate::stream_permits::StreamPermits;

const OUTBOX: usize = 1024 * 1024;

/// What links of a node have at most on their way of one channel.
const WINDOW: usize = OUTBOX / 8;

struct Nobody;

impl LinkObserver for Nobody {
    fn write(&self, _channel: &str) -> bool {
        true
    }

    fn connected(&self, _sister: &Arc<Sister>) {}

    fn disconnected(&self, _sister: &Arc<Sister>, _reason: SisterEnd) {}

    fn meta_query(&self, _sister: &Arc<Sister>, meta: SisterMeta) -> SisterMeta {
        meta
    }

    fn meta_response(&self, _sister: &Arc<Sister>, _meta: SisterMeta) {}
}

/// The members of `tea` at one node, who are as far behind as the test says.
#[derive(Default)]
struct Members {
    tea: Mutex<PaceMark>,
    waker: Mutex<Option<Waker>>,
    /// How long it takes to look at the members of a channel.
    look_time: Mutex<Duration>,
}

impl SisterHost for Members {
    fn deliver(
        &self,
        _origin: NodeId,
        body: &ParcelBody,
        pass: &mut dyn FnMut(MessageRef<'_>, &Arc<StreamPermits>) -> StreamPass,
    ) {
        let permits = Arc::default();
        for message in body.messages() {
            assert_eq!(pass(message.expect("it is whole"), &permits), StreamPass::ForMembers);
        }
    }

    fn deliver_end(&self, _origin: NodeId, _end: &Message) {}

    fn reader_mark(&self, channel: &str, waker: &Waker) -> PaceMark {
        *self.waker.lock() = Some(waker.clone());
        thread::sleep(*self.look_time.lock());
        if channel == "tea" { *self.tea.lock() } else { PaceMark::Free }
    }

    fn gap(&self, _origin: NodeId, missing: RangeInclusive<u64>) {
        panic!("{missing:?} are missing");
    }

    fn found(&self, _origin: NodeId, _first: u64) {}

    fn silent(&self, _origin: NodeId) {}
}

struct Node {
    federation: Federation,
    members: Members,
}

/// Nodes, and both ends of each link between them.
struct World {
    now: Instant,
    /// Whether what an older version does not know is left out.
    is_older: bool,
    nodes: Vec<Node>,
    links: Vec<[(usize, Arc<Sister>); 2]>,
}

impl World {
    fn new(count: usize, links: &[(usize, usize)]) -> Self {
        let node = |_| {
            let config = SisterConfig::new(*b"the secret of the test");
            let hub = Config::default().outbox_bytes_max(OUTBOX);
            let federation = Federation::new(config, Arc::new(Nobody), &hub);
            Node { federation, members: Members::default() }
        };
        let nodes = (0..count).map(node).collect();
        let mut world = Self { now: Instant::now(), is_older: false, nodes, links: Vec::new() };
        for &(a, b) in links {
            world.link(a, b);
        }
        for node in &world.nodes {
            for channel in ["tea", "cake"] {
                node.federation.note_channel(channel, || true);
            }
        }
        world.settle();
        world
    }

    fn link(&mut self, a: usize, b: usize) {
        let end = |at: usize, to: usize, name| {
            let node = self.nodes[to].federation.me();
            let sister = self.nodes[at].federation.add(node, name, self.now);
            (at, sister.expect("there is no other link"))
        };
        let link = [end(a, b, Some("it was dialled")), end(b, a, None)];
        self.links.push(link);
    }

    fn cut(&mut self, link: usize) {
        for (at, sister) in self.links.remove(link) {
            sister.end(SisterEnd::Lost);
            self.nodes[at].federation.remove(&sister);
        }
    }

    /// Carries one batch over a link, from this end of it; `false` if there is none.
    fn carry(&self, link: usize, from: usize) -> bool {
        let ends = &self.links[link];
        let (to, sister) = &ends[1 - from];
        let Some(batch) = ends[from].1.queue.batch().now_or_never() else { return false };
        let batch = if self.is_older { as_older(batch) } else { batch };
        let Node { federation, members } = &self.nodes[*to];
        federation.receive(sister, batch, self.now, members).expect("it is what sisters say");
        true
    }

    fn settle(&self) {
        while (0..self.links.len()).any(|link| self.carry(link, 0) || self.carry(link, 1)) {}
    }

    fn write(&self, at: usize, channel: &str, bytes: usize) {
        let mut encoded = BytesMut::new();
        let message = Message::new(Opcode::WRITE, channel, vec![7_u8; bytes]);
        message.encode(&mut encoded).expect("it is short");
        let author = ParcelAuthor::User { name: "alice", connection: Some(1) };
        self.nodes[at].federation.write(channel, author, |draft| draft.push(&encoded));
    }

    fn holds(&self, at: usize, channel: &str) -> bool {
        self.nodes[at].federation.holds(channel, WaitMark::Half)
    }

    /// Has the members of `tea` read on, or not.
    fn set_tea(&self, at: usize, mark: PaceMark) {
        let Node { federation, members } = &self.nodes[at];
        *members.tea.lock() = mark;
        if let Some(waker) = members.waker.lock().take() {
            waker.wake();
        }
        if federation.pace_bell().now_or_never().is_some() {
            finish(federation.look_at_paces(members));
        }
    }

    fn beat(&mut self, time: Duration) {
        self.now += time;
        for Node { federation, members } in &self.nodes {
            federation.tick(self.now, true, members);
            finish(federation.pace_again(self.now, members));
        }
    }
}

/// Has something end that lets others have their turns; returns how many turns it took itself.
fn finish(work: impl Future<Output = ()>) -> usize {
    let mut work = pin!(work);
    let mut turns = 1;
    while work.as_mut().now_or_never().is_none() {
        turns += 1;
    }
    turns
}

/// Returns what of a batch a node of an older version knows.
fn as_older(mut batch: Bytes) -> Bytes {
    let mut known = BytesMut::new();
    while let Some(item) = Item::decode(&mut batch, 512).expect("it is what sisters say") {
        if let Item::Parcel(_, parcel) = &item {
            let author = ParcelAuthor::User { name: "alice", connection: None };
            assert_eq!(parcel.body.author(), author, "an older version refuses another");
        }
        if !matches!(item, Item::Pace(..) | Item::Taken { .. } | Item::Doubt { .. }) {
            item.encode(&mut known);
        }
    }
    known.freeze()
}

/// Counts how often it was woken.
#[derive(Default)]
struct Woken(AtomicUsize);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn a_sender_is_held_by_a_reader_three_nodes_away_and_by_nobody_else() {
    // In a row, in a ring, and in a mesh.
    for links in [
        vec![(0, 1), (1, 2), (2, 3)],
        vec![(0, 1), (1, 2), (2, 3), (3, 0)],
        vec![(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)],
    ] {
        let world = World::new(4, &links);
        world.set_tea(3, PaceMark::Half);
        assert!(!world.holds(0, "tea"), "nothing came there yet");
        world.write(0, "tea", 100);
        world.settle();
        for at in 0..3 {
            assert!(world.holds(at, "tea") && !world.holds(at, "cake"), "{at} in {links:?}");
            assert!(!world.nodes[at].federation.holds("tea", WaitMark::Upper));
        }
        assert!(!world.holds(3, "tea"), "its router looks at its own members");
        let woken = Arc::new(Woken::default());
        let waker = Waker::from(Arc::clone(&woken));
        let wait = || world.nodes[0].federation.wait("tea", WaitMark::Half, ConnectionId(1), &waker);
        assert!(wait());
        world.set_tea(3, PaceMark::Free);
        world.settle();
        assert!(woken.0.load(Ordering::Relaxed) > 0, "{links:?}");
        assert!((0..4).all(|at| !world.holds(at, "tea")) && !wait(), "{links:?}");
    }
}

#[test]
fn what_a_node_said_is_forgotten_with_the_link_and_with_time() {
    let mut world = World::new(3, &[(0, 1), (1, 2)]);
    world.set_tea(2, PaceMark::Upper);
    world.write(0, "tea", 100);
    world.settle();
    assert!(world.nodes[0].federation.holds("tea", WaitMark::Upper));
    for _ in 0..5 {
        world.beat(Duration::from_secs(1));
        world.settle();
        assert!(world.holds(0, "tea"), "it is said again");
    }
    world.cut(1);
    assert!(!world.holds(1, "tea") && world.holds(0, "tea"));
    // Nobody says it again.
    world.beat(Duration::from_secs(2));
    world.settle();
    assert!(!world.holds(0, "tea"));
}

#[test]
fn a_look_at_many_channels_lets_others_have_their_turns() {
    let world = World::new(1, &[]);
    let Node { federation, members } = &world.nodes[0];
    {
        let mut deliveries = federation.deliveries.lock();
        for number in 0..10 {
            let said = deliveries.said.say(federation.me(), &number.to_string(), PaceMark::Half);
            said.expect("it is something new");
        }
    }
    // Each has so many members that there is no time for another one in the same turn.
    *members.look_time.lock() = LOOK_TIME;
    assert_eq!(finish(federation.pace_again(world.now, members)), 10);
    assert!(federation.deliveries.lock().said.is_empty(), "nobody is behind");
}

#[test]
fn no_more_of_a_channel_than_its_window_is_on_its_way() {
    let world = World::new(2, &[(0, 1)]);
    let mut bytes = 0;
    while !world.holds(0, "tea") {
        world.write(0, "tea", 16 * 1024);
        bytes += 16 * 1024;
    }
    assert!((WINDOW..=WINDOW + 16 * 1024).contains(&bytes), "{bytes}");
    assert!(!world.holds(0, "cake"), "it is not the whole link");
    assert!(!world.nodes[0].federation.holds("tea", WaitMark::Upper), "who sends little does not wait");
    let woken = Arc::new(Woken::default());
    let waker = Waker::from(Arc::clone(&woken));
    assert!(world.nodes[0].federation.wait("tea", WaitMark::Half, ConnectionId(1), &waker));
    // It is on its way also when it has left the queue.
    let (link, queue) = (0, &world.links[0][0].1.queue);
    let batches = std::iter::from_fn(|| queue.batch().now_or_never()).collect::<Vec<_>>();
    assert!(world.holds(0, "tea") && woken.0.load(Ordering::Relaxed) == 0);
    let (to, sister) = &world.links[link][1];
    for batch in batches {
        let Node { federation, members } = &world.nodes[*to];
        federation.receive(sister, batch, world.now, members).expect("it is what sisters say");
    }
    world.settle();
    assert!(!world.holds(0, "tea") && woken.0.load(Ordering::Relaxed) > 0);
}

#[test]
fn a_node_that_passes_on_more_than_its_links_take_says_so() {
    let world = World::new(3, &[(0, 1), (1, 2)]);
    // The second link stands still.
    let mut bytes = 0;
    while bytes < OUTBOX && !world.holds(0, "tea") {
        world.write(0, "tea", 16 * 1024);
        bytes += 16 * 1024;
        while world.carry(0, 0) || world.carry(0, 1) {}
    }
    assert!((WINDOW * 2..WINDOW * 3).contains(&bytes), "{bytes}");
    assert!(!world.holds(0, "cake"));
    world.settle();
    let passing = &world.nodes[1];
    assert!(passing.federation.pace_bell().now_or_never().is_some());
    finish(passing.federation.look_at_paces(&passing.members));
    world.settle();
    assert!((0..3).all(|at| !world.holds(at, "tea")));
}

#[test]
fn a_reader_who_gets_behind_gets_little_more() {
    // The last of three nodes has a member with an outbox who stops reading at once.
    let world = World::new(3, &[(0, 1), (1, 2)]);
    let (mut sent, mut turn) = (0, 0);
    loop {
        // The sender goes on while it may; links are read only now and then.
        while !world.holds(0, "tea") && sent < OUTBOX * 2 {
            world.write(0, "tea", 16 * 1024);
            sent += 16 * 1024;
        }
        if sent > OUTBOX / 2 {
            world.set_tea(2, PaceMark::Half);
        }
        let moved = [(0, 0), (1, 0), (1, 1), (0, 1)].map(|(link, from)| world.carry(link, from));
        turn += 1;
        if !moved.contains(&true) {
            break;
        }
    }
    assert!(sent <= OUTBOX / 2 + WINDOW * 3 + 16 * 1024, "{sent} in {turn} turns");
}

#[test]
fn a_sister_of_an_older_version_holds_nobody_for_long() {
    let mut world = World::new(2, &[]);
    world.is_older = true;
    world.link(0, 1);
    world.settle();
    world.set_tea(1, PaceMark::Upper);
    world.write(0, "tea", 100);
    world.settle();
    assert!(!world.holds(0, "tea"), "she cannot say that somebody is behind");
    while !world.holds(0, "tea") {
        world.write(0, "tea", 16 * 1024);
    }
    world.settle();
    assert!(!world.holds(0, "tea"), "what is not in the queue any more does not count");
}
