//! Which channels are wanted, here and by each sister; pure.

use std::sync::Arc;

use foldhash::fast::RandomState;
use hashbrown::HashMap;

/// How many links away a member may be; one who seems to be further away is none.
pub(crate) const HOPS_MAX: u8 = 16;

/// Stands for every channel. No channel of this name goes to a sister.
pub(crate) const EVERYTHING: &str = "$";

/// What a name costs in the table, besides its bytes.
const NAME_COST: usize = 160;

/// Which channels are wanted, by our own members and by each sister.
///
/// ```text
/// told to link L = 1                                      if a member is here
///                = 1 + least that a link but L has told   otherwise, up to HOPS_MAX
/// ```
///
/// A link that would be told more names than fit is asked for everything instead, for as long as it
/// lasts: it is told no more of them, only the ends of those that it was told.
///
/// **Invariant:** for each link and name that it was told, and for each name while it is not asked
/// for everything, what was told last is what the figure says.
#[derive(Debug)]
pub(crate) struct Interest {
    names: HashMap<Arc<str>, Wanted, RandomState>,
    links: Vec<SisterInterest>,
    /// What the names that are wanted here cost.
    bytes: usize,
    bytes_max: usize,
    /// Whether so many names are wanted here that every sister is asked for everything, for good.
    overfull: bool,
}

/// What a sister has told of herself.
#[derive(Debug)]
struct SisterInterest {
    link: u64,
    /// Whether she has told all that she wants.
    whole: bool,
    /// What the names cost that she has told.
    bytes: usize,
    /// Whether she wants more names than fit, so that she gets everything.
    everything: bool,
    /// What the names cost that she was told.
    told_bytes: usize,
    /// Whether she would be told more names than fit, so that she is asked for everything.
    is_asked_all: bool,
}

#[derive(Debug, Default)]
struct Wanted {
    here: bool,
    /// How many links away the nearest member is, as each link says.
    heard: Vec<(u64, u8)>,
    /// What each link was told.
    told: Vec<(u64, u8)>,
}

/// What a sister is to be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct InterestChange {
    pub(crate) link: u64,
    pub(crate) name: Arc<str>,
    /// How many links away a member is, from the sister; 0 if there is none.
    pub(crate) hops: u8,
}

impl Interest {
    /// Creates the table; names of more bytes are neither kept of a sister nor told to one.
    pub(crate) fn new(bytes_max: usize) -> Self {
        Self { names: HashMap::default(), links: Vec::new(), bytes: 0, bytes_max, overfull: false }
    }

    /// Adds a link, which has to be told all of this.
    pub(crate) fn add_link(&mut self, link: u64, changes: &mut Vec<InterestChange>) {
        let named = |(name, wanted): (&Arc<str>, &Wanted)| {
            if **name != *EVERYTHING && wanted.hops_for(link) > 0 { cost(name) } else { 0 }
        };
        // Looked at before anything is told: names behind which everything is asked for would be
        // told in vain, and fill the queue of a link that has just begun.
        let is_asked_all = self.overfull || self.names.iter().map(named).sum::<usize>() > self.bytes_max;
        let mut sister =
            SisterInterest { link, whole: false, bytes: 0, everything: false, told_bytes: 0, is_asked_all };
        for (name, wanted) in &mut self.names {
            wanted.tell(&mut sister, name, self.bytes_max, changes);
        }
        self.links.push(sister);
        self.ask_all(changes);
    }

    /// Forgets a link and what it wanted.
    pub(crate) fn remove_link(&mut self, link: u64, changes: &mut Vec<InterestChange>) {
        self.links.retain(|known| known.link != link);
        for wanted in self.names.values_mut() {
            wanted.told.retain(|(to, _)| *to != link);
        }
        self.forget_heard(link, changes);
    }

    /// Notes whether a channel has members here.
    pub(crate) fn note_here(&mut self, name: &str, here: bool, changes: &mut Vec<InterestChange>) {
        let before = self.names.get(name).is_some_and(|wanted| wanted.here);
        if before == here {
            return;
        }
        self.entry(name).here = here;
        self.bytes = if here { self.bytes + cost(name) } else { self.bytes - cost(name) };
        if self.bytes > self.bytes_max && !self.overfull {
            self.overfull = true;
            self.links.iter_mut().for_each(|to| to.is_asked_all = true);
            self.entry(EVERYTHING).here = true;
            self.refresh(EVERYTHING, changes);
        }
        self.refresh(name, changes);
    }

    /// Notes that a sister has told all that she wants.
    pub(crate) fn note_whole(&mut self, link: u64) {
        if let Some(sister) = self.sister(link) {
            sister.whole = true;
        }
    }

