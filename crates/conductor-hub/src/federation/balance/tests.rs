//! Whom a node dials, which link it gives up, and where parts come together.

use super::*;

const ME: NodeId = NodeId::from_bytes([0; 16]);

fn node(number: u8) -> NodeId {
    NodeId::from_bytes([number; 16])
}

fn linked(number: u8, dialled: bool, sisters: u32) -> Linked {
    let meta = Some(SisterMeta { sisters, most: 2 });
    Linked { node: node(number), name: dialled.then(|| number.to_string()), meta, is_only_way: false }
}

fn names(count: u8) -> Vec<String> {
    (1..=count).map(|number| number.to_string()).collect()
}

#[test]
fn as_many_are_dialled_as_are_looked_for() {
    let now = Instant::now();
    let mut balance = Balance::default();
    balance.set(&names(4), now);
    assert_eq!(balance.dial(ME, &[linked(9, false, 1)], 3, now, 0).as_deref(), Some("1"));
    assert_eq!(balance.dial(ME, &[linked(9, false, 1)], 3, now, 1).as_deref(), Some("3"), "by chance");
    assert_eq!(balance.dial(ME, &[linked(9, false, 1)], 3, now, 0), None, "three, with those on their way");
    assert_eq!(balance.dial(ME, &[linked(2, true, 1)], 9, now, 0).as_deref(), Some("4"), "2 has a link");
}

#[test]
fn an_address_that_fails_is_dialled_more_and_more_rarely() {
    let mut now = Instant::now();
    let mut balance = Balance::default();
    balance.set(&names(1), now);
    let mut waited = Vec::new();
    for _ in 0..8 {
        balance.dial(ME, &[], 3, now, 0).expect("it is due");
        balance.note("1", None, now, u32::MAX);
        assert_eq!(balance.dial(ME, &[], 3, now, 0), None);
        let next = balance.deadline(now).expect("it will be dialled");
        waited.push(next - now);
        now = next;
    }
    assert_eq!((waited[0], waited[1], waited[7]), (DELAY_MIN, DELAY_MIN * 2, DELAY_MAX));
    balance.set(&names(2), now);
    assert_eq!(balance.dial(ME, &[], 3, now, 1).as_deref(), Some("2"), "a new address is due at once");
}

#[test]
fn who_dialled_us_is_not_dialled_once_she_was_met() {
    let now = Instant::now();
    let mut balance = Balance::default();
    balance.set(&names(2), now);
    balance.dial(ME, &[], 9, now, 0).expect("it is due");
    balance.note("1", Some(node(7)), now, 0);
    balance.dial(ME, &[], 9, now, 0).expect("it is due");
    balance.note("2", Some(ME), now, 0);
    let later = now + DELAY_MAX;
    balance.set(&names(3), later);
    balance.dial(ME, &[linked(7, false, 1)], 9, later, 0).expect("3 is due");
    balance.note("3", None, later, 0);
    assert!(balance.deadline(later).is_some_and(|next| next > later), "those that may be dialled hide none");
    balance.set(&names(2), later);
    assert_eq!(
        balance.dial(ME, &[linked(7, false, 1)], 9, later, 0),
        None,
        "one is linked, one is this node"
    );
    assert_eq!(balance.dial(ME, &[], 9, later, 0).as_deref(), Some("1"));
}

#[test]
fn a_link_is_given_up_where_both_have_too_many() {
    let (now, balance) = (Instant::now(), Balance::default());
    let mut three = [linked(1, true, 2), linked(2, true, 3), linked(3, false, 9)];
    assert_eq!(
        balance.surplus(&three, 2, now),
        Some(node(2)),
        "1 has no more than she looks for, 3 dialled us"
    );
    assert_eq!(balance.surplus(&three, 3, now), None);
    three[1].is_only_way = true;
    assert_eq!(balance.surplus(&three, 2, now), None, "somebody comes by 2 alone");
    let enough = [linked(1, true, 2), linked(2, true, 2), linked(3, true, 2)];
    assert_eq!(balance.surplus(&enough, 2, now), None);
}

#[test]
fn beyond_enough_those_are_dialled_of_whom_nothing_comes() {
    let now = Instant::now();
    let mut balance = Balance::default();
    balance.set(&names(3), now);
    for (name, met) in [("1", node(1)), ("2", node(2)), ("3", ME)] {
        assert_eq!(balance.dial(ME, &[], 9, now, 0).as_deref(), Some(name));
        balance.note(name, Some(met), now, 0);
    }
    let (later, two) = (now + DELAY_MAX, [linked(8, false, 2), linked(9, false, 2)]);
    assert_eq!(balance.dial(ME, &two, 2, later, 0), None, "there are enough");
    assert_eq!(balance.dial_parted(ME, &two, |_| true, 2, later, 0), None, "all are heard");
    let hears = |other: NodeId| other != node(2);
    assert_eq!(balance.dial_parted(ME, &two[..1], hears, 0, later, 0), None, "there is no room");
    assert_eq!(balance.dial_parted(ME, &two, hears, 2, later, 0).as_deref(), Some("2"));
    assert_eq!(balance.dial_parted(ME, &two, hears, 2, later, 0), None, "she is being dialled");
    balance.note("2", Some(node(2)), later, 0);
    let three = [linked(2, true, 3), linked(8, false, 2), linked(9, false, 2)];
    assert_eq!(balance.surplus(&three, 2, later), None, "what joins two parts stays");
    assert_eq!(balance.surplus(&three, 2, later + JOINED_STAYS * 3), Some(node(2)), "but not for ever");
    balance.set(&names(4), later);
    assert_eq!(
        balance.dial_parted(ME, &three, |_| true, 2, later, 0).as_deref(),
        Some("4"),
        "who it is is not known"
    );
}

