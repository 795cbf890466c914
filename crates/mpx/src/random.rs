//! Random numbers where their quality does not matter much.

use parking_lot::Mutex;

/// A die, which falls the same way each time if it has a seed.
#[derive(Debug)]
pub(crate) struct Dice(Mutex<fastrand::Rng>);

impl Dice {
    pub(crate) fn new(seed: Option<u64>) -> Self {
        Self(Mutex::new(seed.map_or_else(fastrand::Rng::new, fastrand::Rng::with_seed)))
    }

    /// A number from 0 to below 1.
    pub(crate) fn fraction(&self) -> f64 {
        self.0.lock().f64()
    }

    /// An index below so many, at least one.
    pub(crate) fn index(&self, of: usize) -> usize {
        self.0.lock().usize(..of)
    }
}