    /// Notes what a sister wants: members so many links away from us, none with 0.
    pub(crate) fn hear(&mut self, link: u64, name: &str, hops: u8, changes: &mut Vec<InterestChange>) {
        let bytes_max = self.bytes_max;
        let Some(sister) = self.links.iter_mut().find(|known| known.link == link) else { return };
        if sister.everything {
            return;
        }
        let before =
            self.names.get(name).is_some_and(|wanted| wanted.heard.iter().any(|(from, _)| *from == link));
        let cost = cost(name);
        match (before, hops) {
            (false, 0) => return,
            (true, 0) => sister.bytes -= cost,
            (false, _) if sister.bytes + cost > bytes_max && name != EVERYTHING => {
                self.hear_too_much(link, changes);
                return;
            }
            (false, _) => sister.bytes += cost,
            (true, _) => {}
        }
        let wanted = self.entry(name);
        wanted.heard.retain(|(from, _)| *from != link);
        if hops > 0 {
            wanted.heard.push((link, hops));
        }
        self.refresh(name, changes);
    }

    /// Tells whether a sister is to get what is written to a channel.
    pub(crate) fn wants(&self, link: u64, name: &str) -> bool {
        if self.links.iter().any(|known| known.link == link && !known.whole) {
            return true;
        }
        let has = |name: &str| {
            self.names.get(name).is_some_and(|wanted| wanted.heard.iter().any(|(from, _)| *from == link))
        };
        has(name) || has(EVERYTHING)
    }

    /// Tells whether a channel is wanted by anybody, here or behind a link.
    pub(crate) fn is_wanted(&self, name: &str) -> bool {
        self.names.get(name).is_some_and(|wanted| wanted.here || !wanted.heard.is_empty())
    }

    /// Tells whether nobody wants anything.
    pub(crate) fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// Returns how many names are known.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.names.len()
    }

    /// A sister wants more names than fit: she gets everything from now on.
    fn hear_too_much(&mut self, link: u64, changes: &mut Vec<InterestChange>) {
        self.forget_heard(link, changes);
        if let Some(sister) = self.sister(link) {
            sister.everything = true;
        }
        self.entry(EVERYTHING).heard.push((link, 1));
        self.refresh(EVERYTHING, changes);
    }

    /// Forgets all that was heard over a link.
    fn forget_heard(&mut self, link: u64, changes: &mut Vec<InterestChange>) {
        let Self { names, links, bytes_max, .. } = self;
        names.retain(|name, wanted| {
            wanted.heard.retain(|(from, _)| *from != link);
            links.iter_mut().for_each(|to| wanted.tell(to, name, *bytes_max, changes));
            !wanted.is_empty()
        });
    }

    /// Asks those for everything who would have been told more names than fit.
    fn ask_all(&mut self, changes: &mut Vec<InterestChange>) {
        let everything = self.names.get(EVERYTHING);
        let is_asked = |link| everything.is_some_and(|wanted| wanted.told_to(link) == 1);
        if self.links.iter().all(|to| !to.is_asked_all || is_asked(to.link)) {
            return;
        }
        self.entry(EVERYTHING);
        self.tell_links(EVERYTHING, changes);
    }

    fn entry(&mut self, name: &str) -> &mut Wanted {
        if !self.names.contains_key(name) {
            self.names.insert(Arc::from(name), Wanted::default());
        }
        self.names.get_mut(name).expect("it was put there")
    }

    fn sister(&mut self, link: u64) -> Option<&mut SisterInterest> {
        self.links.iter_mut().find(|known| known.link == link)
    }

    fn refresh(&mut self, name: &str, changes: &mut Vec<InterestChange>) {
        self.tell_links(name, changes);
        self.ask_all(changes);
    }

    fn tell_links(&mut self, name: &str, changes: &mut Vec<InterestChange>) {
        let Some((name, _)) = self.names.get_key_value(name) else { return };
        let name = Arc::clone(name);
        let Some(wanted) = self.names.get_mut(&name) else { return };
        for to in &mut self.links {
            wanted.tell(to, &name, self.bytes_max, changes);
        }
        if wanted.is_empty() {
            self.names.remove(&name);
        }
    }
}

impl Wanted {
    /// Notes what a link is to be told, if that is not what it was told.
    fn tell(
        &mut self,
        to: &mut SisterInterest,
        name: &Arc<str>,
        bytes_max: usize,
        changes: &mut Vec<InterestChange>,
    ) {
        let is_everything = **name == *EVERYTHING;
        let hops = if is_everything && to.is_asked_all { 1 } else { self.hops_for(to.link) };
        let before = self.told_to(to.link);
        if before == hops {
            return;
        }
        if !is_everything {
            let cost = cost(name);
            if before == 0 {
                // Whoever changes the table asks for everything behind this.
                to.is_asked_all |= to.told_bytes + cost > bytes_max;
                if to.is_asked_all {
                    return;
                }
                to.told_bytes += cost;
            } else if hops == 0 {
                to.told_bytes -= cost;
            }
        }
        self.told.retain(|(told, _)| *told != to.link);
        if hops > 0 {
            self.told.push((to.link, hops));
        }
        changes.push(InterestChange { link: to.link, name: Arc::clone(name), hops });
    }

