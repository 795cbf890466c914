//! How far a command is that takes long, told on the error output.

use std::fmt::Display;
use std::time::{Duration, Instant};

use crate::log;

/// Tells at most so often how far a command is.
const EVERY: Duration = Duration::from_secs(1);

/// How far a command is.
#[derive(Debug)]
pub(crate) struct Progress {
    command: &'static str,
    told: Instant,
}

impl Progress {
    pub(crate) fn new(command: &'static str) -> Self {
        Self { command, told: Instant::now() }
    }

    /// Tells how far it is, unless that was told a moment ago.
    pub(crate) fn at(&mut self, how_far: impl Display) {
        if self.told.elapsed() >= EVERY {
            self.told = Instant::now();
            log::complain(format_args!("{}: {how_far}", self.command));
        }
    }
}
