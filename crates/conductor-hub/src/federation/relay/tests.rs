//! Several nodes in any graph: nothing twice, out of order, or missing untold.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use proptest::prelude::*;

use super::*;
use crate::federation::arrivals::WAIT;
use crate::federation::parcel::ParcelAuthor;

const CHANNELS: [&str; 3] = ["tea", "cake", "milk"];

/// Nodes, and links that hold what was not read yet.
struct World {
    now: Instant,
    nodes: Vec<Node>,
    links: BTreeMap<u64, SimulatedLink>,
    next_link: u64,
    next_node: u8,
    /// Every parcel that was written: its channel, and who had to get it.
    written: BTreeMap<(NodeId, u64), (usize, Vec<NodeId>)>,
}

struct Node {
    id: NodeId,
    relay: Relay,
    member: [bool; 3],
    /// Whether everybody has heard that it is a member.
    known: [bool; 3],
    /// The last number that it was given of each origin.
    last: BTreeMap<NodeId, u64>,
    given: BTreeSet<(NodeId, u64)>,
    gaps: BTreeSet<(NodeId, u64)>,
    /// Those of the gaps that most likely lack nothing.
    doubts: BTreeSet<(NodeId, u64)>,
    first: BTreeMap<NodeId, u64>,
}

struct SimulatedLink {
    ends: [usize; 2],
    /// What is on the way to each end.
    to: [VecDeque<Item>; 2],
}

impl World {
    fn new(count: usize) -> Self {
        let mut world = Self {
            now: Instant::now(),
            nodes: Vec::new(),
            links: BTreeMap::new(),
            next_link: 0,
            next_node: 0,
            written: BTreeMap::new(),
        };
        for _ in 0..count {
            let node = world.node();
            world.nodes.push(node);
        }
        world
    }

    fn node(&mut self) -> Node {
        self.next_node += 1;
        let id = NodeId::from_bytes([self.next_node; 16]);
        Node {
            id,
            relay: Relay::new(id, 1 << 20, 1 << 20),
            member: [false; 3],
            known: [false; 3],
            last: BTreeMap::new(),
            given: BTreeSet::new(),
            gaps: BTreeSet::new(),
            doubts: BTreeSet::new(),
            first: BTreeMap::new(),
        }
    }

    fn act(&mut self, node: usize, act: impl FnOnce(&mut Relay, Instant, &mut Vec<Effect>)) {
        let mut effects = Vec::new();
        act(&mut self.nodes[node].relay, self.now, &mut effects);
        for effect in effects {
            self.carry_out(node, effect);
        }
    }

    fn carry_out(&mut self, at: usize, effect: Effect) {
        let node = &mut self.nodes[at];
        match effect {
            Effect::Send(link, item) => {
                // As over a wire.
                let mut bytes = bytes::BytesMut::new();
                item.encode(&mut bytes);
                let item =
                    Item::decode(&mut bytes.freeze(), 512).expect("it is an item").expect("there is one");
                let link = self.links.get_mut(&link).expect("the link is open");
                let end = usize::from(link.ends[0] == at);
                link.to[end].push_back(item);
            }
            Effect::Deliver { parcel, .. } => {
                let last = node.last.insert(parcel.origin, parcel.number).unwrap_or(0);
                assert!(last < parcel.number, "{} behind {last} of {:?}", parcel.number, parcel.origin);
                assert!(node.given.insert((parcel.origin, parcel.number)));
                assert_ne!(parcel.origin, node.id, "its own");
            }
            Effect::Gap(origin, gap) => node.gaps.extend(gap.map(|number| (origin, number))),
            Effect::Doubt(origin, gap) => {
                node.gaps.extend(gap.clone().map(|number| (origin, number)));
                node.doubts.extend(gap.map(|number| (origin, number)));
            }
            Effect::Found(origin, first) => {
                node.first.entry(origin).or_insert(first);
            }
            Effect::Silent(_) | Effect::Late => {}
        }
    }

    fn link(&mut self, a: usize, b: usize) {
        if a == b || self.links.values().any(|link| link.ends == [a, b] || link.ends == [b, a]) {
            return;
        }
        self.next_link += 1;
        let number = self.next_link;
        self.links.insert(number, SimulatedLink { ends: [a, b], to: Default::default() });
        for end in [a, b] {
            self.act(end, |relay, now, effects| relay.add_link(number, now, effects));
        }
    }

