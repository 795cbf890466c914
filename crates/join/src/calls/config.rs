//! How calls are answered.

use std::ops::RangeInclusive;
use std::time::Duration;

use bytes::Bytes;

use crate::{Error, ErrorKind};

/// How many calls are answered at once, and for how long.
#[derive(Clone, Debug)]
#[must_use]
pub struct Config {
    pub(super) running_max: usize,
    pub(super) answer_time: Duration,
    pub(super) late_answer: Bytes,
}

impl Config {
    const RUNNING_MAX_BOUNDS: RangeInclusive<usize> = 1..=65_536;
    const ANSWER_TIME_BOUNDS: RangeInclusive<Duration> =
        Duration::from_millis(1)..=Duration::from_secs(60 * 60);

    /// Sets how many calls are worked on at once.
    ///
    /// 1 to 65,536, or 256 by default: enough for a store to commit many together. Set it to what
    /// the store, or the server behind, works on at a time; the calls beyond wait in the queue.
    pub fn running_max(self, running_max: usize) -> Self {
        Self { running_max, ..self }
    }

    /// Sets how long an answer may take; then the client is told, and may call again.
    ///
    /// 1 ms to 1 h, or 10 s by default. What the answer waited for is dropped then, so whether the
    /// call took effect is open. Set it above what the store takes on a bad day.
    pub fn answer_time(self, answer_time: Duration) -> Self {
        Self { answer_time, ..self }
    }

    /// Sets the body that a client gets whose call was not answered in time.
    ///
    /// `{"error":"there was no answer in time; call again"}` by default. Set it where the calls of
    /// a program have another shape.
    pub fn late_answer(self, late_answer: impl Into<Bytes>) -> Self {
        Self { late_answer: late_answer.into(), ..self }
    }

    pub(super) fn validate(&self) -> Result<(), Error> {
        if !Self::RUNNING_MAX_BOUNDS.contains(&self.running_max) {
            let (least, most) = Self::RUNNING_MAX_BOUNDS.into_inner();
            let text = format!("running_max is {}; it must be from {least} to {most}", self.running_max);
            return Err(Error::new(ErrorKind::Config, text));
        }
        if !Self::ANSWER_TIME_BOUNDS.contains(&self.answer_time) {
            let (least, most) = Self::ANSWER_TIME_BOUNDS.into_inner();
            let text =
                format!("answer_time is {:?}; it must be from {least:?} to {most:?}", self.answer_time);
            return Err(Error::new(ErrorKind::Config, text));
        }
        Ok(())
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            running_max: 256,
            answer_time: Duration::from_secs(10),
            late_answer: Bytes::from_static(br#"{"error":"there was no answer in time; call again"}"#),
        }
    }
}
