//! The task that looks at the server again and again.

use std::sync::Arc;
use std::time::Duration;

use mongo_link::Link;
use tokio::time::{Instant, sleep, sleep_until};

use super::Clock;
use super::probe::{Probe, Seen};
use crate::error::Error;

/// How long it waits at most between two looks.
const PAUSE_MAX: Duration = Duration::from_secs(5);

/// How long it waits at most after a look that failed.
const RETRY_MAX: Duration = Duration::from_millis(500);

/// Looks at the server four times in a slot, for ever.
///
/// There is one look at a time: one that hangs is a pause like any other.
pub(crate) async fn run(clock: Arc<Clock>, link: Link) {
    let pause = (clock.period().length() / 4).min(PAUSE_MAX);
    let mut seen = Seen::default();
    loop {
        let next = Instant::now() + pause;
        match look_after(&clock, &link, &mut seen).await {
            Ok(()) => sleep_until(next).await,
            Err(error) => {
                tracing::debug!("{error:#}");
                sleep(pause.min(RETRY_MAX)).await;
            }
        }
    }
}

/// Looks at the server once.
pub(crate) async fn look(clock: &Clock, link: &Link) -> Result<(), Error> {
    look_after(clock, link, &mut Seen::default()).await
}

async fn look_after(clock: &Clock, link: &Link, seen: &mut Seen) -> Result<(), Error> {
    match Probe::ask(link, seen).await {
        Ok(probe) => {
            clock.note(&probe);
            Ok(())
        }
        Err(error) => {
            clock.failed(error.clone());
            Err(error)
        }
    }
}
