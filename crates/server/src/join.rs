//! Where hub, presence and timelines meet; none of them knows the others.

mod auth;
mod call_pace;
mod calls;
mod client;
mod kept_channels;
mod late_binds;
mod permission;
mod sisters;
mod throttle;
mod waiting_places;

use std::sync::Arc;
use std::time::Duration;

use anyhow::bail;
use tidings::hub::calls::Calls;
use tidings::hub::{ChannelHistory, HistoryConfig, Hooks, Hub};
use tidings::join::attendance::{self, Attendance};
use tidings::join::receipts::{InboxInterest, InterestHook, Receipts};
use tidings::join::roster::{Roster, RosterKeeper};
use tidings::join::webhook::Webhook;
use tidings::presence;
use tidings::timeline::embedded::EmbeddedStore;
use tidings::timeline::{self, Timeline};
use tokio::time::Instant;

use self::auth::ServerAuth;
use self::calls::{CallHandler, CallLimits, CallQueues, CallSources, LateCalls, Logins};
use self::kept_channels::KeptChannels;
use self::late_binds::LateBinds;
pub(crate) use self::sisters::check as check_sisters;
use self::throttle::ServerThrottle;
use self::waiting_places::WaitingPlaces;
use crate::access::Access;
use crate::config::Config;
use crate::data_dir::DataDir;
use crate::health::{self, Condition, Health};
use crate::revocation::Guarded;
use crate::stores::{self, Stores};
use crate::supervisor::Supervisor;
use crate::timelines::{self, Timelines};
use crate::webhook;

/// The running parts, joined.
#[derive(Debug)]
pub(crate) struct Join {
    pub(crate) hub: Hub,
    pub(crate) stores: Stores,
    pub(crate) timeline: Timeline,
    /// The store below them, if it is in the data directory.
    pub(crate) store: Option<Arc<EmbeddedStore>>,
    attendance: Attendance,
    keeper: RosterKeeper,
    calls: Calls,
    logins: Calls,
    webhook: Option<Webhook>,
}

impl Join {
    /// Starts the parts in the order in which each has what it needs: presence, what the hooks of
    /// the hub are made of, the hub, and what publishes to its clients. Who serves the users comes
    /// last, and nobody can come before the listeners.
    ///
    /// `access` says who somebody is, at the door and over a connection.
    pub(crate) async fn start(config: &Config, data_dir: &DataDir, access: &Access) -> anyhow::Result<Self> {
        // What needs what. If one cannot be started, those before it are dropped, which ends them.
        //
        //  stores ─► webhook     follows presence
        //     └────► attendance, roster ─► hub     whose hooks ask them
        //                                   ├────► timelines     push to its clients
        //                                   ├────► keeper of the roster     publishes to them
        //                                   └────► calls, logins     answer them, log in
        let stores = stores::open(config).await?;
        let presence = stores.presence.clone();
        // The webhook begins to read events before anybody can come online.
        let webhook = webhook::start(config, data_dir, &presence).await?;
        let attendance = attendance::Config::new(presence.clone()).rooms(stores.rooms.clone());
        let (attendance, roster) = (Attendance::start(attendance)?, Roster::default());
        let history = HistoryConfig::default().messages_max(config.channel_history);
        let history = Arc::new(ChannelHistory::new(history)?);
        let sources = CallSources {
            store_id: timelines::store_id(config, data_dir),
            roster: roster.clone(),
            history: Arc::clone(&history),
            attendance: attendance.clone(),
        };
        let queues = CallQueues::new()?;
        let limits = CallLimits::new(access.rates().clone(), config.limits.calls.connection);
        let handler = CallHandler::new(sources, limits, access.has_logins(), queues.clone());
        // Other servers write to shared timelines, too. The hooks know whose entries are wanted.
        let interest = config.timeline.is_shared().then(InboxInterest::default);
        // The end of the hub waits for the calls of users. A login that is cut off comes again.
        let hooks = hooks(config, access, &attendance, interest.clone()).calls(queues.late.clone());
        let hooks = hooks.handler(handler).storage(KeptChannels(history));
        // From here on the hub could take connections. None comes before the listeners, which start
        // last.
        let hooks = sisters::add(hooks, &config.sisters, config.message_bytes)?;
        let hub = Hub::start(hub_config(config, access), hooks)?;
        let timelines = timelines::start(config, data_dir, &hub, interest.as_ref()).await?;
        let Timelines { timeline, embedded: store } = timelines;
        let keeper = RosterKeeper::start(roster, presence, hub.clone())?;
        let receipts = Receipts::new(timeline.clone(), hub.clone());
        let late = Arc::new(LateCalls::new(receipts, Logins::new(access.clone(), hub.clone())));
        let calls = Calls::start(&queues.late, Arc::clone(&late))?;
        let logins = Calls::start(&queues.logins, late)?;
        Ok(Self { hub, stores, timeline, store, attendance, keeper, calls, logins, webhook })
    }

