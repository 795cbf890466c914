//! Logins for the server under measurement.

use std::error::Error;
use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use identity::{NewKey, NewToken, Signer};

/// Longer than any measurement.
const TOKEN_TIME: Duration = Duration::from_secs(3_600);

/// So high that nobody reaches them: they count, and refuse nobody.
const LIMITS: &str = "100000000/100000000/100000000";

/// Who signs for the users of a server, and what the server is told.
pub(crate) struct Logins {
    signer: Signer,
    flags: Vec<String>,
}

impl Logins {
    /// Makes a key, whose public half is put into the directory.
    pub(crate) fn new(directory: &Path) -> Result<Self, Box<dyn Error>> {
        let key = NewKey::ed25519()?;
        let file = directory.join("verifying.pem");
        fs::write(&file, key.verifying().ok_or("a key of a pair has a public half")?)?;
        let mut flags = vec![format!("--token-keys={}", file.display())];
        flags.extend(["messages", "bytes", "binds", "calls"].map(|kind| format!("--limit-{kind}={LIMITS}")));
        flags.push("--limit-connects=0/100000000/100000000".to_owned());
        Ok(Self { signer: Signer::from_pem(key.signing(), None)?, flags })
    }

    /// Returns what the server is started with.
    pub(crate) fn flags(&self) -> &[String] {
        &self.flags
    }

    /// Returns the line of a request's head that says who asks.
    #[expect(clippy::disallowed_methods, reason = "a token and the server have to agree on the wall time")]
    pub(crate) fn line(&self, user: &str) -> Result<String, Box<dyn Error>> {
        let token = self.signer.sign(&NewToken::new(user, SystemTime::now(), TOKEN_TIME))?;
        Ok(format!("Authorization: Bearer {token}\r\n"))
    }
}
