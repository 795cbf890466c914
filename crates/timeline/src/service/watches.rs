//! The open watches: so many at once, and not all of them of one member.

use std::collections::HashMap;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use metrics::Gauge;
use parking_lot::Mutex;

use super::Code;
use crate::{Error, ErrorKind, MemberId, Result};

/// How many watches a listener has at most, unless it is told another number.
pub(crate) const WATCHES_MAX_DEFAULT: usize = 1_000;

/// Between what that number is.
pub(crate) const WATCHES_MAX_BOUNDS: RangeInclusive<usize> = 1..=1_000_000;

/// How many watches there are of one member at most, as for all tabs and devices of one person.
pub(crate) const WATCHES_OF_MEMBER_MAX: usize = 16;

/// The open watches of a listener; clones are the same.
#[derive(Debug, Clone)]
pub(crate) struct Watches {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    most: usize,
    taken: Mutex<Taken>,
    open: Gauge,
}

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    /// How many there are of each member who has at least one. So it is bounded by `all`.
    of_members: HashMap<MemberId, usize>,
}

/// The place of a watch, which is free again when this is dropped.
#[derive(Debug)]
pub(crate) struct WatchPlace {
    shared: Arc<Shared>,
    member: MemberId,
}

/// Why there is no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoPlace {
    /// All are taken.
    Full,
    /// The member has as many as one may have.
    OfMember,
}

impl NoPlace {
    pub(crate) fn code(self) -> Code {
        match self {
            Self::Full => Code::WATCHES_FULL,
            Self::OfMember => Code::WATCHES_OF_MEMBER,
        }
    }

    /// Returns what the client is told.
    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::Full => {
                "no more inboxes can be watched now, as too many are watched already; try again later"
            }
            Self::OfMember => "this inbox is watched as often as one may be; end one of its watches first",
        }
    }

    /// Returns after what time the client is told to try again.
    pub(crate) fn retry_after(self) -> Duration {
        match self {
            Self::Full => Duration::from_secs(1),
            // Only the devices of one person make room.
            Self::OfMember => Duration::from_secs(5),
        }
    }
}

impl Watches {
    /// Creates the places of a listener. Their figure has the label `service`.
    ///
    /// # Errors
    ///
    /// [`Config`](ErrorKind::Config) when there would be none, or more than a million.
    pub(crate) fn new(most: usize, service: &'static str) -> Result<Self> {
        let (least, limit) = (WATCHES_MAX_BOUNDS.start(), WATCHES_MAX_BOUNDS.end());
        if !WATCHES_MAX_BOUNDS.contains(&most) {
            let text = format!("watches_max is {most}; it must be from {least} to {limit}");
            return Err(Error::new(ErrorKind::Config, text));
        }
        metrics::describe_gauge!("timeline_watches", "Inboxes that are watched, each as often as it is.");
        let open = metrics::gauge!("timeline_watches", "service" => service);
        Ok(Self { shared: Arc::new(Shared { most, taken: Mutex::default(), open }) })
    }

    /// Takes a place for a watch of a member's inbox.
    pub(crate) fn take(&self, member: &MemberId) -> Result<WatchPlace, NoPlace> {
        let mut taken = self.shared.taken.lock();
        if taken.all >= self.shared.most {
            return Err(NoPlace::Full);
        }
        let of_member = taken.of_members.get(member).copied().unwrap_or_default();
        if of_member >= WATCHES_OF_MEMBER_MAX {
            return Err(NoPlace::OfMember);
        }
        taken.of_members.insert(member.clone(), of_member + 1);
        taken.all += 1;
        self.shared.open.increment(1.0);
        Ok(WatchPlace { shared: Arc::clone(&self.shared), member: member.clone() })
    }
}

impl WatchPlace {
    /// Returns whose inbox is watched.
    pub(super) fn member(&self) -> &MemberId {
        &self.member
    }
}

impl Drop for WatchPlace {
    fn drop(&mut self) {
        let mut taken = self.shared.taken.lock();
        taken.all -= 1;
        if let Some(of_member) = taken.of_members.get_mut(&self.member) {
            *of_member -= 1;
            if *of_member == 0 {
                taken.of_members.remove(&self.member);
            }
        }
        self.shared.open.decrement(1.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(name: &str) -> MemberId {
        MemberId::new(name).unwrap()
    }

    #[test]
    fn one_member_has_sixteen_watches_at_most_and_others_have_the_rest() {
        let watches = Watches::new(20, "test").unwrap();
        let mut of_bob: Vec<_> = (0..16).map(|_| watches.take(&member("bob")).unwrap()).collect();
        assert_eq!(watches.take(&member("bob")).unwrap_err(), NoPlace::OfMember);
        let of_carol: Vec<_> = (0..4).map(|_| watches.take(&member("carol")).unwrap()).collect();
        assert_eq!(watches.take(&member("dave")).unwrap_err(), NoPlace::Full);
        of_bob.pop();
        of_bob.push(watches.take(&member("bob")).unwrap());
        drop((of_bob, of_carol));
        let taken = watches.shared.taken.lock();
        assert!(taken.all == 0 && taken.of_members.is_empty());
    }

    #[test]
    fn a_listener_without_a_place_is_refused() {
        assert_eq!(Watches::new(0, "test").unwrap_err().kind(), ErrorKind::Config);
    }
}
