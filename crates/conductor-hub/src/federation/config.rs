//! What can be tuned about sisters.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::challenge::Secrets;
use super::websocket_link::BATCH_BYTES_MAX;
use crate::{Error, ErrorKind};

/// The secret of sisters, and the bounds of what waits for them.
///
/// [`Hub::start`](crate::Hub::start) checks it.
///
/// # Examples
///
/// ```
/// use conductor_hub::federation::SisterConfig;
///
/// let secret = std::fs::read("sister-secret").unwrap_or_else(|_| b"only for this example".to_vec());
/// let config = SisterConfig::new(secret).max_sisters(4);
/// # drop(config);
/// ```
#[derive(Clone, Debug)]
pub struct SisterConfig {
    pub(crate) secrets: Secrets,
    pub(crate) max_sisters: usize,
    pub(crate) link_bytes_max: usize,
    pub(crate) interest_bytes_max: usize,
    pub(crate) waiting_bytes_max: usize,
    pub(crate) silence_max: Duration,
}

impl SisterConfig {
    /// Least bytes of a secret.
    pub const SECRET_BYTES_MIN: usize = 16;

    /// Longest messages of a hub that has sisters, in bytes.
    ///
    /// A batch has up to 64 KiB of other items besides a row with the longest message.
    pub const MESSAGE_BYTES_MAX: usize = BATCH_BYTES_MAX - 128 * 1024;

    const MAX_SISTERS_BOUNDS: RangeInclusive<usize> = 1..=64;
    const LINK_BYTES_MAX_BOUNDS: RangeInclusive<usize> = 64 * 1024..=1024 * 1024 * 1024;
    const INTEREST_BYTES_MAX_BOUNDS: RangeInclusive<usize> = 64 * 1024..=1024 * 1024 * 1024;
    const WAITING_BYTES_MAX_BOUNDS: RangeInclusive<usize> = 64 * 1024..=1024 * 1024 * 1024;
    const SILENCE_MAX_BOUNDS: RangeInclusive<Duration> =
        Duration::from_millis(1_500)..=Duration::from_secs(60);

    /// Creates the configuration with the secret that all sisters share.
    ///
    /// At least 16 bytes, random ones: it is all that keeps strangers out.
    #[must_use]
    pub fn new(secret: impl Into<Box<[u8]>>) -> Self {
        Self {
            secrets: Secrets::new(secret),
            max_sisters: 8,
            link_bytes_max: 16 * 1024 * 1024,
            interest_bytes_max: 4 * 1024 * 1024,
            waiting_bytes_max: 16 * 1024 * 1024,
            silence_max: Duration::from_secs(5),
        }
    }

    /// Sets another secret, by which sisters may prove themselves as well.
    ///
    /// None by default. To replace a secret, have all nodes accept the new one; then give it to all
    /// as their own, accepting the old one; then leave the old one out. After each step each node
    /// is a sister of those that are a step behind.
    #[must_use]
    pub fn accepting(self, secret: impl Into<Box<[u8]>>) -> Self {
        Self { secrets: self.secrets.accepting(secret.into()), ..self }
    }

    /// Sets how many sisters a node looks for.
    ///
    /// From 1 to 64, 8 by default: nine nodes are a full mesh, a hundred are three links apart, and
    /// seven sisters may die at once before a node is alone. Each message crosses each link whose
    /// sister wants it once, so more of them cost more. Sisters that dial are accepted up to twice
    /// as many.
    #[must_use]
    pub fn max_sisters(self, sisters: usize) -> Self {
        Self { max_sisters: sisters, ..self }
    }

