//! What is remembered about one id.

use crate::name::{Device, Id};
use crate::tracker::{Linked, Links, Millis};

/// Names one refresh of one id: its batch, and its index there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RefreshId {
    pub(super) batch: u64,
    pub(super) index: u32,
}

/// What is known of one source of heartbeats.
///
/// ```text
///           a heartbeat goes through             it was taken
///  Stale ────────────────────────────► Asked ───────────────────► Fresh
///    ▲                                   │                          │
///    │      it failed, an end, a doubt   │      an end, a doubt     │
///    └───────────────────────────────────┴──────────────────────────┘
/// ```
///
/// Another heartbeat that goes through takes the place of the one that was `Asked`: only the answer
/// to the last counts. `Fresh` that is over counts as `Stale`.
#[derive(Debug, Clone, Copy)]
pub(super) enum Freshness {
    /// Nothing: a heartbeat has to go through.
    Stale,
    /// A refresh is under way, and nothing was heard since that would make it worthless.
    Asked {
        /// The token of the refresh, without a struct around it: that makes the entry 8 bytes
        /// smaller.
        batch: u64,
        /// Its other half.
        index: u32,
    },
    /// Heartbeats are answered until then.
    Fresh(Millis),
}

/// One source of heartbeats.
#[derive(Debug, Clone, Copy)]
pub(super) struct HeartbeatSource {
    pub(super) mark: Freshness,
    /// When the last heartbeat was answered here; 0 if one went through since, so that nothing is
    /// owed.
    answered: Millis,
}

/// A heartbeat that is owed to the inner backend.
#[derive(Debug)]
pub(super) struct Owed {
    pub(super) id: Id,
    pub(super) device: Option<Device>,
}

/// How long what counts.
#[derive(Debug, Clone, Copy)]
pub(super) struct RefreshTiming {
    pub(super) ttl: Millis,
    /// When to look again at what could not be done.
    pub(super) retry: Millis,
}

/// One id whose refreshes are remembered.
#[derive(Debug)]
pub(super) struct RefreshEntry {
    pub(super) id: Id,
    /// What is known of the heartbeats without a device.
    pub(super) own: HeartbeatSource,
    /// Boxed: most ids have none.
    #[expect(clippy::box_collection, reason = "one word for the many ids without devices")]
    devices: Option<Box<Vec<(Device, HeartbeatSource)>>>,
    links: Links,
}

impl Freshness {
    pub(super) fn asked(token: RefreshId) -> Self {
        Self::Asked { batch: token.batch, index: token.index }
    }

    #[inline]
    pub(super) fn is_fresh(self, now: Millis) -> bool {
        matches!(self, Self::Fresh(until) if now < until)
    }
}

impl HeartbeatSource {
    pub(super) const UNKNOWN: Self = Self { mark: Freshness::Stale, answered: 0 };

    /// Answers a heartbeat, if that may be done here.
    #[inline]
    pub(super) fn answer(&mut self, now: Millis) -> bool {
        let fresh = self.mark.is_fresh(now);
        if fresh {
            self.answered = now.max(1);
        }
        fresh
    }

    /// Remembers the outcome of a refresh, unless something came in between.
    pub(super) fn settle(&mut self, token: RefreshId, outcome: Freshness) {
        if let Freshness::Asked { batch, index } = self.mark
            && (RefreshId { batch, index }) == token
        {
            self.mark = outcome;
            // No heartbeat is answered here while a refresh is under way, so every one that was
            // counted came before this refresh.
            if matches!(outcome, Freshness::Fresh(_)) {
                self.answered = 0;
            }
        }
    }

    /// Says whether a heartbeat has to be passed on now.
    pub(super) fn is_owed(&self, now: Millis, ttl: Millis) -> bool {
        let idle = !self.mark.is_fresh(now) && !matches!(self.mark, Freshness::Asked { .. });
        idle && self.answered != 0 && now < self.answered + ttl
    }

    /// Returns when to look at it again, if ever.
    fn look_at(&self, now: Millis, rhythm: RefreshTiming) -> Option<Millis> {
        match self.mark {
            Freshness::Fresh(until) if now < until => Some(until),
            Freshness::Asked { .. } => Some(now + rhythm.retry),
            _ => self.is_owed(now, rhythm.ttl).then_some(now + rhythm.retry),
        }
    }
}

