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

    /// Returns what it is called, whichever node it is about.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::NodeKilled(_) => "node killed",
            Self::NodeFrozen(_) => "node frozen",
            Self::NodeCrowded(_) => "node crowded",
            Self::PrimaryKilled => "primary killed",
            Self::PrimaryFrozen => "primary frozen",
            Self::PrimaryDeposed => "primary deposed",
            Self::PrimaryRolledBack => "primary rolled back",
            Self::SecondaryFrozen => "secondary frozen",
            Self::MajorityLost => "majority lost",
            Self::MajorityFrozen => "majority frozen",
            Self::RedisFlushed => "redis flushed",
            Self::RedisKilled => "redis killed",
            Self::RedisEmptied => "redis killed and emptied",
            Self::RedisFrozen => "redis frozen",
            Self::RedisSetBack => "redis set back",
            Self::RedisMasterFrozen => "redis master frozen",
            Self::RedisFailedOver => "redis failed over",
        }
    }
}

impl fmt::Display for Disturbance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NodeKilled(number) => write!(f, "node {number} killed"),
            Self::NodeFrozen(number) => write!(f, "node {number} frozen"),
            Self::NodeCrowded(number) => write!(f, "node {number} crowded"),
            other => f.write_str(other.name()),
        }
    }
}
