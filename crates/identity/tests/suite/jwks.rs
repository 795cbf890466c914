//! The text of key sets: what is used, what is left out and what is refused.

use std::time::Duration;

use identity::{Config, ErrorKind, KeySet, NewKey, NewToken, Refusal, Signer, Verifier};
use jsonwebtoken::Algorithm;
use serde_json::{Value, json};

use crate::made::{jwk, jwks, now, pair, rsa};

fn ed() -> Value {
    jwk(NewKey::ed25519().unwrap().signing(), Algorithm::EdDSA, "ed")
}

/// A key with another field, or without one.
fn but(mut key: Value, name: &str, value: Value) -> Value {
    let map = key.as_object_mut().unwrap();
    map.remove(name);
    if !value.is_null() {
        map.insert(name.to_owned(), value);
    }
    key
}

#[test]
fn keys_of_each_kind_verify_by_their_names() {
    let (ed, _) = pair(&NewKey::ed25519().unwrap());
    let (ec, _) = pair(&NewKey::es256().unwrap());
    let kinds =
        [(&ed, Algorithm::EdDSA, "1"), (&ec, Algorithm::ES256, "2"), (&rsa().0, Algorithm::RS256, "3")];
    let keys: Vec<Value> =
        kinds.iter().map(|(private, algorithm, kid)| jwk(private, *algorithm, kid)).collect();
    let verifier = Verifier::new(Config::new(KeySet::from_jwks(&jwks(&keys)).unwrap())).unwrap();
    let token = NewToken::new("bob", now(), Duration::from_secs(60));
    for (private, _, kid) in kinds {
        let signed = Signer::from_pem(private, Some(kid)).unwrap().sign(&token).unwrap();
        assert_eq!(verifier.verify(&signed, now()).unwrap().user(), "bob");
        let wrong = Signer::from_pem(private, Some("4")).unwrap().sign(&token).unwrap();
        assert_eq!(verifier.verify(&wrong, now()).unwrap_err(), Refusal::UnknownKey);
        let unnamed = Signer::from_pem(private, None).unwrap().sign(&token).unwrap();
        assert_eq!(verifier.verify(&unnamed, now()).unwrap_err(), Refusal::UnknownKey);
    }
    let crossed = Signer::from_pem(&ed, Some("2")).unwrap().sign(&token).unwrap();
    assert_eq!(verifier.verify(&crossed, now()).unwrap_err(), Refusal::Algorithm);
}

#[test]
fn keys_for_something_else_are_left_out() {
    let other = |name: &str, value: Value| but(but(ed(), name, value), "kid", json!("other"));
    for left_out in [
        other("use", json!("enc")),
        other("key_ops", json!(["encrypt"])),
        other("kty", json!("unknown")),
        other("crv", json!("Ed448")),
        other("alg", json!("RS512")),
        other("alg", json!("none")),
        json!({ "kty": "EC", "crv": "P-384", "x": "AA", "y": "AA" }),
        json!({ "kty": "RSA", "alg": "RSA-OAEP", "n": "AA", "e": "AQAB" }),
        // What is an RSA key by its kind is none for HMAC by its word.
        json!({ "kty": "RSA", "alg": "HS256", "n": "AA", "e": "AQAB" }),
    ] {
        let keys = KeySet::from_jwks(&jwks(&[left_out.clone(), ed()])).unwrap();
        assert_eq!(keys.len(), 1, "{left_out}");
        let error = KeySet::from_jwks(&jwks(&[left_out])).unwrap_err();
        assert!(error.to_string().contains("no key"), "{error}");
    }
    let used = [("use", json!("sig")), ("key_ops", json!(["verify"])), ("alg", Value::Null)];
    for (name, value) in used {
        assert_eq!(KeySet::from_jwks(&jwks(&[but(ed(), name, value)])).unwrap().len(), 1, "{name}");
    }
}

#[test]
fn broken_private_short_and_double_keys_are_refused() {
    let rsa = || jwk(&rsa().0, Algorithm::RS256, "rsa");
    let ec = || jwk(NewKey::es256().unwrap().signing(), Algorithm::ES256, "ec");
    let short = "x".repeat(172);
    let (_, pem) = pair(&NewKey::ed25519().unwrap());
    // All of the PEM, which is longer than the point.
    let spki: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    let spki = spki.trim_end_matches('=').replace('+', "-").replace('/', "_");
    for wrong in [
        vec![but(ed(), "x", Value::Null)],
        vec![but(ed(), "x", json!("AAAA"))],
        vec![but(ed(), "x", json!("with spaces"))],
        vec![but(ed(), "x", json!(spki))],
        vec![but(ed(), "d", json!("AAAA"))],
        vec![but(rsa(), "d", json!("AAAA"))],
        vec![but(rsa(), "n", json!(short))],
        vec![but(rsa(), "e", Value::Null)],
        // 0, 1, 2, and 2 to the power of 32 and 1.
        vec![but(rsa(), "e", json!("AA"))],
        vec![but(rsa(), "e", json!("AQ"))],
        vec![but(rsa(), "e", json!("Ag"))],
        vec![but(rsa(), "e", json!("AQAAAAE"))],
        vec![but(ec(), "y", json!("AAAA"))],
        // 32 bytes of which no point of the curve is made.
        vec![but(ec(), "y", json!("A".repeat(43)))],
        vec![json!({ "kty": "oct", "k": "AAAA" })],
        vec![ed(), ed()],
        (0..5).map(|_| but(ed(), "kid", Value::Null)).collect(),
        (0..257).map(|number| but(ed(), "kid", json!(number.to_string()))).collect(),
        vec![],
    ] {
        let error = KeySet::from_jwks(&jwks(&wrong)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config, "{error}");
    }
    for text in ["", "hidden", "[]", "{}", r#"{"keys":{}}"#, r#"{"keys":["hidden"]}"#] {
        let error = KeySet::from_jwks(text).unwrap_err();
        assert!(error.kind() == ErrorKind::Config && !error.to_string().contains("hidden"), "{error}");
    }
    assert_eq!(KeySet::from_jwks(&jwks(&[but(rsa(), "e", json!("Aw"))])).unwrap().len(), 1);
    let deep = format!(r#"{{"keys":{}"#, "[".repeat(100_000));
    assert_eq!(KeySet::from_jwks(&deep).unwrap_err().kind(), ErrorKind::Config);
}

#[test]
fn a_secret_in_a_set_of_ones_own_is_a_key() {
    let secret = json!({ "kty": "oct", "alg": "HS256", "k": "A".repeat(43) });
    assert_eq!(KeySet::from_jwks(&jwks(&[secret])).unwrap().len(), 1);
}