    /// Sets how many bytes may wait for one sister.
    ///
    /// From 64 KiB to 1 GiB, 16 MiB by default, at least twice `interest_bytes_max` and four times
    /// [`message_bytes_max`]. A link for which more waits is ended, and what it held is told as a
    /// gap there. Of one channel at most a quarter of it is on its way, or an eighth of
    /// [`outbox_bytes_max`] if that is less, but 16 KiB in any case: clients that send more wait,
    /// as for a slow reader. A program that publishes waits for nobody. A message of its own may be
    /// 4 KiB shorter than half of it, and [`MESSAGE_BYTES_MAX`](Self::MESSAGE_BYTES_MAX): a longer
    /// one is refused. One that is allowed may still end a link whose queue is more than half full
    /// by then, as several in a row may. More suits links that are slow or far.
    ///
    /// [`message_bytes_max`]: crate::Config::message_bytes_max
    /// [`outbox_bytes_max`]: crate::Config::outbox_bytes_max
    #[must_use]
    pub fn link_bytes_max(self, bytes: usize) -> Self {
        Self { link_bytes_max: bytes, ..self }
    }

    /// Raises the bounds that depend on the longest message of the hub.
    ///
    /// `link_bytes_max` becomes at least four messages, and `waiting_bytes_max` at least two. What
    /// is larger stays. It goes with
    /// [`Config::for_messages_of`](crate::Config::for_messages_of), which takes the same number; a
    /// hub with sisters has messages of [`MESSAGE_BYTES_MAX`](Self::MESSAGE_BYTES_MAX) at most.
    #[must_use]
    pub fn for_messages_of(self, bytes: usize) -> Self {
        Self {
            link_bytes_max: self.link_bytes_max.max(bytes.saturating_mul(4)),
            waiting_bytes_max: self.waiting_bytes_max.max(bytes.saturating_mul(2)),
            ..self
        }
    }

    /// Sets how many bytes the names may take that one node asks a sister for.
    ///
    /// From 64 KiB to 1 GiB, 4 MiB by default, with 160 bytes for each name besides its own. They
    /// are those that its own members want, and those that its other sisters do. A node that would
    /// ask for more asks that sister for everything instead, for as long as the link lasts; one
    /// whose own members want more, for as long as it runs.
    #[must_use]
    pub fn interest_bytes_max(self, bytes: usize) -> Self {
        Self { interest_bytes_max: bytes, ..self }
    }

    /// Sets how many bytes may wait for what is missing before them.
    ///
    /// From 64 KiB to 1 GiB, 16 MiB by default. If more waits, a gap is told before its 200 ms are
    /// over.
    #[must_use]
    pub fn waiting_bytes_max(self, bytes: usize) -> Self {
        Self { waiting_bytes_max: bytes, ..self }
    }

    /// Sets how long nothing may come over a link before it is ended.
    ///
    /// From 1.5 s to 60 s, 5 s by default. A sister says each second that she is there. Less finds
    /// dead nodes sooner, and ends links whose node is only busy.
    #[must_use]
    pub fn silence_max(self, time: Duration) -> Self {
        Self { silence_max: time, ..self }
    }

    /// Returns how long a message of the program may be that goes to sisters.
    ///
    /// Clients wait while half of a link's queue is full, so what they fill has room for it, with
    /// the name of its channel and what an item costs. Beside other messages of the program it may
    /// have none.
    pub(crate) fn published_bytes_max(&self) -> usize {
        (self.link_bytes_max / 2).saturating_sub(BESIDE_BYTES).min(Self::MESSAGE_BYTES_MAX)
    }

