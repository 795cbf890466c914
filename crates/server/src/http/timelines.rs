//! `/timeline/…`: the timeline crate's own routes, with our bounds.

use std::sync::Arc;

use axum::Router;
use tidings::timeline::{Timeline, http};

use crate::access::TimelineCallers;
use crate::config::Config;

/// The routes of the timelines.
pub(crate) fn timelines(
    timeline: &Timeline,
    config: &Config,
    callers: TimelineCallers,
) -> anyhow::Result<Router> {
    // Watches stay open, as the streams of presence do. Of the places that those leave, half are
    // for all else.
    let places = config.http_connections.saturating_sub(config.presence_streams);
    let watches = (places / 2).clamp(1, http::Config::WATCHES_MAX_DEFAULT);
    // Which pages may read answers is told for all routes in one place, `headers.rs`.
    let bounds = http::Config::default().body_bytes_max(config.body_bytes).watches_max(watches).cors(false);
    Ok(http::router_for(bounds, timeline.clone(), Arc::new(callers))?)
}
