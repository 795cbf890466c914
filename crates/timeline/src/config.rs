//! The bounds of a timeline.

use std::ops::RangeInclusive;

use crate::{Error, ErrorKind, Result};

/// The bounds that a [`Timeline`](crate::Timeline) holds its callers to.
///
/// They begin with `Config::default()` and are changed by setters;
/// [`Timeline::start`](crate::Timeline::start) checks the whole once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    pub(crate) message_bytes_max: usize,
    pub(crate) group_members_max: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self { message_bytes_max: 64 * 1024, group_members_max: 1_000 }
    }
}

impl Config {
    const MESSAGE_BYTES_MAX_BOUNDS: RangeInclusive<usize> = 2..=1024 * 1024;
    const GROUP_MEMBERS_MAX_BOUNDS: RangeInclusive<usize> = 1..=10_000;

    /// Sets the most bytes of one message.
    ///
    /// 65,536 by default, 2 to 1,048,576. Every recipient's copy costs as much, on disk and in the
    /// queue of the store: less suits chats of text, more suits messages that carry documents.
    #[must_use]
    pub fn message_bytes_max(self, bytes: usize) -> Self {
        Self { message_bytes_max: bytes, ..self }
    }

    /// Sets the most distinct members of one group send, and of one group.
    ///
    /// 1,000 by default, 1 to 10,000. A group send is one atomic write of one copy for each member,
    /// for which other senders wait; the store on MongoDB refuses more than 5,000. Groups that have
    /// more members when the bound is lowered keep them.
    #[must_use]
    pub fn group_members_max(self, members: usize) -> Self {
        Self { group_members_max: members, ..self }
    }

    pub(crate) fn validate(&self) -> Result<()> {
        let bounded = |name: &str, value: usize, bounds: RangeInclusive<usize>| {
            if bounds.contains(&value) {
                return Ok(());
            }
            let (least, most) = bounds.into_inner();
            let text = format!("{name} is {value}; it must be from {least} to {most}");
            Err(Error::new(ErrorKind::Config, text))
        };
        bounded("message_bytes_max", self.message_bytes_max, Self::MESSAGE_BYTES_MAX_BOUNDS)?;
        bounded("group_members_max", self.group_members_max, Self::GROUP_MEMBERS_MAX_BOUNDS)
    }
}
