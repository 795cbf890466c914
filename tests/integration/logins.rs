//! What a token says, as a hub obeys it.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use axum::http::Request;
use axum::http::request::Parts;
use conductor_hub::test_util::{self, TestClient};
use conductor_hub::{Admission, Auth, Denied, Handshake, Hooks, Right};
use identity::{Config, Grants, KeySet, NewKey, NewToken, Signer, Verifier};

/// Admits whoever has a token, with what it says.
struct Tokens(Verifier);

#[async_trait]
impl Auth for Tokens {
    async fn admit(&self, handshake: &Handshake<'_>) -> Result<Admission, Denied> {
        let header = handshake.request.headers.get("authorization").and_then(|value| value.to_str().ok());
        let token = header.and_then(|header| header.strip_prefix("Bearer ")).unwrap_or_default();
        let identity = self.0.verify(token, wall_time()).map_err(|_| Denied::unauthorized())?;
        let admission = Admission::user(identity.user()).expires_at(identity.expires_at());
        Ok(admission.rights(Arc::clone(identity.rights())))
    }
}

#[expect(clippy::disallowed_methods, reason = "a token and a hub have to agree on the wall time")]
fn wall_time() -> SystemTime {
    SystemTime::now()
}

fn request(token: &str) -> Parts {
    let request = Request::get("/ws").header("authorization", format!("Bearer {token}"));
    request.body(()).unwrap().into_parts().0
}

#[tokio::test]
async fn a_hub_takes_the_rights_of_a_token_as_they_are() {
    let key = NewKey::ed25519().unwrap();
    let keys = KeySet::from_pem(key.verifying().unwrap(), None).unwrap();
    let tokens = Tokens(Verifier::new(Config::new(keys)).unwrap());
    let grants = Grants::default().bind(["room:*", "inbox:{user}"]).write(["room:*"]);
    let token = NewToken::new("bob", wall_time(), Duration::from_secs(3_600)).grants(grants);
    let token = Signer::from_pem(key.signing(), None).unwrap().sign(&token).unwrap();

    let hub = test_util::hub(Hooks::default());
    let admission = tokens.admit(&test_util::handshake(&hub, &request(&token))).await.unwrap();
    let bob = TestClient::connect(&hub, admission).unwrap();
    let bob = bob.connection();
    assert_eq!(bob.user(), Some("bob"));
    assert!(bob.permits(Right::Bind, "inbox:bob") && bob.permits(Right::Write, "room:7"));
    assert!(!bob.permits(Right::Bind, "inbox:alice") && !bob.permits(Right::Write, "inbox:bob"));
    let denied = tokens.admit(&test_util::handshake(&hub, &request(&token[1..]))).await.unwrap_err();
    assert_eq!(denied.status, 401);
}
