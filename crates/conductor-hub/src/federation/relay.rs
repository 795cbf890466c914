//! What a node passes on, takes and misses: the state of one node; pure.
//!
//! ```text
//! write, beat ─────────────┐                          ┌─► Send(link, item)
//! receive(link, item) ────►│  arrivals of each origin │─► Deliver(parcel)
//! add and remove link ────►│  interest                │─► Gap, Doubt(origin, numbers)
//! tick(now) ──────────────►│  what links have covered │─► Found(origin), Silent(origin)
//! note_here(channel) ─────►└──────────────────────────┘
//! ```
//!
//! It does no I/O and reads no clock. Whoever holds it does what the effects say, in their order.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::BuildHasher;
use std::ops::RangeInclusive;
use std::time::Duration;

use foldhash::fast::RandomState;
use hashbrown::HashMap;
use tokio::time::Instant;

use super::arrivals::{Arrival, Arrivals, Settled};
use super::interest::{Interest, InterestChange};
use super::item::Item;
use super::node_id::NodeId;
use super::parcel::{Parcel, ParcelBody};

/// How long what a link denies is not believed, if this node wanted something when it began.
///
/// So long its interest may take to reach everybody who is behind the link, and so long what they
/// said before may take to come back: each of up to 16 nodes may hold it for 200 ms.
pub(crate) const YOUNG: Duration = Duration::from_secs(5);

/// An origin of which nothing came for so long is silent: it sends a beat each second.
pub(crate) const SILENT: Duration = Duration::from_secs(10);

/// How long ago the last beat may be that a link has brought of an origin.
const BEATEN_WITHIN: Duration = Duration::from_secs(3);

/// Over how many nodes more a beat has come, at least, that we have passed on ourselves.
const ECHO_NODES: u64 = 3;

/// Up to which number a beat has no room for the nodes that it has come over.
const YOUNG_BEATS: u64 = 8;

/// Origins whose numbers are remembered. A few live at a time; the others are past lives of nodes,
/// of whom something may still wait in a node that was frozen.
const ORIGINS_MAX: usize = 4_096;

/// Channels of our own clients whose last number is remembered.
const CHANNELS_MAX: usize = 64 * 1024;

/// The state of a federation at one node.
#[derive(Debug)]
pub(crate) struct Relay {
    me: NodeId,
    /// The number of our last parcel.
    number: u64,
    /// The number of our last parcel in each channel, by the channel's hash.
    before: HashMap<u64, u64, RandomState>,
    origins: HashMap<NodeId, Arrivals, RandomState>,
    interest: Interest,
    links: BTreeMap<u64, SisterLink>,
    /// What the parcels that wait behind gaps cost.
    waiting_bytes: usize,
    waiting_bytes_max: usize,
    hasher: RandomState,
    /// Kept between calls.
    changes: Vec<InterestChange>,
    settled: Vec<Settled>,
}

/// A beat that a link brought: when, and over how many nodes it had come.
#[derive(Clone, Copy, Debug)]
struct Beat {
    at: Instant,
    nodes: u64,
}

/// What is known of one link.
#[derive(Debug)]
struct SisterLink {
    /// From when on it is believed what it denies.
    believed_from: Instant,
    /// For each origin the first number of which the sister was told nothing by this link.
    covered: HashMap<NodeId, u64, RandomState>,
    /// The last beat of each origin that it brought, whether that came by another link before or
    /// not.
    beaten: HashMap<NodeId, Beat, RandomState>,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Put an item into the queue of a link.
    Send(u64, Item),
    /// Give a parcel to the local members.
    Deliver {
        parcel: Parcel,
        /// Whether it follows in its channel on what was given before, for certain.
        is_next: bool,
    },
    /// Numbers of an origin were for us and did not come.
    Gap(NodeId, RangeInclusive<u64>),
    /// Numbers of an origin did not come that were hardly for us: a young link says that they are
    /// not, which is not believed, or a sister passes such a doubt on.
    Doubt(NodeId, RangeInclusive<u64>),
    /// Something came from an origin that was not known, or was silent: from this number on.
    Found(NodeId, u64),
    /// Nothing has come from an origin for a while.
    Silent(NodeId),
    /// A parcel came that was taken before, or too late.
    Late,
}