impl RefreshEntry {
    pub(super) fn new(id: Id) -> Self {
        Self { id, own: HeartbeatSource::UNKNOWN, devices: None, links: Links::LOOSE }
    }

    /// Adds what is owed by now, and returns when to look again, unless all of it can be forgotten.
    pub(super) fn look(&self, now: Millis, rhythm: RefreshTiming, owed: &mut Vec<Owed>) -> Option<Millis> {
        let due = self.sources().filter(|(_, source)| source.is_owed(now, rhythm.ttl));
        owed.extend(due.map(|(device, _)| Owed { id: self.id.clone(), device: device.cloned() }));
        self.sources().filter_map(|(_, source)| source.look_at(now, rhythm)).min()
    }

    /// Answers no heartbeat any more; what is owed stays owed.
    pub(super) fn doubt(&mut self) {
        let devices = self.devices.iter_mut().flat_map(|devices| devices.iter_mut());
        devices.for_each(|(_, source)| source.mark = Freshness::Stale);
        self.own.mark = Freshness::Stale;
    }

    /// Finds or adds a device. Those of which nothing is known go.
    pub(super) fn device_or_insert(
        &mut self,
        device: &Device,
        now: Millis,
        rhythm: RefreshTiming,
    ) -> &mut HeartbeatSource {
        let devices = self.devices.get_or_insert_default();
        if let Some(at) = devices.iter().position(|(known, _)| known == device) {
            return &mut devices[at].1;
        }
        devices.retain(|(_, source)| source.look_at(now, rhythm).is_some());
        devices.push((device.clone(), HeartbeatSource::UNKNOWN));
        &mut devices.last_mut().expect("pushed above").1
    }

    /// Returns a device, or the heartbeats without one.
    pub(super) fn source(&mut self, device: Option<&Device>) -> Option<&mut HeartbeatSource> {
        let Some(device) = device else { return Some(&mut self.own) };
        let devices = self.devices.as_mut()?;
        devices.iter_mut().find(|(known, _)| known == device).map(|(_, source)| source)
    }

    /// Returns when the last heartbeat of any kind was answered here that is owed; 0 if none is.
    pub(super) fn answered(&self) -> Millis {
        self.sources().map(|(_, source)| source.answered).max().unwrap_or(0)
    }

    fn sources(&self) -> impl Iterator<Item = (Option<&Device>, &HeartbeatSource)> {
        let devices = self.devices.iter().flat_map(|devices| devices.iter());
        devices.map(|(device, source)| (Some(device), source)).chain([(None, &self.own)])
    }
}

impl Linked for RefreshEntry {
    fn links_mut(&mut self) -> &mut Links {
        &mut self.links
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entry_takes_eighty_eight_bytes() {
        assert_eq!(size_of::<Option<RefreshEntry>>(), 88);
    }

    #[test]
    fn refresh_that_was_overtaken_is_not_remembered() {
        let token = |index| RefreshId { batch: 1, index };
        let mut source = HeartbeatSource { mark: Freshness::asked(token(1)), ..HeartbeatSource::UNKNOWN };
        source.settle(token(2), Freshness::Fresh(9));
        assert!(!source.mark.is_fresh(0));
        source.settle(token(1), Freshness::Fresh(9));
        assert!(source.mark.is_fresh(8) && !source.mark.is_fresh(9));
        source.mark = Freshness::Stale;
        source.settle(token(1), Freshness::Fresh(9));
        assert!(!source.mark.is_fresh(0));
    }

    #[test]
    fn heartbeat_is_owed_from_the_end_of_the_answers_to_its_own_deadline() {
        let mut source = HeartbeatSource { mark: Freshness::Fresh(5), ..HeartbeatSource::UNKNOWN };
        assert!(!source.is_owed(5, 10));
        assert!(source.answer(4) && !source.answer(5));
        assert!(!source.is_owed(4, 10) && source.is_owed(5, 10));
        assert!(source.is_owed(13, 10) && !source.is_owed(14, 10));
        let token = RefreshId { batch: 1, index: 1 };
        // A call that fails leaves it owed.
        for outcome in [Freshness::Stale, Freshness::Fresh(20)] {
            source.mark = Freshness::asked(token);
            assert!(!source.is_owed(6, 10));
            source.settle(token, outcome);
            assert_eq!(source.is_owed(6, 10), matches!(outcome, Freshness::Stale));
        }
        assert!(!source.is_owed(20, 100));
    }
}
