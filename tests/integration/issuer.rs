//! Who makes tokens for a server, and how the server gets to believe them.

use std::fs;
use std::time::{Duration, SystemTime};

use identity::{NewKey, NewToken, Signer};
use tempfile::TempDir;
use tests::Tidings;

/// A program that logs people in: it signs with one half of a key, and servers get the other.
pub(crate) struct Issuer {
    pub(crate) key: NewKey,
    signer: Signer,
    directory: TempDir,
}

impl Issuer {
    pub(crate) fn new() -> Self {
        let (key, directory) = (NewKey::ed25519().unwrap(), TempDir::new().unwrap());
        fs::write(directory.path().join("verifying.pem"), key.verifying().unwrap()).unwrap();
        let signer = Signer::from_pem(key.signing(), None).unwrap();
        Self { key, signer, directory }
    }

    /// The flag by which a server believes its tokens.
    pub(crate) fn flag(&self) -> String {
        format!("--token-keys={}", self.directory.path().join("verifying.pem").display())
    }

    /// Starts a server that believes its tokens, with further flags.
    pub(crate) fn start(&self, flags: &[&str]) -> Tidings {
        Tidings::start_with(&[&[self.flag().as_str()][..], flags].concat())
    }

    /// Makes a token of a user, for so many seconds, with the default rights of the server.
    pub(crate) fn token(&self, user: &str, seconds: u64) -> String {
        self.sign(&new_token(user, seconds))
    }

    pub(crate) fn sign(&self, token: &NewToken) -> String {
        self.signer.sign(token).unwrap()
    }
}

/// A token that is yet to be signed, good from now on for so many seconds.
pub(crate) fn new_token(user: &str, seconds: u64) -> NewToken {
    NewToken::new(user, wall_time(), Duration::from_secs(seconds))
}

#[expect(clippy::disallowed_methods, reason = "a token and a server have to agree on the wall time")]
pub(crate) fn wall_time() -> SystemTime {
    SystemTime::now()
}
