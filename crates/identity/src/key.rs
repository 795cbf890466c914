//! One key that verifies, read from what people have.

use std::borrow::Cow;
use std::fmt;

use aws_lc_rs::hmac;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RsaParameters,
    RsaPublicKeyComponents,
};
use jsonwebtoken::DecodingKey;

use crate::algorithm::Algorithm;
use crate::of_pair::is_of_pair;
use crate::refusal::Refusal;
use crate::token::Token;

/// How short a secret may be: as long as what HS256 computes.
pub(crate) const SECRET_BYTES_MIN: usize = 32;

/// What is wrong with a secret that is none.
pub(crate) const OF_PAIR: &str =
    "has a key of a pair where a secret belongs, and its public half is no secret; give the key as PEM";

const RSA_BITS_MIN: usize = 2_048;
const RSA_BITS_MAX: usize = 8_192;

/// How long an exponent may be; the usual one has 3 bytes.
const EXPONENT_BYTES_MAX: usize = 4;

const ED25519_BYTES: usize = 32;

/// How long the name of a key may be.
pub(crate) const KID_BYTES_MAX: usize = 512;

/// What is wrong with a key: it goes on after the name of the file.
pub(crate) type Fault = Cow<'static, str>;

/// A key and what it is for.
pub(crate) struct Key {
    kid: Option<Box<str>>,
    algorithm: Algorithm,
    material: Material,
}

/// Keys are parsed once: parsing an RSA key takes a part of the time of a verification.
enum Material {
    Secret(Box<hmac::Key>),
    Public(ParsedPublicKey),
}

impl Key {
    /// Takes a secret for HS256.
    pub(crate) fn secret(bytes: &[u8], kid: Option<&str>) -> Result<Self, Fault> {
        if bytes.len() < SECRET_BYTES_MIN {
            let length = bytes.len();
            return Err(format!(
                "has a secret of {length} bytes; HS256 needs {SECRET_BYTES_MIN} or more that nobody can guess"
            )
            .into());
        }
        if is_of_pair(bytes) {
            return Err(OF_PAIR.into());
        }
        let material = Material::Secret(Box::new(hmac::Key::new(hmac::HMAC_SHA256, bytes)));
        Self::new(kid, Algorithm::Hs256, material)
    }

    /// Reads the PEM of one public key, which says by itself what it is for.
    pub(crate) fn pem(text: &str, kid: Option<&str>) -> Result<Self, Fault> {
        if text.contains("PRIVATE KEY-----") {
            return Err("has a private key; whoever verifies needs the public one alone".into());
        }
        let is_public = ["-----BEGIN PUBLIC KEY-----", "-----BEGIN RSA PUBLIC KEY-----"]
            .iter()
            .any(|begin| text.contains(begin));
        if !is_public || text.matches("-----BEGIN ").count() != 1 {
            return Err("does not have exactly one PEM of a public key".into());
        }
        let pem = text.as_bytes();
        if let Ok(key) = DecodingKey::from_ed_pem(pem) {
            return Self::ed25519(raw(&key)?, kid);
        }
        if let Ok(key) = DecodingKey::from_ec_pem(pem) {
            return Self::p256(raw(&key)?, kid);
        }
        match DecodingKey::from_rsa_pem(pem) {
            Ok(key) => Self::rsa(raw(&key)?, kid),
            Err(_) => Err("has a PEM that cannot be read; RSA, P-256 and Ed25519 can".into()),
        }
    }

    /// Takes the point of a key of Ed25519.
    pub(crate) fn ed25519(point: &[u8], kid: Option<&str>) -> Result<Self, Fault> {
        // The library would also read a key that says by itself what it is for.
        if point.len() != ED25519_BYTES {
            return Err("has no key of Ed25519".into());
        }
        let key = ParsedPublicKey::new(&ED25519, point).map_err(|_| "has no key of Ed25519")?;
        Self::new(kid, Algorithm::EdDsa, Material::Public(key))
    }

    /// Takes the point of a key of P-256, not compressed.
    pub(crate) fn p256(point: &[u8], kid: Option<&str>) -> Result<Self, Fault> {
        let key = ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point)
            .map_err(|_| "has a key of another curve than P-256, which ES256 needs")?;
        Self::new(kid, Algorithm::Es256, Material::Public(key))
    }

    /// Takes a key of RSA in the encoding of PKCS #1.
    fn rsa(der: &[u8], kid: Option<&str>) -> Result<Self, Fault> {
        let bits = RsaParameters::public_modulus_len(der).map_err(|_| "has no key of RSA")?;
        check_bits(usize::try_from(bits).unwrap_or(usize::MAX))?;
        let key = ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, der).map_err(|_| "has no key of RSA")?;
        Self::new(kid, Algorithm::Rs256, Material::Public(key))
    }

    /// Takes the modulus and the exponent of a key of RSA.
    pub(crate) fn rsa_parts(n: &[u8], e: &[u8], kid: Option<&str>) -> Result<Self, Fault> {
        let zeros = n.first().map_or(0, |first| first.leading_zeros());
        check_bits((n.len() * 8).saturating_sub(usize::try_from(zeros).unwrap_or(0)))?;
        // The library finds it out with each token alone.
        let is_odd = e.last().is_some_and(|last| last % 2 == 1);
        if !is_odd || e == [1] || e.len() > EXPONENT_BYTES_MAX {
            return Err("has an RSA key whose exponent is not odd and from 3 to 4294967295".into());
        }
        let key = RsaPublicKeyComponents { n, e }
            .to_parsed_public_key(&RSA_PKCS1_2048_8192_SHA256)
            .map_err(|_| "has no key of RSA")?;
        Self::new(kid, Algorithm::Rs256, Material::Public(key))
    }

    fn new(kid: Option<&str>, algorithm: Algorithm, material: Material) -> Result<Self, Fault> {
        match kid {
            Some(kid) if kid.is_empty() || kid.len() > KID_BYTES_MAX => {
                Err(format!("has a kid that is not 1 to {KID_BYTES_MAX} bytes long").into())
            }
            _ => Ok(Self { kid: kid.map(Into::into), algorithm, material }),
        }
    }

    pub(crate) fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// Says why a token is not signed with this key. The token's algorithm chooses nothing: it has
    /// to be the key's.
    pub(crate) fn check(&self, token: &Token<'_>) -> Result<(), Refusal> {
        if token.algorithm() != self.algorithm.name() {
            return Err(Refusal::Algorithm);
        }
        let (message, signature) = (token.message(), token.signature());
        let verified = match &self.material {
            Material::Secret(key) => hmac::verify(key, message, signature),
            Material::Public(key) => key.verify_sig(message, signature),
        };
        verified.map_err(|_| Refusal::Signature)
    }
}

/// The bytes that a PEM held.
fn raw(key: &DecodingKey) -> Result<&[u8], Fault> {
    key.try_get_as_bytes().map_err(|_| "has a PEM that cannot be read".into())
}

fn check_bits(bits: usize) -> Result<(), Fault> {
    if (RSA_BITS_MIN..=RSA_BITS_MAX).contains(&bits) {
        return Ok(());
    }
    Err(format!("has an RSA key of {bits} bits; it must have {RSA_BITS_MIN} to {RSA_BITS_MAX}").into())
}

impl fmt::Debug for Key {
    /// Writes nothing of the key itself.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Key");
        debug.field("kid", &self.kid).field("algorithm", &self.algorithm).finish_non_exhaustive()
    }
}