    fn cut(&mut self, number: u64) {
        let Some(link) = self.links.get(&number) else { return };
        for end in link.ends {
            self.act(end, |relay, _, effects| relay.remove_link(number, effects));
        }
        self.links.remove(&number);
    }

    fn kill(&mut self, at: usize) {
        let of: Vec<_> =
            self.links.iter().filter(|(_, link)| link.ends.contains(&at)).map(|(link, _)| *link).collect();
        of.into_iter().for_each(|link| self.cut(link));
        self.nodes[at] = self.node();
    }

    fn set_member(&mut self, at: usize, channel: usize, member: bool) {
        let node = &mut self.nodes[at];
        if node.member[channel] != member {
            (node.member[channel], node.known[channel]) = (member, false);
            self.act(at, |relay, _, effects| relay.note_here(CHANNELS[channel], member, effects));
        }
    }

    fn write(&mut self, at: usize, channel: usize) {
        let body = ParcelBody::draft(CHANNELS[channel], ParcelAuthor::Server).expect("it is short").finish();
        self.act(at, |relay, _, effects| relay.write(body, effects));
        let owed = self.nodes.iter().filter(|node| node.known[channel]).map(|node| node.id).collect();
        let node = &self.nodes[at];
        self.written.insert((node.id, node.relay.number), (channel, owed));
    }

    /// Reads what is next on some link; `false` if all are empty.
    fn read(&mut self, choice: usize) -> bool {
        let full: Vec<_> = self
            .links
            .iter()
            .flat_map(|(number, link)| [0, 1].map(|end| (*number, end, link.to[end].len())))
            .filter(|(_, _, len)| *len > 0)
            .collect();
        let Some(&(number, end, _)) = full.get(choice % full.len().max(1)) else { return false };
        let link = self.links.get_mut(&number).expect("it was just there");
        let (node, item) = (link.ends[end], link.to[end].pop_front().expect("it is not empty"));
        self.act(node, |relay, now, effects| relay.receive(number, item, now, effects));
        true
    }

    fn settle(&mut self) {
        while self.read(0) {}
        for node in &mut self.nodes {
            // All who can be reached have heard of it, as nothing is on its way.
            node.known = node.member;
        }
    }

    fn pass(&mut self, time: Duration) {
        self.now += time;
        for at in 0..self.nodes.len() {
            self.act(at, |relay, now, effects| relay.tick(now, effects));
        }
    }

    /// Brings all together, and has them say what they have.
    fn heal(&mut self) {
        for at in 1..self.nodes.len() {
            self.link(at - 1, at);
        }
        // Each of the nodes in a row may hold what the next one needs for 200 ms.
        for _ in 0..8 {
            self.settle();
            (0..self.nodes.len()).for_each(|at| self.act(at, |relay, _, effects| relay.beat(effects)));
            self.settle();
            self.pass(Duration::from_millis(300));
        }
        self.settle();
    }

    /// Who was owed a parcel has it, or knows that it is missing.
    fn check(&self) {
        for ((origin, number), (channel, owed)) in &self.written {
            if !self.nodes.iter().any(|node| node.id == *origin) {
                continue;
            }
            for node in self.nodes.iter().filter(|node| node.id != *origin && owed.contains(&node.id)) {
                let key = (*origin, *number);
                let is_older = node.first.get(origin).is_none_or(|first| number < first);
                // Whoever has left the channel since is owed nothing.
                let is_member = node.known[*channel];
                assert!(
                    is_older || !is_member || node.given.contains(&key) || node.gaps.contains(&key),
                    "{number} of {origin:?} in {} is missing at {:?} without a notice",
                    CHANNELS[*channel],
                    node.id,
                );
                assert!(!(node.given.contains(&key) && node.gaps.contains(&key)), "given and told as lost");
            }
        }
    }

    fn gaps(&self) -> usize {
        self.nodes.iter().map(|node| node.gaps.len()).sum()
    }
}

fn mesh(count: usize) -> World {
    let mut world = World::new(count);
    for a in 0..count {
        (0..a).for_each(|b| world.link(a, b));
    }
    world
}

