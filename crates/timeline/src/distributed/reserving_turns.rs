//! The turns of those who reserve places.

use tokio::sync::{Mutex as AsyncMutex, MutexGuard};
use tokio::time::{Instant, timeout_at};

use crate::{Error, ErrorKind, Result};

/// The turns of those who reserve places in inboxes.
///
/// They are taken in the order of the calls. Who has one gives it back with the answer of the
/// sequencer, which does not wait for anything that is written.
#[derive(Debug, Default)]
pub(super) struct ReservingTurns(AsyncMutex<()>);

impl ReservingTurns {
    /// Waits until nobody else reserves, for as long as what this returns is held.
    pub(super) async fn next(&self, end: Instant) -> Result<MutexGuard<'_, ()>> {
        timeout_at(end, self.0.lock()).await.map_err(|_elapsed| late())
    }
}

fn late() -> Error {
    let text = "mongodb or redis took the time of this call to give out sequences for those before it; send \
                again later";
    Error::new(ErrorKind::Unavailable, text)
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::time::Duration;

    use futures_util::FutureExt as _;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn turns_are_taken_one_after_the_other_within_the_time_of_a_call() {
        let turns = ReservingTurns::default();
        let soon = Instant::now() + Duration::from_secs(1);
        let first = turns.next(soon).await.unwrap();
        let mut second = pin!(turns.next(soon + Duration::from_secs(60)));
        assert!(second.as_mut().now_or_never().is_none());
        assert_eq!(turns.next(soon).await.unwrap_err().kind(), ErrorKind::Unavailable);
        drop(first);
        assert!(second.now_or_never().is_some_and(|turn| turn.is_ok()));
    }
}
