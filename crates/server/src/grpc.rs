//! The gRPC port: the timeline service, health and reflection.

mod door;
mod incoming;
mod limits;

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use axum::middleware;
use tidings::timeline::proto::FILE_DESCRIPTOR_SET;
use tidings::timeline::{Timeline, grpc};
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;
use tonic::transport::Server;
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;

use self::limits::{CallLimits, NAMING_BYTES_MAX};
use crate::access::{Access, TimelineCallers};
use crate::config::Config;
use crate::health::{self, Health};
use crate::listen::{self, LimitedListener};

/// Calls of one connection at once, each of which may hold an answer that nobody reads yet; a
/// client keeps the rest back.
const STREAMS_MAX: u32 = 32;
/// What a client may send ahead of what the services read, for one call and for all of a
/// connection: it lies in the windows of HTTP/2 and is not counted with the bodies. Over a round
/// trip of 100 ms a call has 640 KiB a second, and each of as many as there may be 80, more than a
/// body that is slow. A `body-bytes` far above its default asks for a longer `request-time` there,
/// as its help says. A window that grows with it would be memory that no bound counts.
const CALL_WINDOW: u32 = 64 * 1024;
const CONNECTION_WINDOW: u32 = 256 * 1024;
/// A peer that is gone without a word is noticed after these two.
const KEEP_ALIVE: Duration = Duration::from_secs(30);
const KEEP_ALIVE_ANSWER: Duration = Duration::from_secs(10);

/// The services, ready to be served.
#[derive(Clone)]
pub(crate) struct Grpc {
    routes: Routes,
    reporter: HealthReporter,
    health: Health,
    request_time: Duration,
}

impl Grpc {
    pub(crate) fn new(
        timeline: &Timeline,
        config: &Config,
        access: &Access,
        health: &Health,
        stop: &CancellationToken,
    ) -> anyhow::Result<Self> {
        let (reporter, health_service) = tonic_health::server::health_reporter();
        let bounds = grpc::Config::default().request_bytes_max(config.body_bytes);
        let bounds = bounds.watches_max(config.grpc_watches());
        let callers = TimelineCallers::new(access, stop);
        let timelines = grpc::server_for(bounds, timeline.clone(), Arc::new(callers))?;
        let reflected = reflection().build_v1().context("gRPC reflection cannot be set up")?;
        // Most tools still ask for the older name.
        let older = reflection().build_v1alpha().context("gRPC reflection cannot be set up")?;
        let routes = Routes::new(timelines)
            .add_service(health_service.max_decoding_message_size(NAMING_BYTES_MAX))
            .add_service(reflected.max_decoding_message_size(NAMING_BYTES_MAX))
            .add_service(older.max_decoding_message_size(NAMING_BYTES_MAX));
        let limits = CallLimits::new(config.body_bytes, stop.clone());
        // The layer that is added last is the outermost:
        //
        //  introduce ─► follow ─► gate ─► door ─► limit ─► the services
        //
        // The door comes before anything of a body is read.
        let routes = routes
            .into_axum_router()
            .layer(middleware::from_fn_with_state(limits, limits::limit))
            .layer(middleware::from_fn_with_state(access.clone(), door::door))
            .layer(middleware::from_fn(listen::gate))
            .layer(middleware::from_fn(listen::follow))
            .layer(middleware::from_fn(incoming::introduce));
        Ok(Self {
            routes: routes.into(),
            reporter,
            health: health.clone(),
            request_time: config.request_time,
        })
    }
}

fn reflection() -> tonic_reflection::server::Builder<'static> {
    tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(FILE_DESCRIPTOR_SET)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
}

/// Serves until `stop`, then finishes the calls that are being answered.
pub(crate) async fn serve(grpc: Grpc, door: LimitedListener, stop: CancellationToken) {
    let Grpc { routes, reporter, health, request_time } = grpc;
    let stopped = async {
        report(&reporter, &health, &stop).await;
        door.close();
    };
    let served = Server::builder()
        .timeout(request_time)
        .max_concurrent_streams(STREAMS_MAX)
        .initial_stream_window_size(CALL_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .http2_keepalive_interval(Some(KEEP_ALIVE))
        .http2_keepalive_timeout(Some(KEEP_ALIVE_ANSWER))
        .add_routes(routes)
        .serve_with_incoming_shutdown(incoming::connections(door.clone()), stopped)
        .await;
    if let Err(error) = served {
        // The error itself says no more than that it is one of the transport.
        let error = anyhow::Error::from(error);
        tracing::error!(error = %format_args!("{error:#}"), "the gRPC listener ended with an error");
    }
}

/// The one service whose health is asked for by name.
const SERVICE: &str = "timeline.v1.Timeline";

/// Keeps the health service true until `stop`: for the whole server, and for that service.
async fn report(reporter: &HealthReporter, health: &Health, stop: &CancellationToken) {
    let serving = |yes: bool| if yes { ServingStatus::Serving } else { ServingStatus::NotServing };
    let mut reports = health.reports();
    let mut told = [None; 2];
    loop {
        let (all, timelines) = {
            let report = reports.borrow_and_update();
            (report.is_ready(), report.serves(health::TIMELINES))
        };
        // A change or a stop that comes while this is told is seen by the wait below, which returns
        // at once then.
        let now = [all, timelines].map(|serves| serves && !stop.is_cancelled());
        for ((service, now), told) in ["", SERVICE].into_iter().zip(now).zip(&mut told) {
            // Those who watch get a message for each status that is set, the same one, too.
            if told.replace(now) != Some(now) {
                reporter.set_service_status(service, serving(now)).await;
            }
        }
        if stop.is_cancelled() {
            return end_watches(reporter.clone()).await;
        }
        tokio::select! {
            () = stop.cancelled() => {}
            changed = reports.changed() => {
                if changed.is_err() {
                    return stop.cancelled().await;
                }
            }
        }
    }
}

/// Ends the streams of those who watch health, which have no end of their own. Each is told first
/// that the server does not serve any more.
async fn end_watches(mut reporter: HealthReporter) {
    for service in ["", SERVICE] {
        // Clearing ends the streams that watch. Without a new status, who asks now would hear that
        // there is no such service.
        reporter.clear_service_status(service).await;
        reporter.set_service_status(service, ServingStatus::NotServing).await;
    }
}
