//! What is done before a store takes calls: its indexes, its format.
//!
//! Then, how it is.

use std::sync::Arc;
use std::time::Duration;

use mongo_link::State as LinkState;
use mongodb::bson::{Document, doc};
use mongodb::error::Result as DriverResult;
use tokio::time::sleep;

use super::database::{Collections, Database};
use super::shared::Shared;
use super::{indexes, requirements};
use crate::{Error, ErrorKind, Result, State};

/// The format of the documents that this version writes.
const FORMAT: i32 = 1;

/// How long the waits between two attempts are: the first, and any.
const WAIT_FIRST: Duration = Duration::from_millis(250);
const WAIT_MAX: Duration = Duration::from_secs(5);

/// Opens the store, and keeps its state until it is stopped.
pub(super) async fn run(shared: Arc<Shared>) {
    let opened = shared.stop.run_until_cancelled(open(&shared)).await;
    if opened.is_some() {
        follow(&shared).await;
    }
}

/// Opens the store, again and again until MongoDB lets it; the state tells.
async fn open(shared: &Shared) {
    let mut wait = WAIT_FIRST;
    let generation = loop {
        match attempt(shared).await {
            Ok(generation) => break generation,
            Err(error) => tell(shared, &error),
        }
        sleep(wait).await;
        wait = (wait * 2).min(WAIT_MAX);
    };
    // The order matters: who sees that the store is well finds it open.
    shared.open_as(generation);
    shared.set_state(State::Well);
    tracing::info!("the timeline store on {} is open", shared.database.link().address());
}

/// Notes why the store is not open, and logs it when that is new; of an outage the link tells.
fn tell(shared: &Shared, error: &Error) {
    let is_new = shared.set_state(State::down(error.to_string()));
    let is_outage = !shared.database.link().state().borrow().is_well();
    if is_outage {
        tracing::debug!("the timeline store is not open yet, and is tried again: {error:#}");
    } else if is_new {
        tracing::warn!("the timeline store is not open yet, and is tried again: {error:#}");
    }
}

/// Keeps the state of a store that was opened, until it is stopped.
///
/// It is that of MongoDB, whose changes the link tells the log, and of the indexes, of which the
/// keeper tells.
async fn follow(shared: &Shared) {
    let mut link = shared.database.link().state();
    let mut unsure = shared.database.safety().subscribe();
    loop {
        let new = state_of(&link.borrow_and_update(), unsure.borrow_and_update().as_deref());
        shared.set_state(new);
        tokio::select! {
            changed = link.changed() => if changed.is_err() { return },
            changed = unsure.changed() => if changed.is_err() { return },
            () = shared.stop.cancelled() => return,
        }
    }
}

/// Returns how a store is on a MongoDB that is like this.
///
/// Without a primary there are no reads, either: they see what a majority has, on the primary.
/// While sends are `unsure`, without the indexes, none of them is taken.
fn state_of(link: &LinkState, unsure: Option<&str>) -> State {
    link.reason().map(State::down).or_else(|| unsure.map(State::read_only)).unwrap_or(State::Well)
}

/// Opens the store, and returns its generation.
async fn attempt(shared: &Shared) -> Result<u64> {
    requirements::check(&shared.database, shared.config.mongo_version_min).await?;
    prepare(&shared.database).await
}

/// Makes the indexes of the store and the note of its format, where they are not there, and returns
/// its generation.
pub(super) async fn prepare(database: &Database) -> Result<u64> {
    indexes::make(database).await?;
    let (format, generation) = database.call(|collections| async move { note(&collections).await }).await?;
    check_format(format)?;
    Ok(generation)
}

/// Returns the generation of the store that is noted; none if nothing is.
pub(super) async fn noted_generation(database: &Database) -> Result<Option<u64>> {
    let store =
        database.call(|collections| async move { collections.meta.find_one(doc! { "_id": "store" }).await });
    let generation = |store: &Document| u64::try_from(store.get_i64("generation").unwrap_or_default()).ok();
    // One that was noted without a generation counts as the first.
    Ok(store.await?.map(|store| generation(&store).unwrap_or_default().max(1)))
}

/// Refuses what a later version has written.
pub(super) fn check_format(format: i32) -> Result<()> {
    if format > FORMAT {
        let text = format!(
            "the store was written by a later version (format {format}; this one knows {FORMAT}): use that version"
        );
        return Err(Error::new(ErrorKind::Config, text));
    }
    Ok(())
}

/// Returns the format and the generation of the store, which this version notes if nobody has.
async fn note(collections: &Collections) -> DriverResult<(i32, u64)> {
    let generation = i64::from(fastrand::u32(1..));
    let note = doc! { "$setOnInsert": { "format": FORMAT, "generation": generation } };
    collections.meta.update_one(doc! { "_id": "store" }, note).upsert(true).await?;
    let store = collections.meta.find_one(doc! { "_id": "store" }).await?.unwrap_or_default();
    let generation = store.get_i64("generation").ok().and_then(|generation| u64::try_from(generation).ok());
    Ok((store.get_i32("format").unwrap_or(FORMAT), generation.unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use mongo_link::{Link, LinkConfig, WhenAway};

    use super::*;

    #[tokio::test]
    async fn the_store_is_down_while_mongodb_is_away_and_says_why() {
        assert_eq!(state_of(&LinkState::Well, None), State::Well);
        let unsure = state_of(&LinkState::Well, Some("the index is missing"));
        assert_eq!(unsure, State::read_only("the index is missing"));
        // Nobody listens there.
        let away = LinkConfig::new("mongodb://127.0.0.1:1")
            .timeout(Duration::from_millis(500))
            .when_away(WhenAway::Join);
        let link = Link::start(away).await.unwrap();
        let seen = state_of(&link.state().borrow(), Some("the index is missing"));
        assert!(matches!(&seen, State::Down { reason } if reason.contains("127.0.0.1:1")), "{seen}");
    }
}
