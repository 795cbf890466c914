//! What is remembered about one id.

use crate::beings::{Linked, Links, Millis};
use crate::name::{Device, Id};

/// Names one refresh of one id: its batch, and its place there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) batch: u64,
    pub(super) place: u32,
}

/// What is known of one source of heartbeats.
#[derive(Debug, Clone, Copy)]
pub(super) enum Mark {
    /// Nothing: a heartbeat has to go through.
    Stale,
    /// A refresh is under way, and nothing was heard since that would make it worthless.
    Asked {
        /// The token of the refresh, without a struct around it: that makes the entry 8 bytes smaller.
        batch: u64,
        /// Its other half.
        place: u32,
    },
    /// Heartbeats are answered until then.
    Fresh(Millis),
}

/// One id whose refreshes are remembered.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) id: Id,
    /// Of the heartbeats without a device.
    pub(super) own: Mark,
    /// Boxed: most ids have none.
    #[expect(clippy::box_collection, reason = "one word for the many ids without devices")]
    devices: Option<Box<Vec<(Device, Mark)>>>,
    /// When no refresh that is remembered here counts any more.
    pub(super) until: Millis,
    links: Links,
}

impl Mark {
    pub(super) fn asked(token: Token) -> Self {
        Self::Asked { batch: token.batch, place: token.place }
    }

    #[inline]
    pub(super) fn is_fresh(self, now: Millis) -> bool {
        matches!(self, Self::Fresh(until) if now < until)
    }

    /// Remembers the outcome of a refresh, unless something came in between.
    pub(super) fn settle(&mut self, token: Token, outcome: Self) {
        if let Self::Asked { batch, place } = *self
            && (Token { batch, place }) == token
        {
            *self = outcome;
        }
    }
}

impl Entry {
    pub(super) fn new(id: Id) -> Self {
        Self { id, own: Mark::Stale, devices: None, until: 0, links: Links::LOOSE }
    }

    /// Finds or adds a device. Those of which nothing is known go.
    pub(super) fn device_or_insert(&mut self, device: &Device, now: Millis) -> &mut Mark {
        let devices = self.devices.get_or_insert_default();
        if let Some(place) = devices.iter().position(|(known, _)| known == device) {
            return &mut devices[place].1;
        }
        devices.retain(|(_, mark)| matches!(mark, Mark::Asked { .. }) || mark.is_fresh(now));
        devices.push((device.clone(), Mark::Stale));
        &mut devices.last_mut().expect("pushed above").1
    }

    pub(super) fn device(&mut self, device: &Device) -> Option<&mut Mark> {
        let devices = self.devices.as_mut()?;
        devices.iter_mut().find(|(known, _)| known == device).map(|(_, mark)| mark)
    }

    /// Returns until when heartbeats of any kind are answered.
    pub(super) fn answered_until(&self) -> Millis {
        let devices = self.devices.iter().flat_map(|devices| devices.iter());
        let marks = devices.map(|(_, mark)| *mark).chain([self.own]);
        marks.map(|mark| if let Mark::Fresh(until) = mark { until } else { 0 }).max().unwrap_or(0)
    }
}

impl Linked for Entry {
    fn links_mut(&mut self) -> &mut Links {
        &mut self.links
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entry_takes_eighty_eight_bytes() {
        assert_eq!(size_of::<Option<Entry>>(), 88);
    }

    #[test]
    fn refresh_that_was_overtaken_is_not_remembered() {
        let token = |place| Token { batch: 1, place };
        let mut mark = Mark::asked(token(1));
        mark.settle(token(2), Mark::Fresh(9));
        assert!(!mark.is_fresh(0));
        mark.settle(token(1), Mark::Fresh(9));
        assert!(mark.is_fresh(8) && !mark.is_fresh(9));
        mark = Mark::Stale;
        mark.settle(token(1), Mark::Fresh(9));
        assert!(!mark.is_fresh(0));
    }
}