    /// Checks every setting, for a hub that has messages of so many bytes.
    pub(crate) fn validate(&self, message_bytes_max: usize) -> Result<(), Error> {
        if self.secrets.shortest() < Self::SECRET_BYTES_MIN {
            let least = Self::SECRET_BYTES_MIN;
            return Err(wrong(format!(
                "the secret of sisters has less than {least} bytes; use a random one"
            )));
        }
        if !Self::MAX_SISTERS_BOUNDS.contains(&self.max_sisters) {
            let sisters = self.max_sisters;
            return Err(wrong(format!("max_sisters is {sisters}; it must be from 1 to 64")));
        }
        for (key, bytes, bounds) in [
            ("link_bytes_max", self.link_bytes_max, Self::LINK_BYTES_MAX_BOUNDS),
            ("interest_bytes_max", self.interest_bytes_max, Self::INTEREST_BYTES_MAX_BOUNDS),
            ("waiting_bytes_max", self.waiting_bytes_max, Self::WAITING_BYTES_MAX_BOUNDS),
        ] {
            if !bounds.contains(&bytes) {
                let (least, most) = bounds.into_inner();
                return Err(wrong(format!("{key} is {bytes}; it must be from {least} to {most}")));
            }
        }
        let least = self.interest_bytes_max.saturating_mul(2);
        if self.link_bytes_max < least {
            let bytes = self.link_bytes_max;
            let text =
                format!("link_bytes_max is {bytes}; it must be at least {least}, twice interest_bytes_max");
            return Err(wrong(text));
        }
        if message_bytes_max > Self::MESSAGE_BYTES_MAX {
            let most = Self::MESSAGE_BYTES_MAX;
            return Err(wrong(format!(
                "message_bytes_max is {message_bytes_max}; of a hub with sisters it must be at most {most}"
            )));
        }
        let least = message_bytes_max.saturating_mul(4);
        if self.link_bytes_max < least {
            let bytes = self.link_bytes_max;
            return Err(wrong(format!(
                "link_bytes_max is {bytes}; it must be at least {least}, four times message_bytes_max, as \
                 SisterConfig::for_messages_of sets it"
            )));
        }
        if !Self::SILENCE_MAX_BOUNDS.contains(&self.silence_max) {
            let silence = self.silence_max;
            return Err(wrong(format!("silence_max is {silence:?}; it must be from 1.5s to 60s")));
        }
        Ok(())
    }
}

/// Room for what comes into a queue with a message: the name of its channel, and what it costs.
const BESIDE_BYTES: usize = 4 * 1024;

fn wrong(text: String) -> Error {
    Error::new(ErrorKind::Config, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_wrong_value_is_named_with_its_bound() {
        let config = || SisterConfig::new(*b"a secret of sisters");
        let message = crate::Config::MESSAGE_BYTES_MAX_DEFAULT;
        config().validate(message).expect("the defaults fit");
        for (config, named) in [
            (SisterConfig::new(*b"short"), "the secret of sisters has less than 16 bytes"),
            (config().accepting(*b"short"), "the secret of sisters has less than 16 bytes"),
            (config().max_sisters(0), "max_sisters is 0; it must be from 1 to 64"),
            (config().link_bytes_max(1), "link_bytes_max is 1; it must be from 65536 to 1073741824"),
            (
                config().interest_bytes_max(16 << 20),
                "link_bytes_max is 16777216; it must be at least 33554432",
            ),
            (config().waiting_bytes_max(0), "waiting_bytes_max is 0"),
            (config().silence_max(Duration::from_secs(1)), "silence_max is 1s; it must be from 1.5s to 60s"),
        ] {
            let error = config.validate(message).expect_err(named);
            assert_eq!(error.kind(), ErrorKind::Config);
            assert!(error.to_string().starts_with(named), "{error}");
        }
    }
    #[test]
    fn a_link_has_room_for_four_of_the_longest_messages() {
        let config = || SisterConfig::new(*b"a secret of sisters");
        let long = 16 * 1024 * 1024;
        for (config, message, named) in [
            (config(), long, "link_bytes_max is 16777216; it must be at least 67108864, four times"),
            (config().for_messages_of(long - 1), long, "link_bytes_max is 67108860"),
            (
                config().link_bytes_max(1 << 30),
                SisterConfig::MESSAGE_BYTES_MAX + 1,
                "message_bytes_max is 83755009; of a hub with sisters it must be at most 83755008",
            ),
        ] {
            let error = config.validate(message).expect_err(named);
            assert_eq!(error.kind(), ErrorKind::Config);
            assert!(error.to_string().starts_with(named), "{error}");
        }
        for message in [64, 256_000, long, SisterConfig::MESSAGE_BYTES_MAX] {
            config().for_messages_of(message).validate(message).expect("the bounds fit each other");
        }
    }
}
