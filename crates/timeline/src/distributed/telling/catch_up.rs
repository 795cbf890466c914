//! The task that reads what other nodes wrote, for the observer.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::{Instant, sleep_until};

use super::behind::BehindInbox;
use crate::distributed::read;
use crate::distributed::shared::Shared;
use crate::{Count, Position};

/// How many inboxes are read at once.
const READS_MAX: usize = 8;

/// How long an entry waits for one that was reserved before it: longer than any call lasts.
const RESERVED_MAX: Duration = Duration::from_secs(30);

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
            if let Some(before) = now.checked_sub(RESERVED_MAX) {
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