impl Relay {
    /// Creates the state of a node without links.
    ///
    /// A sister may want names of `interest_bytes_max`, and is told as many; of all parcels that
    /// wait behind gaps there are at most `waiting_bytes_max` bytes.
    pub(crate) fn new(me: NodeId, interest_bytes_max: usize, waiting_bytes_max: usize) -> Self {
        Self {
            me,
            number: 0,
            before: HashMap::default(),
            origins: HashMap::default(),
            interest: Interest::new(interest_bytes_max),
            links: BTreeMap::new(),
            waiting_bytes: 0,
            waiting_bytes_max,
            hasher: RandomState::default(),
            changes: Vec::new(),
            settled: Vec::new(),
        }
    }

    /// Passes on what was written here, to whom it is for.
    ///
    /// It is numbered whether there is a link or not, so that whoever is cut off finds out.
    pub(crate) fn write(&mut self, body: ParcelBody, effects: &mut Vec<Effect>) {
        let before = self.take_number(body.channel());
        self.pass_on(&Parcel { origin: self.me, number: self.number, before, body }, None, effects);
    }

    /// Numbers what was written here and nobody else wants.
    pub(crate) fn skip(&mut self, channel: &str) {
        self.take_number(channel);
    }

    /// Says to all that this node is there.
    pub(crate) fn beat(&mut self, effects: &mut Vec<Effect>) {
        self.number += 1;
        let body = ParcelBody::default();
        self.pass_on(&Parcel { origin: self.me, number: self.number, before: 0, body }, None, effects);
    }

    /// Adds a link to a sister.
    pub(crate) fn add_link(&mut self, link: u64, now: Instant, effects: &mut Vec<Effect>) {
        let mut covered: HashMap<_, _, _> =
            self.origins.iter().map(|(origin, arrivals)| (*origin, arrivals.next())).collect();
        covered.insert(self.me, self.number + 1);
        let believed_from = if self.interest.is_empty() { now } else { now + YOUNG };
        self.links.insert(link, SisterLink { believed_from, covered, beaten: HashMap::default() });
        self.interest.add_link(link, &mut self.changes);
        self.tell_interest(effects);
        effects.push(Effect::Send(link, Item::InterestWhole));
    }

    /// Forgets a link, which has ended.
    pub(crate) fn remove_link(&mut self, link: u64, effects: &mut Vec<Effect>) {
        if self.links.remove(&link).is_some() {
            self.interest.remove_link(link, &mut self.changes);
            self.tell_interest(effects);
        }
    }

    /// Notes whether a channel has members here.
    pub(crate) fn note_here(&mut self, channel: &str, here: bool, effects: &mut Vec<Effect>) {
        self.interest.note_here(channel, here, &mut self.changes);
        self.tell_interest(effects);
    }

    /// Takes what came over a link; signs of life, meta queries and paces are not its business.
    pub(crate) fn receive(&mut self, link: u64, item: Item, now: Instant, effects: &mut Vec<Effect>) {
        if !self.links.contains_key(&link) {
            return;
        }
        match item {
            Item::Parcel(first, parcel) => self.arrive(link, first, parcel, now, effects),
            Item::Nothing { origin, first, last } => {
                if origin == self.me {
                    return;
                }
                let believed = self.believes(link, now);
                self.find(origin, first, now, effects);
                self.change(origin, effects, |arrivals, settled| {
                    arrivals.deny(first, last, believed, now, settled);
                });
            }
            // An origin that is not known has no gap here: it begins with what comes next of it.
            Item::Doubt { origin, first, last } => {
                self.change(origin, effects, |arrivals, settled| {
                    arrivals.deny(first, last, false, now, settled);
                });
            }
            Item::Interest { name, hops } => {
                self.interest.hear(link, &name, hops, &mut self.changes);
                self.tell_interest(effects);
            }
            Item::InterestWhole => self.interest.note_whole(link),
            Item::Alive
            | Item::MetaQuery
            | Item::MetaResponse { .. }
            | Item::Pace(..)
            | Item::Taken { .. } => {}
        }
    }

    /// Tells gaps and silent origins for which it is time.
    pub(crate) fn tick(&mut self, now: Instant, effects: &mut Vec<Effect>) {
        let due = |arrivals: &Arrivals| arrivals.deadline().is_some_and(|deadline| deadline <= now);
        let late: Vec<_> =
            self.origins.iter().filter(|(_, arrivals)| due(arrivals)).map(|(origin, _)| *origin).collect();
        for origin in late {
            self.change(origin, effects, |arrivals, settled| arrivals.expire(now, settled));
        }
        for (origin, arrivals) in &mut self.origins {
            if !arrivals.silent && now >= arrivals.heard + SILENT {
                arrivals.silent = true;
                arrivals.forget_all();
                for link in self.links.values_mut() {
                    link.beaten.remove(origin);
                }
                effects.push(Effect::Silent(*origin));
            }
        }
    }

