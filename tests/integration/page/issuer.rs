//! Who makes tokens for a server: a secret in a file, and what is signed with it.

use std::fs;
use std::time::{Duration, SystemTime};

use identity::{NewToken, Signer};
use tempfile::TempDir;
use test_support::{Page, Profile};
use tests::Tidings;

use super::person::Person;

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
        Tidings::start_with(&[&[keys.as_str()][..], flags].concat())
    }

    /// Makes a token of a user, good from now on for so many seconds.
    pub(super) fn token(&self, user: &str, seconds: u64) -> String {
        let token = NewToken::new(user, wall_time(), Duration::from_secs(seconds));
        self.signer.sign(&token).unwrap()
    }

    /// Sends somebody to the page, in a new tab, and they are in.
    pub(super) async fn send(&self, profile: &Profile, server: &Tidings, user: &str) -> Person {
        let page = profile.page().await.unwrap();
        let person = send_with(page, server, &self.token(user, 3_600)).await;
        person.connected().await;
        person
    }
}

/// Opens the page as a program does it that logs people in.
pub(super) async fn send_with(page: Page, server: &Tidings, token: &str) -> Person {
    page.open(&server.url(&format!("/#token={token}"))).await.unwrap();
    Person { page }
}

#[expect(clippy::disallowed_methods, reason = "a token and the server have to agree on the wall time")]
fn wall_time() -> SystemTime {
    SystemTime::now()
}
