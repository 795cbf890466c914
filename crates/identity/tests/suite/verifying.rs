//! What good tokens say, whoever made them.

use std::time::Duration;

use identity::{Algorithm, Config, Grants, KeySet, NewKey, NewToken, Right, Scope, Signer, Verifier};
use serde_json::json;

use crate::made::{NOW, at, good, now, of, pair, rsa, secret_config, secret_verifier, with};

const MINUTE: Duration = Duration::from_secs(60);

#[test]
fn each_kind_of_key_signs_and_verifies() {
    let (ed_private, ed_public) = pair(&NewKey::ed25519().unwrap());
    let (ec_private, ec_public) = pair(&NewKey::es256().unwrap());
    let (rsa_private, rsa_public) = rsa();
    for (private, public, algorithm) in [
        (&ed_private, &ed_public, Algorithm::EdDsa),
        (&ec_private, &ec_public, Algorithm::Es256),
        (rsa_private, rsa_public, Algorithm::Rs256),
    ] {
        let signer = Signer::from_pem(private, Some("a")).unwrap();
        assert_eq!(signer.algorithm(), algorithm);
        let token = signer.sign(&NewToken::new("bob", now(), MINUTE)).unwrap();
        let verifier = Verifier::new(Config::new(KeySet::from_pem(public, Some("a")).unwrap())).unwrap();
        for _first_and_seen in 0..2 {
            assert_eq!(verifier.verify(&token, now()).unwrap().user(), "bob");
        }
    }
    let secret = NewKey::hs256().unwrap();
    assert!(secret.verifying().is_none());
    let token = Signer::from_secret(secret.signing().trim().as_bytes(), None).unwrap();
    let token = token.sign(&NewToken::new("bob", now(), MINUTE)).unwrap();
    let keys = KeySet::from_secret(secret.signing().trim().as_bytes(), None).unwrap();
    assert_eq!(Verifier::new(Config::new(keys)).unwrap().verify(&token, now()).unwrap().user(), "bob");
}

#[test]
fn an_identity_has_what_its_token_says() {
    let token = NewToken::new("bob", now(), MINUTE)
        .jti("a7")
        .scopes([Scope::Api, Scope::Rooms].into_iter().collect())
        .grants(Grants::default().bind(["inbox:{user}"]).history(["*"]));
    let token = Signer::from_secret(crate::made::SECRET, None).unwrap().sign(&token).unwrap();
    let bob = secret_verifier().verify(&token, now()).unwrap();
    assert_eq!((bob.user(), bob.jti()), ("bob", Some("a7")));
    assert_eq!((bob.issued_at(), bob.expires_at()), (Some(now()), at(NOW + 60)));
    assert!(bob.scopes().contains(Scope::Api) && !bob.scopes().contains(Scope::Admin));
    assert!(bob.rights().permits(Right::Bind, "inbox:bob") && !bob.rights().permits(Right::Write, "x"));
    assert!(bob.rights().permits(Right::History, "anything"));
}

#[test]
fn a_token_that_says_little_gets_what_the_configuration_gives() {
    let none = secret_verifier().verify(&of(&good()), now()).unwrap();
    assert!(none.rights().is_empty() && none.scopes().is_empty() && none.jti().is_none());
    let config = secret_config().grants(Grants::default().bind(["inbox:{user}"]));
    let verifier = Verifier::new(config).unwrap();
    assert!(verifier.verify(&of(&good()), now()).unwrap().rights().permits(Right::Bind, "inbox:bob"));
    // One that says that there are none has none.
    let nothing = verifier.verify(&of(&with("rights", json!({}))), now()).unwrap();
    assert!(nothing.rights().is_empty());
}

#[test]
fn a_pattern_of_a_token_in_which_no_id_ends_is_left_out() {
    let rights = json!({ "bind": ["{user}*", "{user}{user}", "{user}:*", "news"] });
    let bob = secret_verifier().verify(&of(&with("rights", rights)), now()).unwrap();
    let permitted =
        ["bob", "bobby", "bobbob", "bob:1", "news"].map(|name| bob.rights().permits(Right::Bind, name));
    assert_eq!(permitted, [false, false, false, true, true]);
    // Whoever gives such rights hears of it.
    let open = || Grants::default().bind(["{user}*"]);
    assert!(Verifier::new(secret_config().grants(open())).is_err());
    let token = NewToken::new("bob", now(), MINUTE).grants(open());
    assert!(Signer::from_secret(crate::made::SECRET, None).unwrap().sign(&token).is_err());
}

