//! Where a key set is, and how often it is read.

use std::fmt;
use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use http::Uri;

use super::fetcher::Location;
use crate::error::Error;

/// Where a key set is, and how often it is read.
#[derive(Clone)]
#[must_use]
pub struct JwksConfig {
    location: String,
    may_be_unprotected: bool,
    pub(super) may_come_later: bool,
    pub(super) timeout: Duration,
    pub(super) refetch_after: Duration,
    pub(super) refresh: Duration,
    pub(super) waiters_max: usize,
}

impl JwksConfig {
    /// What [`timeout`](Self::timeout) is unless it is set.
    pub const TIMEOUT_DEFAULT: Duration = Duration::from_secs(5);

    /// Between what [`timeout`](Self::timeout) is.
    pub const TIMEOUT_BOUNDS: RangeInclusive<Duration> = Duration::from_millis(10)..=Duration::from_secs(60);

    /// What [`refetch_after`](Self::refetch_after) is unless it is set.
    pub const REFETCH_AFTER_DEFAULT: Duration = Duration::from_secs(30);

    /// Between what [`refetch_after`](Self::refetch_after) is.
    pub const REFETCH_AFTER_BOUNDS: RangeInclusive<Duration> =
        Duration::from_millis(10)..=Duration::from_secs(60 * 60);

    /// What [`refresh`](Self::refresh) is unless it is set.
    pub const REFRESH_DEFAULT: Duration = Duration::from_secs(60 * 60);

    /// Between what [`refresh`](Self::refresh) is.
    pub const REFRESH_BOUNDS: RangeInclusive<Duration> =
        Duration::from_millis(10)..=Duration::from_secs(24 * 60 * 60);

    /// What [`waiters_max`](Self::waiters_max) is unless it is set.
    pub const WAITERS_MAX_DEFAULT: usize = 1_000;

    /// Between what [`waiters_max`](Self::waiters_max) is.
    pub const WAITERS_MAX_BOUNDS: RangeInclusive<usize> = 1..=100_000;

    /// Creates a configuration for the path of a file or an address.
    ///
    /// What begins with `https://` or `http://` is an address, anything else a path. An address has
    /// no user and password. One with `http` is on this machine, unless
    /// [`unprotected`](Self::unprotected) allows others; one with `https` needs the feature `tls`,
    /// and that the system has certificates.
    pub fn new(location: impl Into<String>) -> Self {
        Self {
            location: location.into(),
            may_be_unprotected: false,
            may_come_later: false,
            timeout: Self::TIMEOUT_DEFAULT,
            refetch_after: Self::REFETCH_AFTER_DEFAULT,
            refresh: Self::REFRESH_DEFAULT,
            waiters_max: Self::WAITERS_MAX_DEFAULT,
        }
    }

    /// Allows an address with `http` on another machine.
    ///
    /// By default that is an error: whoever is on the way could put in keys of their own, and so
    /// make tokens of anybody. Allow it in a network in which nobody can.
    pub fn unprotected(self) -> Self {
        Self { may_be_unprotected: true, ..self }
    }

    /// Lets a program start while the address does not answer.
    ///
    /// By default that is an error. Until it answers no key of the set is known, and the state is
    /// [`Absent`](crate::JwksState::Absent). An answer that is no key set is an error still, and so
    /// is a file that cannot be read.
    pub fn may_come_later(self) -> Self {
        Self { may_come_later: true, ..self }
    }

    /// Sets how long a fetch may take as a whole.
    ///
    /// 10 ms to 60 s; default 5 s. Who shows a token of a new key waits for as long.
    pub fn timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    /// Sets how long after a fetch a key that is not known begins another one.
    ///
    /// 10 ms to 1 h; default 30 s. It is also how soon a fetch that failed is tried again. Less
    /// lets whoever invents names of keys ask your issuer as often.
    pub fn refetch_after(self, refetch_after: Duration) -> Self {
        Self { refetch_after, ..self }
    }

    /// Sets how often the keys are read without being asked for.
    ///
    /// 10 ms to 24 h; default 1 h. So a key that was taken back is forgotten after that time.
    pub fn refresh(self, refresh: Duration) -> Self {
        Self { refresh, ..self }
    }

    /// Sets how many may wait for a fetch at once.
    ///
    /// 1 to 100,000; default 1,000. Further ones are told that their key is not known.
    pub fn waiters_max(self, waiters_max: usize) -> Self {
        Self { waiters_max, ..self }
    }

