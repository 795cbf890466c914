//! The running server: started whole or not at all, and stopped in order.

use std::io;
use std::io::Write as _;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context as _;
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::net::TcpListener;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::Config;
use crate::data_dir::DataDir;
use crate::grpc::Grpc;
use crate::http::{Guard, Limits, Readiness, Routes, Streams};
use crate::join::Join;
use crate::signals::Signals;
use crate::{grpc, http, listen, telemetry};

/// Of the time a stop may take, what is kept back for the store.
const FOR_THE_STORE: f64 = 0.25;

/// Runs until a signal asks to stop.
pub(crate) async fn run(config: Config, mut signals: Signals) -> anyhow::Result<()> {
    // Both ports come first: whatever is in the way shows before anything is written.
    let http = listen::bind("http", config.http).await?;
    let grpc = listen::bind("grpc", config.grpc).await?;
    let metrics = telemetry::metrics()?;
    let data_dir = DataDir::open(&config.data_dir)?;
    let join = match Join::start(&config, &data_dir).await {
        Ok(join) => join,
        Err(error) => {
            data_dir.abandon();
            return Err(error);
        }
    };
    let addresses = (http.local_addr()?, grpc.local_addr()?);
    let server = Server::start(&config, join, metrics, http, grpc)?;
    if config.insecure {
        tracing::warn!("insecure: whoever reaches this server can take any name and read its messages");
    }
    announce(addresses, &config)?;
    let signal = signals.next().await;
    tracing::info!(signal, time = ?config.shutdown_time, "stopping; a second signal ends at once");
    let stopped = tokio::select! {
        stopped = server.stop(config.shutdown_time) => stopped,
        signal = signals.next() => Err(anyhow::anyhow!("cut off by a second {signal}")),
    };
    drop(data_dir);
    stopped
}

/// The tasks of a running server.
struct Server {
    join: Join,
    readiness: Readiness,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Server {
    fn start(
        config: &Config,
        join: Join,
        metrics: PrometheusHandle,
        http: TcpListener,
        grpc: TcpListener,
    ) -> anyhow::Result<Self> {
        let (stop, tasks, readiness) = (CancellationToken::new(), TaskTracker::new(), Readiness::default());
        let routes = Routes {
            hub: join.hub.clone(),
            presence: join.stores.presence.clone(),
            rooms: join.stores.rooms.clone(),
            streams: Streams::new(config.presence_streams, stop.clone()),
            metrics: metrics.clone(),
            readiness: readiness.clone(),
        };
        let timelines = http::timelines(&join.timeline, &config.allow_origin, config.body_bytes)?;
        let router = routes.router(
            timelines,
            Guard::new(config.insecure, &config.allow_origin),
            Limits::new(config.body_bytes, config.request_time),
        );
        let grpc_service = Grpc::new(&join.timeline, config)?;
        tasks.spawn(telemetry::keep_up(metrics, stop.clone()));
        tasks.spawn(http::serve(http, router, config.http_connections, config.request_time, stop.clone()));
        tasks.spawn(grpc::serve(grpc_service, grpc, stop.clone()));
        readiness.turn_on();
        Ok(Self { join, readiness, stop, tasks })
    }

    /// Stops accepting, lets clients and requests finish, then closes the store.
    async fn stop(self, time: Duration) -> anyhow::Result<()> {
        let started = Instant::now();
        let clients = started + time.mul_f64(1.0 - FOR_THE_STORE);
        self.readiness.turn_off();
        self.stop.cancel();
        self.tasks.close();
        let (_, served) =
            tokio::join!(self.join.drain(clients), tokio::time::timeout_at(clients, self.tasks.wait()));
        if served.is_err() {
            tracing::warn!("some requests did not end in time and are cut off");
        }
        self.join.close(started + time).await?;
        tracing::info!(taken = ?started.elapsed(), "stopped");
        Ok(())
    }
}

/// Says where to go, in the one line that this program writes to its output.
fn announce((http, grpc): (SocketAddr, SocketAddr), config: &Config) -> anyhow::Result<()> {
    let host = if http.ip().is_unspecified() { "localhost".to_owned() } else { host(http) };
    let mut out = io::stdout().lock();
    writeln!(
        out,
        "tidings is open at http://{host}:{} (gRPC on {grpc}, messages in {})",
        http.port(),
        config.data_dir.display()
    )
    .and_then(|()| out.flush())
    .context("the output cannot be written")
}

fn host(address: SocketAddr) -> String {
    if address.is_ipv6() { format!("[{}]", address.ip()) } else { address.ip().to_string() }
}
