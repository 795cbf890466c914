//! The running server: started whole or not at all, and stopped in order.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::bail;
use metrics_exporter_prometheus::PrometheusHandle;
use tidings::hub::server::Tls;
use tidings::timeline::etcd::RegistrationConfig;
use tidings::timeline::{self, AnswerMemory, State, Timeline};
use tokio::net::TcpListener;
use tokio::time::Instant;

use crate::access::{Access, TimelineCallers};
use crate::config::{Config, PresenceStore};
use crate::data_dir::DataDir;
use crate::grpc::Grpc;
use crate::health::Health;
use crate::http::{Exports, Guard, Limits, LoginUrl, Routes, Streams};
use crate::join::Join;
use crate::listen::{BodyMemory, ConnectionPermits, LimitedListener, Timeouts};
use crate::registration::{self, Registered};
use crate::signals::Signals;
use crate::supervisor::Supervisor;
use crate::{causes, descriptors, grpc, http, listen, log, redis_at_start, revocation, telemetry, tls};

/// The share of the time for a stop that is kept for the store.
const FOR_THE_STORE: f64 = 0.25;
/// How long a client of HTTP/2 may take to say that it is one.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// What answers about presence and rooms have, as much as those of the timelines have over HTTP.
const ANSWER_BYTES: usize = timeline::http::Config::ANSWER_BYTES_MAX_DEFAULT;

/// Runs until a signal asks to stop, or until a part that cannot be missed is lost.
pub(crate) async fn run(config: Config, mut signals: Signals) -> anyhow::Result<()> {
    let places = descriptors::raise(&config);
    for warning in config.warnings.iter().chain(&places.warning) {
        tracing::warn!("{warning}");
    }
    let config = places.lowered(config);
    // Both ports come first: whatever is in the way shows before anything is written.
    let http = listen::bind("http", config.http).await?;
    let grpc = listen::bind("grpc", config.grpc).await?;
    let addresses = (http.local_addr()?, grpc.local_addr()?);
    let tls = tls::start(&config).await?;
    let registration = registration::settings(&config, addresses)?;
    let metrics = telemetry::metrics()?;
    let data_dir = DataDir::open(&config.data_dir)?;
    let (supervisor, health) = (Supervisor::new(), Health::default());
    let parts = async {
        // Boxed, as it is large and mostly over at once.
        let http = Box::pin(redis_at_start::wait(&config, http, tls.clone())).await?;
        start_parts(&config, &data_dir, &health, &supervisor).await.map(|parts| (http, parts))
    };
    let started = tokio::select! {
        started = parts => started,
        // What a start cut short leaves, the next one finishes, as after a crash.
        signal = signals.stop() => {
            tracing::info!(reason = signal, "stopped before the start was finished");
            return Ok(());
        }
    };
    let (http, (access, join)) = match started {
        Ok(parts) => parts,
        Err(error) => {
            supervisor.stop().cancel();
            data_dir.abandon();
            return Err(error);
        }
    };
    let parts = Parts { access, join, health, supervisor, metrics, registration, tls };
    let server = Server::start(&config, parts, http, grpc)?;
    if config.insecure && !config.logins.are_configured() {
        tracing::warn!("insecure: anybody who reaches this server can take any name and read its messages");
    }
    announce(addresses, &config);
    let (reason, lost) = tokio::select! {
        signal = signals.stop() => (signal.to_owned(), false),
        reason = server.supervisor.fatal() => (reason, true),
    };
    let stopped = server.stop(config.shutdown_time, &reason).await;
    drop(data_dir);
    match stopped {
        Ok(()) if lost => bail!("stopped, since the server cannot go on: {reason}"),
        Err(error) if lost => {
            let error = causes::in_one_line(&error);
            bail!("stopped, since the server cannot go on: {reason}; {error}")
        }
        stopped => stopped,
    }
}

