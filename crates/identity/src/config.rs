//! Which tokens are accepted.

use std::ops::RangeInclusive;
use std::time::Duration;

use crate::error::Error;
use crate::grants::Grants;
use crate::jwks_source::JwksSource;
use crate::key_set::KeySet;
use crate::revocations::Revocations;

/// Names of claims that mean something to every token.
const REGISTERED: [&str; 6] = ["exp", "nbf", "iat", "iss", "aud", "jti"];

/// Which tokens a [`Verifier`](crate::Verifier) accepts.
#[derive(Debug, Clone)]
#[must_use]
pub struct Config {
    pub(crate) keys: KeySet,
    pub(crate) jwks: Option<JwksSource>,
    pub(crate) revocations: Option<Revocations>,
    pub(crate) audience: Option<String>,
    pub(crate) issuer: Option<String>,
    pub(crate) user_claim: String,
    pub(crate) rights_claim: String,
    pub(crate) scope_claim: String,
    pub(crate) grants: Grants,
    pub(crate) leeway: Duration,
    pub(crate) lifetime_max: Duration,
    pub(crate) token_bytes_max: usize,
    pub(crate) seen_max: usize,
}

impl Config {
    /// What [`leeway`](Self::leeway) is unless it is set.
    pub const LEEWAY_DEFAULT: Duration = Duration::from_secs(30);

    /// Between what [`leeway`](Self::leeway) is.
    pub const LEEWAY_BOUNDS: RangeInclusive<Duration> = Duration::from_secs(0)..=Duration::from_secs(10 * 60);

    /// What [`lifetime_max`](Self::lifetime_max) is unless it is set.
    pub const LIFETIME_MAX_DEFAULT: Duration = Duration::from_secs(24 * 60 * 60);

    /// Between what [`lifetime_max`](Self::lifetime_max) is.
    pub const LIFETIME_MAX_BOUNDS: RangeInclusive<Duration> =
        Duration::from_secs(60)..=Duration::from_secs(366 * 24 * 60 * 60);

    /// What [`token_bytes_max`](Self::token_bytes_max) is unless it is set.
    pub const TOKEN_BYTES_MAX_DEFAULT: usize = 8 * 1024;

    /// Between what [`token_bytes_max`](Self::token_bytes_max) is.
    pub const TOKEN_BYTES_MAX_BOUNDS: RangeInclusive<usize> = 256..=64 * 1024;

    /// What [`seen_max`](Self::seen_max) is unless it is set.
    pub const SEEN_MAX_DEFAULT: usize = 10_000;

    /// Between what [`seen_max`](Self::seen_max) is.
    pub const SEEN_MAX_BOUNDS: RangeInclusive<usize> = 0..=1_000_000;

    /// Creates a configuration that accepts tokens signed with these keys.
    ///
    /// An empty set is for a program whose keys come from a [`JwksSource`] alone.
    pub fn new(keys: KeySet) -> Self {
        Self {
            keys,
            jwks: None,
            revocations: None,
            audience: None,
            issuer: None,
            user_claim: "sub".to_owned(),
            rights_claim: "rights".to_owned(),
            scope_claim: "scope".to_owned(),
            grants: Grants::default(),
            leeway: Self::LEEWAY_DEFAULT,
            lifetime_max: Self::LIFETIME_MAX_DEFAULT,
            token_bytes_max: Self::TOKEN_BYTES_MAX_DEFAULT,
            seen_max: Self::SEEN_MAX_DEFAULT,
        }
    }

    /// Sets where more keys come from, which change while the program runs.
    ///
    /// None by default. A key of the configuration goes before one of the same name from there.
    pub fn jwks(self, source: JwksSource) -> Self {
        Self { jwks: Some(source), ..self }
    }

    /// Sets which tokens were revoked.
    ///
    /// None by default: then a token is good until it expires.
    pub fn revocations(self, revocations: Revocations) -> Self {
        Self { revocations: Some(revocations), ..self }
    }

    /// Sets for whom tokens are: this text is, or is among, their `aud`.
    ///
    /// None by default: then a token that is for somebody is refused, and one that is for nobody
    /// in particular is accepted. Set it wherever the issuer makes tokens for others, too.
    pub fn audience(self, audience: impl Into<String>) -> Self {
        Self { audience: Some(audience.into()), ..self }
    }

    /// Sets from whom tokens are: this text is their `iss`.
    ///
    /// None by default: then they may be from anybody who has the keys.
    pub fn issuer(self, issuer: impl Into<String>) -> Self {
        Self { issuer: Some(issuer.into()), ..self }
    }

    /// Sets which claim has the id of the user.
    ///
    /// It is `sub` by default. Change it if your issuer has the id that your messages use under
    /// another name.
    pub fn user_claim(self, name: impl Into<String>) -> Self {
        Self { user_claim: name.into(), ..self }
    }

    /// Sets which claim has the channel patterns.
    ///
    /// It is `rights` by default, an object like `{"bind": ["room:*"], "write": []}`; see
    /// [`Grants`].
    pub fn rights_claim(self, name: impl Into<String>) -> Self {
        Self { rights_claim: name.into(), ..self }
    }

    /// Sets which claim has the scopes.
    ///
    /// It is `scope` by default, words with spaces between, or a list of words.
    pub fn scope_claim(self, name: impl Into<String>) -> Self {
        Self { scope_claim: name.into(), ..self }
    }

    /// Sets the channel patterns of tokens that have none.
    ///
    /// There are none by default: then such a token gives no right in any channel.
    pub fn grants(self, grants: Grants) -> Self {
        Self { grants, ..self }
    }