#[test]
fn over_three_nodes_in_a_row_members_get_what_is_theirs() {
    let mut world = World::new(3);
    world.link(0, 1);
    world.link(1, 2);
    world.set_member(2, 0, true);
    world.settle();
    world.write(0, 0);
    world.write(0, 1);
    world.write(0, 0);
    let link = world.links.get(&1).expect("it is open");
    let sent: Vec<_> = link.to[1]
        .iter()
        .map(|item| match item {
            Item::Parcel(first, parcel) => (*first, parcel.number, parcel.before),
            other => panic!("{other:?} is no parcel"),
        })
        .collect();
    assert_eq!(sent, [(1, 1, 0), (2, 3, 1)]);
    world.settle();
    assert_eq!(world.nodes[2].given.len(), 2);
    assert_eq!((world.nodes[1].given.len(), world.gaps()), (2, 0));
}

#[test]
fn a_cut_link_with_something_on_its_way_is_a_gap() {
    let mut world = World::new(2);
    world.link(0, 1);
    world.set_member(1, 0, true);
    world.settle();
    world.write(0, 0);
    world.settle();
    world.write(0, 0);
    world.write(0, 0);
    world.cut(1);
    world.write(0, 0);
    world.heal();
    world.check();
    assert_eq!(world.nodes[1].gaps.iter().map(|(_, number)| *number).collect::<Vec<_>>(), [2, 3, 4]);
}

#[test]
fn what_a_node_doubts_is_a_doubt_for_those_behind_it() {
    let mut world = World::new(4);
    world.link(1, 2);
    world.link(2, 3);
    world.set_member(3, 0, true);
    world.settle();
    // The others have wanted something for long, and this link is young.
    world.link(0, 1);
    world.settle();
    for channel in [0, 1, 0] {
        world.write(0, channel);
    }
    // Each of those in a row waits with it for itself.
    for _ in 0..3 {
        world.settle();
        world.pass(WAIT);
    }
    world.settle();
    let doubted = BTreeSet::from([(world.nodes[0].id, 2)]);
    for node in &world.nodes[1..] {
        assert_eq!((&node.gaps, &node.doubts), (&doubted, &doubted), "at {:?}", node.id);
    }
    let given: Vec<_> = world.nodes[3].given.iter().map(|(_, number)| *number).collect();
    assert_eq!(given, [1, 3]);
}

#[test]
fn what_is_lost_for_certain_is_no_doubt_for_anybody() {
    let mut world = World::new(3);
    world.link(0, 1);
    world.link(1, 2);
    world.set_member(2, 0, true);
    world.settle();
    world.write(0, 0);
    world.settle();
    world.write(0, 0);
    world.cut(1);
    world.heal();
    let lost = BTreeSet::from([(world.nodes[0].id, 2)]);
    assert!(world.nodes[1..].iter().all(|node| node.gaps == lost && node.doubts.is_empty()));
}

#[test]
fn what_waits_behind_a_gap_is_bounded() {
    let origin = NodeId::from_bytes([9; 16]);
    let mut relay = Relay::new(NodeId::from_bytes([1; 16]), 1 << 20, 10_000);
    let (now, mut effects) = (Instant::now(), Vec::new());
    relay.add_link(1, now, &mut effects);
    let parcel = |number| Parcel { origin, number, before: 0, body: ParcelBody::default() };
    relay.receive(1, Item::Parcel(1, parcel(1)), now, &mut effects);
    for number in 3..1_000 {
        relay.receive(1, Item::Parcel(3, parcel(number)), now, &mut effects);
        assert!(relay.waiting_bytes <= 10_000);
    }
    assert!(effects.contains(&Effect::Gap(origin, 2..=2)));
}

#[test]
fn who_asks_for_everything_misses_nothing_that_came_while_it_was_not_wanted() {
    let origin = NodeId::from_bytes([9; 16]);
    let mut relay = Relay::new(NodeId::from_bytes([1; 16]), 1_000, 10_000);
    let (now, mut effects) = (Instant::now(), Vec::new());
    relay.add_link(1, now, &mut effects);
    (0..20).for_each(|number| relay.note_here(&number.to_string(), true, &mut effects));
    for (number, is_member) in [(1, true), (2, false), (3, true)] {
        relay.note_here("tea", is_member, &mut effects);
        let body = ParcelBody::draft("tea", ParcelAuthor::Server).expect("it is short").finish();
        let parcel = Parcel { origin, number, before: number - 1, body };
        relay.receive(1, Item::Parcel(number, parcel), now, &mut effects);
    }
    let given = effects.iter().filter(|effect| matches!(effect, Effect::Deliver { .. })).count();
    let is_missing = effects.iter().any(|effect| matches!(effect, Effect::Gap(..) | Effect::Doubt(..)));
    assert_eq!((given, is_missing), (3, false), "{effects:?}");
}

