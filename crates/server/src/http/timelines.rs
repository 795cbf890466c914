//! `/timeline/…`: the timeline crate's own routes, with our bounds.

use axum::Router;
use tidings::timeline::{Timeline, http};

/// The routes of the timelines.
pub(crate) fn timelines(timeline: &Timeline, body_bytes: usize) -> anyhow::Result<Router> {
    let mut config = http::Config::default();
    config.body_bytes_max = body_bytes;
    // Which pages may read answers is told for all routes in one place, `headers.rs`.
    config.cors = false;
    Ok(http::router(timeline.clone(), &config)?)
}
