//! The task that follows the change stream of a base.
//!
//! There is one for the process and all namespaces that are watched, with a connection of its own.
//! Where the database has no change streams, or while it cannot open one, watchers poll; it is
//! tried again by itself.

use std::mem::{replace, take};
use std::sync::Arc;

use bson::{Document, doc};
use mongo_link::{ChangeFeed, FeedConfig, FeedEvent};

use crate::config::Detection;
use crate::error::Error;
use crate::shared::Shared;
use crate::space::Space;

/// What was told of an outage of the change stream, so that it is told once.
#[derive(Debug, Default)]
struct Told {
    /// That watchers poll.
    outage: bool,
    /// That changes may have been missed.
    gap: bool,
}

/// Listens until the base closes.
pub(crate) async fn run(shared: Arc<Shared>) {
    // Another set of namespaces has another feed, which meets the same outage.
    let mut told = Told::default();
    while !shared.closing.is_cancelled() {
        let spaces = shared.watched();
        if !spaces.is_empty() && shared.detection == Detection::Stream {
            follow(&shared, &spaces, &mut told).await;
            shared.metrics.streams.set(0);
        } else {
            wait(&shared).await;
        }
    }
}

/// Waits until others may be watched.
async fn wait(shared: &Shared) {
    tokio::select! {
        () = shared.listen.notified() => {}
        () = shared.closing.cancelled() => {}
    }
}

/// Follows the changes of namespaces until others are watched.
async fn follow(shared: &Shared, spaces: &[Arc<Space>], told: &mut Told) {
    let config = FeedConfig::new().collection(shared.store.pings()).pipeline([condition(spaces)]);
    let mut feed = match shared.link.changes(config) {
        Ok(feed) => feed,
        Err(error) => {
            tracing::warn!("watchers poll, as no change stream can be opened: {error:#}");
            return wait(shared).await;
        }
    };
    loop {
        tokio::select! {
            () = shared.listen.notified() => {
                if !are_same(spaces, &shared.watched()) {
                    return;
                }
            }
            () = shared.closing.cancelled() => return,
            is_over = hear_next(shared, spaces, told, &mut feed) => {
                if is_over {
                    // The link is gone before the base: nothing comes any more.
                    return shared.closing.cancelled().await;
                }
            }
        }
    }
}

/// Hears what comes next, and says whether that was all.
async fn hear_next(shared: &Shared, spaces: &[Arc<Space>], told: &mut Told, feed: &mut ChangeFeed) -> bool {
    match feed.next().await {
        Some(Ok(FeedEvent::Live)) => {
            match take(told) {
                Told { outage: false, gap: false } => tracing::debug!("a change stream is open"),
                _ => tracing::info!("a change stream is open again"),
            }
            shared.metrics.streams.set(1);
            // What happened before it was open must be read.
            spaces.iter().for_each(|space| space.changes.must_read());
        }
        Some(Ok(FeedEvent::Change(event))) => {
            // A slot is of one namespace only.
            if !spaces.iter().any(|space| space.changes.add(&space.namespace, &event)) {
                let id = &event.document_key;
                tracing::debug!(?id, "a change of something that is not a time slot");
            }
        }
        Some(Ok(_)) => {}
        Some(Err(error)) => miss(shared, spaces, told, error),
        None => return true,
    }
    false
}

fn miss(shared: &Shared, spaces: &[Arc<Space>], told: &mut Told, error: mongo_link::Error) {
    shared.metrics.streams.set(0);
    let lags = error.kind() == mongo_link::ErrorKind::Lagged;
    let error = Error::of_link("the change stream was interrupted", error);
    let is_told = replace(if lags { &mut told.gap } else { &mut told.outage }, true);
    if is_told {
        tracing::debug!("{error:#}");
    } else if lags {
        shared.metrics.lags.increment(1);
        tracing::warn!("changes may have been missed and are read: {error:#}");
        spaces.iter().for_each(|space| space.changes.lagged(error.clone()));
    } else {
        tracing::warn!("watchers poll until a change stream is open again: {error:#}");
    }
}

/// Returns the condition that a change is one of a slot of these namespaces.
///
/// Changes that are not of a document end the stream: they must come through. Slots are removed
/// when they count for nobody.
fn condition(spaces: &[Arc<Space>]) -> Document {
    let mut any: Vec<Document> =
        spaces.iter().map(|space| space.namespace.holds("documentKey._id")).collect();
    any.push(doc! { "documentKey": { "$exists": false } });
    doc! { "$match": { "operationType": { "$ne": "delete" }, "$or": any } }
}

fn are_same(one: &[Arc<Space>], other: &[Arc<Space>]) -> bool {
    one.len() == other.len() && one.iter().zip(other).all(|(one, other)| Arc::ptr_eq(one, other))
}
