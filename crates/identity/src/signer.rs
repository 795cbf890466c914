//! Makes tokens, for operators and for programs that have no issuer.

use std::fmt;
use std::path::Path;

use jsonwebtoken::{EncodingKey, Header, encode};

use crate::algorithm::Algorithm;
use crate::error::{Error, ErrorKind};
use crate::key::{OF_PAIR, SECRET_BYTES_MIN};
use crate::key_file;
use crate::new_token::NewToken;
use crate::of_pair::is_of_pair;

/// A key that signs tokens: a secret, or a private key.
///
/// The one is for HS256, the other for RS256, ES256 or `EdDSA`.
#[derive(Clone)]
pub struct Signer {
    key: EncodingKey,
    header: Header,
    algorithm: Algorithm,
}

impl Signer {
    /// Reads a key from a file: the PEM of a private key, or a secret.
    ///
    /// What is no PEM is a secret, without the end of its line; it has at least 32 bytes. It reads
    /// the file, up to 64 KiB, and blocks for as long.
    ///
    /// # Errors
    ///
    /// [`Unavailable`](ErrorKind::Unavailable) if the file cannot be read or is longer, and
    /// [`Config`](ErrorKind::Config) if it has anything else. Both name the file.
    pub fn from_file(path: impl AsRef<Path>, kid: Option<&str>) -> Result<Self, Error> {
        let path = path.as_ref();
        let bytes = key_file::read(path)?;
        let pem = str::from_utf8(&bytes).ok().filter(|text| text.contains("-----BEGIN"));
        let signer = match pem {
            Some(pem) => Self::of_pem(pem, kid),
            None => Self::of_secret(key_file::without_line_end(&bytes), kid),
        };
        signer.map_err(|fault| Error::config(format!("the key file {} {fault}", path.display())))
    }

    /// Reads a key from the text of a PEM, in PKCS #8; one of RSA may be in PKCS #1.
    ///
    /// # Errors
    ///
    /// [`Config`](ErrorKind::Config) if it has no private key that can sign.
    pub fn from_pem(text: &str, kid: Option<&str>) -> Result<Self, Error> {
        Self::of_pem(text, kid).map_err(|fault| Error::config(format!("the key {fault}")))
    }

    /// Takes a secret for HS256.
    ///
    /// # Errors
    ///
    /// [`Config`](ErrorKind::Config) if it has fewer than 32 bytes, or is a key of a pair.
    pub fn from_secret(secret: &[u8], kid: Option<&str>) -> Result<Self, Error> {
        Self::of_secret(secret, kid).map_err(|fault| Error::config(format!("the key {fault}")))
    }

    /// Makes the text of a token.
    ///
    /// # Errors
    ///
    /// [`Invalid`](ErrorKind::Invalid) if the token has a user, a name or a time that cannot be.
    pub fn sign(&self, token: &NewToken) -> Result<String, Error> {
        self.sign_claims(&token.claims()?)
    }

    /// Returns how it signs.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    fn sign_claims(&self, claims: &serde_json::Value) -> Result<String, Error> {
        encode(&self.header, claims, &self.key)
            .map_err(|error| Error::with_source(ErrorKind::Config, "the key does not sign", error))
    }

    fn of_secret(secret: &[u8], kid: Option<&str>) -> Result<Self, &'static str> {
        if secret.len() < SECRET_BYTES_MIN {
            return Err("has a secret that is shorter than 32 bytes");
        }
        if is_of_pair(secret) {
            return Err(OF_PAIR);
        }
        Ok(Self::new(EncodingKey::from_secret(secret), Algorithm::Hs256, kid))
    }

    fn of_pem(text: &str, kid: Option<&str>) -> Result<Self, &'static str> {
        // `openssl ecparam -genkey` writes this one, with the parameters of the curve before it.
        if text.contains("EC PRIVATE KEY-----") {
            return Err("has a private key in SEC 1, and PKCS #8 is needed; change it by \
                 `openssl pkcs8 -topk8 -nodes -in KEY -out NEW`");
        }
        if !text.contains("PRIVATE KEY-----") || text.matches("-----BEGIN ").count() != 1 {
            return Err("does not have exactly one PEM of a private key");
        }
        let pem = text.as_bytes();
        let ed25519 = EncodingKey::from_ed_pem(pem).map(|key| (key, Algorithm::EdDsa));
        let key = ed25519
            .or_else(|_| EncodingKey::from_ec_pem(pem).map(|key| (key, Algorithm::Es256)))
            .or_else(|_| EncodingKey::from_rsa_pem(pem).map(|key| (key, Algorithm::Rs256)));
        let (key, algorithm) = key.map_err(|_| {
            "has a PEM that cannot be read; give it in PKCS #8, by \
             `openssl pkcs8 -topk8 -nodes -in KEY -out NEW`"
        })?;
        let signer = Self::new(key, algorithm, kid);
        // A key of another curve is found out by signing alone.
        match signer.sign_claims(&serde_json::Value::Null) {
            Ok(_) => Ok(signer),
            Err(_) => Err("has a private key that cannot sign; RSA, P-256 and Ed25519 can"),
        }
    }

    fn new(key: EncodingKey, algorithm: Algorithm, kid: Option<&str>) -> Self {
        let mut header = Header::new(algorithm.of_library());
        header.kid = kid.map(str::to_owned);
        Self { key, header, algorithm }
    }
}

impl fmt::Debug for Signer {
    /// Writes nothing of the key itself.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Signer");
        debug.field("algorithm", &self.algorithm).field("kid", &self.header.kid).finish_non_exhaustive()
    }
}