    /// Returns how many links away a member is from a sister by way of this node; 0 if none is.
    fn hops_for(&self, link: u64) -> u8 {
        let nearest = self.heard.iter().filter(|(from, _)| *from != link).map(|(_, hops)| *hops).min();
        match nearest {
            _ if self.here => 1,
            Some(hops) if hops < HOPS_MAX => hops + 1,
            _ => 0,
        }
    }

    /// Returns what a link was told; 0 if nothing, or that there is no member.
    fn told_to(&self, link: u64) -> u8 {
        self.told.iter().find(|(to, _)| *to == link).map_or(0, |(_, hops)| *hops)
    }

    fn is_empty(&self) -> bool {
        !self.here && self.heard.is_empty() && self.told.is_empty()
    }
}

/// Returns what a name costs in the table.
const fn cost(name: &str) -> usize {
    name.len() + NAME_COST
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, VecDeque};

    use proptest::prelude::*;

    use super::*;

    /// Several tables and the links between them; link `n` of a node goes to node `n`.
    struct Nodes {
        tables: Vec<Interest>,
        edges: Vec<(usize, usize)>,
        members: Vec<bool>,
        said: VecDeque<(usize, InterestChange)>,
    }

    impl Nodes {
        fn new(count: usize, edges: &[(usize, usize)]) -> Self {
            let mut nodes = Self {
                tables: (0..count).map(|_| Interest::new(1 << 20)).collect(),
                edges: Vec::new(),
                members: vec![false; count],
                said: VecDeque::new(),
            };
            edges.iter().for_each(|edge| nodes.link(*edge));
            nodes
        }

        fn act(&mut self, node: usize, act: impl FnOnce(&mut Interest, &mut Vec<InterestChange>)) {
            let mut changes = Vec::new();
            act(&mut self.tables[node], &mut changes);
            self.said.extend(changes.into_iter().map(|change| (node, change)));
        }

        fn link(&mut self, (a, b): (usize, usize)) {
            self.edges.push((a, b));
            for (a, b) in [(a, b), (b, a)] {
                self.act(a, |table, changes| table.add_link(b as u64, changes));
                self.tables[a].note_whole(b as u64);
            }
        }

        fn cut(&mut self, at: usize) {
            let (a, b) = self.edges.swap_remove(at);
            for (a, b) in [(a, b), (b, a)] {
                self.said.retain(|(from, change)| (*from, change.link) != (a, b as u64));
                self.act(a, |table, changes| table.remove_link(b as u64, changes));
            }
        }

        fn settle(&mut self) -> usize {
            let mut turns = 0;
            while let Some((from, change)) = self.said.pop_front() {
                turns += 1;
                let to = usize::try_from(change.link).unwrap();
                self.act(to, |table, changes| table.hear(from as u64, &change.name, change.hops, changes));
            }
            turns
        }

        /// Which nodes can be reached from one over a link that is its first step.
        fn has_member_behind(&self, node: usize, step: usize) -> bool {
            let (mut seen, mut open) = (vec![node, step], vec![step]);
            while let Some(at) = open.pop() {
                if self.members[at] {
                    return true;
                }
                for &(a, b) in &self.edges {
                    for (a, b) in [(a, b), (b, a)] {
                        if a == at && !seen.contains(&b) {
                            seen.push(b);
                            open.push(b);
                        }
                    }
                }
            }
            false
        }
    }

    #[test]
    fn the_last_member_of_a_ring_fades_out() {
        let mut ring = Nodes::new(3, &[(0, 1), (1, 2), (2, 0)]);
        ring.act(0, |table, changes| table.note_here("tea", true, changes));
        ring.settle();
        assert!(ring.tables[1].wants(0, "tea") && ring.tables[1].wants(2, "tea"));
        ring.act(0, |table, changes| table.note_here("tea", false, changes));
        let turns = ring.settle();
        assert!(ring.tables.iter().all(|table| table.is_empty()), "{ring:?}", ring = ring.tables);
        assert!(turns < 200, "{turns} messages");
    }

    #[test]
    fn a_sister_who_wants_too_much_gets_everything() {
        let mut table = Interest::new(1_000);
        let mut changes = Vec::new();
        table.add_link(1, &mut changes);
        table.add_link(2, &mut changes);
        table.note_whole(1);
        table.note_whole(2);
        for number in 0..20 {
            table.hear(1, &number.to_string(), 1, &mut changes);
        }
        assert!(table.wants(1, "anything") && !table.wants(2, "anything"));
        let last = changes.iter().rfind(|change| change.link == 2 && &*change.name == EVERYTHING);
        assert_eq!(last.map(|change| change.hops), Some(2), "the other sister is asked for everything");
    }

    #[test]
    fn who_wants_too_much_asks_for_everything() {
        let mut table = Interest::new(1_000);
        let mut changes = Vec::new();
        table.add_link(1, &mut changes);
        (0..100).for_each(|number| table.note_here(&number.to_string(), true, &mut changes));
        assert!(changes.len() < 10, "{changes:?}");
        assert_eq!(changes.iter().filter(|change| &*change.name == EVERYTHING).count(), 1);
        (0..100).for_each(|number| table.note_here(&number.to_string(), false, &mut changes));
        assert_eq!(table.len(), 1, "only that is kept");
    }

    #[test]
    fn who_asks_for_everything_tells_no_names_when_a_sister_wants_too_much() {
        let mut table = Interest::new(1_000);
        let mut changes = Vec::new();
        for link in [1, 2] {
            table.add_link(link, &mut changes);
            table.note_whole(link);
        }
        (0..100).for_each(|number| table.note_here(&number.to_string(), true, &mut changes));
        changes.clear();
        (0..20).for_each(|number| table.hear(1, &format!("cup {number}"), 1, &mut changes));
        assert!(table.wants(1, "anything"), "she wants too much");
        assert_eq!(changes, [], "both were asked for everything before");
    }

    #[test]
    fn who_would_be_told_the_names_of_too_many_sisters_is_asked_for_everything() {
        let mut table = Interest::new(1_000);
        let (mut changes, mut told) = (Vec::new(), BTreeMap::<u64, Vec<_>>::new());
        for link in 1..=4 {
            table.add_link(link, &mut changes);
            table.note_whole(link);
        }
        for number in 0..20 {
            table.hear(1 + number % 4, &number.to_string(), 1, &mut changes);
        }
        changes.drain(..).for_each(|change| told.entry(change.link).or_default().push(change.name));
        for (link, names) in told {
            let (last, names) = names.split_last().expect("others want something");
            assert_eq!(**last, *EVERYTHING, "link {link} is told of what comes behind {names:?}");
            assert!(names.iter().map(|name| cost(name)).sum::<usize>() <= 1_000, "{names:?}");
        }
        table.add_link(5, &mut changes);
        let everything = InterestChange { link: 5, name: Arc::from(EVERYTHING), hops: 1 };
        assert_eq!(changes, [everything], "a link that comes back is told no names in vain");
        (1..=5).for_each(|link| table.remove_link(link, &mut changes));
        assert!(table.is_empty(), "{table:?}");
    }

    #[test]
    fn who_is_asked_for_everything_hears_when_nobody_wants_a_name_any_more_that_was_told_before() {
        let mut table = Interest::new(1_000);
        let mut changes = Vec::new();
        (1..=3).for_each(|link| table.add_link(link, &mut changes));
        for number in 0..5 {
            table.hear(1, &format!("a{number}"), 1, &mut changes);
            table.hear(2, &format!("b{number}"), 1, &mut changes);
        }
        changes.clear();
        table.remove_link(1, &mut changes);
        table.remove_link(2, &mut changes);
        let ended = changes.iter().filter(|change| (change.link, change.hops) == (3, 0)).count();
        assert_eq!(ended, 6, "so many names fit: {changes:?}");
        assert_eq!(table.links[0].told_bytes, 0);
    }

    proptest! {
        /// However nodes join and cut: when all is said, a link gets what somebody behind it wants,
        /// and nothing is kept of what nobody wants.
        #[test]
        fn when_all_is_said_links_want_what_members_behind_them_want(
            count in 2usize..6,
            steps in prop::collection::vec((0u8..4, 0usize..36, 0usize..36), 1..40),
        ) {
            let mut nodes = Nodes::new(count, &[]);
            for (kind, a, b) in steps {
                let (a, b) = (a % count, b % count);
                let edge = (a.min(b), a.max(b));
                match kind {
                    0 if a != b && !nodes.edges.contains(&edge) => nodes.link(edge),
                    1 if !nodes.edges.is_empty() => {
                        let at = b % nodes.edges.len();
                        nodes.cut(at);
                    }
                    2 | 3 => {
                        nodes.members[a] = kind == 2;
                        nodes.act(a, |table, changes| table.note_here("tea", kind == 2, changes));
                    }
                    _ => {}
                }
            }
            nodes.settle();
            for &(a, b) in &nodes.edges {
                for (a, b) in [(a, b), (b, a)] {
                    prop_assert!(nodes.tables[a].wants(b as u64, "tea") || !nodes.has_member_behind(a, b));
                }
            }
            if nodes.members.iter().all(|here| !here) {
                prop_assert!(nodes.tables.iter().all(|table| table.is_empty()));
            }
        }
    }
}
