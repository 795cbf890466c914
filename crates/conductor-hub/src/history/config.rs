//! How much a history keeps.

use std::fmt;
use std::ops::{RangeFrom, RangeInclusive};
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

    /// Between what [`messages_max`](Self::messages_max) is.
    pub const MESSAGES_MAX_BOUNDS: RangeInclusive<usize> = 0..=1_000_000;

    const BYTES_MAX_BOUNDS: RangeFrom<usize> = 64 * 1024..;
    const AGE_MAX_BOUNDS: RangeInclusive<Duration> =
        Duration::from_millis(1)..=Duration::from_secs(366 * 24 * 60 * 60);

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
    /// 100 by default, 0 to 1,000,000; with 0 none are kept. More, if newcomers are to see more of
    /// what was said before.
    #[must_use]
    pub fn messages_max(self, messages_max: usize) -> Self {
        Self { messages_max, ..self }
    }

    /// Sets how long a message is kept.
    ///
    /// 24 h by default, 1 ms to 366 days. What is older is never given to anybody; its memory is
    /// freed with later writes. Less, if what was said has to be forgotten soon.
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
        within("messages_max", &self.messages_max, &Self::MESSAGES_MAX_BOUNDS)?;
        within("age_max", &self.age_max, &Self::AGE_MAX_BOUNDS)
    }
}

fn within<T: fmt::Debug + PartialOrd>(key: &str, value: &T, bounds: &RangeInclusive<T>) -> Result<(), Error> {
    if bounds.contains(value) {
        return Ok(());
    }
    let (least, most) = (bounds.start(), bounds.end());
    let text = format!("{key} is {value:?}; it must be from {least:?} to {most:?}");
    Err(Error::new(ErrorKind::Config, text))
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
