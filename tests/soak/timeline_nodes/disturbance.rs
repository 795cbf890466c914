//! What is done to the nodes and their databases.

use std::fmt;

use fastrand::Rng;

use crate::redis_kind::RedisKind;
use crate::users::NODES;

/// One disturbance; the next one comes when it is over.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Disturbance {
    NodeKilled(usize),
    NodeFrozen(usize),
    /// By more callers than it has connections, while the primary is slow.
    NodeCrowded(usize),
    PrimaryKilled,
    PrimaryFrozen,
    PrimaryDeposed,
    /// The last writes of the primary are undone.
    PrimaryRolledBack,
    SecondaryFrozen,
    MajorityLost,
    MajorityFrozen,
    RedisFlushed,
    /// With its data.
    RedisKilled,
    /// Without them.
    RedisEmptied,
    RedisFrozen,
    /// As if an old copy had been restored.
    RedisSetBack,
    /// One of two; if that lasts, the sentinels make the other one master.
    RedisMasterFrozen,
    /// To a replica that lacks the last writes.
    RedisFailedOver,
}

impl Disturbance {
    /// Returns all that such databases and their nodes can have.
    pub(crate) fn all(rng: &mut Rng, redis: RedisKind) -> Vec<Self> {
        let [killed, frozen, crowded] = [(); 3].map(|()| rng.usize(0..NODES));
        let mut all = vec![
            Self::NodeKilled(killed),
            Self::NodeFrozen(frozen),
            Self::NodeCrowded(crowded),
            Self::PrimaryKilled,
            Self::PrimaryFrozen,
            Self::PrimaryDeposed,
            Self::PrimaryRolledBack,
            Self::SecondaryFrozen,
            Self::MajorityLost,
            Self::MajorityFrozen,
        ];
        if redis != RedisKind::None {
            all.extend([
                Self::RedisFlushed,
                Self::RedisKilled,
                Self::RedisEmptied,
                Self::RedisFrozen,
                Self::RedisSetBack,
            ]);
        }
        if redis == RedisKind::Watched {
            all.extend([Self::RedisMasterFrozen, Self::RedisFailedOver]);
        }
        all
    }
}

impl fmt::Display for Disturbance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NodeKilled(number) => write!(f, "node {number} killed"),
            Self::NodeFrozen(number) => write!(f, "node {number} frozen"),
            Self::NodeCrowded(number) => write!(f, "node {number} crowded"),
            Self::PrimaryKilled => f.write_str("primary killed"),
            Self::PrimaryFrozen => f.write_str("primary frozen"),
            Self::PrimaryDeposed => f.write_str("primary deposed"),
            Self::PrimaryRolledBack => f.write_str("primary rolled back"),
            Self::SecondaryFrozen => f.write_str("secondary frozen"),
            Self::MajorityLost => f.write_str("majority lost"),
            Self::MajorityFrozen => f.write_str("majority frozen"),
            Self::RedisFlushed => f.write_str("redis flushed"),
            Self::RedisKilled => f.write_str("redis killed"),
            Self::RedisEmptied => f.write_str("redis killed and emptied"),
            Self::RedisFrozen => f.write_str("redis frozen"),
            Self::RedisSetBack => f.write_str("redis set back"),
            Self::RedisMasterFrozen => f.write_str("redis master frozen"),
            Self::RedisFailedOver => f.write_str("redis failed over"),
        }
    }
}
