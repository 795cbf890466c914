//! Where hub, presence and timelines meet; none of them knows the others.

mod attendance;
mod auth;
mod calls;
mod channel;
mod devices;
mod inbox_publisher;
mod names;
mod roster;
mod visits;

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use tidings::hub::{ChannelHistory, Hooks, Hub};
use tidings::presence;
use tidings::timeline::embedded::EmbeddedStore;
use tidings::timeline::{self, Timeline};
use tokio::time::{Instant, timeout_at};

use self::attendance::Attendance;
use self::auth::NameAuth;
use self::calls::{CallSources, Calls};
use self::devices::Devices;
use self::inbox_publisher::InboxPublisher;
use self::names::DeviceNames;
use self::roster::Roster;
use crate::config::Config;
use crate::data_dir::DataDir;
use crate::health::{self, Condition, Health};
use crate::stores::{self, Stores};
use crate::supervisor::Supervisor;
use crate::webhook::Webhook;

/// Bytes of channel messages kept in memory, over all channels.
const HISTORY_BYTES_MAX: usize = 64 * 1024 * 1024;

/// The running parts, joined.
#[derive(Debug)]
pub(crate) struct Join {
    pub(crate) hub: Hub,
    pub(crate) stores: Stores,
    pub(crate) timeline: Timeline,
    supervisor: Supervisor,
}

impl Join {
    /// Starts presence, timelines and hub, in this order: who serves the users comes last.
    pub(crate) async fn start(
        config: &Config,
        data_dir: &DataDir,
        supervisor: Supervisor,
    ) -> anyhow::Result<Self> {
        let stores = stores::open(config).await?;
        let presence = stores.presence.clone();
        // Before anybody can come.
        Webhook::start(config, data_dir.webhook(), &presence, &supervisor).await?;
        let post = Arc::new(InboxPublisher::default());
        let store = timeline::embedded::Config::new(data_dir.timelines())
            .must_exist(data_dir.had_timelines())
            .observer(Arc::clone(&post));
        let store = EmbeddedStore::start(store).await.context("--data-dir")?;
        data_dir.note_timelines()?;
        let timeline = Timeline::start(timeline::Config::default(), store)?;
        let roster = Arc::new(Roster::default());
        let storage = Arc::new(ChannelHistory::new(HISTORY_BYTES_MAX)?.messages_max(config.channel_history));
        let (attendance, names) = (Arc::new(Attendance::new(stores.rooms.clone())), DeviceNames::new());
        let sources = CallSources {
            store_id: data_dir.id(),
            roster: Arc::clone(&roster),
            history: Arc::clone(&storage),
            timeline: timeline.clone(),
            attendance: Arc::clone(&attendance),
            names: names.clone(),
        };
        let calls = Calls::start(sources, &supervisor);
        let devices = Devices::new(presence.clone(), Arc::clone(&attendance), names);
        let hooks = hooks(devices, &calls, storage);
        let hub = Hub::start(hub_config(config), hooks)?;
        post.deliver_through(&hub);
        calls.publish_through(&hub);
        supervisor.keep("the keeper of the rooms", {
            let (tasks, stop) = (supervisor.tasks().clone(), supervisor.stop().clone());
            move || Arc::clone(&attendance).work(tasks.clone(), stop.clone())
        });
        supervisor.keep("the follower of presence", {
            let (hub, stop) = (hub.clone(), supervisor.stop().clone());
            move || Arc::clone(&roster).follow(presence.clone(), hub.clone(), stop.clone())
        });
        Ok(Self { hub, stores, timeline, supervisor })
    }

    /// Has `health` follow the states of presence and of the timelines.
    pub(crate) fn follow_health(&self, health: &Health, supervisor: &Supervisor) {
        let stop = supervisor.stop().clone();
        let presence =
            health.clone().follow(health::PRESENCE, self.stores.presence.state(), of_presence, stop.clone());
        supervisor.need("the state of presence", presence);
        let timelines = health.clone().follow(health::TIMELINES, self.timeline.state(), of_timelines, stop);
        supervisor.need("the state of the timelines", timelines);
    }

    /// Closes every connection, telling the clients to come back later.
    pub(crate) async fn drain(&self, deadline: Instant) {
        let connections = self.hub.stats().connections;
        if !self.hub.shutdown(deadline.saturating_duration_since(Instant::now())).await {
            tracing::warn!(connections, "some connections did not end in time and are cut off");
        }
    }

    /// Ends the rest once nobody asks any more: tasks, presence, and last the store.
    pub(crate) async fn close(&self, deadline: Instant) -> anyhow::Result<()> {
        self.supervisor.stop().cancel();
        let tasks = self.supervisor.tasks();
        tasks.close();
        if timeout_at(deadline, tasks.wait()).await.is_err() {
            tracing::warn!(
                tasks = tasks.len(),
                "some tasks of the server did not end in time and are cut off"
            );
        }
        // Neither waits for the other: a Redis that is away must not take the time of the messages.
        let left = deadline.saturating_duration_since(Instant::now()).max(Duration::from_millis(200));
        let (presence, timeline) = tokio::join!(self.stores.shutdown(left), self.timeline.shutdown(left));
        if !presence {
            tracing::warn!(
                "presence did not close in time; other servers show our users as offline a little later"
            );
        }
        if !timeline {
            bail!(
                "the timeline store did not end within --shutdown-time, or not cleanly as the log says; nothing \
                 that was acknowledged is lost"
            );
        }
        Ok(())
    }
}

fn of_presence(state: &presence::State) -> Condition {
    match state {
        presence::State::Well => Condition::Well,
        presence::State::ReadOnly { reason, .. } => Condition::ReadOnly(Arc::clone(reason)),
        presence::State::Down { reason, .. } => Condition::Down(Arc::clone(reason)),
        // What a later version may add is not known to be well.
        other => Condition::Down(other.to_string().into()),
    }
}

fn of_timelines(state: &timeline::State) -> Condition {
    match state {
        timeline::State::Well => Condition::Well,
        timeline::State::ReadOnly { reason, .. } => Condition::ReadOnly(Arc::clone(reason)),
        timeline::State::Down { reason, .. } => Condition::Down(Arc::clone(reason)),
        other => Condition::Down(other.to_string().into()),
    }
}

fn hooks(devices: Devices, calls: &Arc<Calls>, storage: Arc<ChannelHistory>) -> Hooks {
    Hooks::default().auth(NameAuth).lifecycle(devices).handler(Arc::clone(calls)).storage(storage)
}

fn hub_config(config: &Config) -> tidings::hub::Config {
    tidings::hub::Config::default()
        .for_messages_of(config.message_bytes)
        .connections_max(config.connections)
        .name_bytes_max(channel::NAME_BYTES_MAX)
        .message_timeout(config.request_time)
        .allowed_origins(&config.allow_origin)
}
