//! What can be tuned about the throttle.

use std::ops::RangeInclusive;
use std::time::Duration;

use crate::error::{Error, ErrorKind};
use crate::tracker::{Timing, within};

/// Settings of the throttle.
///
/// [`Throttled::start`](super::Throttled::start) checks them.
///
/// ```
/// use std::time::Duration;
///
/// let config = presence_core::throttled::Config::default().ttl(Duration::from_secs(60));
/// assert_eq!(config.lateness(), Duration::from_secs(36));
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    pub(super) ttl: Duration,
    pub(super) fraction: f64,
    pub(super) batch_max: usize,
    pub(super) window: Duration,
    pub(super) waiting_max: usize,
    pub(super) wait_max: Duration,
    pub(super) known_max: usize,
}

impl Config {
    /// Between what [`ttl`](Self::ttl) is.
    pub const TTL_BOUNDS: RangeInclusive<Duration> = Timing::TTL_BOUNDS;

    const FRACTION_BOUNDS: RangeInclusive<f64> = 0.25..=0.95;
    const BATCH_MAX_BOUNDS: RangeInclusive<usize> = 1..=1 << 16;
    const WINDOW_BOUNDS: RangeInclusive<Duration> = Duration::ZERO..=Duration::from_secs(1);
    const WAITING_MAX_BOUNDS: RangeInclusive<usize> = 1..=1 << 20;
    const WAIT_MAX_BOUNDS: RangeInclusive<Duration> = Duration::from_millis(1)..=Duration::from_secs(60);
    const KNOWN_MAX_BOUNDS: RangeInclusive<usize> = 1..=1 << 26;

    /// Sets the TTL, which has to be exactly that of the inner backend.
    ///
    /// Whole milliseconds, 10 ms to 365 days; default 30 s. It changes with the inner backend's
    /// alone.
    #[must_use]
    pub fn ttl(mut self, ttl: Duration) -> Self {
        self.ttl = ttl;
        self
    }

    /// Sets how much of the TTL must be left for a heartbeat to be answered here.
    ///
    /// This is meant on average. 0.25 to 0.95; default 0.5. More makes offline events less late,
    /// see [`lateness`](Self::lateness), less lets fewer heartbeats through: of an id that beats
    /// all the time one goes through every `(1 - fraction) × ttl`, spread over 0.8 to 1.2 of that
    /// so that those who came together do not go through together. What is left of the TTL after
    /// `lateness` is the time that the inner backend has for a heartbeat that is passed on late: a
    /// tenth of the TTL with 0.25. It has to be longer than an outage that nobody shall notice.
    #[must_use]
    pub fn fraction(mut self, fraction: f64) -> Self {
        self.fraction = fraction;
        self
    }

    /// Sets how many ids one call of the inner backend has at most.
    ///
    /// 1 to 65,536; default 1,000. More, if the calls take so long that heartbeats pile up.
    #[must_use]
    pub fn batch_max(mut self, batch_max: usize) -> Self {
        self.batch_max = batch_max;
        self
    }

    /// Sets how long the first of a batch waits for others.
    ///
    /// 0 to 1 s; default 0: it goes at once if no call is under way, and what comes while one is
    /// goes together after it. A few milliseconds save calls if many callers beat one id each.
    #[must_use]
    pub fn window(mut self, window: Duration) -> Self {
        self.window = window;
        self
    }

    /// Sets how many calls may wait to be sent; the next ones wait for room.
    ///
    /// 1 to 1,048,576; default 1,024. More, if more callers than that beat at the same time.
    #[must_use]
    pub fn waiting_max(mut self, waiting_max: usize) -> Self {
        self.waiting_max = waiting_max;
        self
    }

    /// Sets how long a heartbeat waits to be sent before it is `Unavailable`.
    ///
    /// 1 ms to 60 s, and more than [`window`](Self::window); default 2 s. Less, if callers had
    /// rather know early that the store is too slow.
    #[must_use]
    pub fn wait_max(mut self, wait_max: Duration) -> Self {
        self.wait_max = wait_max;
        self
    }

