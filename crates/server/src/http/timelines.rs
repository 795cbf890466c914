//! `/timeline/…`: the timeline crate's own routes, with our bounds.

use axum::Router;
use tidings::timeline::{Timeline, http};

/// The routes of the timelines.
pub(crate) fn timelines(
    timeline: &Timeline,
    allow_origin: &[String],
    body_bytes: usize,
) -> anyhow::Result<Router> {
    let mut config = http::Config::default();
    config.body_bytes_max = body_bytes;
    config.allowed_origins = allow_origin.to_vec();
    // A page on another port of this machine is a stranger too, as long as nobody has to log in.
    config.loopback_origins = false;
    Ok(http::router(timeline.clone(), &config)?)
}
