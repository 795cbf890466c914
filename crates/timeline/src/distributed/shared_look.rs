//! A look at something that several callers share.

use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::Mutex as AsyncMutex;
use tokio::time::{Instant, timeout_at};

use crate::{Error, ErrorKind, Result};

/// A look at something that several callers want to be taken after they came.
///
/// ```text
///  a ── asks, looks ────────────────┐
///  b ───── asks, waits ─────────────┴── looks ─────────┐
///  c ──────── asks, waits ─────────────────────────────┴── has the look of b, which began later
/// ```
///
/// One look is under way at a time, and it is good for all who asked before it began. So there are
/// no more looks than callers, and under load fewer.
#[derive(Debug, Default)]
pub(super) struct SharedLook {
    /// How many have asked.
    asked: AtomicU64,
    /// How many of them a look was good for; held by who looks.
    answered: AsyncMutex<u64>,
}

impl SharedLook {
    /// Returns once a look that began after this call has found all well.
    ///
    /// # Errors
    ///
    /// That of the look, for the caller who took it: others look themselves. And
    /// [`Unavailable`](ErrorKind::Unavailable) if the turn does not come until `end`.
    pub(super) async fn after<F>(&self, end: Instant, look: impl FnOnce() -> F) -> Result<()>
    where
        F: Future<Output = Result<()>>,
    {
        // The order matters: whatever the caller has done before is done when its number is seen.
        let number = self.asked.fetch_add(1, Ordering::AcqRel) + 1;
        let Ok(mut answered) = timeout_at(end, self.answered.lock()).await else { return Err(late()) };
        if *answered >= number {
            return Ok(());
        }
        // The look begins below, so it is good for all who have a number by now.
        let asked = self.asked.load(Ordering::Acquire);
        look().await?;
        *answered = asked;
        Ok(())
    }
}

fn late() -> Error {
    let text = "mongodb took the time of this call to say for earlier ones whether the unique index is there, \
                without which nothing is acknowledged; try again later";
    Error::new(ErrorKind::Unavailable, text)
}

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::pin::pin;
    use std::time::Duration;

    use futures_util::FutureExt as _;
    use futures_util::future::join4;
    use tokio::sync::oneshot;

    use super::*;

    fn end() -> Instant {
        Instant::now() + Duration::from_secs(60)
    }

    #[tokio::test]
    async fn those_who_ask_while_somebody_looks_share_the_next_look() {
        let (shared, looks, (go_on, told)) = (SharedLook::default(), AtomicU64::new(0), oneshot::channel());
        let looks = &looks;
        let first = shared.after(end(), || async move {
            looks.fetch_add(1, Ordering::Relaxed);
            told.await.unwrap();
            Ok(())
        });
        let next = || {
            shared.after(end(), move || async move {
                looks.fetch_add(1, Ordering::Relaxed);
                Ok(())
            })
        };
        // They are polled in this order.
        let (first, second, third, ()) = join4(first, next(), next(), async {
            assert_eq!(looks.load(Ordering::Relaxed), 1, "one at a time");
            go_on.send(()).unwrap();
        })
        .await;
        assert!(first.is_ok() && second.is_ok() && third.is_ok());
        assert_eq!(looks.load(Ordering::Relaxed), 2, "not the first: it began before they asked");
        next().await.unwrap();
        assert_eq!(looks.load(Ordering::Relaxed), 3);
    }

    #[tokio::test]
    async fn a_look_that_failed_is_good_for_nobody() {
        let shared = SharedLook::default();
        assert!(shared.after(end(), || async { Err(Error::closed()) }).await.is_err());
        assert!(shared.after(end(), || async { Ok(()) }).await.is_ok());
        assert!(shared.after(end(), || async { Err(Error::closed()) }).await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_for_the_look_of_another_does_so_within_its_time() {
        let shared = SharedLook::default();
        let mut first = pin!(shared.after(end(), pending::<Result<()>>));
        assert!(first.as_mut().now_or_never().is_none());
        let soon = Instant::now() + Duration::from_secs(1);
        let late = shared.after(soon, || async { Ok(()) }).await.unwrap_err();
        assert_eq!(late.kind(), ErrorKind::Unavailable);
    }
}
