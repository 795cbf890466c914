//! How much may come in a second: per connection, per user and per address.

use super::setting::{self, Setting};
use super::values::SettingsReader;

/// The most that a part of a limit may be, for each second.
const PER_SECOND_MAX: u32 = 100_000_000;

/// How many seconds' worth may come at once.
pub(crate) const BURST_SECONDS: u32 = 10;

/// All limits; those that do not count are without any part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct RateConfig {
    /// Messages that clients of the hub send.
    pub(crate) messages: Rates,
    /// Bytes of those messages.
    pub(crate) bytes: Rates,
    /// Channels that they bind to.
    pub(crate) binds: Rates,
    /// Calls that they make.
    pub(crate) calls: Rates,
    /// Connections that are opened, and logins; no connection has a part of its own.
    pub(crate) connects: Rates,
    /// Sends to timelines; no connection has a part of its own.
    pub(crate) sends: Rates,
}

/// One limit: how much may come in a second. A part that is 0 is no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Rates {
    pub(crate) connection: u32,
    pub(crate) user: u32,
    pub(crate) address: u32,
}

impl RateConfig {
    /// Reads all limits. Without logins only those count that were given: so nothing changes for
    /// whoever does not know of them. That of bytes grows with the largest message unless it was
    /// given: whoever allows longer ones need not know of it either.
    pub(super) fn read(reader: &mut SettingsReader<'_>, has_logins: bool, message_bytes: usize) -> Self {
        let mut counted = |key: &Setting, parse: fn(&str) -> Result<Rates, String>| {
            let rates = reader.take(key, parse);
            if has_logins || reader.is_given(key) { rates } else { Rates::default() }
        };
        let mut limits = Self {
            messages: counted(&setting::LIMIT_MESSAGES, rates),
            bytes: counted(&setting::LIMIT_BYTES, rates),
            binds: counted(&setting::LIMIT_BINDS, rates),
            calls: counted(&setting::LIMIT_CALLS, rates),
            connects: counted(&setting::LIMIT_CONNECTS, rates_of_requests),
            sends: counted(&setting::LIMIT_SENDS, rates_of_requests),
        };
        if !reader.is_given(&setting::LIMIT_BYTES) {
            limits.bytes = limits.bytes.at_least(least_for(message_bytes));
        }
        limits
    }

    /// Checks that one message of the largest size is no more than may come at once.
    pub(super) fn check(&self, message_bytes: usize, reader: &mut SettingsReader<'_>) {
        let Rates { connection, user, address } = self.bytes;
        let needed = least_for(message_bytes);
        let is_short = |part: &u32| *part != 0 && *part < needed;
        if [connection, user, address].iter().any(is_short) {
            reader.problem(
                &setting::LIMIT_BYTES,
                &format!(
                    "lets no message of --message-bytes ({message_bytes}) through, as {BURST_SECONDS} seconds' \
                     worth may come at once; give {needed} or more for each part, or 0"
                ),
            );
        }
    }
}

impl Rates {
    /// Raises each part that is a limit.
    fn at_least(self, least: u32) -> Self {
        let raised = |part: u32| if part == 0 { 0 } else { part.max(least) };
        Self { connection: raised(self.connection), user: raised(self.user), address: raised(self.address) }
    }
}

/// How many bytes in a second let one message of the largest size through.
fn least_for(message_bytes: usize) -> u32 {
    u32::try_from(message_bytes.div_ceil(BURST_SECONDS as usize)).unwrap_or(u32::MAX)
}

fn rates(text: &str) -> Result<Rates, String> {
    let wrong = || {
        format!(
            "is not a limit for each second as CONNECTION/USER/ADDRESS; give three whole numbers from 0 to \
             {PER_SECOND_MAX}, like 200/400/2000, where 0 is no limit"
        )
    };
    let parts: Option<Vec<u32>> = text.split('/').map(part).collect();
    match parts.as_deref() {
        Some(&[connection, user, address]) => Ok(Rates { connection, user, address }),
        _ => Err(wrong()),
    }
}

/// A limit of what comes in requests, of which a connection has no part.
fn rates_of_requests(text: &str) -> Result<Rates, String> {
    match rates(text)? {
        rates if rates.connection == 0 => Ok(rates),
        _ => Err("has a first part, which does not exist for it; give 0 there, like 0/20/50".to_owned()),
    }
}

fn part(text: &str) -> Option<u32> {
    // A sign would be read, too.
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|number| is_plain && *number <= PER_SECOND_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_numbers_are_a_limit() {
        assert_eq!(
            rates("1/0/100000000").unwrap(),
            Rates { connection: 1, user: 0, address: PER_SECOND_MAX }
        );
        for wrong in ["", "1", "1/2", "1/2/3/4", "1/2/-3", "1/2/+3", "1/2/100000001", "a/b/c", "1 / 2 / 3"] {
            assert!(rates(wrong).is_err(), "{wrong}");
        }
        assert!(rates_of_requests("0/2/3").is_ok() && rates_of_requests("1/2/3").is_err());
    }
}
