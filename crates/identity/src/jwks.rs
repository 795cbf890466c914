//! The JSON of a key set.
//!
//! Source: RFC 7517; RFC 7518, section 6; RFC 8037, section 2.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

use crate::key::{Fault, Key};

/// How many keys of a set are used.
pub(crate) const KEYS_MAX: usize = 256;

/// How many of them may have no name.
pub(crate) const UNNAMED_MAX: usize = 4;

/// How long the name of a key may be in what is told of it.
const KID_SHOWN_BYTES_MAX: usize = 128;

/// Where a key set comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// A file or a program's own memory, which may have secrets.
    Private,
    /// An address, where others can read it, too.
    Published,
}

/// What a key set has for us.
pub(crate) struct Read {
    pub(crate) keys: Vec<Key>,
    /// What is told of keys that cannot be used; none if all can.
    pub(crate) left_out: Option<String>,
}

/// The keys are read one by one, so that one which cannot be read takes no other with it.
#[derive(Deserialize)]
struct Jwks {
    keys: Vec<Value>,
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

/// The keys so far, and what became of the others.
#[derive(Default)]
struct Reading {
    keys: Vec<Key>,
    left_out: usize,
    /// Which one was left out first, and why.
    first: Option<String>,
}

/// Reads the keys that can verify tokens. Those for something else are left out, and so are those
/// that cannot be used, of which it tells. Source: RFC 7517, section 5.
pub(crate) fn read(text: &str, origin: Origin) -> Result<Read, Fault> {
    // The error would repeat what stands in the text, which may be a secret.
    let jwks: Jwks = serde_json::from_str(text)
        .map_err(|error| format!("is no key set (line {}, column {})", error.line(), error.column()))?;
    let mut reading = Reading::default();
    for (index, value) in jwks.keys.into_iter().enumerate() {
        let kid = value.get("kid").and_then(Value::as_str).map(str::to_owned);
        match reading.key(value, origin) {
            Ok(key) => reading.keys.extend(key),
            Err(fault) => reading.leave_out(index + 1, kid.as_deref(), &fault),
        }
    }
    reading.end()
}

impl Reading {
    /// Reads one key; none if it is for something else.
    fn key(&self, value: Value, origin: Origin) -> Result<Option<Key>, Fault> {
        if self.keys.len() >= KEYS_MAX {
            return Err(format!("is one more than {KEYS_MAX} that can be used").into());
        }
        let jwk: Jwk = serde_json::from_value(value)
            .map_err(|_| "is no key: it has no kty, or a field that is not of the type that it must be")?;
        if !jwk.verifies() {
            return Ok(None);
        }
        let key = jwk.key(origin)?;
        let kid = key.as_ref().map(Key::kid);
        match kid {
            Some(Some(kid)) if self.keys.iter().any(|known| known.kid() == Some(kid)) => {
                Err("has the kid of one before it".into())
            }
            Some(None) if self.unnamed() >= UNNAMED_MAX => {
                Err(format!("is one more than {UNNAMED_MAX} without a kid").into())
            }
            _ => Ok(key),
        }
    }

    fn unnamed(&self) -> usize {
        self.keys.iter().filter(|key| key.kid().is_none()).count()
    }

    fn leave_out(&mut self, number: usize, kid: Option<&str>, fault: &Fault) {
        self.left_out += 1;
        self.first.get_or_insert_with(|| match kid {
            Some(kid) if kid.len() <= KID_SHOWN_BYTES_MAX => format!("key {number} (kid {kid:?}) {fault}"),
            _ => format!("key {number} {fault}"),
        });
    }

    fn end(self) -> Result<Read, Fault> {
        let Self { keys, left_out, first } = self;
        let left_out = first.map(|first| match left_out {
            1 => format!("1 key is left out: {first}"),
            count => format!("{count} keys are left out; the first is this one: {first}"),
        });
        if !keys.is_empty() {
            return Ok(Read { keys, left_out });
        }
        let why = left_out.map(|text| format!("; {text}")).unwrap_or_default();
        Err(format!("has no key that tokens can be verified with: RS256, ES256, EdDSA or HS256{why}").into())
    }
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
    bytes.ok_or_else(|| format!("has no {name} in base64").into())
}
