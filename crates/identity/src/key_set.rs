//! The keys that tokens may be signed with.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;

use crate::error::{Error, ErrorKind};
use crate::jwks::{self, Origin};
use crate::key::{Fault, Key};

/// How long a file with a key may be.
const FILE_BYTES_MAX: u64 = 64 * 1024;

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
pub struct KeySet(Arc<[Arc<Key>]>);

impl KeySet {
    /// How many keys a set may have.
    pub const KEYS_MAX: usize = 256;

    /// How many keys without a name a set may have.
    ///
    /// Each of them may have to be tried for one token.
    pub const UNNAMED_MAX: usize = 4;

    /// Reads a key from a file: the PEM of a public key, or a secret for HS256.
    ///
    /// What is no PEM is a secret, without the end of its line; it has at least 32 bytes. It reads
    /// the file and blocks for as long.
    ///
    /// # Errors
    ///
    /// [`Unavailable`](ErrorKind::Unavailable) if the file cannot be read, and
    /// [`Config`](ErrorKind::Config) if it has a private key, a key of another kind, an RSA key
    /// below 2,048 bits, a short secret, a public key that is no PEM, or a set of keys. Both name
    /// the file.
    pub fn from_file(path: impl AsRef<Path>, kid: Option<&str>) -> Result<Self, Error> {
        let path = path.as_ref();
        let bytes = read(path).map_err(|error| {
            let text = format!("the key file {} cannot be read", path.display());
            Error::with_source(ErrorKind::Unavailable, text, error)
        })?;
        Self::of_bytes(&bytes, kid)
            .map_err(|fault| wrong(&format!("the key file {}", path.display()), &fault))
    }

    /// Reads a key from the text of a PEM.
    ///
    /// # Errors
    ///
    /// [`Config`](ErrorKind::Config) as of [`from_file`](Self::from_file).
    pub fn from_pem(text: &str, kid: Option<&str>) -> Result<Self, Error> {
        Key::pem(text, kid).map(Self::of_key).map_err(|fault| wrong("the key", &fault))
    }

    /// Takes a secret for HS256.
    ///
    /// # Errors
    ///
    /// [`Config`](ErrorKind::Config) if it has fewer than 32 bytes, or is a key of a pair.
    pub fn from_secret(secret: &[u8], kid: Option<&str>) -> Result<Self, Error> {
        Key::secret(secret, kid).map(Self::of_key).map_err(|fault| wrong("the key", &fault))
    }

    /// Reads the JSON of a key set (JWKS).
    ///
    /// Left out are keys that are for something else: of an unknown `kty`, curve or `alg`, and
    /// those whose `use` or `key_ops` says that they do not verify. Source: RFC 7517, section 5.
    ///
    /// # Errors
    ///
    /// [`Config`](ErrorKind::Config) if the text is no key set, has no key that can be used, has
    /// one that is broken, private or too short, two of one name, or more than
    /// [`KEYS_MAX`](Self::KEYS_MAX).
    pub fn from_jwks(text: &str) -> Result<Self, Error> {
        Self::of_jwks(text, Origin::Private).map_err(|fault| wrong("the key set", &fault))
    }

    /// Returns the keys of both sets.
    ///
    /// # Errors
    ///
    /// [`Config`](ErrorKind::Config) if two have one name, or they are too many.
    pub fn and(&self, other: &Self) -> Result<Self, Error> {
        let keys = self.0.iter().chain(other.0.iter()).map(Arc::clone);
        Self::checked(keys.collect()).map_err(|fault| wrong("the keys together", &fault))
    }

    /// Returns how many keys there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns whether there is no key.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn keys(&self) -> impl Iterator<Item = &Key> {
        self.0.iter().map(|key| &**key)
    }

    pub(crate) fn of_jwks(text: &str, origin: Origin) -> Result<Self, Fault> {
        Self::checked(jwks::read(text, origin)?.into_iter().map(Arc::new).collect())
    }

    fn of_bytes(bytes: &[u8], kid: Option<&str>) -> Result<Self, Fault> {
        let text = str::from_utf8(bytes).ok();
        if let Some(text) = text.filter(|text| text.contains("-----BEGIN")) {
            return Key::pem(text, kid).map(Self::of_key);
        }
        if text.is_some_and(|text| text.trim_start().starts_with('{')) {
            return Err("has JSON; give a key set (JWKS) as such".into());
        }
        if is_public_key(bytes) {
            return Err("has a key of SSH or in DER, and no secret; give the key as PEM".into());
        }
        let secret = bytes.strip_suffix(b"\n").unwrap_or(bytes);
        Key::secret(secret.strip_suffix(b"\r").unwrap_or(secret), kid).map(Self::of_key)
    }

    fn of_key(key: Key) -> Self {
        Self([Arc::new(key)].into())
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
        Ok(Self(keys.into()))
    }
}

/// Tells whether bytes are a key that is no PEM. Taken for a secret, a public one would let
/// everybody make tokens who knows it.
fn is_public_key(bytes: &[u8]) -> bool {
    let of_ssh = [b"ssh-".as_slice(), b"ecdsa-sha2-", b"sk-"];
    // A sequence of DER, as long as all that is there. Source: X.690, section 8.1.3.
    let is_der = match bytes {
        [0x30, 0x82, high, low, rest @ ..] => rest.len() == usize::from(u16::from_be_bytes([*high, *low])),
        [0x30, 0x81, length, rest @ ..] | [0x30, length @ ..=0x7F, rest @ ..] => {
            rest.len() == usize::from(*length)
        }
        _ => false,
    };
    is_der || of_ssh.iter().any(|beginning| bytes.starts_with(beginning))
}

fn wrong(subject: &str, fault: &Fault) -> Error {
    Error::config(format!("{subject} {fault}"))
}

fn read(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes)?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length <= FILE_BYTES_MAX) {
        return Ok(bytes);
    }
    Err(std::io::Error::other(format!("it has more than {FILE_BYTES_MAX} bytes")))
}
