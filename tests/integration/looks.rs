//! Looks at another process until something is so that no event tells.

use std::time::Duration;

use tokio::time::{sleep, timeout};

/// A time that only a hang reaches.
const LIMIT: Duration = Duration::from_secs(60);

/// What is left to the process between two looks, which may have to share a core with this one.
const PAUSE: Duration = Duration::from_millis(20);

/// Waits until this is so; `what` says it in words.
pub(crate) async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let looking = async {
        while !is_so().await {
            sleep(PAUSE).await;
        }
    };
    assert!(timeout(LIMIT, looking).await.is_ok(), "it is not so in time that {what}");
}