    /// Tells whether parcels wait behind a gap.
    pub(crate) const fn is_waiting(&self) -> bool {
        self.waiting_bytes > 0
    }

    /// Returns when [`tick`](Self::tick) has to tell a gap.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.origins.values().filter_map(Arrivals::deadline).min()
    }

    /// Tells whether parcels of an origin come here.
    pub(crate) fn hears(&self, origin: NodeId) -> bool {
        self.origins.get(&origin).is_some_and(|arrivals| !arrivals.silent)
    }

    /// Returns the links without which an origin would not be heard.
    ///
    /// It goes by the beats: each node passes each on to all links but the one that it came by. So
    /// one that we have passed on may come back to us by a third node, which is no way to its
    /// origin. It has come over three nodes more by then, us and two others.
    pub(crate) fn only_ways(&self, now: Instant) -> BTreeSet<u64> {
        let mut ways: HashMap<NodeId, Vec<(u64, u64)>, RandomState> = HashMap::default();
        for (&link, sister) in &self.links {
            for (origin, beat) in sister.beaten.iter().filter(|(_, beat)| now < beat.at + BEATEN_WITHIN) {
                ways.entry(*origin).or_default().push((beat.nodes, link));
            }
        }
        let only = |ways: Vec<(u64, u64)>| {
            let (least, link) = *ways.iter().min()?;
            (ways.iter().filter(|(nodes, _)| nodes - least < ECHO_NODES).count() == 1).then_some(link)
        };
        ways.into_values().filter_map(only).collect()
    }

    /// Tells whether anybody but us wants what is written to a channel.
    pub(crate) fn is_wanted_elsewhere(&self, channel: &str) -> bool {
        self.links.keys().any(|link| self.interest.wants(*link, channel))
    }

    /// Takes the next number for a channel; returns the channel's number before, if it is known.
    fn take_number(&mut self, channel: &str) -> u64 {
        self.number += 1;
        if self.before.len() >= CHANNELS_MAX {
            self.before.clear();
        }
        self.before.insert(self.hasher.hash_one(channel), self.number).unwrap_or(0)
    }

    fn arrive(&mut self, link: u64, first: u64, parcel: Parcel, now: Instant, effects: &mut Vec<Effect>) {
        let origin = parcel.origin;
        if origin == self.me {
            return;
        }
        let believed = self.believes(link, now);
        self.find(origin, first, now, effects);
        if parcel.body.is_beat()
            && parcel.number > YOUNG_BEATS
            && let Some(sister) = self.links.get_mut(&link)
        {
            sister.beaten.insert(origin, Beat { at: now, nodes: parcel.before });
        }
        let is_wanted = !parcel.body.is_beat() && self.interest.is_wanted(parcel.body.channel());
        let channel = self.hasher.hash_one(parcel.body.channel());
        let is_unwanted = !parcel.body.is_beat() && !is_wanted;
        let arrival = Arrival { parcel, link, channel: is_wanted.then_some(channel) };
        self.change(origin, effects, |arrivals, settled| {
            if is_unwanted {
                arrivals.note_unwanted(channel);
            }
            arrivals.parcel(first, arrival, believed, now, settled);
        });
        self.bound_waiting(now, effects);
    }

    /// Tells whether what a link denies is not for us.
    fn believes(&self, link: u64, now: Instant) -> bool {
        self.links.get(&link).is_some_and(|link| now >= link.believed_from)
    }

    /// Begins to take from an origin, unless it is known.
    fn find(&mut self, origin: NodeId, first: u64, now: Instant, effects: &mut Vec<Effect>) {
        if let Some(known) = self.origins.get_mut(&origin) {
            if known.silent {
                known.silent = false;
                effects.push(Effect::Found(origin, known.next()));
            }
            return;
        }
        if self.origins.len() >= ORIGINS_MAX {
            self.forget_an_origin();
        }
        self.origins.insert(origin, Arrivals::new(first, now));
        for link in self.links.values_mut() {
            link.covered.insert(origin, first);
        }
        effects.push(Effect::Found(origin, first));
    }

    /// Forgets the origin that was heard of longest ago.
    fn forget_an_origin(&mut self) {
        let oldest =
            self.origins.iter().min_by_key(|(_, arrivals)| arrivals.heard).map(|(origin, _)| *origin);
        if let Some(oldest) = oldest {
            let forgotten = self.origins.remove(&oldest);
            self.waiting_bytes -= forgotten.map_or(0, |arrivals| arrivals.waiting_bytes());
            for link in self.links.values_mut() {
                link.covered.remove(&oldest);
                link.beaten.remove(&oldest);
            }
        }
    }

    /// Changes what is known of an origin, and does what that settles.
    fn change(
        &mut self,
        origin: NodeId,
        effects: &mut Vec<Effect>,
        act: impl FnOnce(&mut Arrivals, &mut Vec<Settled>),
    ) {
        let Some(arrivals) = self.origins.get_mut(&origin) else { return };
        self.waiting_bytes -= arrivals.waiting_bytes();
        act(arrivals, &mut self.settled);
        self.waiting_bytes += arrivals.waiting_bytes();
        self.carry_out(origin, effects);
    }

    /// Does what was settled of an origin.
    fn carry_out(&mut self, origin: NodeId, effects: &mut Vec<Effect>) {
        let mut settled = std::mem::take(&mut self.settled);
        for settled in settled.drain(..) {
            match settled {
                Settled::Taken { mut arrival, is_next } => {
                    if arrival.parcel.body.is_beat() {
                        arrival.parcel.count_node();
                    }
                    self.pass_on(&arrival.parcel, Some(arrival.link), effects);
                    if !arrival.parcel.body.is_beat() {
                        effects.push(Effect::Deliver { parcel: arrival.parcel, is_next });
                    }
                }
                Settled::Lost(gap) => {
                    self.admit(origin, &gap, effects);
                    effects.push(Effect::Gap(origin, gap));
                }
                Settled::Doubted(gap) => {
                    self.admit(origin, &gap, effects);
                    self.pass_on_doubt(origin, &gap, effects);
                    effects.push(Effect::Doubt(origin, gap));
                }
                Settled::Late => effects.push(Effect::Late),
            }
        }
        self.settled = settled;
    }

    /// Puts a parcel into the queues of those who want it, but for the link that it came by.
    fn pass_on(&mut self, parcel: &Parcel, from: Option<u64>, effects: &mut Vec<Effect>) {
        for (&link, sister) in &mut self.links {
            let wants = parcel.body.is_beat() || self.interest.wants(link, parcel.body.channel());
            if Some(link) == from || !wants {
                continue;
            }
            let covered = sister.covered.entry(parcel.origin).or_insert(parcel.number);
            effects.push(Effect::Send(link, Item::Parcel(*covered, parcel.clone())));
            *covered = parcel.number + 1;
        }
    }

    /// Has no link claim what was lost: a sister may get it by another link.
    fn admit(&mut self, origin: NodeId, gap: &RangeInclusive<u64>, effects: &mut Vec<Effect>) {
        for (&link, sister) in &mut self.links {
            let covered = sister.covered.entry(origin).or_insert(*gap.start());
            if *covered < *gap.start() {
                let (first, last) = (*covered, gap.start() - 1);
                effects.push(Effect::Send(link, Item::Nothing { origin, first, last }));
            }
            *covered = (*covered).max(gap.end() + 1);
        }
    }

    /// Tells all sisters of numbers that did not come and were hardly for anybody here.
    ///
    /// Or those behind this node would take them for lost, and end whole streams for that. Who has
    /// them by another link has settled them, or does so when they come.
    fn pass_on_doubt(&self, origin: NodeId, gap: &RangeInclusive<u64>, effects: &mut Vec<Effect>) {
        let (first, last) = (*gap.start(), *gap.end());
        let doubts = self.links.keys().map(|&link| Effect::Send(link, Item::Doubt { origin, first, last }));
        effects.extend(doubts);
    }

    /// Tells gaps at once if too much waits behind them.
    fn bound_waiting(&mut self, now: Instant, effects: &mut Vec<Effect>) {
        while self.waiting_bytes > self.waiting_bytes_max {
            let most = self.origins.iter().max_by_key(|(_, arrivals)| arrivals.waiting_bytes());
            let Some(origin) = most.map(|(origin, _)| *origin) else { return };
            self.change(origin, effects, |arrivals, settled| arrivals.give_up(now, settled));
        }
    }

    fn tell_interest(&mut self, effects: &mut Vec<Effect>) {
        for InterestChange { link, name, hops } in self.changes.drain(..) {
            if hops == 0 {
                let channel = self.hasher.hash_one(&*name);
                self.origins.values_mut().for_each(|arrivals| arrivals.forget(channel));
            }
            effects.push(Effect::Send(link, Item::Interest { name: (&*name).into(), hops }));
        }
    }
}

#[cfg(test)]
mod tests;
