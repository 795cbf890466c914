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
/// Its claims have the names that a [`Verifier`](crate::Verifier) looks for by default, unless
/// others are set.
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
    user_claim: String,
    rights_claim: String,
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
            user_claim: "sub".to_owned(),
            rights_claim: "rights".to_owned(),
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

    /// Sets which claim has the user.
    ///
    /// As [`Config::user_claim`](crate::Config::user_claim) does.
    pub fn user_claim(self, name: impl Into<String>) -> Self {
        Self { user_claim: name.into(), ..self }
    }

    /// Sets which claim has the channel patterns.
    ///
    /// As [`Config::rights_claim`](crate::Config::rights_claim) does.
    pub fn rights_claim(self, name: impl Into<String>) -> Self {
        Self { rights_claim: name.into(), ..self }
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
        let text = |text: Option<&str>| text.map(|text| json!(text));
        let all = [
            ("iat", Some(json!(issued_at))),
            ("exp", Some(json!(expires_at))),
            ("jti", text(self.jti.as_deref())),
            ("aud", text(self.audience.as_deref())),
            ("iss", text(self.issuer.as_deref())),
            ("scope", (!self.scopes.is_empty()).then(|| json!(self.scopes.to_string()))),
            (self.user_claim.as_str(), Some(json!(self.user))),
            (self.rights_claim.as_str(), (!self.grants.is_empty()).then(|| json!(self.grants))),
        ];
        let mut claims = Map::new();
        for (name, value) in all {
            let Some(value) = value else { continue };
            if claims.insert(name.to_owned(), value).is_some() {
                let text = format!("two claims of the token have the name {name:?}");
                return Err(Error::new(ErrorKind::Invalid, text));
            }
        }
        Ok(Value::Object(claims))
    }
}
