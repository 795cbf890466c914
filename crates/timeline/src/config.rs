//! The bounds of a timeline.

use crate::{Error, ErrorKind, Result};

/// The bounds that a [`Timeline`](crate::Timeline) holds its callers to.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Config {
    /// The most bytes of one message; 65,536 by default, 2 to 1,048,576.
    ///
    /// Every recipient's copy costs as much, on disk and in the queue of the store.
    pub message_bytes_max: usize,
    /// The most distinct members of one group send; 1,000 by default, 1 to 10,000.
    ///
    /// A group send is one atomic write of one copy for each.
    pub group_members_max: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self { message_bytes_max: 64 * 1024, group_members_max: 1_000 }
    }
}

impl Config {
    pub(crate) fn validate(&self) -> Result<()> {
        let bounded = |name: &str, value: usize, least: usize, most: usize| {
            if (least..=most).contains(&value) {
                return Ok(());
            }
            let text = format!("{name} is {value}; it must be from {least} to {most}");
            Err(Error::new(ErrorKind::Config, text))
        };
        bounded("message_bytes_max", self.message_bytes_max, 2, 1024 * 1024)?;
        bounded("group_members_max", self.group_members_max, 1, 10_000)
    }
}
