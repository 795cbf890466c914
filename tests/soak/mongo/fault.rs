//! What is done to the members of the replica set and to the processes.

use std::fmt;

use crate::random::Random;

/// One failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    PrimaryKilled,
    PrimaryFrozen,
    PrimaryDeposed,
    SecondaryKilled,
    MajorityFrozen,
    WorkerKilled(usize),
    WorkerFrozen(usize),
    AllWorkersKilled,
}

impl Fault {
    pub(crate) fn any(random: &mut Random, workers: usize) -> Self {
        match random.below(10) {
            0 => Self::PrimaryKilled,
            1 => Self::PrimaryFrozen,
            2 | 3 => Self::PrimaryDeposed,
            4 => Self::SecondaryKilled,
            5 => Self::MajorityFrozen,
            6 | 7 => Self::WorkerKilled(random.below(workers)),
            8 => Self::WorkerFrozen(random.below(workers)),
            _ => Self::AllWorkersKilled,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PrimaryKilled => f.write_str("primary killed and started again"),
            Self::PrimaryFrozen => f.write_str("primary frozen"),
            Self::PrimaryDeposed => f.write_str("primary deposed"),
            Self::SecondaryKilled => f.write_str("secondary killed and started again"),
            Self::MajorityFrozen => f.write_str("both secondaries frozen"),
            Self::WorkerKilled(worker) => write!(f, "process {worker} killed"),
            Self::WorkerFrozen(worker) => write!(f, "process {worker} frozen"),
            Self::AllWorkersKilled => f.write_str("all processes killed"),
        }
    }
}