#[test]
fn a_link_is_the_only_way_if_somebody_comes_by_no_other() {
    // Three of them are linked each with each, and one more to the first of these.
    let mut world = World::new(4);
    for (a, b) in [(0, 1), (1, 2), (2, 3), (3, 1)] {
        world.link(a, b);
    }
    // The first ones have no room for the nodes that they come over.
    for _ in 0..=YOUNG_BEATS {
        (0..4).for_each(|at| world.act(at, |relay, _, effects| relay.beat(effects)));
        world.settle();
    }
    let (outside, triangle) = (world.nodes[0].id, &world.nodes[1].relay);
    assert_eq!(triangle.only_ways(world.now), BTreeSet::from([1]));
    assert_eq!(world.nodes[0].relay.only_ways(world.now), BTreeSet::from([1]));
    assert!(triangle.hears(outside));
    assert!(triangle.only_ways(world.now + BEATEN_WITHIN).is_empty(), "no beats came of late");
    world.pass(SILENT);
    assert!(!world.nodes[1].relay.hears(outside));
}

#[test]
fn a_silent_origin_is_told_once_and_found_again() {
    let mut relay = Relay::new(NodeId::from_bytes([1; 16]), 1 << 20, 10_000);
    let origin = NodeId::from_bytes([9; 16]);
    let (now, mut effects) = (Instant::now(), Vec::new());
    relay.add_link(1, now, &mut effects);
    let beat = |number| Item::Parcel(1, Parcel { origin, number, before: 0, body: ParcelBody::default() });
    relay.receive(1, beat(1), now, &mut effects);
    effects.clear();
    relay.tick(now + SILENT - YOUNG, &mut effects);
    assert_eq!(effects, []);
    relay.tick(now + SILENT, &mut effects);
    relay.tick(now + SILENT * 2, &mut effects);
    assert_eq!(effects, [Effect::Silent(origin)]);
    relay.receive(1, beat(2), now + SILENT * 2, &mut effects);
    assert_eq!(effects[1..], [Effect::Found(origin, 2)]);
}

proptest! {
    /// In any graph that stays as it is, whatever the order in which links are read: everybody gets
    /// everything once, and no gap is told.
    #[test]
    fn without_failures_nothing_is_missing(
        count in 2usize..6,
        edges in prop::collection::vec((0usize..6, 0usize..6), 0..12),
        members in prop::collection::vec(any::<bool>(), 18),
        steps in prop::collection::vec((0u8..6, 0usize..60, 0usize..3), 1..120),
    ) {
        let mut world = World::new(count);
        (1..count).for_each(|at| world.link(at, at / 2));
        edges.iter().for_each(|(a, b)| world.link(a % count, b % count));
        for at in 0..count {
            (0..3).for_each(|channel| world.set_member(at, channel, members[at * 3 + channel]));
        }
        world.settle();
        world.now += YOUNG;
        for (kind, choice, channel) in steps {
            if kind == 0 {
                world.write(choice % count, channel);
            } else {
                world.read(choice);
            }
        }
        world.settle();
        world.check();
        prop_assert_eq!(world.gaps(), 0);
    }

    /// Links come and go, nodes die and start anew, members join and leave, time passes.
    #[test]
    fn with_failures_nothing_is_twice_or_out_of_order_or_missing_without_a_notice(
        count in 3usize..6,
        is_mesh in any::<bool>(),
        steps in prop::collection::vec((0u8..40, 0usize..60, 0usize..60), 1..400),
    ) {
        let mut world = if is_mesh { mesh(count) } else { World::new(count) };
        if !is_mesh {
            (0..count).for_each(|at| world.link(at, (at + 1) % count));
        }
        for (kind, a, b) in steps {
            match kind {
                0..=9 => world.write(a % count, b % 3),
                10..=29 => { world.read(a); }
                30..=31 => world.link(a % count, b % count),
                32..=33 => {
                    if let Some(&link) = world.links.keys().nth(a % world.links.len().max(1)) {
                        world.cut(link);
                    }
                }
                34 => world.kill(a % count),
                35 => world.set_member(a % count, b % 3, true),
                36 => world.set_member(a % count, b % 3, a % 2 == 0),
                37 => world.pass(Duration::from_millis(b as u64 * 2)),
                38 => world.settle(),
                _ => world.act(a % count, |relay, _, effects| relay.beat(effects)),
            }
        }
        world.heal();
        world.check();
    }
}
