//! The routes of the service.

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{MethodRouter, any, get, post};

use super::handlers::{changes, conversations, groups};
use super::problem::Problem;
use super::shared::Shared;
use super::{Config, cors, handlers, watch};
use crate::service::in_flight::AnswerMemory;
use crate::service::{Callers, Calls, Everybody, Watches};
use crate::{Result, Timeline};

/// The method and the path of every route.
///
/// The path is as axum's `MatchedPath` has it. A program that decides by route who may call goes
/// through this list, so that no route is without a decision: the router has these and no others.
pub const ROUTES: &[(&str, &str)] = &NAMES;

type Route = (&'static str, &'static str);

/// Each route with its handler.
const TABLE: [(Route, fn() -> MethodRouter<Shared>); 28] = [
    (("POST", "/timeline/send"), || post(handlers::send)),
    (("POST", "/timeline/sendGroup"), || post(handlers::send_group)),
    (("POST", "/timeline/sendBatch"), || post(handlers::send_batch)),
    (("GET", "/timeline/sync"), || get(handlers::sync)),
    (("GET", "/timeline/watch"), || get(watch::watch)),
    (("POST", "/timeline/ack"), || post(handlers::ack)),
    (("POST", "/timeline/received"), || post(handlers::received)),
    (("GET", "/timeline/received"), || get(handlers::received_of)),
    (("GET", "/timeline/history/single/{from}/{to}"), || get(handlers::single_history)),
    (("GET", "/timeline/history/group/{group}"), || get(handlers::group_history)),
    (("POST", "/timeline/edit"), || post(changes::edit)),
    (("POST", "/timeline/recall"), || post(changes::recall)),
    (("POST", "/timeline/delete"), || post(changes::delete_message)),
    (("POST", "/timeline/read"), || post(conversations::read)),
    (("GET", "/timeline/read"), || get(conversations::read_of)),
    (("GET", "/timeline/unread"), || get(conversations::unread)),
    (("GET", "/timeline/unread/all"), || get(conversations::list_unread)),
    (("GET", "/timeline/conversations"), || get(conversations::conversations)),
    (("POST", "/timeline/clear"), || post(conversations::clear)),
    (("POST", "/timeline/purge"), || post(changes::purge)),
    (("POST", "/timeline/deleteMember"), || post(changes::delete_member)),
    (("POST", "/timeline/groups"), || post(groups::create_group)),
    (("GET", "/timeline/groups"), || get(groups::list_groups)),
    (("GET", "/timeline/groups/{group}"), || get(groups::get_group)),
    (("POST", "/timeline/groups/{group}/join"), || post(groups::join_group)),
    (("POST", "/timeline/groups/{group}/leave"), || post(groups::leave_group)),
    (("POST", "/timeline/groups/{group}/rename"), || post(groups::rename_group)),
    (("POST", "/timeline/groups/{group}/roles"), || post(groups::set_group_role)),
];

const NAMES: [Route; TABLE.len()] = {
    let mut names = [("", ""); TABLE.len()];
    let mut row = 0;
    while row < names.len() {
        names[row] = TABLE[row].0;
        row += 1;
    }
    names
};

/// Returns a router of everything below `/timeline` that believes every request.
///
/// The program merges it into its own. It is for programs without logins: everybody may make every
/// call, in the name of anybody. [`router_for`] asks who calls.
///
/// # Errors
///
/// [`Config`](crate::ErrorKind::Config) when a value is out of range.
///
/// # Examples
///
/// ```no_run
/// # async fn serve(timeline: timeline::Timeline) -> Result<(), Box<dyn std::error::Error>> {
/// let app = axum::Router::new().merge(timeline::http::router(timeline::http::Config::default(), timeline)?);
/// let listener = tokio::net::TcpListener::bind("127.0.0.1:8000").await?;
/// axum::serve(listener, app.into_make_service()).await?;
/// # Ok(())
/// # }
/// ```
///
/// `into_make_service` is not for show: given the router itself, axum copies its whole table for
/// each connection, and a watcher over server-sent events takes about three times the memory.
pub fn router(config: Config, timeline: Timeline) -> Result<Router> {
    router_for(config, timeline, Arc::new(Everybody))
}

/// Returns a router of everything below `/timeline` that asks who calls.
///
/// `callers` says for each call who makes it, and [`Caller`](crate::Caller) what they may. The
/// program merges the router into its own.
///
/// # Errors
///
/// [`Config`](crate::ErrorKind::Config) when a value is out of range.
pub fn router_for(config: Config, timeline: Timeline, callers: Arc<dyn Callers>) -> Result<Router> {
    config.validate()?;
    let shared = Shared {
        calls: Calls::new(timeline, callers),
        in_flight: AnswerMemory::new(config.answer_bytes_max, "http")?,
        watches: Watches::new(config.watches_max, "http")?,
        body_bytes_max: config.body_bytes_max,
    };
    let not_found = || async { Problem::not_found() };
    let router = TABLE
        .iter()
        .fold(Router::new(), |router, ((_, path), handler)| router.route(path, handler()))
        .method_not_allowed_fallback(|| async { Problem::method_not_allowed() })
        // These three keep unknown paths below `/timeline` from the fallback of the program, whose
        // errors may look different.
        .route("/timeline", any(not_found))
        .route("/timeline/", any(not_found))
        .route("/timeline/{*rest}", any(not_found))
        .layer(DefaultBodyLimit::max(config.body_bytes_max))
        .with_state(shared);
    Ok(if config.cors { router.layer(cors::layer(config)) } else { router })
}