    /// Checks everything, and returns where the keys are.
    pub(super) fn validate(&self) -> Result<Location, Error> {
        for (name, value, bounds) in [
            ("timeout", self.timeout, Self::TIMEOUT_BOUNDS),
            ("refetch_after", self.refetch_after, Self::REFETCH_AFTER_BOUNDS),
            ("refresh", self.refresh, Self::REFRESH_BOUNDS),
        ] {
            if !bounds.contains(&value) {
                let (least, most) = bounds.into_inner();
                let text = format!("{name} is {value:?}; it must be from {least:?} to {most:?}");
                return Err(Error::config(text));
            }
        }
        if !Self::WAITERS_MAX_BOUNDS.contains(&self.waiters_max) {
            let (least, most) = Self::WAITERS_MAX_BOUNDS.into_inner();
            let text = format!("waiters_max is {}; it must be from {least} to {most}", self.waiters_max);
            return Err(Error::config(text));
        }
        if self.location.is_empty() {
            return Err(Error::config("the location of the key set is empty; give a path or an address"));
        }
        if !self.location.starts_with("http://") && !self.location.starts_with("https://") {
            return Ok(Location::File(PathBuf::from(&self.location)));
        }
        self.address().map(Location::Address)
    }

    fn address(&self) -> Result<Uri, Error> {
        let is_plain = |url: &Uri| {
            url.authority().is_some_and(|authority| !authority.as_str().contains('@'))
                && !self.location.contains('#')
        };
        let url = self.location.parse::<Uri>().ok().filter(is_plain).ok_or_else(|| {
            // A part of it may be a password.
            let text = "the location of the key set is no address that can be used; give one without \
                        user and password, like https://example.org/jwks.json";
            Error::config(text)
        })?;
        if url.scheme_str() == Some("http") && !self.may_be_unprotected && !is_on_this_machine(&url) {
            let text = "the location of the key set begins with http and is on another machine, so that \
                        whoever is on the way could put in keys of their own; give one with https";
            return Err(Error::config(text));
        }
        Ok(url)
    }
}

fn is_on_this_machine(url: &Uri) -> bool {
    let host = url.host().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.is_loopback())
}

impl fmt::Debug for JwksConfig {
    /// Leaves out the location, which may have a secret that should not be there.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("JwksConfig");
        debug.field("may_be_unprotected", &self.may_be_unprotected);
        debug.field("may_come_later", &self.may_come_later);
        debug.field("timeout", &self.timeout).field("refetch_after", &self.refetch_after);
        debug.field("refresh", &self.refresh).field("waiters_max", &self.waiters_max);
        debug.finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrong_settings_are_named_and_addresses_are_not_repeated() {
        assert!(JwksConfig::new("keys.json").validate().is_ok());
        assert!(JwksConfig::new("https://example.org/jwks.json").validate().is_ok());
        for location in ["", "https://me:hidden@example.org/", "http://", "https://example.org/#hidden"] {
            let error = JwksConfig::new(location).validate().err().unwrap();
            assert!(error.to_string().starts_with("the location") && !error.to_string().contains("hidden"));
        }
        let good = JwksConfig::new("keys.json");
        for (wrong, name) in [
            (good.clone().timeout(Duration::ZERO), "timeout"),
            (good.clone().refetch_after(Duration::from_secs(3_601)), "refetch_after"),
            (good.clone().refresh(Duration::ZERO), "refresh"),
            (good.waiters_max(0), "waiters_max"),
        ] {
            assert!(wrong.validate().err().unwrap().to_string().starts_with(name), "{name}");
        }
    }

    #[test]
    fn only_this_machine_is_asked_without_tls_unless_others_are_allowed() {
        for here in ["http://localhost/keys", "http://127.0.0.1:8080/keys", "http://[::1]:8080/keys"] {
            assert!(JwksConfig::new(here).validate().is_ok(), "{here}");
        }
        for elsewhere in
            ["http://example.org/hidden", "http://127.0.0.1.example.org/", "http://[::2]/", "http://0.0.0.0/"]
        {
            let error = JwksConfig::new(elsewhere).validate().err().unwrap().to_string();
            assert!(error.contains("another machine") && !error.contains("hidden"), "{error}");
            assert!(JwksConfig::new(elsewhere).unprotected().validate().is_ok(), "{elsewhere}");
        }
    }
}
