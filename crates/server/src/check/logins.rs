//! Whether the keys of tokens can be read, and the key set be fetched.

use std::time::Duration;

use anyhow::Context as _;
use tidings::identity::{JwksConfig, JwksSource, KeySet};

use crate::config::{JwksAddress, Logins};

/// How long the task of a key set may take to end; it has nothing to finish.
const GRACE: Duration = Duration::from_secs(1);

/// Tries what tokens are verified with, as a start does; one result for each file and for the set.
pub(super) async fn check(logins: &Logins) -> Vec<(String, anyhow::Result<()>)> {
    let mut results = Vec::new();
    for file in &logins.keys {
        let read = KeySet::from_file(file, None).map(drop).context("--token-keys");
        results.push((format!("--token-keys {}", file.display()), read));
    }
    if let Some(address) = &logins.jwks {
        results.push((format!("--token-jwks {address}"), fetch(address).await));
    }
    results
}

async fn fetch(address: &JwksAddress) -> anyhow::Result<()> {
    let source = JwksSource::start(JwksConfig::new(address.expose())).await.context("--token-jwks")?;
    // What does not end in time leaves no more than a crash would.
    source.shutdown(GRACE).await;
    Ok(())
}
