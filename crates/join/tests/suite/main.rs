//! What joins a hub, presence and timelines, with real clients and receivers at the loopback
//! address.

mod hub;
mod webhook;

use std::time::Duration;

/// A time that only a hang reaches.
const PATIENCE: Duration = Duration::from_secs(60);
