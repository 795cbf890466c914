//! Who makes tokens for a server: a secret in a file, and what is signed with it.

use std::fs;
use std::time::{Duration, SystemTime};

use identity::{NewToken, Signer};
use tempfile::TempDir;
use tests::Tidings;

const SECRET: &[u8] = b"a secret of the integration tests";

/// A program that logs people in.
pub(super) struct Issuer {
    signer: Signer,
    directory: TempDir,
}

impl Issuer {
    pub(super) fn new() -> Self {
        let directory = TempDir::new().unwrap();
        fs::write(directory.path().join("secret.key"), SECRET).unwrap();
        Self { signer: Signer::from_secret(SECRET, None).unwrap(), directory }
    }

    /// Starts a server that knows its key, with further flags.
    pub(super) fn start(&self, flags: &[&str]) -> Tidings {
        let keys = format!("--token-keys={}", self.directory.path().join("secret.key").display());
        Tidings::start_with(&[&[keys.as_str()], flags].concat())
    }

    /// Makes a token of a user, for so many seconds, with the default rights of the server.
    pub(super) fn token(&self, user: &str, seconds: u64) -> String {
        self.sign(&new_token(user, seconds))
    }

    pub(super) fn sign(&self, token: &NewToken) -> String {
        self.signer.sign(token).unwrap()
    }
}

/// A token that is yet to be signed, good from now on for so many seconds.
pub(super) fn new_token(user: &str, seconds: u64) -> NewToken {
    NewToken::new(user, wall_time(), Duration::from_secs(seconds))
}

#[expect(clippy::disallowed_methods, reason = "a token and the server have to agree on the wall time")]
pub(super) fn wall_time() -> SystemTime {
    SystemTime::now()
}