/// Starts what decides who may come in, and then what they come to.
async fn start_parts(
    config: &Config,
    data_dir: &DataDir,
    health: &Health,
    supervisor: &Supervisor,
) -> anyhow::Result<(Access, Join)> {
    let revocations = revocation::list()?;
    if config.logins.are_configured() {
        // They come first: nobody is admitted while it is not known who was sent away.
        revocation::start(config, data_dir, revocations.clone(), health, supervisor).await?;
    }
    let access = Access::new(config, revocations.clone()).await?;
    let join = Join::start(config, data_dir, &access).await?;
    let own_presence = (config.presence == PresenceStore::Memory).then(|| join.stores.presence.clone());
    revocation::follow(&join.hub, &revocations, own_presence, supervisor);
    Ok((access, join))
}

/// What the listeners lead to.
struct Parts {
    access: Access,
    join: Join,
    health: Health,
    supervisor: Supervisor,
    metrics: PrometheusHandle,
    registration: Option<RegistrationConfig>,
    tls: Option<Tls>,
}

/// The tasks of a running server.
struct Server {
    join: Join,
    health: Health,
    supervisor: Supervisor,
    registration: Option<Registered>,
}

impl Server {
    fn start(config: &Config, parts: Parts, http: TcpListener, grpc: TcpListener) -> anyhow::Result<Self> {
        let Parts { access, join, health, supervisor, metrics, registration, tls } = parts;
        let stop = supervisor.stop().clone();
        access.follow_health(&health, &supervisor);
        join.follow_health(&health, &supervisor);
        join.watch(&supervisor);
        let routes = Routes {
            hub: join.hub.clone(),
            presence: join.stores.presence.clone(),
            rooms: join.stores.rooms.clone(),
            streams: Streams::new(config.presence_streams, access.revocations().clone(), stop.clone()),
            exports: Exports::new(join.store.clone(), access.revocations().clone(), stop.clone()),
            answers: AnswerMemory::new(ANSWER_BYTES, "presence")?,
            metrics: metrics.clone(),
            health: health.clone(),
            access: access.clone(),
            login_url: LoginUrl(config.login_url.as_ref().map(|url| url.expose().to_string())),
        };
        let limits = Limits::new(config.body_bytes, config.request_time);
        let router = routes.router(
            http::timelines(&join.timeline, config, TimelineCallers::new(&access, &stop))?,
            Guard::new(config),
            limits.clone(),
            config,
        );
        let grpc_service = Grpc::new(&join.timeline, config, &access, &health, &stop)?;
        let request_time = config.request_time;
        let (open, bodies) = (telemetry::connections(), BodyMemory::new(config.body_bytes));
        let patience = Timeouts { handshake: None, answer: request_time };
        let permits = ConnectionPermits::new(config.http_connections, patience, bodies.clone(), open.http);
        let http = door(&supervisor, http, permits, request_time);
        let patience = Timeouts { handshake: Some(HANDSHAKE.min(request_time)), answer: request_time };
        let permits = ConnectionPermits::new(config.grpc_connections, patience, bodies, open.grpc);
        let grpc = door(&supervisor, grpc, permits, request_time);
        watch(&supervisor, &join.timeline, limits, metrics);
        keep_up(&supervisor, &access);
        supervisor.keep("the HTTP listener", {
            let stop = stop.clone();
            move || http::serve(http.clone(), tls.clone(), router.clone(), request_time, stop.clone())
        });
        supervisor
            .keep("the gRPC listener", move || grpc::serve(grpc_service.clone(), grpc.clone(), stop.clone()));
        health.open();
        let registration = registration::start(registration, &health, &supervisor)?;
        Ok(Self { join, health, supervisor, registration })
    }