#[test]
fn claims_of_other_names_are_looked_for_where_they_are() {
    let config = secret_config().user_claim("email").rights_claim("https://chat/rights").scope_claim("roles");
    let mut claims = with("email", json!("bob@example.org"));
    claims["https://chat/rights"] = json!({ "write": ["room:*"] });
    claims["roles"] = json!(["admin", "cook"]);
    let bob = Verifier::new(config).unwrap().verify(&of(&claims), now()).unwrap();
    assert_eq!(bob.user(), "bob@example.org");
    assert!(bob.rights().permits(Right::Write, "room:7") && bob.scopes().contains(Scope::Admin));
}

#[test]
fn a_new_token_has_its_claims_where_its_verifier_looks() {
    let signer = Signer::from_secret(crate::made::SECRET, None).unwrap();
    let token = NewToken::new("bob", now(), MINUTE).grants(Grants::default().write(["room:*"]));
    let signed = signer.sign(&token.clone().user_claim("email").rights_claim("may")).unwrap();
    let config = secret_config().user_claim("email").rights_claim("may");
    let bob = Verifier::new(config).unwrap().verify(&signed, now()).unwrap();
    assert!(bob.user() == "bob" && bob.rights().permits(Right::Write, "room:7"));
    assert!(secret_verifier().verify(&signed, now()).is_err());
    for twice in [token.clone().user_claim("exp"), token.rights_claim("sub")] {
        assert!(signer.sign(&twice).unwrap_err().to_string().contains("two claims"));
    }
}

#[test]
fn times_may_have_fractions_and_clocks_may_differ_a_little() {
    let verifier = secret_verifier();
    for (name, value) in [
        ("exp", json!(60.5 + 1_700_000_000.0)),
        ("exp", json!(NOW - 29)),
        ("exp", json!(NOW + 24 * 60 * 60)),
        ("nbf", json!(NOW + 30)),
        ("iat", json!(NOW + 30)),
    ] {
        assert!(verifier.verify(&of(&with(name, value.clone())), now()).is_ok(), "{name} {value}");
    }
}

#[test]
fn a_token_that_another_implementation_made_is_verified_and_the_other_way_round() {
    use jsonwebtoken::{DecodingKey, EncodingKey, Header, Validation, decode, encode};
    let (private, public) = pair(&NewKey::es256().unwrap());
    let claims = json!({ "sub": "bob", "exp": NOW + 60 });
    let header = Header::new(jsonwebtoken::Algorithm::ES256);
    let token = encode(&header, &claims, &EncodingKey::from_ec_pem(private.as_bytes()).unwrap()).unwrap();
    let verifier = Verifier::new(Config::new(KeySet::from_pem(&public, None).unwrap())).unwrap();
    assert_eq!(verifier.verify(&token, now()).unwrap().user(), "bob");

    let ours = Signer::from_pem(&private, Some("a")).unwrap();
    let ours = ours.sign(&NewToken::new("bob", now(), MINUTE)).unwrap();
    let mut validation = Validation::new(jsonwebtoken::Algorithm::ES256);
    validation.validate_exp = false;
    let theirs = DecodingKey::from_ec_pem(public.as_bytes()).unwrap();
    let read = decode::<serde_json::Value>(&ours, &theirs, &validation).unwrap();
    assert_eq!((read.claims["sub"].as_str(), read.header.kid.as_deref()), (Some("bob"), Some("a")));
}

#[test]
fn a_token_that_would_not_be_accepted_is_not_made() {
    let signer = Signer::from_secret(crate::made::SECRET, None).unwrap();
    for wrong in [
        NewToken::new("", now(), MINUTE),
        NewToken::new("bob", now(), Duration::ZERO),
        NewToken::new("bob", now(), Duration::MAX),
        NewToken::new("bob", now(), MINUTE).jti(""),
        NewToken::new("bob", now(), MINUTE).grants(Grants::default().bind([""])),
    ] {
        assert_eq!(signer.sign(&wrong).unwrap_err().kind(), identity::ErrorKind::Invalid);
    }
}
