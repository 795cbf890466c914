//! Makes keys, for those who have none.

use std::fmt;

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::error::{KeyRejected, Unspecified};
use aws_lc_rs::rand::{self, SystemRandom};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

use crate::error::{Error, ErrorKind};

/// A key that was made just now, as the texts of its files.
///
/// Its `Debug` shows nothing of it.
#[derive(Clone)]
pub struct NewKey {
    signing: String,
    verifying: Option<String>,
}

impl NewKey {
    /// Makes a secret for HS256: 43 letters from 32 random bytes.
    ///
    /// # Errors
    ///
    /// [`Unavailable`](ErrorKind::Unavailable) if the system has no random numbers.
    pub fn hs256() -> Result<Self, Error> {
        let mut random = [0; 32];
        rand::fill(&mut random).map_err(|_| not_made())?;
        Ok(Self { signing: format!("{}\n", URL_SAFE_NO_PAD.encode(random)), verifying: None })
    }

    /// Makes a pair of keys for ES256.
    ///
    /// # Errors
    ///
    /// [`Unavailable`](ErrorKind::Unavailable) if the system has no random numbers.
    pub fn es256() -> Result<Self, Error> {
        let private = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new());
        let private = private.map_err(|_| not_made())?;
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, private.as_ref());
        Self::of_pair(private.as_ref(), pair)
    }

    /// Makes a pair of keys for `EdDSA`, of Ed25519.
    ///
    /// # Errors
    ///
    /// [`Unavailable`](ErrorKind::Unavailable) if the system has no random numbers.
    pub fn ed25519() -> Result<Self, Error> {
        // The first version of PKCS #8 is the one that other programs read.
        let private = Ed25519KeyPair::generate_pkcs8v1(&SystemRandom::new()).map_err(|_| not_made())?;
        Self::of_pair(private.as_ref(), Ed25519KeyPair::from_pkcs8(private.as_ref()))
    }

    /// Returns what signs, for a file that nobody else reads: a PEM or a secret.
    #[must_use]
    pub fn signing(&self) -> &str {
        &self.signing
    }

    /// Returns the PEM that verifies; `None` if whoever verifies has the secret, too.
    #[must_use]
    pub fn verifying(&self) -> Option<&str> {
        self.verifying.as_deref()
    }

    fn of_pair<P>(private: &[u8], pair: Result<P, KeyRejected>) -> Result<Self, Error>
    where
        P: KeyPair,
        P::PublicKey: AsDer<PublicKeyX509Der<'static>>,
    {
        let pair = pair.map_err(|_| not_made())?;
        let public: Result<PublicKeyX509Der<'static>, Unspecified> = pair.public_key().as_der();
        let public = public.map_err(|_| not_made())?;
        let verifying = Some(pem("PUBLIC KEY", public.as_ref()));
        Ok(Self { signing: pem("PRIVATE KEY", private), verifying })
    }
}

impl fmt::Debug for NewKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NewKey(…)")
    }
}

fn not_made() -> Error {
    Error::new(ErrorKind::Unavailable, "no key could be made; does the system have random numbers?")
}

/// Lines of 64 letters between two that say what it is. Source: RFC 7468, section 2.
fn pem(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let mut pem = format!("-----BEGIN {label}-----\n");
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let (line, more) = rest.split_at(rest.len().min(64));
        pem.push_str(line);
        pem.push('\n');
        rest = more;
    }
    pem.push_str("-----END ");
    pem.push_str(label);
    pem.push_str("-----\n");
    pem
}
