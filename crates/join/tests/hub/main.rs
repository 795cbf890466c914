//! The parts that need a hub, with real clients at the loopback address.

mod attendance;
mod calls;
mod client;
mod receipts;
mod roster;

use std::time::Duration;

/// A time that only a hang reaches.
const PATIENCE: Duration = Duration::from_secs(60);
