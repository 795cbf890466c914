//! What is counted, and how a refusal says so.

use std::time::Duration;

use crate::config::{RateConfig, Rates};

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RateKind {
    Messages,
    Bytes,
    Binds,
    Calls,
    Connects,
    Sends,
}

impl RateKind {
    pub(super) const ALL: [Self; 6] =
        [Self::Messages, Self::Bytes, Self::Binds, Self::Calls, Self::Connects, Self::Sends];

    /// Returns its place in [`ALL`](Self::ALL).
    pub(super) const fn index(self) -> usize {
        self as usize
    }

    /// Returns its name in refusals and figures.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Messages => "messages",
            Self::Bytes => "bytes",
            Self::Binds => "binds",
            Self::Calls => "calls",
            Self::Connects => "connects",
            Self::Sends => "sends",
        }
    }

    /// Returns the text of a refusal: `too many messages; try again in 3 s`.
    pub(crate) fn refusal(self, wait: Duration) -> String {
        format!("too many {}; try again in {} s", self.things(), seconds(wait))
    }

    /// Its name, and what else counts as such.
    const fn things(self) -> &'static str {
        match self {
            Self::Connects => "connects, or tokens that were refused",
            _ => self.name(),
        }
    }

    pub(super) fn rates(self, config: &RateConfig) -> Rates {
        match self {
            Self::Messages => config.messages,
            Self::Bytes => config.bytes,
            Self::Binds => config.binds,
            Self::Calls => config.calls,
            Self::Connects => config.connects,
            Self::Sends => config.sends,
        }
    }
}

/// Whole seconds that are not too few, and never none: whoever reads 0 comes back at once.
fn seconds(wait: Duration) -> u64 {
    wait.as_secs().saturating_add(u64::from(wait.subsec_nanos() > 0)).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_says_what_and_when_in_seconds_rounded_up() {
        let text = RateKind::Messages.refusal(Duration::from_millis(2_001));
        assert_eq!(text, "too many messages; try again in 3 s");
        assert_eq!(RateKind::Binds.refusal(Duration::ZERO), "too many binds; try again in 1 s");
        // Whoever has shown wrong tokens alone has connected to nothing.
        let text = RateKind::Connects.refusal(Duration::from_secs(2));
        assert_eq!(text, "too many connects, or tokens that were refused; try again in 2 s");
        assert!(RateKind::ALL.iter().enumerate().all(|(index, kind)| kind.index() == index));
    }
}
