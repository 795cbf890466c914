//! What is done to the nodes and their databases.

use std::fmt;

use fastrand::Rng;

use crate::users::NODES;

/// One disturbance; the next one comes when it is over.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Disturbance {
    NodeKilled(usize),
    NodeFrozen(usize),
    RedisFlushed,
    /// With its data.
    RedisKilled,
    /// Without them.
    RedisEmptied,
    RedisFrozen,
    /// As by a failover to a replica that is behind.
    RedisSetBack,
    PrimaryKilled,
    PrimaryFrozen,
    PrimaryDeposed,
    /// The last writes of the primary are undone.
    PrimaryRolledBack,
    MajorityLost,
}

impl Disturbance {
    /// Draws one; those of Redis only where there is one.
    pub(crate) fn any(rng: &mut Rng, has_redis: bool) -> Self {
        match rng.u32(0..if has_redis { 16 } else { 10 }) {
            0 | 1 => Self::NodeKilled(rng.usize(0..NODES)),
            2 | 3 => Self::NodeFrozen(rng.usize(0..NODES)),
            4 => Self::PrimaryKilled,
            5 => Self::PrimaryFrozen,
            6 => Self::PrimaryDeposed,
            7 | 8 => Self::PrimaryRolledBack,
            9 => Self::MajorityLost,
            10 => Self::RedisFlushed,
            11 => Self::RedisKilled,
            12 => Self::RedisEmptied,
            13 => Self::RedisFrozen,
            _ => Self::RedisSetBack,
        }
    }
}

impl fmt::Display for Disturbance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NodeKilled(number) => write!(f, "node {number} killed"),
            Self::NodeFrozen(number) => write!(f, "node {number} frozen"),
            Self::RedisFlushed => f.write_str("redis flushed"),
            Self::RedisKilled => f.write_str("redis killed"),
            Self::RedisEmptied => f.write_str("redis killed and emptied"),
            Self::RedisFrozen => f.write_str("redis frozen"),
            Self::RedisSetBack => f.write_str("redis set back"),
            Self::PrimaryKilled => f.write_str("primary killed"),
            Self::PrimaryFrozen => f.write_str("primary frozen"),
            Self::PrimaryDeposed => f.write_str("primary deposed"),
            Self::PrimaryRolledBack => f.write_str("primary rolled back"),
            Self::MajorityLost => f.write_str("majority lost"),
        }
    }
}
