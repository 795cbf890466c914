//! Key sets that change, in files and at addresses that behave and that do not.

mod address;
mod file;
mod server;

use std::time::Duration;

use identity::{
    Config, Identity, JwksConfig, JwksSource, KeySet, NewKey, NewToken, Refusal, Signer, Verifier,
};
use jsonwebtoken::Algorithm;
use serde_json::Value;
use tokio::time::timeout;

use crate::PATIENCE;
use crate::made::{jwk, now};

/// A key with a name, which signs, and which a set has.
struct Named {
    kid: &'static str,
    signing: String,
}

impl Named {
    fn new(kid: &'static str) -> Self {
        Self { kid, signing: NewKey::ed25519().unwrap().signing().to_owned() }
    }

    fn jwk(&self) -> Value {
        jwk(&self.signing, Algorithm::EdDSA, self.kid)
    }

    fn token(&self) -> String {
        let token = NewToken::new("bob", now(), Duration::from_secs(60));
        Signer::from_pem(&self.signing, Some(self.kid)).unwrap().sign(&token).unwrap()
    }
}

/// Settings with which the tests say themselves when keys are fetched.
fn settings(location: &str) -> JwksConfig {
    JwksConfig::new(location).timeout(Duration::from_secs(30)).refetch_after(Duration::from_secs(3_600))
}

fn verifier(source: &JwksSource) -> Verifier {
    Verifier::new(Config::new(KeySet::default()).jwks(source.clone())).unwrap()
}

async fn verify(verifier: &Verifier, key: &Named) -> Result<Identity, Refusal> {
    timeout(PATIENCE, verifier.verify_or_fetch(&key.token(), now())).await.expect("it waits for nothing else")
}
