//! What is done to Redis and to the processes.

use std::fmt;

use crate::random::Random;

/// One failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    RedisKilled,
    RedisFrozen,
    RedisFlushed,
    WorkerKilled(usize),
    WorkerFrozen(usize),
}

impl Fault {
    pub(crate) fn any(random: &mut Random, workers: usize) -> Self {
        match random.below(6) {
            0 => Self::RedisKilled,
            1 => Self::RedisFrozen,
            2 => Self::RedisFlushed,
            3 | 4 => Self::WorkerKilled(random.below(workers)),
            _ => Self::WorkerFrozen(random.below(workers)),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RedisKilled => f.write_str("redis killed and started again"),
            Self::RedisFrozen => f.write_str("redis frozen"),
            Self::RedisFlushed => f.write_str("redis flushed"),
            Self::WorkerKilled(worker) => write!(f, "process {worker} killed"),
            Self::WorkerFrozen(worker) => write!(f, "process {worker} frozen"),
        }
    }
}
