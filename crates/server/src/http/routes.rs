//! Every path of the HTTP port.

use axum::extract::{FromRef, State};
use axum::http::header;
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Router, middleware};
use metrics_exporter_prometheus::PrometheusHandle;
use tidings::hub::Hub;
use tidings::presence::Presence;
use tidings::presence::rooms::Rooms;
use tidings::timeline::AnswerMemory;

use super::events::Streams;
use super::guard::Guard;
use super::limits::Limits;
use super::{answer, events, guard, headers, health, limits, page, person, presence, query, room};
use crate::health::Health;
use crate::{listen, telemetry};

/// What the routes reach.
#[derive(Clone)]
pub(crate) struct Routes {
    pub(crate) hub: Hub,
    pub(crate) presence: Presence,
    pub(crate) rooms: Rooms,
    pub(crate) streams: Streams,
    /// The room for answers about presence and rooms that their clients have not read.
    pub(crate) answers: AnswerMemory,
    pub(crate) metrics: PrometheusHandle,
    pub(crate) health: Health,
}

impl Routes {
    /// Joins our routes and those of the timelines. Every answer passes all layers, those of the
    /// layers further in too.
    pub(crate) fn router(
        self,
        timelines: Router,
        guard: Guard,
        limits: Limits,
        origins: &[String],
    ) -> Router {
        Router::<Self>::new()
            .merge(page::router())
            .route_service("/ws", self.hub.clone())
            .route("/presence", get(presence::presence))
            .route("/presence/events", get(events::events))
            .route("/presence/{id}", get(person::person))
            .route("/rooms/{room}", get(room::room))
            .route("/healthz", get(health::healthz))
            .route("/readyz", get(health::readyz))
            .route("/metrics", get(metrics))
            .method_not_allowed_fallback(answer::wrong_method)
            .fallback(answer::not_found)
            .with_state(self)
            .merge(timelines)
            // The layer that is added last is the outermost:
            //
            //  follow ─► headers ─► cors ─► gate ─► guard ─► limit ─► query ─► the routes
            //
            // `follow` sees the last byte of every answer. Headers and cors mark refusals as well,
            // and let pages read them. `guard` comes before anything of a body is read.
            .layer(middleware::from_fn(query::query))
            .layer(middleware::from_fn_with_state(limits, limits::limit))
            .layer(middleware::from_fn_with_state(guard, guard::guard))
            .layer(middleware::from_fn(listen::gate))
            .layer(headers::cors(origins))
            .layer(middleware::from_fn_with_state(origins.is_empty(), headers::headers))
            .layer(middleware::from_fn(listen::follow))
    }
}

impl FromRef<Routes> for Presence {
    fn from_ref(routes: &Routes) -> Self {
        routes.presence.clone()
    }
}

impl FromRef<Routes> for Rooms {
    fn from_ref(routes: &Routes) -> Self {
        routes.rooms.clone()
    }
}

impl FromRef<Routes> for Streams {
    fn from_ref(routes: &Routes) -> Self {
        routes.streams.clone()
    }
}

impl FromRef<Routes> for AnswerMemory {
    fn from_ref(routes: &Routes) -> Self {
        routes.answers.clone()
    }
}

impl FromRef<Routes> for Health {
    fn from_ref(routes: &Routes) -> Self {
        routes.health.clone()
    }
}

async fn metrics(State(routes): State<Routes>) -> impl IntoResponse {
    // These are read when somebody asks, and not counted as they change.
    let stats = routes.hub.stats();
    set("tidings_hub_connections", stats.connections);
    set("tidings_hub_channels", stats.channels);
    set("tidings_hub_outboxes_bytes", stats.outboxes_bytes);
    set("tidings_hub_binds_bytes", stats.binds_bytes);
    set("tidings_presence_streams", routes.streams.open());
    match routes.presence.count().await {
        Ok(count) => set("tidings_presence_online", usize::try_from(count).unwrap_or(usize::MAX)),
        Err(error) => tracing::debug!(
            error = %format_args!("{error:#}"),
            "the users who are online cannot be counted for the metrics"
        ),
    }
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], telemetry::render(&routes.metrics))
}

#[expect(clippy::cast_precision_loss, reason = "a count beyond 2^53 does not fit this machine")]
fn set(name: &'static str, value: usize) {
    metrics::gauge!(name).set(value as f64);
}