/// Nodes that know each other's addresses, as they dial and give up links in turn.
struct Model {
    now: Instant,
    most: usize,
    nodes: Vec<Balance>,
    /// Who has dialled whom.
    links: Vec<(usize, usize)>,
    /// The part of each node while the network is cut, and all in one while it is not.
    parts: Vec<u8>,
    chance: u32,
}

impl Model {
    fn new(count: u8, most: usize) -> Self {
        let now = Instant::now();
        let mut nodes: Vec<Balance> = (0..count).map(|_| Balance::default()).collect();
        let all: Vec<String> = (0..count).map(|number| number.to_string()).collect();
        nodes.iter_mut().for_each(|node| node.set(&all, now));
        Self { now, most, nodes, links: Vec::new(), parts: vec![0; usize::from(count)], chance: 1 }
    }

    /// Returns the next of numbers that look like chance, and are the same in every run.
    fn chance(&mut self) -> u32 {
        self.chance ^= self.chance << 13;
        self.chance ^= self.chance >> 17;
        self.chance ^= self.chance << 5;
        self.chance
    }

    /// Returns all who hear each other by way of these links.
    fn heard(&self, at: usize, without: Option<(usize, usize)>) -> Vec<usize> {
        let mut heard = vec![at];
        let mut looked_at = 0;
        while looked_at < heard.len() {
            let from = heard[looked_at];
            looked_at += 1;
            for &(a, b) in self.links.iter().filter(|link| Some(**link) != without) {
                for (near, far) in [(a, b), (b, a)] {
                    if near == from && !heard.contains(&far) {
                        heard.push(far);
                    }
                }
            }
        }
        heard
    }

    fn degree(&self, at: usize) -> usize {
        self.links.iter().filter(|(a, b)| *a == at || *b == at).count()
    }

    fn linked(&self, at: usize) -> Vec<Linked> {
        // Nobody else looks, and it takes long to find out.
        let has_more = self.degree(at) > self.most;
        let of = |&(from, to): &(usize, usize)| {
            let other = if from == at { to } else { from };
            let sisters = u32::try_from(self.degree(other)).expect("they are few");
            let most = u32::try_from(self.most).expect("they are few");
            Linked {
                node: id(other),
                name: (from == at).then(|| other.to_string()),
                meta: Some(SisterMeta { sisters, most }),
                is_only_way: has_more && self.heard(at, Some((from, to))).len() < self.heard(at, None).len(),
            }
        };
        self.links.iter().filter(|(a, b)| *a == at || *b == at).map(of).collect()
    }

    /// Has a node do what it does once in 10 s.
    fn turn(&mut self, at: usize) {
        for reason in [DialReason::Missing, DialReason::Parted] {
            let (linked, heard, chance) = (self.linked(at), self.heard(at, None), self.chance());
            let hears = |node: NodeId| heard.iter().any(|other| id(*other) == node);
            let (now, most, balance) = (self.now, self.most, &mut self.nodes[at]);
            let name = match reason {
                DialReason::Missing => balance.dial(id(at), &linked, most, now, chance),
                DialReason::Parted => balance.dial_parted(id(at), &linked, hears, most, now, chance),
            };
            let Some(name) = name else { continue };
            let other: usize = name.parse().expect("it is a number");
            let answers = self.parts[at] == self.parts[other];
            if answers
                && other != at
                && linked.iter().all(|linked| linked.node != id(other))
                && self.degree(other) < self.most * 2
                && (reason == DialReason::Missing || !heard.contains(&other))
            {
                self.links.push((at, other));
            }
            self.nodes[at].note(&name, answers.then(|| id(other)), now, chance);
        }
        if let Some(node) = self.nodes[at].surplus(&self.linked(at), self.most, self.now) {
            self.links.retain(|&(from, to)| from != at || id(to) != node);
        }
    }

    fn pass(&mut self, turns: usize) {
        for _ in 0..turns {
            self.now += Duration::from_secs(10);
            for at in 0..self.nodes.len() {
                self.turn(at);
            }
        }
    }

    fn is_whole(&self) -> bool {
        self.heard(0, None).len() == self.nodes.len()
    }
}

fn id(number: usize) -> NodeId {
    node(u8::try_from(number + 1).expect("they are few"))
}

#[test]
fn parts_that_have_enough_among_themselves_come_together_and_stay() {
    for (count, most) in [(6, 2), (9, 2), (12, 3), (20, 4)] {
        let mut model = Model::new(count, most);
        model.pass(20);
        assert!(model.is_whole(), "{count} nodes");
        let half = usize::from(count / 2);
        model.parts = (0..usize::from(count)).map(|at| u8::from(at < half)).collect();
        let parts = model.parts.clone();
        model.links.retain(|&(a, b)| parts[a] == parts[b]);
        model.pass(20);
        assert!(!model.is_whole(), "it is cut");
        model.parts.fill(0);
        model.pass(20);
        // Links that are too many go again, which parts nobody.
        for _ in 0..50 {
            model.pass(1);
            assert!(model.is_whole(), "{count} nodes, {most} each");
        }
    }
}
