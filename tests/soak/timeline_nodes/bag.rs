//! Which disturbance comes next.

use fastrand::Rng;

use crate::disturbance::Disturbance;
use crate::redis_kind::RedisKind;

/// The disturbances in an order of the seed; none comes twice before all have come.
pub(crate) struct Bag {
    redis: RedisKind,
    /// The one that comes each time, if it is one alone.
    only: Option<Disturbance>,
    left: Vec<Disturbance>,
}

impl Bag {
    /// Creates one with all that such databases can have.
    pub(crate) fn of_all(redis: RedisKind) -> Self {
        Self { redis, only: None, left: Vec::new() }
    }

    /// Creates one with a single disturbance, which comes again and again.
    pub(crate) fn of(only: Disturbance) -> Self {
        Self { redis: RedisKind::None, only: Some(only), left: Vec::new() }
    }

    /// Returns all that may come.
    pub(crate) fn all(&self) -> Vec<Disturbance> {
        // Which node it is about does not matter.
        self.only.map_or_else(|| Disturbance::all(&mut Rng::with_seed(0), self.redis), |only| vec![only])
    }

    pub(crate) fn draw(&mut self, rng: &mut Rng) -> Disturbance {
        if let Some(only) = self.only {
            return only;
        }
        if self.left.is_empty() {
            self.left = Disturbance::all(rng, self.redis);
            rng.shuffle(&mut self.left);
        }
        self.left.pop().expect("it was just filled")
    }
}
