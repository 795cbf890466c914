//! What attackers try, and what becomes of it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use identity::{Config, KeySet, NewKey, NewToken, Refusal, Revocations, RevocationsConfig, Signer, Verifier};
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};

use crate::made::{NOW, SECRET, at, good, now, of, pair, rsa, secret_config, secret_verifier, signed, with};

/// Checks what becomes of a token, twice: what is refused must not be remembered as good.
#[track_caller]
fn refused(verifier: &Verifier, token: &str, refusal: Refusal) {
    assert_eq!(verifier.verify(token, now()).unwrap_err(), refusal);
    assert_eq!(verifier.verify(token, now()).unwrap_err(), refusal);
    assert_eq!(verifier.seen(), 0);
}

#[test]
fn a_token_of_which_any_part_was_changed_is_refused() {
    let verifier = secret_verifier();
    let token = of(&good());
    let parts: Vec<&str> = token.split('.').collect();
    let other = of(&with("sub", json!("alice")));
    let others: Vec<&str> = other.split('.').collect();
    refused(&verifier, &[parts[0], others[1], parts[2]].join("."), Refusal::Signature);
    refused(&verifier, &[parts[0], parts[1], others[2]].join("."), Refusal::Signature);
    refused(&verifier, &[parts[0], parts[1], ""].join("."), Refusal::Signature);
    let short = &parts[2][..parts[2].len() - 3];
    refused(&verifier, &[parts[0], parts[1], short].join("."), Refusal::Signature);
    let forged = signed(r#"{"alg":"HS256"}"#, &good().to_string(), b"another secret that is as long as this");
    refused(&verifier, &forged, Refusal::Signature);
    assert!(verifier.verify(&token, now()).is_ok());
    // A token that was seen is found by its whole text alone.
    assert_eq!(verifier.verify(&token[..token.len() - 2], now()).unwrap_err(), Refusal::Malformed);
    let verified = verifier.verify(&[parts[0], others[1], parts[2]].join("."), now());
    assert_eq!(verified.unwrap_err(), Refusal::Signature);
}

#[test]
fn no_spelling_of_none_is_an_algorithm() {
    let verifier = secret_verifier();
    for name in ["none", "None", "NONE", "nOnE", "", " none", "none ", "HS256 ", "hs256", "null"] {
        let header = json!({ "alg": name }).to_string();
        let message =
            format!("{}.{}", URL_SAFE_NO_PAD.encode(&header), URL_SAFE_NO_PAD.encode(good().to_string()));
        refused(&verifier, &format!("{message}."), Refusal::Algorithm);
        refused(&verifier, &signed(&header, &good().to_string(), SECRET), Refusal::Algorithm);
    }
}

#[test]
fn a_public_key_is_no_secret_whatever_the_token_says() {
    let (ed_private, ed_public) = pair(&NewKey::ed25519().unwrap());
    let (ec_private, ec_public) = pair(&NewKey::es256().unwrap());
    let (rsa_private, rsa_public) = rsa();
    for (public, name) in [(&ed_public, "EdDSA"), (&ec_public, "ES256"), (rsa_public, "RS256")] {
        let verifier = Verifier::new(Config::new(KeySet::from_pem(public, None).unwrap())).unwrap();
        for secret in [public.as_bytes(), public.trim_end().as_bytes()] {
            let token = signed(r#"{"alg":"HS256"}"#, &good().to_string(), secret);
            refused(&verifier, &token, Refusal::Algorithm);
            let header = json!({ "alg": name }).to_string();
            refused(&verifier, &signed(&header, &good().to_string(), secret), Refusal::Signature);
        }
    }
    // A token that is rightly signed with the key of another verifier.
    let keys = [(&ed_private, &ec_public), (&ec_private, rsa_public), (rsa_private, &ed_public)];
    for (private, public) in keys {
        let verifier = Verifier::new(Config::new(KeySet::from_pem(public, None).unwrap())).unwrap();
        let signer = Signer::from_pem(private, None).unwrap();
        let token = signer.sign(&NewToken::new("bob", now(), std::time::Duration::from_secs(60))).unwrap();
        refused(&verifier, &token, Refusal::Algorithm);
    }
}

/// A number that a careless verifier of Ed25519 takes for the same: it is the order of the curve
/// more.
fn more_by_the_order(number: &[u8]) -> Vec<u8> {
    let mut order = [0_u8; 32];
    order[..8].copy_from_slice(&0x5812_631a_5cf5_d3ed_u64.to_le_bytes());
    order[8..16].copy_from_slice(&0x14de_f9de_a2f7_9cd6_u64.to_le_bytes());
    order[31] = 0x10;
    let mut carry = 0_u16;
    let digits = number.iter().zip(order).map(|(digit, more)| {
        let sum = u16::from(*digit) + u16::from(more) + carry;
        carry = sum >> 8;
        sum.to_le_bytes()[0]
    });
    digits.collect()
}

#[test]
fn a_signature_of_another_length_order_or_number_is_refused() {
    let token = NewToken::new("bob", now(), std::time::Duration::from_secs(60));
    for key in [NewKey::es256().unwrap(), NewKey::ed25519().unwrap()] {
        let (private, public) = pair(&key);
        let verifier = Verifier::new(Config::new(KeySet::from_pem(&public, None).unwrap())).unwrap();
        let token = Signer::from_pem(&private, None).unwrap().sign(&token).unwrap();
        let (message, signature) = token.rsplit_once('.').unwrap();
        let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
        let (one, other) = signature.split_at(32);
        let zero = [0_u8];
        for wrong in [
            Vec::new(),
            vec![0; 64],
            vec![0xff; 64],
            signature[..63].to_vec(),
            [&signature[..], &zero[..]].concat(),
            [&zero[..], one, &zero[..], other].concat(),
            [other, one].concat(),
            [one, one].concat(),
            [one, &more_by_the_order(other)[..]].concat(),
        ] {
            let forged = format!("{message}.{}", URL_SAFE_NO_PAD.encode(wrong));
            refused(&verifier, &forged, Refusal::Signature);
        }
        assert!(verifier.verify(&token, now()).is_ok());
    }
}

#[test]
fn a_header_brings_no_key_and_no_place_to_look_for_one() {
    let (private, public) = pair(&NewKey::ed25519().unwrap());
    let verifier = Verifier::new(Config::new(KeySet::from_pem(&public, None).unwrap())).unwrap();
    let (attacker, _) = pair(&NewKey::ed25519().unwrap());
    let theirs = EncodingKey::from_ed_pem(attacker.as_bytes()).unwrap();
    let ours = EncodingKey::from_ed_pem(private.as_bytes()).unwrap();
    let mut header = Header::new(Algorithm::EdDSA);
    header.jwk = Some(Jwk::from_encoding_key(&theirs, Algorithm::EdDSA).unwrap());
    header.jku = Some("http://127.0.0.1:1/keys".to_owned());
    refused(&verifier, &encode(&header, &good(), &theirs).unwrap(), Refusal::Signature);
    assert!(verifier.verify(&encode(&header, &good(), &ours).unwrap(), now()).is_ok());
}

#[test]
fn huge_deep_and_broken_texts_are_refused() {
    let verifier = secret_verifier();
    refused(&verifier, &"a".repeat(8 * 1024 + 1), Refusal::TooLong);
    refused(&verifier, &of(&with("x", json!("y".repeat(8 * 1024)))), Refusal::TooLong);
    for broken in ["", "a", "..", "a.b.c", "ä.ö.ü", "\0", &of(&good()).replace('.', "")] {
        refused(&verifier, broken, Refusal::Malformed);
    }
    for parts in [2, 4, 5] {
        let text = vec!["e30"; parts].join(".");
        refused(&verifier, &text, Refusal::Malformed);
    }
    let deep = format!(r#"{{"sub":"bob","exp":{},"rights":{}}}"#, NOW + 60, "[".repeat(1_000));
    refused(&verifier, &signed(r#"{"alg":"HS256"}"#, &deep, SECRET), Refusal::Claim);
    let deep = format!(r#"{{"a":{}{}}}"#, r#"{"a":"#.repeat(500), "}".repeat(500));
    refused(&verifier, &signed(&deep, &good().to_string(), SECRET), Refusal::Malformed);
    let critical = r#"{"alg":"HS256","crit":["b64"],"b64":false}"#;
    refused(&verifier, &signed(critical, &good().to_string(), SECRET), Refusal::Malformed);
}

#[test]
fn claims_that_cannot_be_are_refused() {
    let verifier = secret_verifier();
    let (day, leeway) = (24 * 60 * 60, 30);
    for (name, value, refusal) in [
        ("exp", Value::Null, Refusal::NoExpiry),
        ("exp", json!((NOW + 60).to_string()), Refusal::Claim),
        ("exp", json!(-1), Refusal::Claim),
        ("exp", json!(1e300), Refusal::Claim),
        ("exp", json!([NOW + 60]), Refusal::Claim),
        ("exp", json!(true), Refusal::Claim),
        // Milliseconds.
        ("exp", json!((NOW + 60) * 1_000), Refusal::Claim),
        ("exp", json!(0), Refusal::Expired),
        ("exp", json!(NOW - leeway), Refusal::Expired),
        ("exp", json!(NOW + day + 1), Refusal::TooLongLived),
        ("iat", json!(NOW - day), Refusal::TooLongLived),
        ("iat", json!(NOW + leeway + 1), Refusal::TooEarly),
        ("iat", json!("today"), Refusal::Claim),
        ("nbf", json!(NOW + leeway + 1), Refusal::TooEarly),
        ("nbf", json!("today"), Refusal::Claim),
        ("aud", json!("somebody"), Refusal::Audience),
        ("aud", json!([]), Refusal::Audience),
        ("sub", Value::Null, Refusal::User),
        ("sub", json!(""), Refusal::User),
        ("sub", json!("x".repeat(513)), Refusal::User),
        ("sub", json!("bob\n"), Refusal::User),
        ("sub", json!(7), Refusal::Claim),
        ("sub", json!(["bob"]), Refusal::Claim),
        ("jti", json!(""), Refusal::Claim),
        ("jti", json!(7), Refusal::Claim),
        ("rights", json!(["room:*"]), Refusal::Claim),
        ("rights", json!({ "bind": ["a*b"] }), Refusal::Rights),
        ("rights", json!({ "write": [""] }), Refusal::Rights),
        ("rights", json!({ "bind": vec!["a"; 65] }), Refusal::Rights),
    ] {
        refused(&verifier, &of(&with(name, value)), refusal);
    }
    let twice = format!(r#"{{"sub":"bob","sub":"alice","exp":{}}}"#, NOW + 60);
    refused(&verifier, &signed(r#"{"alg":"HS256"}"#, &twice, SECRET), Refusal::Claim);
}

#[test]
fn a_short_pattern_cannot_become_a_long_one() {
    let pattern = "{user}".repeat(20);
    let mut claims = with("rights", json!({ "bind": [pattern] }));
    claims["sub"] = json!("x".repeat(512));
    refused(&secret_verifier(), &of(&claims), Refusal::Rights);
}

#[test]
fn tokens_for_and_from_others_are_refused() {
    let verifier = Verifier::new(secret_config().audience("chat").issuer("us")).unwrap();
    let mut claims = with("aud", json!(["mail", "chat"]));
    claims["iss"] = json!("us");
    assert!(verifier.verify(&of(&claims), now()).is_ok());
    let verifier = Verifier::new(secret_config().audience("chat").issuer("us")).unwrap();
    for audience in [Value::Null, json!("mail"), json!("chat "), json!(["mail"]), json!([])] {
        let mut claims = with("aud", audience);
        claims["iss"] = json!("us");
        refused(&verifier, &of(&claims), Refusal::Audience);
    }
    for issuer in [json!("them"), json!("US")] {
        let mut claims = with("aud", json!("chat"));
        claims["iss"] = issuer;
        refused(&verifier, &of(&claims), Refusal::Issuer);
    }
    refused(&verifier, &of(&with("aud", json!("chat"))), Refusal::Issuer);
}

#[test]
fn unknown_keys_and_tokens_without_a_name_among_several_are_refused() {
    let named = |kid| KeySet::from_secret(SECRET, Some(kid)).unwrap();
    let one = Verifier::new(Config::new(named("a"))).unwrap();
    let with_kid = |kid: &str| {
        let header = json!({ "alg": "HS256", "kid": kid }).to_string();
        signed(&header, &good().to_string(), SECRET)
    };
    refused(&one, &with_kid("b"), Refusal::UnknownKey);
    refused(&one, &with_kid(""), Refusal::UnknownKey);
    refused(&one, &with_kid("../../a"), Refusal::UnknownKey);
    assert!(one.verify(&with_kid("a"), now()).is_ok());
    assert!(one.verify(&of(&good()), now()).is_ok());
    let two = Verifier::new(Config::new(named("a").and(&named("b")).unwrap())).unwrap();
    refused(&two, &of(&good()), Refusal::UnknownKey);
    // A key without a name is for those tokens, and for names that nobody has.
    let three = named("a").and(&KeySet::from_secret(SECRET, None).unwrap()).unwrap();
    let three = Verifier::new(Config::new(three)).unwrap();
    assert!(three.verify(&of(&good()), now()).is_ok());
    assert!(three.verify(&with_kid("c"), now()).is_ok());
}

#[test]
fn a_token_that_was_seen_ends_with_its_time_and_with_each_way_to_revoke_it() {
    let config = secret_config();
    let list = Revocations::new(RevocationsConfig::new(config.longest_validity())).unwrap();
    let verifier = Verifier::new(config.revocations(list.clone())).unwrap();
    let token = |user: &str, jti: &str| of(&json!({ "sub": user, "iat": NOW, "exp": NOW + 60, "jti": jti }));
    let is_good = |token: &str| verifier.verify(token, now()).is_ok();
    let (bob, other_of_bob, alice) = (token("bob", "1"), token("bob", "2"), token("alice", "3"));
    assert!(is_good(&bob) && is_good(&other_of_bob) && is_good(&alice));
    list.revoke_token("1", now()).unwrap();
    assert_eq!(verifier.verify(&bob, now()).unwrap_err(), Refusal::Revoked);
    assert!(is_good(&other_of_bob) && is_good(&alice));
    list.revoke_user("bob", now()).unwrap();
    assert!(!is_good(&other_of_bob) && is_good(&alice));
    list.revoke_user_issued_before("alice", at(NOW + 1), now()).unwrap();
    assert!(!is_good(&alice));
    let carol = token("carol", "4");
    assert!(is_good(&carol));
    assert_eq!(
        verifier.verify(&carol, at(NOW + 89)).map(|carol| carol.user().to_owned()),
        Ok("carol".into())
    );
    assert_eq!(verifier.verify(&carol, at(NOW + 90)).unwrap_err(), Refusal::Expired);
    assert!(is_good(&carol));
    list.revoke_issued_before(at(NOW + 1), now()).unwrap();
    assert!(!is_good(&carol));
    verifier.forget(now());
    assert_eq!(verifier.seen(), 0);
}

#[test]
fn a_client_hears_of_an_expiry_alone_and_no_text_has_a_part_of_the_token() {
    let verifier = secret_verifier();
    let expired = verifier.verify(&of(&with("exp", json!(1))), now()).unwrap_err();
    assert_eq!(expired.client_text(), "the token has expired");
    let forged =
        signed(r#"{"alg":"HS256"}"#, r#"{"sub":"hidden"}"#, b"hidden hidden hidden hidden hidden hidden");
    let forged = verifier.verify(&forged, now()).unwrap_err();
    let unknown = verifier.verify("hidden.hidden.hidden", now()).unwrap_err();
    assert_eq!(forged.client_text(), unknown.client_text());
    for shown in [format!("{forged} {forged:?} {unknown} {unknown:?}"), format!("{verifier:?}")] {
        assert!(!shown.contains("hidden") && !shown.contains("a secret of the tests"), "{shown}");
    }
}
