//! Laws about time, tried again on a machine that is busy.
//!
//! Such a machine can only make things later, so one attempt in time is enough.

use std::time::Duration;

use tokio::time::Instant;

use crate::error::{Error, ErrorKind};

/// Runs `round` until it was as quick as promised once, and fails if it never is.
///
/// `round` gets its number, for names of its own, and returns how long it took. What must hold on a
/// busy machine, too, it asserts itself.
pub(super) async fn promptly(promise: Duration, mut round: impl AsyncFnMut(usize) -> Duration) {
    let mut quickest = Duration::MAX;
    for number in 0..ATTEMPTS {
        quickest = quickest.min(round(number).await);
        if quickest <= promise {
            return;
        }
    }
    panic!("it took {quickest:?} at best, of {ATTEMPTS} attempts; {promise:?} is promised");
}

/// Makes a call while the store is away, which must do its work or say `Unavailable`, and end in
/// time.
pub(super) async fn ends_in_time(
    timeout: Duration,
    number: usize,
    mut call: impl AsyncFnMut() -> Result<(), Error>,
) {
    promptly(timeout, async |_| {
        let begin = Instant::now();
        if let Err(error) = call().await {
            assert_eq!(error.kind(), ErrorKind::Unavailable, "call {number}: {error}");
        }
        begin.elapsed()
    })
    .await;
}

/// Runs `round` until it says that the machine was quick enough for it to prove something.
pub(super) async fn in_time(mut round: impl AsyncFnMut(usize) -> bool) {
    for number in 0..ATTEMPTS {
        if round(number).await {
            return;
        }
    }
    panic!("the machine was too busy, {ATTEMPTS} times");
}

/// How often a law tries to be in time.
const ATTEMPTS: usize = 20;
