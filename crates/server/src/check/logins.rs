//! Whether the keys of tokens can be read, and the key set be fetched.

use std::time::Duration;

use anyhow::Context as _;
use tidings::identity::{JwksConfig, JwksSource, KeySet};

use crate::config::{JwksAddress, Logins};

/// How long the task of a key set may take to end; it has nothing to finish.
const GRACE: Duration = Duration::from_secs(1);

/// Tries what tokens are verified with, as a start does; one result for each file and for the set,
/// and a note if the set has keys that cannot be used.
pub(super) async fn check(logins: &Logins) -> (Vec<(String, anyhow::Result<()>)>, Option<String>) {
    let (mut results, mut note) = (Vec::new(), None);
    for file in &logins.keys {
        let read = KeySet::from_file(file, None).map(drop).context("--token-keys");
        results.push((format!("--token-keys {}", file.display()), read));
    }
    if let Some(address) = &logins.jwks {
        let fetched = fetch(address).await;
        if let Ok(Some(left_out)) = &fetched {
            note = Some(format!("of the keys of --token-jwks {address}, {left_out}"));
        }
        results.push((format!("--token-jwks {address}"), fetched.map(drop)));
    }
    (results, note)
}

/// Fetches the key set, and returns what it tells of keys that cannot be used.
async fn fetch(address: &JwksAddress) -> anyhow::Result<Option<String>> {
    let source = JwksSource::start(JwksConfig::new(address.expose())).await.context("--token-jwks")?;
    // What does not end in time leaves no more than a crash would.
    source.shutdown(GRACE).await;
    Ok(source.current().left_out().map(str::to_owned))
}