    /// Has the server stop, with the reason, when a part cannot go on.
    pub(crate) fn watch(&self, supervisor: &Supervisor) {
        let (attendance, keeper) = (self.attendance.clone(), self.keeper.clone());
        supervisor.heed(async move { attendance.failed().await.to_string() });
        supervisor.heed(async move { keeper.failed().await.to_string() });
        if let Some(webhook) = self.webhook.clone() {
            supervisor.heed(async move { webhook.failed().await.to_string() });
        }
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

    /// Closes the connections one after another, telling the clients to come back later.
    pub(crate) async fn drain(&self, deadline: Instant) {
        let connections = self.hub.stats().connections;
        if !self.hub.shutdown(deadline.saturating_duration_since(Instant::now())).await {
            tracing::warn!(connections, "some connections did not end in time and are cut off");
        }
    }

    /// Ends the rest once nobody asks any more: what joins them, presence, and last the store.
    pub(crate) async fn close(&self, deadline: Instant) -> anyhow::Result<()> {
        // They may take half of the time that is left, so that the store has the rest.
        if !self.end_parts(deadline.saturating_duration_since(Instant::now()) / 2).await {
            tracing::warn!("some tasks of the server did not end in time and are cut off");
        }
        // Neither waits for the other: a Redis that is away must not take the time of the messages.
        // Some time is given in any case: the store flushes its marker, and a deadline that has
        // passed must not keep it from that.
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

    /// Ends what joins hub, presence and timelines; returns whether it ended within the grace time.
    async fn end_parts(&self, grace: Duration) -> bool {
        let webhook = async {
            match &self.webhook {
                Some(webhook) => webhook.shutdown(grace).await,
                None => true,
            }
        };
        // None of them waits for another. All end before presence, from which the webhook reads
        // what it still has to tell.
        let (attendance, keeper, calls, logins, webhook) = tokio::join!(
            self.attendance.shutdown(grace),
            self.keeper.shutdown(grace),
            self.calls.shutdown(grace),
            self.logins.shutdown(grace),
            webhook
        );
        attendance && keeper && calls && logins && webhook
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

/// The hooks that decide and hear; those of the calls come to them.
fn hooks(
    config: &Config,
    access: &Access,
    attendance: &Attendance,
    interest: Option<InboxInterest>,
) -> Hooks {
    // What is counted for users and addresses; calls are also counted for their connection alone.
    let limits = &config.limits;
    let messages = [&limits.messages, &limits.bytes, &limits.binds];
    let are_shared = messages.iter().any(|rates| rates.user > 0 || rates.address > 0);
    let calls = &limits.calls;
    let counts = are_shared || calls.connection > 0 || calls.user > 0 || calls.address > 0;
    let attendance = InterestHook::new(interest, attendance.clone());
    let lifecycle = Guarded::new(access.revocations().clone(), LateBinds(attendance));
    let auth = ServerAuth { counts, places: WaitingPlaces::new(config.connections) };
    let hooks = Hooks::default().auth(auth).lifecycle(lifecycle);
    // It is asked for each message, so only where it has something to say, also for the hub.
    if are_shared || messages.iter().any(|rates| rates.connection > 0) {
        hooks.throttle(ServerThrottle(access.rates().clone()))
    } else {
        hooks
    }
}

fn hub_config(config: &Config, access: &Access) -> tidings::hub::Config {
    let hub = tidings::hub::Config::default();
    let hub = if config.compression {
        hub.compress_from(tidings::hub::Config::COMPRESS_FROM_SUGGESTED)
    } else {
        hub
    };
    hub.outbox_bytes_max(config.outbox_bytes)
        .for_messages_of(config.message_bytes)
        .connections_max(config.connections)
        .drain_time(config.drain_time)
        .name_bytes_max(calls::NAME_BYTES_MAX)
        .message_timeout(config.request_time)
        .allowed_origins(&config.allow_origin)
        .rates(access.rates().of_connection())
}
