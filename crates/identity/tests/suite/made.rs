//! Keys and tokens that the tests make for themselves.

use std::sync::OnceLock;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::hmac;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{KeyPair as _, RsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use identity::{Config, KeySet, NewKey, Verifier};
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::{Value, json};

pub(crate) const SECRET: &[u8] = b"a secret of the tests, which everybody can read";

/// When all tests take place, in seconds since 1970.
pub(crate) const NOW: u64 = 1_700_000_000;

/// The time of a second.
pub(crate) fn at(second: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(second)
}

pub(crate) fn now() -> SystemTime {
    at(NOW)
}

/// What most verifiers of the tests have.
pub(crate) fn secret_config() -> Config {
    Config::new(KeySet::from_secret(SECRET, None).unwrap())
}

pub(crate) fn secret_verifier() -> Verifier {
    Verifier::new(secret_config()).unwrap()
}

/// A token of any header and claims, signed with HMAC by any secret.
pub(crate) fn signed(header: &str, claims: &str, secret: &[u8]) -> String {
    let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), message.as_bytes());
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(tag.as_ref()))
}

/// A token of these claims that is rightly signed with [`SECRET`].
pub(crate) fn of(claims: &Value) -> String {
    signed(r#"{"alg":"HS256"}"#, &claims.to_string(), SECRET)
}

/// Claims that are good for a minute, with one more or another one; null leaves one out.
pub(crate) fn with(name: &str, value: Value) -> Value {
    let mut claims = json!({ "sub": "bob", "iat": NOW, "exp": NOW + 60 });
    let map = claims.as_object_mut().unwrap();
    map.remove(name);
    if !value.is_null() {
        map.insert(name.to_owned(), value);
    }
    claims
}

/// Claims that are good for a minute.
pub(crate) fn good() -> Value {
    with("x", Value::Null)
}

/// A pair of RSA as two PEMs, private and public.
pub(crate) fn rsa() -> &'static (String, String) {
    static PAIR: OnceLock<(String, String)> = OnceLock::new();
    PAIR.get_or_init(|| {
        let pair = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
        let private: Pkcs8V1Der<'static> = pair.as_der().unwrap();
        let public: PublicKeyX509Der<'static> = pair.public_key().as_der().unwrap();
        (pem("PRIVATE KEY", private.as_ref()), pem("PUBLIC KEY", public.as_ref()))
    })
}

/// The two PEMs of a key that was made.
pub(crate) fn pair(key: &NewKey) -> (String, String) {
    (key.signing().to_owned(), key.verifying().unwrap().to_owned())
}

/// The public key of a private PEM as an entry of a key set, made by another implementation.
pub(crate) fn jwk(private: &str, algorithm: Algorithm, kid: &str) -> Value {
    let key = match algorithm {
        Algorithm::RS256 => EncodingKey::from_rsa_pem(private.as_bytes()),
        Algorithm::ES256 => EncodingKey::from_ec_pem(private.as_bytes()),
        _ => EncodingKey::from_ed_pem(private.as_bytes()),
    };
    let mut jwk = serde_json::to_value(Jwk::from_encoding_key(&key.unwrap(), algorithm).unwrap()).unwrap();
    jwk["kid"] = json!(kid);
    jwk
}

/// The text of a key set.
pub(crate) fn jwks(keys: &[Value]) -> String {
    json!({ "keys": keys }).to_string()
}

fn pem(label: &str, der: &[u8]) -> String {
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", STANDARD.encode(der))
}
