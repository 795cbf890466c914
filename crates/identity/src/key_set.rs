//! The keys that tokens may be signed with.

use std::path::Path;
use std::sync::Arc;

use crate::error::Error;
use crate::jwks::{self, Origin, Read};
use crate::key::{Fault, Key};
use crate::key_file;

/// The keys that tokens may be signed with.
///
/// Each has its algorithm and perhaps a name.
///
/// Which key a token is checked with:
///
/// | the token has | it is checked with |
/// |---|---|
/// | a `kid` | the key of that name, else those without a name |
/// | no `kid` | the only key, else those without a name |
///
/// Then the token's `alg` has to be that of the key. Cloning is cheap; the default has no key.
#[derive(Debug, Clone, Default)]
pub struct KeySet {
    keys: Arc<[Arc<Key>]>,
    left_out: Option<Arc<str>>,
}

impl KeySet {
    /// How many keys a set may have.
    pub const KEYS_MAX: usize = jwks::KEYS_MAX;

    /// How many keys without a name a set may have.
    ///
    /// Each of them may have to be tried for one token.
    pub const UNNAMED_MAX: usize = jwks::UNNAMED_MAX;

    /// Reads a key from a file: the PEM of a public key, or a secret for HS256.
    ///
    /// What is no PEM is a secret, without the end of its line; it has at least 32 bytes. It reads
    /// the file, up to 64 KiB, and blocks for as long.
    ///
    /// # Errors
    ///
    /// [`Unavailable`](crate::ErrorKind::Unavailable) if the file cannot be read, and
    /// [`Config`](crate::ErrorKind::Config) if it has a private key, a key of another kind, an RSA
    /// key below 2,048 bits, a short secret, a key of a pair that is no PEM, or a set of keys. Both
    /// name the file. See [`from_secret`](Self::from_secret) for what is known as a key of a pair.
    pub fn from_file(path: impl AsRef<Path>, kid: Option<&str>) -> Result<Self, Error> {
        let path = path.as_ref();
        let bytes = key_file::read(path)?;
        Self::of_bytes(&bytes, kid)
            .map_err(|fault| wrong(&format!("the key file {}", path.display()), &fault))
    }

    /// Reads a key from the text of a PEM.
    ///
    /// # Errors
    ///
    /// [`Config`](crate::ErrorKind::Config) as of [`from_file`](Self::from_file).
    pub fn from_pem(text: &str, kid: Option<&str>) -> Result<Self, Error> {
        Key::pem(text, kid).map(Self::of_key).map_err(|fault| wrong("the key", &fault))
    }

    /// Takes a secret for HS256.
    ///
    /// Make it at random, by [`NewKey::hs256`](crate::NewKey::hs256) or `openssl rand -base64 32`.
    /// A public key would let everybody make tokens who has read it. So it is refused, as is a
    /// private one: as PEM, whole or in part, DER, JWK, or for SSH, and in base64, hex or numbers
    /// of these. The bare 32 bytes of a key of Ed25519 and single parts of a JWK cannot be told
    /// from a secret.
    ///
    /// # Errors
    ///
    /// [`Config`](crate::ErrorKind::Config) if it has fewer than 32 bytes, or is a key of a pair.
    pub fn from_secret(secret: &[u8], kid: Option<&str>) -> Result<Self, Error> {
        Key::secret(secret, kid).map(Self::of_key).map_err(|fault| wrong("the key", &fault))
    }

    /// Reads the JSON of a key set (JWKS).
    ///
    /// Left out are keys that are for something else: of an unknown `kty`, curve or `alg`, and
    /// those whose `use` or `key_ops` says that they do not verify. Source: RFC 7517, section 5.
    ///
    /// Left out, too, and told by [`left_out`](Self::left_out), are those that cannot be used: that
    /// are broken, private or too short, have the `kid` of one before, or are more than
    /// [`KEYS_MAX`](Self::KEYS_MAX), or without a `kid` than [`UNNAMED_MAX`](Self::UNNAMED_MAX).
    ///
    /// # Errors
    ///
    /// [`Config`](crate::ErrorKind::Config) if the text is no key set, or has no key that can be
    /// used.
    pub fn from_jwks(text: &str) -> Result<Self, Error> {
        Self::of_jwks(text, Origin::Private).map_err(|fault| wrong("the key set", &fault))
    }

    /// Returns the keys of both sets.
    ///
    /// # Errors
    ///
    /// [`Config`](crate::ErrorKind::Config) if two have one name, or they are too many.
    pub fn and(&self, other: &Self) -> Result<Self, Error> {
        let keys = self.keys.iter().chain(other.keys.iter()).map(Arc::clone);
        let both = Self::checked(keys.collect()).map_err(|fault| wrong("the keys together", &fault))?;
        let left_out = self.left_out.as_ref().or(other.left_out.as_ref()).map(Arc::clone);
        Ok(Self { left_out, ..both })
    }

    /// Returns how many keys of a JWKS could not be used, which was the first, and why.
    ///
    /// It is a sentence without a full stop, for a line of a log. Keys for something else do not
    /// count. Of two sets that are [joined](Self::and) it is that of the first that has one.
    #[must_use]
    pub fn left_out(&self) -> Option<&str> {
        self.left_out.as_deref()
    }

    /// Returns how many keys there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Returns whether there is no key.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    pub(crate) fn keys(&self) -> impl Iterator<Item = &Key> {
        self.keys.iter().map(|key| &**key)
    }

    pub(crate) fn of_jwks(text: &str, origin: Origin) -> Result<Self, Fault> {
        let Read { keys, left_out } = jwks::read(text, origin)?;
        let keys = Self::checked(keys.into_iter().map(Arc::new).collect())?;
        Ok(Self { left_out: left_out.map(Into::into), ..keys })
    }

    fn of_bytes(bytes: &[u8], kid: Option<&str>) -> Result<Self, Fault> {
        let text = str::from_utf8(bytes).ok();
        if let Some(text) = text.filter(|text| text.contains("-----BEGIN")) {
            return Key::pem(text, kid).map(Self::of_key);
        }
        if text.is_some_and(|text| text.trim_start().starts_with('{')) {
            return Err("has JSON; give a key set (JWKS) as such".into());
        }
        Key::secret(key_file::without_line_end(bytes), kid).map(Self::of_key)
    }

    fn of_key(key: Key) -> Self {
        Self { keys: [Arc::new(key)].into(), left_out: None }
    }

    fn checked(keys: Vec<Arc<Key>>) -> Result<Self, Fault> {
        if keys.len() > Self::KEYS_MAX {
            return Err(format!("has {} keys; at most {} are allowed", keys.len(), Self::KEYS_MAX).into());
        }
        let mut names: Vec<&str> = keys.iter().filter_map(|key| key.kid()).collect();
        let unnamed = keys.len() - names.len();
        if unnamed > Self::UNNAMED_MAX {
            let most = Self::UNNAMED_MAX;
            return Err(format!("has {unnamed} keys without a kid; at most {most} are allowed").into());
        }
        names.sort_unstable();
        if let Some(pair) = names.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(format!("has two keys of the kid {:?}", pair[0]).into());
        }
        Ok(Self { keys: keys.into(), left_out: None })
    }
}

fn wrong(subject: &str, fault: &Fault) -> Error {
    Error::config(format!("{subject} {fault}"))
}
