//! Decides whether a token is good, and what it says.

use std::sync::Arc;
use std::time::SystemTime;

use channel_rights::Rights;

use crate::claims::{Claims, Names};
use crate::config::Config;
use crate::error::Error;
use crate::identity::Identity;
use crate::jwks_source::JwksSource;
use crate::key_set::KeySet;
use crate::refusal::Refusal;
use crate::seen::Seen;
use crate::token::Token;
use crate::unix;

/// Verifies tokens: cheap to clone, and safe to ask from all threads.
///
/// A token goes through these in turn, and the first that it fails refuses it: its length; whether
/// it was seen before; its form; its key and signature; the claims of time; `aud` and `iss`; the
/// user and the rights; revocations. Nothing that a token claims is looked at before its signature
/// is known to be right.
///
/// ```
/// use std::time::{Duration, SystemTime};
///
/// use identity::{Config, KeySet, NewToken, Refusal, Signer, Verifier};
///
/// # fn main() -> Result<(), identity::Error> {
/// let secret = b"an example that everybody can read";
/// let verifier = Verifier::new(Config::new(KeySet::from_secret(secret, None)?).audience("chat"))?;
///
/// let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
/// let token = NewToken::new("bob", now, Duration::from_secs(60)).audience("chat");
/// let token = Signer::from_secret(secret, None)?.sign(&token)?;
///
/// assert_eq!(verifier.verify(&token, now).map(|identity| identity.user().to_owned()), Ok("bob".into()));
/// let later = now + Duration::from_secs(100);
/// assert_eq!(verifier.verify(&token, later), Err(Refusal::Expired));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Verifier(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    config: Config,
    seen: Seen,
    /// The rights of users whose tokens have none, where they are the same for all of them.
    of_all: Option<Arc<Rights>>,
}

impl Verifier {
    /// Creates a verifier.
    ///
    /// # Errors
    ///
    /// [`Config`](crate::ErrorKind::Config) if a setting is out of its bounds, there is no key, or
    /// revocations are forgotten before the tokens that they concern have ended.
    pub fn new(config: Config) -> Result<Self, Error> {
        config.validate()?;
        let seen = Seen::new(config.seen_max);
        let grants = &config.grants;
        // Connections keep their rights for long, so what is the same for all is there once.
        let of_all = (!grants.is_empty() && !grants.names_user()).then(|| grants.rights_of(""));
        let of_all = of_all.transpose()?.map(Arc::new);
        Ok(Self(Arc::new(Shared { config, seen, of_all })))
    }

    /// Verifies a token with the keys that are known.
    ///
    /// It waits for nothing. The time is the wall time, of which a test can give any.
    ///
    /// # Errors
    ///
    /// A [`Refusal`] says why the token is not accepted.
    pub fn verify(&self, token: &str, now: SystemTime) -> Result<Identity, Refusal> {
        let (version, fetched) = self.fetched();
        self.verify_with(token, now, version, &fetched)
    }

    /// Verifies a token, and looks for new keys if its own is not known.
    ///
    /// Without a [`JwksSource`] it is the same as [`verify`](Self::verify).
    /// However many tokens name keys that nobody has, keys are fetched once in a while alone.
    ///
    /// # Cancel safety
    ///
    /// It may be dropped at any time; a fetch that has begun goes on for others.
    ///
    /// # Errors
    ///
    /// A [`Refusal`] says why the token is not accepted.
    pub async fn verify_or_fetch(&self, token: &str, now: SystemTime) -> Result<Identity, Refusal> {
        let (version, verified) = {
            let (version, fetched) = self.fetched();
            (version, self.verify_with(token, now, version, &fetched))
        };
        if verified == Err(Refusal::UnknownKey)
            && let Some(source) = &self.0.config.jwks
            && source.look_for_new_keys(version).await
        {
            return self.verify(token, now);
        }
        verified
    }

    /// Forgets tokens that have expired or were revoked.
    ///
    /// None of them is accepted either way; it gives memory back. Call it now and then, and after
    /// revocations.
    pub fn forget(&self, now: SystemTime) {
        self.0.seen.remove_all(|identity| self.still(identity, now).is_err());
    }

    /// Returns how many tokens are remembered.
    #[must_use]
    pub fn seen(&self) -> usize {
        self.0.seen.len()
    }

    /// The keys that were fetched last, and of which version they are.
    fn fetched(&self) -> (u64, KeySet) {
        self.0.config.jwks.as_ref().map_or_else(|| (0, KeySet::default()), JwksSource::keys)
    }

    /// Verifies a token with the keys of the configuration and those that were fetched.
    ///
    /// Of which version the keys are was read before: keys that come in between make the token be
    /// verified again, and never let one of an old key stay.
    fn verify_with(
        &self,
        token: &str,
        now: SystemTime,
        version: u64,
        fetched: &KeySet,
    ) -> Result<Identity, Refusal> {
        let Shared { config, seen, .. } = &*self.0;
        if token.len() > config.token_bytes_max {
            return Err(Refusal::TooLong);
        }
        if let Some(identity) = seen.get(token, version) {
            return self.still(&identity, now).map(|()| identity).inspect_err(|_| seen.remove(token));
        }
        let identity = self.read(token, fetched, unix::seconds(now))?;
        self.still(&identity, now)?;
        seen.insert(token, &identity, version);
        Ok(identity)
    }

