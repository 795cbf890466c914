//! The gRPC port: the timeline service, health and reflection.

mod incoming;

use std::time::Duration;

use anyhow::Context as _;
use tidings::timeline::proto::FILE_DESCRIPTOR_SET;
use tidings::timeline::{Timeline, grpc};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;
use tonic::transport::Server;
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;

use crate::config::Config;

/// Calls of one connection at once.
const STREAMS_MAX: u32 = 256;
/// A peer that is gone without a word is noticed after these two.
const KEEP_ALIVE: Duration = Duration::from_secs(30);
const KEEP_ALIVE_ANSWER: Duration = Duration::from_secs(10);

/// The services, ready to be served.
pub(crate) struct Grpc {
    routes: Routes,
    health: HealthReporter,
    connections: usize,
    request_time: Duration,
}

impl Grpc {
    pub(crate) fn new(timeline: &Timeline, config: &Config) -> anyhow::Result<Self> {
        let (health, health_service) = tonic_health::server::health_reporter();
        let mut bounds = grpc::Config::default();
        bounds.request_bytes_max = config.body_bytes;
        let timelines = grpc::server(timeline.clone(), &bounds)?;
        let routes = Routes::new(timelines)
            .add_service(health_service)
            .add_service(reflection().build_v1().context("gRPC reflection")?)
            // Most tools still ask for the older name.
            .add_service(reflection().build_v1alpha().context("gRPC reflection")?);
        Ok(Self { routes, health, connections: config.grpc_connections, request_time: config.request_time })
    }
}

fn reflection() -> tonic_reflection::server::Builder<'static> {
    tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(FILE_DESCRIPTOR_SET)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
}

/// Serves until `stop`, then finishes the calls that are being answered.
pub(crate) async fn serve(grpc: Grpc, listener: TcpListener, stop: CancellationToken) {
    const SERVICE: &str = "timeline.v1.Timeline";
    let Grpc { routes, health, connections, request_time } = grpc;
    health.set_service_status(SERVICE, ServingStatus::Serving).await;
    let stopped = async {
        stop.cancelled().await;
        // The whole server, and the one service that is asked for by name.
        health.set_service_status("", ServingStatus::NotServing).await;
        health.set_service_status(SERVICE, ServingStatus::NotServing).await;
    };
    let served = Server::builder()
        .timeout(request_time)
        .max_concurrent_streams(STREAMS_MAX)
        .http2_keepalive_interval(Some(KEEP_ALIVE))
        .http2_keepalive_timeout(Some(KEEP_ALIVE_ANSWER))
        .add_routes(routes)
        .serve_with_incoming_shutdown(incoming::connections(listener, connections), stopped)
        .await;
    if let Err(error) = served {
        tracing::error!(%error, "gRPC ended");
    }
}
