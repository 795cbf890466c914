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
    // Which pages may read answers is told for all routes in one place, `headers.rs`.
    let bounds = http::Config::default().body_bytes_max(config.body_bytes);
    let bounds = bounds.watches_max(config.http_watches()).cors(false);
    Ok(http::router_for(bounds, timeline.clone(), Arc::new(callers))?)
}
