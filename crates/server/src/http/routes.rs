//! Every path of the HTTP port.

use axum::extract::{FromRef, State};
use axum::http::header;
use axum::response::IntoResponse;
use axum::routing::{MethodRouter, any_service, get, post};
use axum::{Router, middleware};
use metrics_exporter_prometheus::PrometheusHandle;
use tidings::hub::Hub;
use tidings::presence::Presence;
use tidings::presence::rooms::Rooms;
use tidings::timeline::AnswerMemory;

use super::export::Exports;
use super::guard::Guard;
use super::limits::Limits;
use super::login::LoginUrl;
use super::streams::Streams;
use super::{
    answer, events, export, guard, headers, health, limits, login, openapi, page, person, presence, query,
    room, ticket,
};
use crate::access::{self, Access};
use crate::config::Config;
use crate::health::Health;
use crate::{listen, telemetry};

/// What the routes reach.
#[derive(Clone)]
pub(crate) struct Routes {
    pub(crate) hub: Hub,
    pub(crate) presence: Presence,
    pub(crate) rooms: Rooms,
    pub(crate) streams: Streams,
    pub(crate) exports: Exports,
    /// The room for answers about presence and rooms that their clients have not read.
    pub(crate) answers: AnswerMemory,
    pub(crate) metrics: PrometheusHandle,
    pub(crate) health: Health,
    pub(crate) access: Access,
    pub(crate) login_url: LoginUrl,
}

/// A method, a path, and what answers it. The policy has a row for each, which a test compares.
type Route = (&'static str, &'static str, MethodRouter<Routes>);

/// Every route but those of the page and of the timelines.
fn routes(hub: MethodRouter<Routes>, document: MethodRouter<Routes>) -> [Route; 13] {
    [
        ("GET", "/openapi.json", document),
        ("GET", "/ws", hub),
        ("GET", "/presence", get(presence::presence)),
        ("GET", "/presence/events", get(events::events)),
        ("GET", "/presence/{id}", get(person::person)),
        ("GET", "/rooms/{room}", get(room::room)),
        ("GET", "/login", get(login::logins)),
        ("POST", "/login", post(login::redeem)),
        ("POST", "/ticket", post(ticket::ticket)),
        ("GET", "/healthz", get(health::healthz)),
        ("GET", "/readyz", get(health::readyz)),
        ("GET", "/metrics", get(metrics)),
        ("GET", "/export", get(export::export)),
    ]
}

impl Routes {
    /// Joins our routes and those of the timelines. Every answer passes all layers, those of the
    /// layers further in too.
    pub(crate) fn router(self, timelines: Router, guard: Guard, limits: Limits, config: &Config) -> Router {
        let access = self.access.clone();
        // The hub answers other methods itself.
        let routes = routes(any_service(self.hub.clone()), openapi::route(config)).into_iter();
        routes
            .fold(page::router(), |router, (_, path, route)| router.route(path, route))
            .method_not_allowed_fallback(answer::wrong_method)
            .fallback(answer::not_found)
            .with_state(self)
            .merge(timelines)
            // The layer that is added last is the outermost:
            //
            //  follow ─► headers ─► cors ─► gate ─► guard ─► door ─► limit ─► query ─► the routes
            //
            // `follow` sees the last byte of every answer. Headers and cors mark refusals as well,
            // and let pages read them; cors answers preflights, which have no credentials. `guard`
            // and the door come before anything of a body is read.
            .layer(middleware::from_fn(query::query))
            .layer(middleware::from_fn_with_state(limits, limits::limit))
            .layer(middleware::from_fn_with_state(access, access::door))
            .layer(middleware::from_fn_with_state(guard, guard::guard))
            .layer(middleware::from_fn(listen::gate))
            .layer(headers::cors(&config.allow_origin, config.logins.cookie.is_some()))
            .layer(middleware::from_fn_with_state(config.allow_origin.is_empty(), headers::headers))
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

impl FromRef<Routes> for Exports {
    fn from_ref(routes: &Routes) -> Self {
        routes.exports.clone()
    }
}

impl FromRef<Routes> for AnswerMemory {
    fn from_ref(routes: &Routes) -> Self {
        routes.answers.clone()
    }
}

impl FromRef<Routes> for Access {
    fn from_ref(routes: &Routes) -> Self {
        routes.access.clone()
    }
}

impl FromRef<Routes> for LoginUrl {
    fn from_ref(routes: &Routes) -> Self {
        routes.login_url.clone()
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::access::policy;

    #[test]
    fn every_route_has_a_row_and_every_row_a_route() {
        let ours = routes(MethodRouter::new(), MethodRouter::new())
            .into_iter()
            .map(|(method, path, _)| (method, path));
        let of_page = [("GET", "/"), ("GET", "/assets/*")];
        let routes: BTreeSet<_> = ours.chain(of_page).collect();
        let rows = policy::ROUTES.iter().filter(|row| !row.path.starts_with("/timeline"));
        let rows: BTreeSet<_> = rows.map(|row| (row.method, row.path)).collect();
        assert_eq!(rows, routes);
    }
}
