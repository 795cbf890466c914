//! The tasks of a layout, which are started again when they panic.

use presence_core::tracker::keep_running;
use tokio_util::sync::CancellationToken;

/// Runs a task until `stop`, and begins it again when it panics or ends before: see
/// [`keep_running`].
pub(crate) async fn kept<F: Future<Output = ()>>(
    part: &'static str,
    stop: CancellationToken,
    begin: impl FnMut() -> F,
    tell: impl FnMut(Option<String>),
) {
    #[cfg(test)]
    let begin = {
        let mut begin = begin;
        move || told::or_panic(part, begin())
    };
    keep_running(part, stop, begin, tell).await;
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
