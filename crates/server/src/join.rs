//! Where hub, presence and timelines meet; none of them knows the others.

mod attendance;
mod calls;
mod channel;
mod devices;
mod door;
mod names;
mod post;
mod roster;

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use tidings::hub::{ChannelHistory, Hooks, Hub};
use tidings::timeline::Timeline;
use tidings::timeline::embedded::EmbeddedStore;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::attendance::Attendance;
use self::calls::{Calls, Sources};
use self::devices::Devices;
use self::door::Door;
use self::names::Names;
use self::post::Post;
use self::roster::Roster;
use crate::config::Config;
use crate::data_dir::DataDir;
use crate::stores::{self, Stores};
use crate::webhook::Webhook;

/// Bytes of channel messages kept in memory, over all channels.
const HISTORY_BYTES_MAX: usize = 64 * 1024 * 1024;

/// The running parts, joined.
#[derive(Debug)]
pub(crate) struct Join {
    pub(crate) hub: Hub,
    pub(crate) stores: Stores,
    pub(crate) timeline: Timeline,
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl Join {
    /// Starts presence, timelines and hub, in this order: who serves the users comes last.
    pub(crate) async fn start(config: &Config, data_dir: &DataDir) -> anyhow::Result<Self> {
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        let stores = stores::open(config).await?;
        let presence = stores.presence.clone();
        // Before anybody can come.
        Webhook::start(config, data_dir.webhook(), &presence, &tasks, &stop).await?;
        let post = Arc::new(Post::default());
        let mut store = tidings::timeline::embedded::Config::new(data_dir.timelines());
        store.must_exist = data_dir.had_timelines();
        let store = EmbeddedStore::open(store, Arc::<Post>::clone(&post)).await.context("--data-dir")?;
        data_dir.note_timelines()?;
        let timeline = Timeline::new(Arc::new(store), tidings::timeline::Config::default())?;
        let roster = Arc::new(Roster::default());
        let storage = Arc::new(ChannelHistory::new(config.channel_history, HISTORY_BYTES_MAX)?);
        let (attendance, names) = (Arc::new(Attendance::new(stores.rooms.clone())), Names::new());
        let sources = Sources {
            store_id: data_dir.id(),
            roster: Arc::clone(&roster),
            history: Arc::clone(&storage),
            timeline: timeline.clone(),
            attendance: Arc::clone(&attendance),
            names: names.clone(),
        };
        let calls = Calls::start(sources, &tasks, &stop);
        let devices = Devices::new(presence.clone(), Arc::clone(&attendance), names);
        let hooks = hooks(devices, &calls, storage);
        let hub = Hub::start(hub_config(config), hooks)?;
        post.deliver_through(&hub);
        calls.publish_through(&hub);
        tasks.spawn(attendance.work(tasks.clone(), stop.clone()));
        tasks.spawn(Arc::clone(&roster).follow(presence.clone(), hub.clone(), stop.clone()));
        Ok(Self { hub, stores, timeline, tasks, stop })
    }

    /// Closes every connection, telling the clients to come back later.
    pub(crate) async fn drain(&self, deadline: Instant) {
        let connections = self.hub.stats().connections;
        if !self.hub.shutdown(deadline.saturating_duration_since(Instant::now())).await {
            tracing::warn!(connections, "some connections did not end in time");
        }
    }

    /// Ends the rest once nobody asks any more: tasks, presence, and last the store.
    pub(crate) async fn close(&self, deadline: Instant) -> anyhow::Result<()> {
        self.stop.cancel();
        self.tasks.close();
        if timeout_at(deadline, self.tasks.wait()).await.is_err() {
            tracing::warn!(tasks = self.tasks.len(), "some tasks did not end in time");
        }
        // Neither waits for the other: a Redis that is away must not take the time of the messages.
        let left = deadline.saturating_duration_since(Instant::now()).max(Duration::from_millis(200));
        let (presence, timeline) =
            tokio::join!(timeout(left, self.stores.close()), timeout(left, self.timeline.close()));
        if presence.is_err() {
            tracing::warn!("presence did not close in time; the other servers let our users go");
        }
        timeline
            .context("the store did not close within --shutdown-time; nothing acknowledged is lost")?
            .context("the store did not close cleanly")
    }
}

fn hooks(devices: Devices, calls: &Arc<Calls>, storage: Arc<ChannelHistory>) -> Hooks {
    let mut hooks = Hooks::default();
    hooks.auth = Arc::new(Door);
    hooks.lifecycle = Arc::new(devices);
    hooks.handler = Arc::<Calls>::clone(calls);
    hooks.storage = storage;
    hooks
}

fn hub_config(config: &Config) -> tidings::hub::Config {
    let mut hub = tidings::hub::Config::default();
    hub.connections_max = config.connections;
    hub.message_bytes_max = config.message_bytes;
    hub.outbox_bytes_max = hub.outbox_bytes_max.max(config.message_bytes.saturating_mul(2));
    hub.allowed_origins.clone_from(&config.allow_origin);
    hub
}