    /// Sets how many ids are remembered.
    ///
    /// 1 to 2^26; default 2^22, 108 bytes each once they are there. At least as many as beat here:
    /// heartbeats of the others all go through.
    #[must_use]
    pub fn known_max(mut self, known_max: usize) -> Self {
        self.known_max = known_max;
        self
    }

    /// Returns how late the throttle may make an offline event, at most.
    ///
    /// The 0.1 s until the throttle looks come on top. A silent id whose last heartbeat was
    /// answered here is given one more when answers end, at most this long after the last one that
    /// went through.
    #[must_use]
    pub fn lateness(&self) -> Duration {
        self.answered().mul_f64(JITTER_MAX).min(self.ttl)
    }

    /// How long a heartbeat that could not be passed on waits for the next try.
    pub(super) fn retry(&self) -> Duration {
        let left = self.ttl.saturating_sub(self.lateness());
        (left.min(self.lateness()) / 8).max(Duration::from_millis(1))
    }

    /// For how long after a refresh heartbeats are answered here, on average.
    pub(super) fn answered(&self) -> Duration {
        self.ttl.mul_f64((1.0 - self.fraction).clamp(0.0, 1.0))
    }

    pub(super) fn validate(&self) -> Result<(), Error> {
        Timing::new(self.ttl, Duration::ZERO)?;
        let kind = ErrorKind::Config;
        within(kind, "fraction", &self.fraction, &Self::FRACTION_BOUNDS)?;
        within(kind, "batch_max", &self.batch_max, &Self::BATCH_MAX_BOUNDS)?;
        within(kind, "window", &self.window, &Self::WINDOW_BOUNDS)?;
        within(kind, "waiting_max", &self.waiting_max, &Self::WAITING_MAX_BOUNDS)?;
        within(kind, "wait_max", &self.wait_max, &Self::WAIT_MAX_BOUNDS)?;
        within(kind, "known_max", &self.known_max, &Self::KNOWN_MAX_BOUNDS)?;
        if self.wait_max <= self.window {
            let (wait, window) = (self.wait_max, self.window);
            let fault = format!("wait_max is {wait:?}; it must be longer than window, which is {window:?}");
            return Err(Error::new(kind, fault));
        }
        Ok(())
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            ttl: Timing::TTL_DEFAULT,
            fraction: 0.5,
            batch_max: 1_000,
            window: Duration::ZERO,
            waiting_max: 1_024,
            wait_max: Duration::from_secs(2),
            known_max: 1 << 22,
        }
    }
}

/// A refresh is due after this much of the average time, at random,
pub(super) const JITTER_MIN: f64 = 0.8;
/// up to this much.
pub(super) const JITTER_MAX: f64 = 1.2;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_out_of_bounds_are_named() {
        assert!(Config::default().validate().is_ok());
        let config = Config::default;
        for (name, config) in [
            ("ttl", config().ttl(Duration::from_micros(10_500))),
            ("fraction", config().fraction(f64::NAN)),
            ("fraction", config().fraction(1.0)),
            ("batch_max", config().batch_max(0)),
            ("window", config().window(Duration::from_secs(2))),
            ("waiting_max", config().waiting_max(0)),
            ("wait_max", config().wait_max(Duration::from_secs(2 * 60))),
            ("wait_max", config().window(Duration::from_millis(5)).wait_max(Duration::from_millis(5))),
            ("known_max", config().known_max(0)),
        ] {
            let error = config.validate().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config);
            assert!(error.to_string().starts_with(name), "{error}");
        }
    }

    #[test]
    fn at_least_a_tenth_of_the_ttl_is_left_to_pass_a_heartbeat_on() {
        let config = Config::default().fraction(0.25);
        assert_eq!(config.lateness(), Duration::from_secs(27));
        assert_eq!(config.retry(), Duration::from_millis(375));
    }
}
