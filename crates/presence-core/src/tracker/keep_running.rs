//! Tasks that are started again when they panic.
//!
//! ```text
//!              panics, or ends before the stop
//!  running ─────────────────────────────────────► told why ──► a pause, 0.1 s to 1 s ──► running, and after 1 s of it: told so
//! ```

use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

/// Runs a task until `stop`, and begins it again when it panics or ends before.
///
/// One that panicked is begun once more also when the stop comes, for what it does last.
///
/// `tell` is for the state of the backend: it is given why `part` does not run, and `None` once it
/// has run again for a while. It is told as well when the task is dropped with its runtime. The
/// task has to end by itself after `stop`.
pub async fn keep_running<F>(
    part: &'static str,
    stop: CancellationToken,
    mut begin: impl FnMut() -> F,
    tell: impl FnMut(Option<String>),
) where
    F: Future<Output = ()>,
{
    let mut outcome = ToldOnDrop { part, stop, tell };
    let mut pause = PAUSE_MIN;
    let mut is_well = true;
    loop {
        let ended = {
            let work = async { begin().await };
            #[cfg(test)]
            let work = told::or_panic(part, work);
            let mut work = pin!(AssertUnwindSafe(work).catch_unwind());
            // A task that was begun again is told to be well only after it has run for a while: one
            // that panics at once would otherwise make the state change again and again.
            let soon = if is_well { None } else { timeout(PROVEN, work.as_mut()).await.ok() };
            match soon {
                Some(ended) => ended,
                None => {
                    if !is_well {
                        pause = PAUSE_MIN;
                        (outcome.tell)(None);
                    }
                    work.await
                }
            }
        };
        if outcome.stop.is_cancelled() {
            if ended.is_err() {
                end(begin()).await;
            }
            return;
        }
        let how = if ended.is_ok() { "ended" } else { "panicked" };
        (outcome.tell)(Some(format!("{part} {how}; it is started again")));
        is_well = false;
        if outcome.stop.run_until_cancelled(sleep(pause)).await.is_none() {
            end(begin()).await;
            return;
        }
        pause = (2 * pause).min(PAUSE_MAX);
    }
}

/// Begins a task once more that panicked and sees the stop now: it does what comes last.
async fn end(last: impl Future<Output = ()>) {
    // The task may panic again. It has been stopped all the same, and the panic was logged.
    drop(AssertUnwindSafe(last).catch_unwind().await);
}

/// Tells that the task was dropped with its runtime: then no line behind its `await` runs.
struct ToldOnDrop<T: FnMut(Option<String>)> {
    part: &'static str,
    stop: CancellationToken,
    tell: T,
}

impl<T: FnMut(Option<String>)> Drop for ToldOnDrop<T> {
    fn drop(&mut self) {
        if !self.stop.is_cancelled() {
            (self.tell)(Some(format!("{} ended with its runtime", self.part)));
        }
    }
}

/// Panics that a test wants.
#[cfg(test)]
pub(crate) mod told {
    use std::future::poll_fn;

    use tokio::sync::watch;

    thread_local! {
        static PART: watch::Sender<Option<&'static str>> = watch::Sender::new(None);
    }

    /// Lets a part that runs on this thread panic, once.
    pub(crate) fn panic_in(part: &'static str) {
        PART.with(|told| told.send_replace(Some(part)));
    }

    pub(super) async fn or_panic(part: &'static str, work: impl Future<Output = ()>) {
        let mut told = PART.with(watch::Sender::subscribe);
        let panics = async {
            drop(told.wait_for(|told| *told == Some(part)).await);
            PART.with(|told| told.send_replace(None));
        };
        let (mut panics, mut work) = (Box::pin(panics), Box::pin(work));
        // The work is there when it panics, as if it did so itself.
        poll_fn(|context| {
            assert!(panics.as_mut().poll(context).is_pending(), "the test wants it");
            work.as_mut().poll(context)
        })
        .await;
    }
}

const PAUSE_MIN: Duration = Duration::from_millis(100);
/// Short, as callers may wait for the task.
const PAUSE_MAX: Duration = Duration::from_secs(1);
/// How long a task has to run until it counts as well again.
const PROVEN: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use parking_lot::Mutex;
    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_task_that_panics_or_ends_is_begun_again_and_told_until_it_has_run() {
        let (stop, told, runs) =
            (CancellationToken::new(), Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicUsize::new(0)));
        let (tell, begun) = (Arc::clone(&told), Instant::now());
        let run = {
            let (stop, runs) = (stop.clone(), Arc::clone(&runs));
            move || {
                let (run, stop) = (runs.fetch_add(1, Ordering::SeqCst), stop.clone());
                async move {
                    match run {
                        0 => std::panic::resume_unwind(Box::new("a test wants it")),
                        1 => {}
                        _ => stop.cancelled().await,
                    }
                }
            }
        };
        let tell = move |why| tell.lock().push((begun.elapsed(), why));
        tokio::join!(keep_running("the part", stop.clone(), run, tell), async {
            sleep(Duration::from_secs(60)).await;
            stop.cancel();
        });
        assert_eq!(runs.load(Ordering::SeqCst), 3);
        let why = |how: &str| Some(format!("the part {how}; it is started again"));
        let told = told.lock();
        let [panicked, ended, again] = &told[..] else { panic!("{told:?}") };
        assert_eq!((&panicked.1, &ended.1, &again.1), (&why("panicked"), &why("ended"), &None));
        assert!(again.0 < Duration::from_secs(2), "{told:?}");
    }

    #[tokio::test]
    async fn a_task_that_is_dropped_is_told_unless_it_was_stopped() {
        let (stop, told) = (CancellationToken::new(), Arc::new(Mutex::new(Vec::new())));
        for stopped in [false, true] {
            let tell = Arc::clone(&told);
            let kept = keep_running("the part", stop.clone(), std::future::pending, move |why| {
                tell.lock().push(why);
            });
            let mut kept = Box::pin(kept);
            assert!(kept.as_mut().now_or_never().is_none());
            if stopped {
                stop.cancel();
            }
            drop(kept);
        }
        assert_eq!(*told.lock(), [Some("the part ended with its runtime".to_owned())]);
    }
}
