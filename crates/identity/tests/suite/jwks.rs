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

/// Keys of which none can be used, each with what is told of it.
fn unusable() -> Vec<(Value, &'static str)> {
    let rsa = || jwk(&rsa().0, Algorithm::RS256, "rsa");
    let ec = || jwk(NewKey::es256().unwrap().signing(), Algorithm::ES256, "ec");
    let (_, pem) = pair(&NewKey::ed25519().unwrap());
    // All of the PEM, which is longer than the point.
    let spki: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    let spki = spki.trim_end_matches('=').replace('+', "-").replace('/', "_");
    vec![
        (but(ed(), "x", Value::Null), "no x"),
        (but(ed(), "x", json!("AAAA")), "no key of Ed25519"),
        (but(ed(), "x", json!("with spaces")), "no x"),
        (but(ed(), "x", json!(spki)), "no key of Ed25519"),
        (but(ed(), "x", json!(7)), "is no key"),
        (but(ed(), "d", json!("AAAA")), "private"),
        (but(ed(), "kid", json!(7)), "is no key"),
        (but(ed(), "kid", json!("")), "kid"),
        (but(ed(), "kid", json!("x".repeat(513))), "kid"),
        (but(ed(), "kty", Value::Null), "is no key"),
        (json!("hidden"), "is no key"),
        (Value::Null, "is no key"),
        (but(rsa(), "d", json!("AAAA")), "private"),
        (but(rsa(), "n", json!("x".repeat(172))), "bits"),
        (but(but(rsa(), "n", Value::Null), "x5c", json!(["hidden"])), "no n"),
        (but(rsa(), "e", Value::Null), "no e"),
        // 0, 1, 2, and 2 to the power of 32 and 1.
        (but(rsa(), "e", json!("AA")), "exponent"),
        (but(rsa(), "e", json!("AQ")), "exponent"),
        (but(rsa(), "e", json!("Ag")), "exponent"),
        (but(rsa(), "e", json!("AQAAAAE")), "exponent"),
        (but(ec(), "y", json!("AAAA")), "P-256"),
        // 32 bytes of which no point of the curve is made.
        (but(ec(), "y", json!("A".repeat(43))), "P-256"),
        (json!({ "kty": "oct", "k": "AAAA" }), "3 bytes"),
    ]
}

#[test]
fn keys_that_cannot_be_used_are_left_out_and_told() {
    for (wrong, why) in unusable() {
        let good = but(ed(), "kid", json!("good"));
        for set in [[wrong.clone(), good.clone()], [good, wrong.clone()]] {
            let keys = KeySet::from_jwks(&jwks(&set)).unwrap();
            let told = keys.left_out().unwrap_or_default();
            assert_eq!(keys.len(), 1, "{wrong}");
            assert!(told.starts_with("1 key is left out: key ") && told.contains(why), "{told}");
            assert!(!told.contains("hidden") && told.len() < 300, "{told}");
        }
        // A set without any other key is none.
        let error = KeySet::from_jwks(&jwks(&[wrong])).unwrap_err();
        assert!(error.kind() == ErrorKind::Config && error.to_string().contains(why), "{error}");
    }
    let all: Vec<Value> = unusable().into_iter().map(|(wrong, _)| wrong).collect();
    let count = all.len();
    let keys = KeySet::from_jwks(&jwks(&[&all[..], &[but(ed(), "kid", json!("good"))]].concat())).unwrap();
    let told = keys.left_out().unwrap();
    assert!(told.starts_with(&format!("{count} keys are left out; the first")), "{told}");
    assert!(told.contains("key 1 (kid \"ed\") has no x"), "{told}");
    assert_eq!(KeySet::from_jwks(&jwks(&[ed()])).unwrap().left_out(), None);
}

#[test]
fn of_two_keys_of_one_name_the_first_counts() {
    let (first, _) = pair(&NewKey::ed25519().unwrap());
    let (second, _) = pair(&NewKey::ed25519().unwrap());
    let key = |private: &str| jwk(private, Algorithm::EdDSA, "a");
    let token = NewToken::new("bob", now(), Duration::from_secs(60));
    let verifies = |set: &[Value], private: &str| {
        let verifier = Verifier::new(Config::new(KeySet::from_jwks(&jwks(set)).unwrap())).unwrap();
        let token = Signer::from_pem(private, Some("a")).unwrap().sign(&token).unwrap();
        verifier.verify(&token, now()).is_ok()
    };
    let both = [key(&first), key(&second)];
    assert!(verifies(&both, &first) && !verifies(&both, &second));
    let told = KeySet::from_jwks(&jwks(&both)).unwrap();
    assert!(told.left_out().is_some_and(|told| told.contains("key 2 (kid \"a\") has the kid of one before")));
    // One that cannot be used takes its name from nobody.
    assert!(verifies(&[but(key(&first), "x", json!("AAAA")), key(&second)], &second));
}

#[test]
fn keys_are_as_many_as_may_be() {
    let unnamed: Vec<Value> = (0..6).map(|_| but(ed(), "kid", Value::Null)).collect();
    let keys = KeySet::from_jwks(&jwks(&unnamed)).unwrap();
    assert_eq!(keys.len(), KeySet::UNNAMED_MAX);
    assert!(keys.left_out().is_some_and(|told| told.starts_with("2 keys") && told.contains("key 5")));
    let many: Vec<Value> = (0..258).map(|number| but(ed(), "kid", json!(number.to_string()))).collect();
    let keys = KeySet::from_jwks(&jwks(&many)).unwrap();
    assert_eq!(keys.len(), KeySet::KEYS_MAX);
    assert!(keys.left_out().is_some_and(|told| told.starts_with("2 keys") && told.contains("key 257")));
}

#[test]
fn what_is_no_key_set_is_refused() {
    for text in ["", "hidden", "[]", "{}", r#"{"keys":{}}"#, r#"{"keys":[]}"#, r#"{"keys":["hidden"]}"#] {
        let error = KeySet::from_jwks(text).unwrap_err();
        assert!(error.kind() == ErrorKind::Config && !error.to_string().contains("hidden"), "{error}");
    }
    let rsa = jwk(&rsa().0, Algorithm::RS256, "rsa");
    assert_eq!(KeySet::from_jwks(&jwks(&[but(rsa, "e", json!("Aw"))])).unwrap().len(), 1);
    let deep = format!(r#"{{"keys":{}"#, "[".repeat(100_000));
    assert_eq!(KeySet::from_jwks(&deep).unwrap_err().kind(), ErrorKind::Config);
}

#[test]
fn a_secret_in_a_set_of_ones_own_is_a_key() {
    let secret = json!({ "kty": "oct", "alg": "HS256", "k": "A".repeat(43) });
    assert_eq!(KeySet::from_jwks(&jwks(&[secret])).unwrap().len(), 1);
}
