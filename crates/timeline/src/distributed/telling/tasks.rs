//! The tasks of a teller.

use std::sync::Arc;

use super::teller::Telling;
use super::way::Way;
use super::{catch_up, metrics, poll, say};
use crate::distributed::kept::keep;
use crate::distributed::shared::Shared;

/// Hears the other nodes and tells them, until the end of the store; then ends the observer.
pub(in crate::distributed) async fn run(shared: Arc<Shared>, telling: Telling) {
    metrics::describe();
    let way = Way::of(&shared);
    tokio::join!(
        keep(&shared, "hears the other nodes", || way.hear(&shared)),
        keep(&shared, "tells the other nodes", || say::run(&shared, &way)),
        keep(&shared, "looks at the inboxes that are watched", || poll::run(&shared)),
        keep(&shared, "reads for the observer", || catch_up::run(&shared)),
    );
    // The order matters: whatever was to be told has been handed over.
    shared.teller.end();
    telling.observer.close();
    telling.observer.wait().await;
}