    /// Says whether what a token said is still so.
    fn still(&self, identity: &Identity, now: SystemTime) -> Result<(), Refusal> {
        let config = &self.0.config;
        if identity.expires_second().saturating_add(config.leeway.as_secs()) <= unix::seconds(now) {
            return Err(Refusal::Expired);
        }
        match &config.revocations {
            Some(revocations) if revocations.is_revoked(identity, now) => Err(Refusal::Revoked),
            _ => Ok(()),
        }
    }

    /// Reads a token that was not seen before.
    fn read(&self, token: &str, fetched: &KeySet, now: u64) -> Result<Identity, Refusal> {
        let config = &self.0.config;
        let token = Token::parse(token)?;
        self.check_signature(&token, fetched)?;
        let names =
            Names { user: &config.user_claim, rights: &config.rights_claim, scopes: &config.scope_claim };
        let claims = names.read(&token.claims()?).map_err(|_| Refusal::Claim)?;
        let expires_at = self.check_times(&claims, now)?;
        self.check_addresses(&claims)?;
        self.identity(&claims, expires_at)
    }

    /// Finds the key by its name, and only then looks whether the token is signed with it.
    fn check_signature(&self, token: &Token<'_>, fetched: &KeySet) -> Result<(), Refusal> {
        let all = || self.0.config.keys.keys().chain(fetched.keys());
        let named = token.kid().and_then(|kid| all().find(|key| key.kid() == Some(kid)));
        if let Some(key) = named {
            return key.check(token);
        }
        let is_only = token.kid().is_none() && all().count() == 1;
        let mut refusal = Refusal::UnknownKey;
        for key in all().filter(|key| is_only || key.kid().is_none()) {
            match key.check(token) {
                Ok(()) => return Ok(()),
                // Another algorithm than that of one key may be that of the next.
                Err(why) if refusal != Refusal::Signature => refusal = why,
                Err(_) => {}
            }
        }
        // A name that is not known yet may come with the next fetch.
        if token.kid().is_some() && self.0.config.jwks.is_some() {
            refusal = Refusal::UnknownKey;
        }
        Err(refusal)
    }

    fn check_times(&self, claims: &Claims, now: u64) -> Result<u64, Refusal> {
        let leeway = self.0.config.leeway.as_secs();
        let expires_at = claims.expires_at.ok_or(Refusal::NoExpiry)?;
        if expires_at.saturating_add(leeway) <= now {
            return Err(Refusal::Expired);
        }
        let begins = claims.not_before.max(claims.issued_at).unwrap_or_default();
        if begins > now.saturating_add(leeway) {
            return Err(Refusal::TooEarly);
        }
        // One without `iat` counts as issued now, which is the latest that it can be.
        let issued_at = claims.issued_at.unwrap_or(now);
        if expires_at.saturating_sub(issued_at) > self.0.config.lifetime_max.as_secs() {
            return Err(Refusal::TooLongLived);
        }
        Ok(expires_at)
    }

    fn check_addresses(&self, claims: &Claims) -> Result<(), Refusal> {
        let config = &self.0.config;
        let is_for_us = match (&config.audience, &claims.audiences) {
            (Some(ours), Some(theirs)) => theirs.contains(ours),
            (Some(_), None) => false,
            // A token for somebody is not for whoever has no name. Source: RFC 7519, section 4.1.3.
            (None, theirs) => theirs.is_none(),
        };
        if !is_for_us {
            return Err(Refusal::Audience);
        }
        if config.issuer.is_some() && config.issuer != claims.issuer {
            return Err(Refusal::Issuer);
        }
        Ok(())
    }

    fn identity(&self, claims: &Claims, expires_at: u64) -> Result<Identity, Refusal> {
        let user = claims.user.as_deref().ok_or(Refusal::User)?;
        let mut identity = Identity::new(user, unix::time(expires_at)).map_err(|_| Refusal::User)?;
        let grants = claims.grants.as_ref().unwrap_or(&self.0.config.grants);
        if let (None, Some(rights)) = (&claims.grants, &self.0.of_all) {
            identity = identity.with_rights(Arc::clone(rights));
        } else if !grants.is_empty() {
            identity = identity.with_rights(grants.claimed_by(user).map_err(|_| Refusal::Rights)?);
        }
        if let Some(issued_at) = claims.issued_at {
            identity = identity.with_issued_at(unix::time(issued_at));
        }
        if let Some(jti) = &claims.jti {
            identity = identity.with_jti(jti).map_err(|_| Refusal::Claim)?;
        }
        Ok(identity.with_scopes(claims.scopes.unwrap_or_default()))
    }
}
