//! Tokens, and what they are verified with.

use std::error::Error;
use std::time::{Duration, SystemTime};

use identity::{Config, Grants, KeySet, NewKey, NewToken, Signer};
use jsonwebtoken::{Algorithm, DecodingKey};

/// A token of the user `user_7f3a9b`, and what it is verified with.
#[derive(Debug)]
pub struct SignedToken {
    /// How it is signed.
    pub algorithm: Algorithm,
    /// The keys of a verifier.
    pub keys: KeySet,
    /// The same key, for a check of the signature alone.
    pub bare: DecodingKey,
    /// The token.
    pub text: String,
}

/// The time at which the tokens are made and verified.
#[must_use]
pub fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000)
}

/// Ten patterns, of which [`CHANNEL`] meets the last one.
pub fn grants() -> Grants {
    let rooms = (0..9).map(|number| format!("room:public:{number}:*"));
    Grants::default().write(rooms).write(["room:{user}:*"])
}

/// A channel of the last pattern.
pub const CHANNEL: &str = "room:user_7f3a9b:1";

impl SignedToken {
    /// Makes a token with a secret that signs and verifies.
    ///
    /// # Errors
    ///
    /// Whatever a key or a signature fails with.
    pub fn hs256() -> Result<Self, Box<dyn Error>> {
        let key = NewKey::hs256()?;
        let secret = key.signing().trim().as_bytes();
        Ok(Self {
            algorithm: Algorithm::HS256,
            keys: KeySet::from_secret(secret, None)?,
            bare: DecodingKey::from_secret(secret),
            text: token(&Signer::from_secret(secret, None)?)?,
        })
    }

    /// Makes a token with a pair of keys on the curve P-256.
    ///
    /// # Errors
    ///
    /// Whatever a key or a signature fails with.
    pub fn es256() -> Result<Self, Box<dyn Error>> {
        Self::of_pair(Algorithm::ES256, &NewKey::es256()?, DecodingKey::from_ec_pem)
    }

    /// Makes a token with a pair of Ed25519 keys.
    ///
    /// # Errors
    ///
    /// Whatever a key or a signature fails with.
    pub fn ed25519() -> Result<Self, Box<dyn Error>> {
        Self::of_pair(Algorithm::EdDSA, &NewKey::ed25519()?, DecodingKey::from_ed_pem)
    }

    fn of_pair(
        algorithm: Algorithm,
        key: &NewKey,
        bare: fn(&[u8]) -> jsonwebtoken::errors::Result<DecodingKey>,
    ) -> Result<Self, Box<dyn Error>> {
        let public = key.verifying().ok_or("a pair has a public key")?;
        Ok(Self {
            algorithm,
            keys: KeySet::from_pem(public, None)?,
            bare: bare(public.as_bytes())?,
            text: token(&Signer::from_pem(key.signing(), None)?)?,
        })
    }

    /// Returns the settings of a verifier that takes it.
    pub fn config(&self) -> Config {
        Config::new(self.keys.clone()).audience("chat")
    }
}

fn token(signer: &Signer) -> Result<String, identity::Error> {
    let token = NewToken::new("user_7f3a9b", now(), Duration::from_secs(3_600));
    signer.sign(&token.audience("chat").jti("a7").grants(grants()))
}
