//! The webhook, to a receiver that listens at the loopback address.

mod delivery;
mod example;
mod receiver;

use std::time::Duration;

/// A time that only a hang reaches.
const PATIENCE: Duration = Duration::from_secs(60);
