//! Logins with a key of their own, for the tests of all doors.

use std::time::Duration;

use tempfile::TempDir;
use tidings::identity::{NewToken, Revocations, RevocationsConfig, Scope, Signer};

use super::Access;
use crate::clock;
use crate::config::Config;

const SECRET: &[u8] = b"a secret that is for these tests alone";

/// What decides who may come in, and what makes tokens for it.
pub(crate) struct Scene {
    pub(crate) access: Access,
    /// The file with the key, for as long as it may be read again.
    _folder: TempDir,
}

impl Scene {
    /// Logins by tokens, with other settings changed.
    pub(crate) async fn new(change: impl FnOnce(&mut Config)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let key = folder.path().join("secret.key");
        std::fs::write(&key, SECRET).unwrap();
        let mut config = Config::defaults();
        config.logins.keys = vec![key];
        change(&mut config);
        Self { access: access(&config).await, _folder: folder }
    }

    /// A token of a user, or with scopes of a service.
    pub(crate) fn token(user: &str, scopes: &[Scope]) -> String {
        let token = NewToken::new(user, clock::now(), Duration::from_secs(3_600));
        let token = token.scopes(scopes.iter().copied().collect());
        Signer::from_secret(SECRET, None).unwrap().sign(&token).unwrap()
    }
}

/// What decides with these settings.
pub(crate) async fn access(config: &Config) -> Access {
    let kept_for = Duration::from_secs(7 * 24 * 60 * 60);
    let revocations = Revocations::new(RevocationsConfig::new(kept_for)).unwrap();
    Access::new(config, revocations).await.unwrap()
}
