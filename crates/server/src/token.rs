//! `tidings token`: a token that this server takes.
//!
//! It is made with a key of the operator.

use anyhow::Context as _;
use tidings::identity::{NewToken, Signer};

use crate::clock;
use crate::config::{Logins, TokenWish};

/// Makes the token. What the settings say of audience, issuer and the names of claims it has by
/// itself, so that a server with the same settings takes it.
pub(crate) fn token(logins: &Logins, wish: TokenWish) -> anyhow::Result<String> {
    let TokenWish { key, user, ttl, scopes, grants, jti, audience, issuer, kid } = wish;
    let mut token = NewToken::new(user, clock::now(), ttl)
        .scopes(scopes)
        .grants(grants)
        .user_claim(&logins.user_claim)
        .rights_claim(&logins.rights_claim);
    if let Some(jti) = jti {
        token = token.jti(jti);
    }
    // An empty text stands for none, as in the settings.
    let given = |text: Option<String>, setting: Option<&String>| {
        text.or_else(|| setting.cloned()).filter(|text| !text.is_empty())
    };
    if let Some(audience) = given(audience, logins.audience.as_ref()) {
        token = token.audience(audience);
    }
    if let Some(issuer) = given(issuer, logins.issuer.as_ref()) {
        token = token.issuer(issuer);
    }
    let signer = Signer::from_file(key, kid.as_deref()).context("--key")?;
    Ok(signer.sign(&token)?)
}
