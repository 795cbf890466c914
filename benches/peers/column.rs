//! What is compared.

use std::error::Error;
use std::path::Path;

use benches::budget::Effort;

use crate::fanout::{self, Burst};
use crate::peer::Peer;
use crate::{idle, latency};

/// One column of the table.
pub(crate) struct Column {
    pub(crate) name: &'static str,
    pub(crate) unit: &'static str,
    pub(crate) more_is_better: bool,
    /// Measures a peer once, whose server lies in the folder.
    pub(crate) measure: fn(&Peer, &Path, Effort) -> Result<f64, Box<dyn Error>>,
}

pub(crate) const COLUMNS: &[Column] = &[
    Column {
        name: "bursts of one sender",
        unit: "deliveries/CPU-s",
        more_is_better: true,
        measure: |peer, folder, effort| fanout::per_cpu_second(peer, folder, Burst::OF_ONE, effort),
    },
    Column {
        name: "bursts of 100 senders",
        unit: "deliveries/CPU-s",
        more_is_better: true,
        measure: |peer, folder, effort| fanout::per_cpu_second(peer, folder, Burst::OF_MANY, effort),
    },
    Column {
        name: "one at a time",
        unit: "deliveries/CPU-s",
        more_is_better: true,
        measure: |peer, folder, effort| fanout::per_cpu_second(peer, folder, Burst::SINGLE, effort),
    },
    Column { name: "p99 at 20 messages/s", unit: "ms", more_is_better: false, measure: latency::p99_ms },
    Column { name: "idle memory", unit: "bytes/connection", more_is_better: false, measure: idle::memory },
];
