//! Key sets in a file.

use std::fs;

use identity::{ErrorKind, JwksSource, Refusal};

use super::{Named, settings, verifier, verify};
use crate::PATIENCE;
use crate::made::jwks;

#[tokio::test]
async fn a_file_is_read_again_when_it_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys.json");
    let location = path.to_str().unwrap();
    let (old, new) = (Named::new("old"), Named::new("new"));
    assert_eq!(JwksSource::start(settings(location)).await.unwrap_err().kind(), ErrorKind::Unavailable);
    fs::write(&path, jwks(&[old.jwk()])).unwrap();
    let source = JwksSource::start(settings(location)).await.unwrap();
    let verifier = verifier(&source);
    assert!(verify(&verifier, &old).await.is_ok());
    fs::write(&path, jwks(&[new.jwk()])).unwrap();
    assert_eq!(verify(&verifier, &new).await.unwrap_err(), Refusal::UnknownKey);
    source.reload().await.unwrap();
    assert!(verify(&verifier, &new).await.is_ok());
    assert_eq!(verify(&verifier, &old).await.unwrap_err(), Refusal::UnknownKey);

    // A key that cannot be used takes no other with it.
    fs::write(&path, jwks(&[serde_json::json!({ "kty": "RSA", "kid": 7 }), new.jwk()])).unwrap();
    source.reload().await.unwrap();
    assert!(source.state().borrow().is_well());
    assert!(source.current().left_out().is_some_and(|told| told.starts_with("1 key is left out: key 1 ")));
    assert!(verify(&verifier, &new).await.is_ok());

    for broken in ["", "{", &"x".repeat(1024 * 1024 + 1)] {
        fs::write(&path, broken).unwrap();
        assert!(source.reload().await.unwrap_err().to_string().contains("keys.json"));
        assert!(source.state().borrow().reason().is_some_and(|reason| reason.contains("keys.json")));
        assert!(verify(&verifier, &new).await.is_ok());
    }
    fs::remove_file(&path).unwrap();
    assert_eq!(source.reload().await.unwrap_err().kind(), ErrorKind::Unavailable);
    assert!(verify(&verifier, &new).await.is_ok());
    assert!(source.shutdown(PATIENCE).await);
}
