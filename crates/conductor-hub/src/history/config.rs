//! How much a history keeps.

use std::ops::RangeFrom;
use std::time::Duration;

use crate::{Error, ErrorKind};

/// How much a [`ChannelHistory`](crate::ChannelHistory) keeps, and for how long.
///
/// [`ChannelHistory::new`](crate::ChannelHistory::new) checks it.
#[derive(Clone, Debug)]
pub struct HistoryConfig {
    pub(super) bytes_max: usize,
    pub(super) messages_max: usize,
    pub(super) age_max: Duration,
}

impl HistoryConfig {
    /// What [`messages_max`](Self::messages_max) is unless it is set.
    pub const MESSAGES_MAX_DEFAULT: usize = 100;

    const BYTES_MAX_BOUNDS: RangeFrom<usize> = 64 * 1024..;

    /// Sets how many bytes all channels may take together.
    ///
    /// 64 MiB by default, at least 64 KiB. Names, tables and the rounding of the allocator are
    /// counted as well. More, if channels are forgotten that newcomers still ask for.
    #[must_use]
    pub fn bytes_max(self, bytes_max: usize) -> Self {
        Self { bytes_max, ..self }
    }

    /// Sets how many messages a channel keeps at most.
    ///
    /// Any number, 100 by default; with 0 none are kept. More, if newcomers are to see more of what
    /// was said before.
    #[must_use]
    pub fn messages_max(self, messages_max: usize) -> Self {
        Self { messages_max, ..self }
    }

    /// Sets how long a message is kept.
    ///
    /// Any time, 24 h by default. What is older is never given to anybody; its memory is freed with
    /// later writes. Less, if what was said has to be forgotten soon.
    #[must_use]
    pub fn age_max(self, age_max: Duration) -> Self {
        Self { age_max, ..self }
    }

    pub(super) fn validate(&self) -> Result<(), Error> {
        let least = Self::BYTES_MAX_BOUNDS.start;
        if self.bytes_max < least {
            let text = format!("bytes_max is {}; it must be at least {least}", self.bytes_max);
            return Err(Error::new(ErrorKind::Config, text));
        }
        Ok(())
    }
}

impl Default for HistoryConfig {
    fn default() -> Self {
        Self {
            bytes_max: 64 * 1024 * 1024,
            messages_max: Self::MESSAGES_MAX_DEFAULT,
            age_max: Duration::from_secs(24 * 60 * 60),
        }
    }
}
