//! The JSON of a key set.
//!
//! Source: RFC 7517; RFC 7518, section 6; RFC 8037, section 2.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::key::{Fault, Key};

/// Where a key set comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// A file or a program's own memory, which may have secrets.
    Private,
    /// An address, where others can read it, too.
    Published,
}

#[derive(Deserialize)]
struct Jwks {
    keys: Vec<Jwk>,
}

/// One key with the fields that are looked at.
#[derive(Deserialize)]
struct Jwk {
    kty: String,
    kid: Option<String>,
    #[serde(rename = "use")]
    purpose: Option<String>,
    key_ops: Option<Vec<String>>,
    alg: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
    k: Option<String>,
    /// Where a private key has its secret.
    d: Option<IgnoredAny>,
}

/// Reads the keys that can verify tokens. Those for something else are left out; one that says it
/// can, and cannot, is a fault.
pub(crate) fn read(text: &str, origin: Origin) -> Result<Vec<Key>, Fault> {
    // The error would repeat what stands in the text, which may be a secret.
    let jwks: Jwks = serde_json::from_str(text)
        .map_err(|error| format!("is no key set (line {}, column {})", error.line(), error.column()))?;
    let mut keys = Vec::new();
    for jwk in jwks.keys.iter().filter(|jwk| jwk.verifies()) {
        keys.extend(jwk.key(origin).map_err(|fault| match &jwk.kid {
            Some(kid) => Fault::from(format!("{fault}, at the kid {kid:?}")),
            None => fault,
        })?);
    }
    if keys.is_empty() {
        return Err("has no key that tokens can be verified with: RS256, ES256, EdDSA or HS256".into());
    }
    Ok(keys)
}

impl Jwk {
    fn verifies(&self) -> bool {
        let is_for_signatures = self.purpose.as_ref().is_none_or(|purpose| purpose == "sig");
        let operations = self.key_ops.as_ref();
        is_for_signatures && operations.is_none_or(|list| list.iter().any(|name| name == "verify"))
    }

    /// Makes the key; none if it is for another algorithm.
    fn key(&self, origin: Origin) -> Result<Option<Key>, Fault> {
        let kid = self.kid.as_deref();
        let key = match (self.kty.as_str(), self.crv.as_deref()) {
            ("RSA", _) if self.is_for("RS256") => {
                self.is_public()?;
                Key::rsa_parts(&part(self.n.as_deref(), "n")?, &part(self.e.as_deref(), "e")?, kid)?
            }
            ("EC", Some("P-256")) if self.is_for("ES256") => {
                self.is_public()?;
                let (x, y) = (part(self.x.as_deref(), "x")?, part(self.y.as_deref(), "y")?);
                if x.len() != 32 || y.len() != 32 {
                    return Err("has a point that is not on P-256".into());
                }
                Key::p256(&[&[4_u8][..], &x, &y].concat(), kid)?
            }
            ("OKP", Some("Ed25519")) if self.is_for("EdDSA") || self.is_for("Ed25519") => {
                self.is_public()?;
                Key::ed25519(&part(self.x.as_deref(), "x")?, kid)?
            }
            ("oct", _) if self.is_for("HS256") => {
                if origin == Origin::Published {
                    return Err("has a secret, which everybody can fetch; publish public keys alone".into());
                }
                Key::secret(&part(self.k.as_deref(), "k")?, kid)?
            }
            _ => return Ok(None),
        };
        Ok(Some(key))
    }

    fn is_for(&self, algorithm: &str) -> bool {
        self.alg.as_ref().is_none_or(|alg| alg == algorithm)
    }

    fn is_public(&self) -> Result<(), Fault> {
        if self.d.is_none() {
            return Ok(());
        }
        Err("has a private key; whoever verifies needs the public one alone".into())
    }
}

fn part(text: Option<&str>, name: &str) -> Result<Vec<u8>, Fault> {
    let bytes = text.and_then(|text| URL_SAFE_NO_PAD.decode(text).ok());
    bytes.ok_or_else(|| format!("has a key whose {name} is missing or no base64").into())
}
