//! The task that reads what other nodes wrote, for the observer.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::{Instant, sleep_until};

use super::behind::BehindInbox;
use crate::distributed::config::Config;
use crate::distributed::read;
use crate::distributed::shared::Shared;
use crate::{Count, Position};

/// How many inboxes are read at once.
const READS_MAX: usize = 8;

/// Returns how long an entry waits for one that was reserved before it.
///
/// It is longer than any call lasts, together with the first attempt of its batch to go on in the
/// background. What is given up too early is missed by the observer if it comes after all.
const fn reserved_max(timeout: Duration) -> Duration {
    timeout.saturating_mul(2).saturating_add(RESERVED_MORE)
}

/// What is left for the answer of a server that is late.
const RESERVED_MORE: Duration = Duration::from_secs(10);

// Whatever the settings are.
const _: () = assert!(
    reserved_max(*Config::TIMEOUT_BOUNDS.start()).as_millis() > Config::TIMEOUT_BOUNDS.start().as_millis()
        && reserved_max(*Config::TIMEOUT_BOUNDS.end()).as_millis() > Config::TIMEOUT_BOUNDS.end().as_millis()
);

/// How often reservations that last too long are looked for.
const LOOK: Duration = Duration::from_secs(5);

/// Reads for the observer until the end of the store.
pub(super) async fn run(shared: &Arc<Shared>) {
    if !shared.teller.has_observer() {
        return shared.stop.cancelled().await;
    }
    let mut look_at = Instant::now() + LOOK;
    loop {
        let next = shared.teller.next_behind().map_or(look_at, |at| at.min(look_at));
        tokio::select! {
            () = sleep_until(next) => {}
            () = shared.teller.is_behind() => {}
            () = shared.stop.cancelled() => return,
        }
        let inboxes = shared.teller.take_behind(READS_MAX);
        let reads = join_all(inboxes.into_iter().map(|inbox| read_one(shared, inbox)));
        if shared.stop.run_until_cancelled(reads).await.is_none() {
            return;
        }
        let now = Instant::now();
        if now >= look_at {
            look_at = now + LOOK;
            if let Some(before) = now.checked_sub(reserved_max(shared.config.timeout)) {
                shared.teller.expire(before);
            }
        }
    }
}

/// Reads the next page of an inbox.
async fn read_one(shared: &Arc<Shared>, inbox: BehindInbox) {
    let Some(last) = shared.teller.read_from(&inbox) else { return };
    match read::inbox(shared, &inbox.member, Position::from(last), Count::default()).await {
        Ok(page) => shared.teller.catch_up(inbox, page),
        Err(error) => {
            tracing::debug!("an inbox could not be read for the observer, which is tried again: {error:#}");
            shared.teller.read_again(inbox);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reservation_outlasts_the_call_that_made_it() {
        for timeout in
            [Config::TIMEOUT_DEFAULT, *Config::TIMEOUT_BOUNDS.start(), *Config::TIMEOUT_BOUNDS.end()]
        {
            let outlasts = reserved_max(timeout).saturating_sub(timeout);
            assert!(outlasts >= timeout + RESERVED_MORE, "{timeout:?}");
        }
    }
}
