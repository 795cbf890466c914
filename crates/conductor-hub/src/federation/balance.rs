//! Whom to dial, and which link to give up; pure.

use std::time::Duration;

use tokio::time::Instant;

use super::node_id::NodeId;
use super::sister::SisterMeta;

/// How long is waited after the first failure, at most; it doubles with each.
const DELAY_MIN: Duration = Duration::from_millis(500);

/// How long is waited at most.
const DELAY_MAX: Duration = Duration::from_secs(20);

/// Failures that are older than this are forgotten.
const FORGIVEN: Duration = Duration::from_secs(60);

/// The addresses at which there may be sisters, and what is known of each.
#[derive(Debug, Default)]
pub(crate) struct Balance {
    candidates: Vec<Candidate>,
}

#[derive(Debug)]
struct Candidate {
    name: String,
    /// Which node was last met there.
    node: Option<NodeId>,
    /// How often it was dialled in a row.
    dialled: u32,
    last: Option<Instant>,
    next: Instant,
    /// Whether it is being dialled.
    busy: bool,
}

/// What is known of a link.
#[derive(Clone, Debug)]
pub(crate) struct Linked {
    pub(crate) node: NodeId,
    /// By which name she was dialled, if we dialled.
    pub(crate) name: Option<String>,
    pub(crate) meta: Option<SisterMeta>,
}

impl Balance {
    /// Sets which addresses there are; of those that stay it knows what it knew.
    pub(crate) fn set(&mut self, names: &[String], now: Instant) {
        self.candidates.retain(|candidate| names.contains(&candidate.name));
        for name in names {
            if !self.candidates.iter().any(|candidate| candidate.name == *name) {
                let name = name.clone();
                self.candidates.push(Candidate {
                    name,
                    node: None,
                    dialled: 0,
                    last: None,
                    next: now,
                    busy: false,
                });
            }
        }
    }

    /// Returns whom to dial next, if more sisters are wanted, and notes that.
    ///
    /// `chance` is a random number: so that nodes that start together do not all dial the same.
    pub(crate) fn dial(
        &mut self,
        me: NodeId,
        linked: &[Linked],
        most: usize,
        now: Instant,
        chance: u32,
    ) -> Option<String> {
        let busy = self.candidates.iter().filter(|candidate| candidate.busy).count();
        if linked.len() + busy >= most {
            return None;
        }
        let due: Vec<_> = self
            .candidates
            .iter_mut()
            .filter(|candidate| !candidate.busy && candidate.next <= now && !candidate.is_linked(me, linked))
            .collect();
        let count = due.len().max(1);
        let chosen = due.into_iter().nth(usize::try_from(chance).unwrap_or(0) % count)?;
        if chosen.last.is_some_and(|last| now >= last + FORGIVEN) {
            chosen.dialled = 0;
        }
        (chosen.busy, chosen.last) = (true, Some(now));
        Some(chosen.name.clone())
    }

    /// Notes what became of a dial: which node was met, if one was.
    ///
    /// It is dialled again not before a random time, also if there is a link, which the other side
    /// may end at once. `chance` is a random number.
    pub(crate) fn note(&mut self, name: &str, met: Option<NodeId>, now: Instant, chance: u32) {
        let Some(candidate) = self.candidates.iter_mut().find(|candidate| candidate.name == name) else {
            return;
        };
        let most = (DELAY_MIN * 2u32.pow(candidate.dialled.min(10))).min(DELAY_MAX);
        let part = f64::from(chance) / f64::from(u32::MAX);
        candidate.next = now + most.mul_f64(0.25 + 0.75 * part);
        candidate.dialled += 1;
        candidate.busy = false;
        candidate.node = met.or(candidate.node);
    }

    /// Returns when the next address may be dialled that may not be yet.
    pub(crate) fn deadline(&self, now: Instant) -> Option<Instant> {
        let idle = self.candidates.iter().filter(|candidate| !candidate.busy);
        idle.map(|candidate| candidate.next).filter(|next| *next > now).min()
    }

    /// Returns a sister whose link is given up: both sides have more than they look for.
    ///
    /// It is the one who has most. Of the two sides the one gives it up that has dialled.
    pub(crate) fn surplus(linked: &[Linked], most: usize) -> Option<NodeId> {
        if linked.len() <= most {
            return None;
        }
        let has_more = |linked: &&Linked| {
            linked.name.is_some() && linked.meta.is_some_and(|meta| meta.sisters > meta.most)
        };
        let full = linked.iter().filter(has_more);
        full.max_by_key(|linked| linked.meta.map(|meta| meta.sisters)).map(|linked| linked.node)
    }
}

impl Candidate {
    fn is_linked(&self, me: NodeId, linked: &[Linked]) -> bool {
        self.node == Some(me)
            || linked
                .iter()
                .any(|linked| Some(linked.node) == self.node || linked.name.as_deref() == Some(&*self.name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ME: NodeId = NodeId::from_bytes([0; 16]);

    fn node(number: u8) -> NodeId {
        NodeId::from_bytes([number; 16])
    }

    fn linked(number: u8, dialled: bool, sisters: u32) -> Linked {
        let meta = Some(SisterMeta { sisters, most: 2 });
        Linked { node: node(number), name: dialled.then(|| number.to_string()), meta }
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
        assert_eq!(
            balance.dial(ME, &[linked(9, false, 1)], 3, now, 0),
            None,
            "three, with those on their way"
        );
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
        assert!(
            balance.deadline(later).is_some_and(|next| next > later),
            "those that may be dialled hide none"
        );
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
        let three = [linked(1, true, 2), linked(2, true, 3), linked(3, false, 9)];
        assert_eq!(
            Balance::surplus(&three, 2),
            Some(node(2)),
            "1 has no more than she looks for, 3 dialled us"
        );
        assert_eq!(Balance::surplus(&three, 3), None);
        assert_eq!(Balance::surplus(&[linked(1, true, 2), linked(2, true, 2), linked(3, true, 2)], 2), None);
    }
}
