//! `/timeline/…`: the timeline crate's own routes, with our bounds.

use std::sync::Arc;

use axum::Router;
use tidings::timeline::{Timeline, http};

use crate::access::TimelineCallers;

/// The routes of the timelines.
pub(crate) fn timelines(timeline: &Timeline, body_bytes: usize) -> anyhow::Result<Router> {
    // Which pages may read answers is told for all routes in one place, `headers.rs`.
    let config = http::Config::default().body_bytes_max(body_bytes).cors(false);
    Ok(http::router_for(config, timeline.clone(), Arc::new(TimelineCallers))?)
}