    /// Has clients go elsewhere, stops accepting, lets those that are here and their requests
    /// finish, then closes the store. Acts first and logs then.
    async fn stop(self, time: Duration, reason: &str) -> anyhow::Result<()> {
        let started = Instant::now();
        let clients = started + time.mul_f64(1.0 - FOR_THE_STORE);
        self.health.stop();
        if let Some(registered) = &self.registration {
            registered.end(clients).await;
        }
        self.supervisor.stop().cancel();
        let tasks = self.supervisor.tasks();
        tasks.close();
        tracing::info!(reason, ?time, "stopping; a second signal ends at once");
        let (_, served) =
            tokio::join!(self.join.drain(clients), tokio::time::timeout_at(clients, tasks.wait()));
        if served.is_err() {
            tracing::warn!("some requests did not end in time and are cut off");
        }
        self.join.close(started + time).await?;
        tracing::info!(taken = ?started.elapsed(), "stopped");
        Ok(())
    }
}

/// Keeps what runs beside the listeners.
fn watch(supervisor: &Supervisor, timeline: &Timeline, limits: Limits, metrics: PrometheusHandle) {
    let stop = supervisor.stop();
    supervisor.keep("the watch over the timelines", {
        let (supervisor, timeline) = (supervisor.clone(), timeline.clone());
        move || stop_when_lost(timeline.clone(), supervisor.clone())
    });
    supervisor.keep("the watch over requests that fail", {
        let stop = stop.clone();
        move || limits.clone().watch(stop.clone())
    });
    supervisor.keep("the upkeep of the metrics", {
        let stop = stop.clone();
        move || telemetry::keep_up(metrics.clone(), stop.clone())
    });
}

/// Keeps what forgets logins that are over, and limits that are whole again.
fn keep_up(supervisor: &Supervisor, access: &Access) {
    let stop = supervisor.stop();
    supervisor.keep("the upkeep of the limits of users and addresses", {
        let (rates, stop) = (access.rates().clone(), stop.clone());
        move || rates.clone().keep_up(stop.clone())
    });
    supervisor.keep("the upkeep of logins", {
        let (access, stop) = (access.clone(), stop.clone());
        move || access.clone().keep_up(stop.clone())
    });
}

/// Stops the server when nothing but a restart of the process helps its store, so that whoever runs
/// it starts it again.
async fn stop_when_lost(timeline: Timeline, supervisor: Supervisor) {
    let mut state = timeline.state();
    let stop = supervisor.stop().clone();
    let lost = state.wait_for(|state| matches!(state, State::Lost { .. }));
    if let Some(Ok(lost)) = stop.run_until_cancelled(lost).await {
        supervisor.give_up(lost.to_string());
    }
    // The reason was given to the supervisor, which stops the server; or the server is stopping
    // already.
    stop.cancelled().await;
}

/// A listener with its permits, which are watched.
fn door(
    supervisor: &Supervisor,
    listener: TcpListener,
    permits: ConnectionPermits,
    request_time: Duration,
) -> LimitedListener {
    let (watched, stop) = (permits.clone(), supervisor.stop().clone());
    supervisor.keep("the watch over connections", move || watched.clone().watch(stop.clone()));
    LimitedListener::new(listener, permits, request_time)
}

/// Prints the address to open, in the one line of the standard output. Nobody has to read it.
fn announce((http, grpc): (SocketAddr, SocketAddr), config: &Config) {
    let host = if http.ip().is_unspecified() { "localhost".to_owned() } else { host(http) };
    let place = match config.timeline.mongo_url.as_ref().filter(|_| config.timeline.is_shared()) {
        Some(url) => url.to_string(),
        None => config.data_dir.display().to_string(),
    };
    let scheme = if config.tls_cert.is_some() { "https" } else { "http" };
    let port = http.port();
    let line = format!("tidings is open at {scheme}://{host}:{port} (gRPC on {grpc}, messages in {place})");
    if let Err(error) = log::announce(&line) {
        tracing::warn!(%error, line, "the standard output cannot be written");
    }
}

fn host(address: SocketAddr) -> String {
    if address.is_ipv6() { format!("[{}]", address.ip()) } else { address.ip().to_string() }
}
