//! Whom a webhook posts to, and how.

use std::fmt;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use http::Uri;

use super::Secret;
use crate::{Error, ErrorKind};

/// How a [`Webhook`](super::Webhook) posts.
#[derive(Clone)]
#[must_use]
pub struct Config {
    url: String,
    pub(super) secret: Option<Secret>,
    pub(super) timeout: Duration,
    pub(super) bookmark: Option<PathBuf>,
    pub(super) heard_before: bool,
}

impl Config {
    /// What [`timeout`](Self::timeout) is unless it is set.
    pub const TIMEOUT_DEFAULT: Duration = Duration::from_secs(10);

    /// Between what [`timeout`](Self::timeout) is.
    pub const TIMEOUT_BOUNDS: RangeInclusive<Duration> =
        Duration::from_millis(100)..=Duration::from_secs(10 * 60);

    /// Creates a configuration that posts to an address.
    ///
    /// It is like `https://example.org/presence`. The address has no user and password. Its path
    /// and its query may be a secret: nothing shows them. One with `https` needs the feature `tls`,
    /// and that the system has certificates.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            secret: None,
            timeout: Self::TIMEOUT_DEFAULT,
            bookmark: None,
            heard_before: false,
        }
    }

    /// Sets the key that signs the posts, so that the receiver knows who posts.
    ///
    /// None by default: set one wherever others can reach the receiver.
    pub fn secret(self, secret: Secret) -> Self {
        Self { secret: Some(secret), ..self }
    }

    /// Sets how long the receiver may take to answer before the post is repeated.
    ///
    /// 100 ms to 10 min, or 10 s by default. Set it above what the receiver takes on a bad day:
    /// what it was still working on comes again.
    pub fn timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    /// Sets the file that keeps how far the receiver has heard, over restarts.
    ///
    /// Its folder exists; a second file beside it has the extension `new`. None by default: then
    /// each start begins with new events. Set it where presence outlives the process, and where the
    /// receiver has to be told that events were lost.
    pub fn bookmark(self, path: impl Into<PathBuf>) -> Self {
        Self { bookmark: Some(path.into()), ..self }
    }

    /// Sets whether the receiver may have heard of events before this start.
    ///
    /// False by default. If it is true, a bookmark that is missing is no first start: the receiver
    /// is told that an unknown number of events is lost. For programs that know, from a note of
    /// their own, that they ran before.
    pub fn heard_before(self, heard_before: bool) -> Self {
        Self { heard_before, ..self }
    }

    /// Checks everything, and returns the address.
    pub(super) fn validate(&self) -> Result<Uri, Error> {
        if !Self::TIMEOUT_BOUNDS.contains(&self.timeout) {
            let (least, most) = Self::TIMEOUT_BOUNDS.into_inner();
            let text = format!("timeout is {:?}; it must be from {least:?} to {most:?}", self.timeout);
            return Err(Error::new(ErrorKind::Config, text));
        }
        let is_plain = |url: &Uri| {
            matches!(url.scheme_str(), Some("http" | "https"))
                && url.authority().is_some_and(|authority| !authority.as_str().contains('@'))
                && !self.url.contains('#')
        };
        let url = self.url.parse().ok().filter(is_plain);
        url.ok_or_else(|| {
            // What may be a secret is not repeated.
            let text = "url is not a web address; give one without user and password, like \
                        https://example.org/presence";
            Error::new(ErrorKind::Config, text)
        })
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Config");
        debug.field("secret", &self.secret).field("timeout", &self.timeout);
        debug.field("bookmark", &self.bookmark).field("heard_before", &self.heard_before);
        debug.finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrong_settings_are_named_and_addresses_are_not_repeated() {
        let good = Config::new("http://127.0.0.1:1/hook?token=hidden");
        assert!(good.validate().is_ok() && !format!("{good:?}").contains("hidden"));
        for url in
            ["", "hidden", "ftp://hidden.org", "http://me:hidden@example.org", "http://example.org/#hidden"]
        {
            let error = Config::new(url).validate().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config);
            assert!(error.to_string().starts_with("url is") && !error.to_string().contains("hidden"));
        }
        for timeout in [Duration::ZERO, Duration::from_secs(601)] {
            let error = good.clone().timeout(timeout).validate().unwrap_err();
            assert!(error.to_string().starts_with("timeout is"), "{error}");
        }
    }
}
