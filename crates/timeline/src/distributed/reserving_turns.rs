//! The turns of those who reserve places.

use std::time::Duration;

use tokio::sync::{Mutex as AsyncMutex, MutexGuard};
use tokio::time::{Instant, timeout_at};

use super::call_end;
use crate::{Error, ErrorKind, Result};

/// The turns of those who reserve places in inboxes.
///
/// They are taken in the order of the calls. Who has one gives it back with the answer of the
/// sequencer, which does not wait for anything that is written.
#[derive(Debug, Default)]
pub(super) struct ReservingTurns(AsyncMutex<()>);

impl ReservingTurns {
    /// Does work in the next turn.
    ///
    /// The wait and all commands of the work end with the call under way. Where there is none, as
    /// for what goes on in the background, they end after `limit` together: each of them has that
    /// long otherwise, and calls would wait for their sum.
    pub(super) async fn take<T>(&self, limit: Duration, work: impl Future<Output = Result<T>>) -> Result<T> {
        let end = call_end::end(limit);
        let turn = self.next(end).await?;
        let done = call_end::until(end, work).await;
        drop(turn);
        done
    }

    /// Waits until nobody else reserves, for as long as what this returns is held.
    async fn next(&self, end: Instant) -> Result<MutexGuard<'_, ()>> {
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

    use futures_util::FutureExt as _;
    use tokio::time::advance;

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

    #[tokio::test(start_paused = true)]
    async fn all_of_a_turn_has_one_end_also_without_a_call() {
        let (turns, limit) = (ReservingTurns::default(), Duration::from_secs(10));
        let work = async {
            advance(Duration::from_secs(7)).await;
            Ok(call_end::left(limit))
        };
        assert_eq!(turns.take(limit, work).await.unwrap(), Duration::from_secs(3));
        let soon = Instant::now() + Duration::from_secs(2);
        let left = call_end::until(soon, turns.take(limit, async { Ok(call_end::left(limit)) }));
        assert_eq!(left.await.unwrap(), Duration::from_secs(2), "a call has its own");
    }
}
