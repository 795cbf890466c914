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

/// How long a link stays at least that has joined two parts.
///
/// Several nodes may find the other part within the same second. Were all of these links given up
/// at once, as too many, the parts would be apart again.
const JOINED_STAYS: Duration = Duration::from_secs(5 * 60);

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
    /// Until when a link to it is not given up.
    stays_until: Instant,
}

/// Why an address is dialled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DialReason {
    /// There are less links than are looked for.
    Missing,
    /// There are enough, but nothing comes from the node there: it may be one of another part.
    Parted,
}

/// What is known of a link.
#[derive(Clone, Debug)]
pub(crate) struct Linked {
    pub(crate) node: NodeId,
    /// By which name she was dialled, if we dialled.
    pub(crate) name: Option<String>,
    pub(crate) meta: Option<SisterMeta>,
    /// Whether nothing would come from some node without it.
    pub(crate) is_only_way: bool,
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
                    stays_until: now,
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
        if linked.len() + self.busy() >= most {
            return None;
        }
        let due = |candidate: &Candidate| candidate.is_due(now) && !candidate.is_linked(me, linked);
        self.choose(due, now, chance).map(|chosen| chosen.name.clone())
    }

    /// Returns whom to dial next although there are enough sisters, and notes that.
    ///
    /// A part whose nodes have enough sisters among themselves would never find another part. So
    /// this is somebody of whom nothing comes, or of whom it is not known who she is. There are at
    /// most twice as many links as are looked for, as with those that others dial.
    pub(crate) fn dial_parted(
        &mut self,
        me: NodeId,
        linked: &[Linked],
        hears: impl Fn(NodeId) -> bool,
        most: usize,
        now: Instant,
        chance: u32,
    ) -> Option<String> {
        if linked.len() + self.busy() >= most.saturating_mul(2) {
            return None;
        }
        let is_parted = |candidate: &Candidate| {
            candidate.is_due(now)
                && !candidate.is_linked(me, linked)
                && candidate.node.is_none_or(|node| !hears(node))
        };
        let chosen = self.choose(is_parted, now, chance)?;
        let part = f64::from(chance) / f64::from(u32::MAX);
        chosen.stays_until = now + JOINED_STAYS.mul_f64(1.0 + part);
        Some(chosen.name.clone())
    }

    /// Returns how many are being dialled.
    fn busy(&self) -> usize {
        self.candidates.iter().filter(|candidate| candidate.busy).count()
    }

    /// Chooses one of those of whom it is so, and notes that it is dialled.
    fn choose(
        &mut self,
        is_so: impl Fn(&Candidate) -> bool,
        now: Instant,
        chance: u32,
    ) -> Option<&mut Candidate> {
        let those: Vec<_> = self.candidates.iter_mut().filter(|candidate| is_so(candidate)).collect();
        let count = those.len().max(1);
        let chosen = those.into_iter().nth(usize::try_from(chance).unwrap_or(0) % count)?;
        if chosen.last.is_some_and(|last| now >= last + FORGIVEN) {
            chosen.dialled = 0;
        }
        (chosen.busy, chosen.last) = (true, Some(now));
        Some(chosen)
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
    /// It is the one who has most. Of the two sides the one gives it up that has dialled. Two parts
    /// that this link alone joins stay together.
    pub(crate) fn surplus(&self, linked: &[Linked], most: usize, now: Instant) -> Option<NodeId> {
        if linked.len() <= most {
            return None;
        }
        let may_go = |linked: &&Linked| {
            let name = linked.name.as_deref();
            let stays = |candidate: &Candidate| Some(&*candidate.name) == name && now < candidate.stays_until;
            name.is_some() && !linked.is_only_way && !self.candidates.iter().any(stays)
        };
        let has_more = |linked: &&Linked| linked.meta.is_some_and(|meta| meta.sisters > meta.most);
        let full = linked.iter().filter(may_go).filter(has_more);
        full.max_by_key(|linked| linked.meta.map(|meta| meta.sisters)).map(|linked| linked.node)
    }
}

impl Candidate {
    fn is_due(&self, now: Instant) -> bool {
        !self.busy && self.next <= now
    }

    fn is_linked(&self, me: NodeId, linked: &[Linked]) -> bool {
        self.node == Some(me)
            || linked
                .iter()
                .any(|linked| Some(linked.node) == self.node || linked.name.as_deref() == Some(&*self.name))
    }
}

#[cfg(test)]
mod tests;
