//! What a token that is yet to be signed says.

use std::time::{Duration, SystemTime};

use serde_json::{Map, Value, json};

use crate::error::{Error, ErrorKind};
use crate::grants::Grants;
use crate::identity::Identity;
use crate::scopes::Scopes;
use crate::unix;

/// What a token that is yet to be signed says of its user.
///
/// Its claims have the names that a [`Verifier`](crate::Verifier) looks for by default.
#[derive(Debug, Clone)]
#[must_use]
pub struct NewToken {
    user: String,
    issued_at: SystemTime,
    ttl: Duration,
    jti: Option<String>,
    audience: Option<String>,
    issuer: Option<String>,
    scopes: Scopes,
    grants: Grants,
}

impl NewToken {
    /// Creates a token that is good from now on for `ttl`.
    pub fn new(user: impl Into<String>, now: SystemTime, ttl: Duration) -> Self {
        Self {
            user: user.into(),
            issued_at: now,
            ttl,
            jti: None,
            audience: None,
            issuer: None,
            scopes: Scopes::default(),
            grants: Grants::default(),
        }
    }

    /// Sets a name, by which this one token can be revoked.
    pub fn jti(self, jti: impl Into<String>) -> Self {
        Self { jti: Some(jti.into()), ..self }
    }

    /// Sets for whom it is.
    pub fn audience(self, audience: impl Into<String>) -> Self {
        Self { audience: Some(audience.into()), ..self }
    }

    /// Sets from whom it is.
    pub fn issuer(self, issuer: impl Into<String>) -> Self {
        Self { issuer: Some(issuer.into()), ..self }
    }

    /// Sets what its user may do as a service.
    pub fn scopes(self, scopes: Scopes) -> Self {
        Self { scopes, ..self }
    }

    /// Sets what its user may do in channels.
    ///
    /// A token without a pattern has no such claim, and gets what its verifier gives to those.
    pub fn grants(self, grants: Grants) -> Self {
        Self { grants, ..self }
    }

    pub(crate) fn claims(&self) -> Result<Value, Error> {
        Identity::check_user(&self.user)?;
        self.jti.as_deref().map_or(Ok(()), Identity::check_jti)?;
        self.grants.rights_of(&self.user)?;
        let issued_at = unix::seconds(self.issued_at);
        let expires_at = issued_at.saturating_add(self.ttl.as_secs());
        if self.ttl.as_secs() == 0 || expires_at > unix::SECONDS_MAX {
            return Err(Error::new(ErrorKind::Invalid, "the token would never be valid, or for ever"));
        }
        let mut claims = Map::new();
        claims.insert("sub".to_owned(), json!(self.user));
        claims.insert("iat".to_owned(), json!(issued_at));
        claims.insert("exp".to_owned(), json!(expires_at));
        for (name, text) in [("jti", &self.jti), ("aud", &self.audience), ("iss", &self.issuer)] {
            if let Some(text) = text {
                claims.insert(name.to_owned(), json!(text));
            }
        }
        if !self.scopes.is_empty() {
            claims.insert("scope".to_owned(), json!(self.scopes.to_string()));
        }
        if !self.grants.is_empty() {
            claims.insert("rights".to_owned(), json!(self.grants));
        }
        Ok(Value::Object(claims))
    }
}
