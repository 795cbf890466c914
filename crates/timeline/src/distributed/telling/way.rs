//! How nodes reach each other.

use super::failure::Failure;
use super::mongo::MongoWay;
#[cfg(feature = "redis")]
use super::redis::RedisWay;
use crate::distributed::shared::Shared;

/// How nodes reach each other: through Redis, or through MongoDB where there is none.
pub(super) enum Way {
    Mongo(MongoWay),
    #[cfg(feature = "redis")]
    Redis(RedisWay),
}

impl Way {
    pub(super) fn of(shared: &Shared) -> Self {
        #[cfg(feature = "redis")]
        if let Some(way) = RedisWay::of(&shared.config) {
            return Self::Redis(way);
        }
        Self::Mongo(MongoWay::new(shared.database.clone(), shared.node.clone()))
    }

    /// Takes in what the others say, until the end of the store.
    pub(super) async fn hear(&self, shared: &Shared) {
        match self {
            Self::Mongo(way) => way.hear(shared).await,
            #[cfg(feature = "redis")]
            Self::Redis(way) => way.hear(shared).await,
        }
    }

    /// Says something to all others.
    ///
    /// After an error they may have heard it, or not.
    pub(super) async fn say(&self, text: &str) -> Result<(), Failure> {
        match self {
            Self::Mongo(way) => way.say(text).await,
            #[cfg(feature = "redis")]
            Self::Redis(way) => way.say(text).await,
        }
    }
}
