//! The one place that chooses the store of the timelines.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use sha2::{Digest as _, Sha256};
use tidings::hub::Hub;
use tidings::join::receipts::{InboxInterest, InboxPublisher};
use tidings::timeline::distributed::{self, DistributedStore};
use tidings::timeline::embedded::EmbeddedStore;
use tidings::timeline::{self, Store as _, Timeline};
use tokio::time::timeout;
use uuid::Uuid;

use crate::config::{self, Config, TimelineStore};
use crate::data_dir::DataDir;

/// How long a start waits for a store that others share.
const OPENING: Duration = Duration::from_secs(3);

/// The timelines of the server.
#[derive(Debug)]
pub(crate) struct Timelines {
    pub(crate) timeline: Timeline,
    /// The store in the data directory, if the messages are there.
    pub(crate) embedded: Option<Arc<EmbeddedStore>>,
}

/// Starts the timelines, whose new entries are pushed to the clients of the hub.
///
/// A store that servers share is shown by `interest` whose entries are wanted here.
pub(crate) async fn start(
    config: &Config,
    data_dir: &DataDir,
    hub: &Hub,
    interest: Option<&InboxInterest>,
) -> anyhow::Result<Timelines> {
    let observer = InboxPublisher::new(hub.clone());
    if !config.timeline.is_shared() {
        let store = timeline::embedded::Config::new(data_dir.timelines())
            .must_exist(data_dir.had_timelines())
            .retention(config.kept.retention())
            .erased_within(config.erased_within)
            .observer(observer);
        let store = Arc::new(EmbeddedStore::start(store).await.context("--data-dir")?);
        data_dir.note_timelines()?;
        let timeline = Timeline::start(timeline_config(config), Arc::clone(&store))?;
        return Ok(Timelines { timeline, embedded: Some(store) });
    }
    if let Some(warning) = data_dir.unread() {
        tracing::warn!("{warning}");
    }
    let store = distributed_config(config).observer(observer);
    let store = DistributedStore::start(store).await;
    let store = Arc::new(store.map_err(|error| shown(config, "--timeline", &error))?);
    // One that opens in a moment is not told as one that is down. One that does not starts all the
    // same, and is ready when MongoDB is.
    drop(timeout(OPENING, store.state().wait_for(timeline::State::is_well)).await);
    if let Some(interest) = interest {
        interest.show_to(Arc::clone(&store));
    }
    let timeline = Timeline::start(timeline_config(config), store)?;
    Ok(Timelines { timeline, embedded: None })
}

/// Returns the settings of a store that servers share.
pub(crate) fn distributed_config(config: &Config) -> distributed::Config {
    let kept = &config.timeline;
    let url = kept.mongo_url.as_ref().map_or("", |url| url.expose());
    let mut store = distributed::Config::new(url)
        .collections(&kept.inboxes, &kept.histories)
        .histories_from_secondaries(kept.from_secondaries)
        .grace(kept.grace)
        .retention(config.kept.retention());
    if let Some(database) = &kept.database {
        store = store.database(database);
    }
    match &config.redis_url {
        Some(url) if kept.store == TimelineStore::RedisAndMongo => store
            .redis(url.expose())
            .redis_prefix(format!("{}:timeline:", config.redis_prefix))
            .go_counters(kept.go_counters),
        _ => store,
    }
}

/// Returns why a store cannot be used, behind the setting that it is about and without the secrets
/// of its addresses.
pub(crate) fn shown(config: &Config, setting: &str, error: &timeline::Error) -> anyhow::Error {
    let why = format!("{error:#}").replace('\n', " ");
    // An error is of one of the two; whatever looks like an address in it is hidden.
    let mongo = config.timeline.mongo_url.as_ref().map(|url| url.expose());
    let redis = config.redis_url.as_ref().map(|url| url.expose());
    let url = if why.contains("mongodb") { mongo.or(redis) } else { redis.or(mongo) };
    let why = config::hidden_in_error(&why, url.unwrap_or_default());
    anyhow!("{setting}: {why}")
}

fn timeline_config(config: &Config) -> timeline::Config {
    let settings = timeline::Config::default();
    if config.timeline.is_shared() {
        settings.group_members_max(distributed::GROUP_MEMBERS_MAX)
    } else {
        settings
    }
}

/// Returns what tells the store from any other, the same on all of its servers.
pub(crate) fn store_id(config: &Config, data_dir: &DataDir) -> Uuid {
    if !config.timeline.is_shared() {
        return data_dir.id();
    }
    // A database that was emptied has another generation, by which clients know that.
    let kept = &config.timeline;
    let database = kept.database.as_deref().unwrap_or_default();
    let place = Sha256::digest(format!("{database}/{}/{}", kept.inboxes, kept.histories));
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&place[..16]);
    Uuid::from_bytes(bytes)
}
