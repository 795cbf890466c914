//! How much one connection may send in a time.

use crate::{Error, ErrorKind};

/// How much of something one connection may do in a second.
///
/// It is counted by GCRA, the generic cell rate algorithm: what was not used is there for later, up
/// to the burst.
///
/// # Examples
///
/// ```
/// use conductor_hub::{Config, Rate, Rates};
///
/// // 200 messages a second, and 2,000 at once after ten quiet seconds.
/// let rates = Rates::default().messages(Rate::per_second(200).burst(2_000));
/// let config = Config::default().rates(rates);
/// # drop(config);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    per_second: u32,
    burst: u32,
}

impl Rate {
    /// Creates a rate of so much in a second, at least 1, with a burst of as much.
    #[must_use]
    pub const fn per_second(amount: u32) -> Self {
        Self { per_second: amount, burst: amount }
    }

    /// Sets how much may come at once.
    ///
    /// As much as in a second unless it is set, and at least 1. More suits clients that are silent
    /// for long and then have much to say.
    #[must_use]
    pub const fn burst(self, amount: u32) -> Self {
        Self { burst: amount, ..self }
    }

    /// Returns the nanoseconds in which so much is allowed for.
    pub(crate) fn nanos_of(self, amount: usize) -> u64 {
        let amount = u64::try_from(amount).unwrap_or(u64::MAX);
        amount.saturating_mul(1_000_000_000) / u64::from(self.per_second)
    }

    /// Returns the nanoseconds in which the burst is allowed for again.
    pub(crate) fn burst_nanos(self) -> u64 {
        u64::from(self.burst) * 1_000_000_000 / u64::from(self.per_second)
    }
}

/// Of what a client sends too much: one of the [`Rates`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "whoever tells clients of them has words for each")]
pub enum RateOf {
    /// Messages of any opcode.
    Messages,
    /// Bytes of messages.
    Bytes,
    /// Messages that bind to a channel.
    Binds,
}

/// How much one connection may send, in messages, bytes and binds.
///
/// Nothing is bounded by default. [`Config::rates`](crate::Config::rates) takes it. A connection
/// whose client sends more is closed with code 4102. What is counted over several connections is
/// the business of a [`Throttle`](crate::Throttle).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rates {
    pub(crate) messages: Option<Rate>,
    pub(crate) bytes: Option<Rate>,
    pub(crate) binds: Option<Rate>,
}

impl Rates {
    /// Sets how many messages a client may send, of any opcode.
    ///
    /// Each counts once, in however many fragments it comes. Pings and the like do not count.
    #[must_use]
    pub fn messages(self, rate: impl Into<Option<Rate>>) -> Self {
        Self { messages: rate.into(), ..self }
    }

    /// Sets how many bytes a client may send, with the uuids and names of its messages.
    ///
    /// The burst must have room for the longest message, so it is not below
    /// [`message_bytes_max`](crate::Config::message_bytes_max).
    #[must_use]
    pub fn bytes(self, rate: impl Into<Option<Rate>>) -> Self {
        Self { bytes: rate.into(), ..self }
    }

    /// Sets how many binds a client may ask for.
    ///
    /// Each is a message, too, and has its bytes.
    #[must_use]
    pub fn binds(self, rate: impl Into<Option<Rate>>) -> Self {
        Self { binds: rate.into(), ..self }
    }

    /// Checks every rate, and names the first that is out of its bounds.
    pub(crate) fn validate(&self, message_bytes_max: usize) -> Result<(), Error> {
        let rates = [
            ("messages", self.messages, 1),
            ("bytes", self.bytes, message_bytes_max),
            ("binds", self.binds, 1),
        ];
        for (key, rate, least) in rates {
            let Some(Rate { per_second, burst }) = rate else { continue };
            if per_second < 1 {
                let text = format!("the rate of {key} is {per_second} per second; it must be at least 1");
                return Err(Error::new(ErrorKind::Config, text));
            }
            if usize::try_from(burst).is_ok_and(|burst| burst < least) {
                let text = format!("the burst of {key} is {burst}; it must be at least {least}");
                return Err(Error::new(ErrorKind::Config, text));
            }
        }
        Ok(())
    }
}