    /// Sets how far the clocks of the issuer and of this program may be apart.
    ///
    /// 0 s to 10 min; default 30 s. A token is accepted so much longer, too.
    pub fn leeway(self, leeway: Duration) -> Self {
        Self { leeway, ..self }
    }

    /// Sets for how long a token may be valid.
    ///
    /// 60 s to 366 days; default 24 h. Revocations are kept for so long. More, for services whose
    /// tokens are changed by hand.
    pub fn lifetime_max(self, lifetime_max: Duration) -> Self {
        Self { lifetime_max, ..self }
    }

    /// Sets how long the text of a token may be, in bytes.
    ///
    /// 256 to 65,536; default 8,192. More, if your issuer puts many claims into a token.
    pub fn token_bytes_max(self, token_bytes_max: usize) -> Self {
        Self { token_bytes_max, ..self }
    }

    /// Sets how many tokens that were verified are remembered.
    ///
    /// 0 to 1,000,000; default 10,000. Each takes up to 4 KiB; one that would take more is verified
    /// each time. More, where more users than that come back all the time.
    pub fn seen_max(self, seen_max: usize) -> Self {
        Self { seen_max, ..self }
    }

    /// Returns for how long after its revocation a token may be valid, at most.
    ///
    /// [`Revocations`] are to be kept for so long.
    #[must_use]
    pub fn longest_validity(&self) -> Duration {
        // It may be issued a leeway in the future, and is accepted for a leeway after its end.
        // It is asked before anything is validated.
        self.lifetime_max.saturating_add(self.leeway.saturating_mul(2))
    }

    pub(crate) fn validate(&self) -> Result<(), Error> {
        if self.keys.is_empty() && self.jwks.is_none() {
            return Err(Error::config("there is no key to verify tokens with; give one, or a key set"));
        }
        for (name, value, bounds) in [
            ("leeway", self.leeway, Self::LEEWAY_BOUNDS),
            ("lifetime_max", self.lifetime_max, Self::LIFETIME_MAX_BOUNDS),
        ] {
            if !bounds.contains(&value) {
                let (least, most) = bounds.into_inner();
                let text = format!("{name} is {value:?}; it must be from {least:?} to {most:?}");
                return Err(Error::config(text));
            }
        }
        for (name, value, bounds) in [
            ("token_bytes_max", self.token_bytes_max, Self::TOKEN_BYTES_MAX_BOUNDS),
            ("seen_max", self.seen_max, Self::SEEN_MAX_BOUNDS),
        ] {
            if !bounds.contains(&value) {
                let (least, most) = bounds.into_inner();
                return Err(Error::config(format!("{name} is {value}; it must be from {least} to {most}")));
            }
        }
        self.check_names()?;
        self.check_revocations()?;
        self.grants.rights_of("x").map(drop).map_err(|error| Error::config(format!("grants: {error}")))
    }

    fn check_names(&self) -> Result<(), Error> {
        let names = [
            ("user_claim", &self.user_claim),
            ("rights_claim", &self.rights_claim),
            ("scope_claim", &self.scope_claim),
        ];
        for (number, (setting, name)) in names.iter().enumerate() {
            let is_taken = names[..number].iter().any(|(_, other)| other == name);
            if name.is_empty() || REGISTERED.contains(&name.as_str()) || is_taken {
                let text = format!("{setting} is {name:?}; it must be a claim that is nothing else");
                return Err(Error::config(text));
            }
        }
        Ok(())
    }

    /// Revocations that are forgotten too early would let a revoked token in again.
    fn check_revocations(&self) -> Result<(), Error> {
        let needed = self.longest_validity();
        match self.revocations.as_ref().map(Revocations::kept_for) {
            Some(kept) if kept < needed => Err(Error::config(format!(
                "revocations are kept for {kept:?}, and a token may be valid for {needed:?} after its \
                 revocation; keep them for as long"
            ))),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;
    use crate::revocations::RevocationsConfig;

    fn config() -> Config {
        Config::new(KeySet::from_secret(&[7; 32], None).unwrap())
    }

    #[test]
    fn the_longest_validity_of_wrong_settings_is_long() {
        let day = Duration::from_secs(24 * 60 * 60);
        assert_eq!(config().longest_validity(), day + Duration::from_secs(60));
        for wrong in [config().lifetime_max(Duration::MAX), config().leeway(Duration::MAX)] {
            assert_eq!(wrong.longest_validity(), Duration::MAX);
        }
    }

    #[test]
    fn wrong_settings_are_named() {
        assert!(config().validate().is_ok());
        let short = Revocations::new(RevocationsConfig::new(Duration::from_secs(60))).unwrap();
        for (wrong, name) in [
            (Config::new(KeySet::default()), "there is no key"),
            (config().leeway(Duration::from_secs(601)), "leeway"),
            (config().lifetime_max(Duration::ZERO), "lifetime_max"),
            (config().token_bytes_max(255), "token_bytes_max"),
            (config().seen_max(1_000_001), "seen_max"),
            (config().user_claim("exp"), "user_claim"),
            (config().user_claim(""), "user_claim"),
            (config().scope_claim("rights"), "scope_claim"),
            (config().grants(Grants::default().bind(["a*b"])), "grants"),
            (config().revocations(short), "revocations are kept for"),
        ] {
            let error = wrong.validate().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config);
            assert!(error.to_string().starts_with(name), "{error}");
        }
    }
}
