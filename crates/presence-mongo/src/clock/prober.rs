//! The task that looks at the server again and again.

use std::sync::Arc;
use std::time::Duration;

use mongo_link::Link;
use tokio::time::{Instant, sleep_until};

use super::Clock;
use super::probe::{Probe, Seen};
use crate::error::Error;

/// How long it waits at most between two looks.
const PAUSE_MAX: Duration = Duration::from_secs(5);

/// Looks at the server four times in a slot, for ever.
///
/// There is one look at a time: one that hangs is a pause like any other.
pub(crate) async fn run(clock: Arc<Clock>, link: Link) {
    let pause = (clock.period().length() / 4).min(PAUSE_MAX);
    let mut seen = Seen::default();
    loop {
        let next = Instant::now() + pause;
        if let Err(error) = look_after(&clock, &link, &mut seen).await {
            tracing::debug!("{error:#}");
        }
        sleep_until(next).await;
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
