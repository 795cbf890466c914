//! Places for connections that have not logged in yet.
//!
//! They are a quarter of all, so that whoever connects without a login, from however many
//! addresses, leaves the rest to those who come with one.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The places, of which clones are the same.
#[derive(Debug, Clone)]
pub(super) struct WaitingPlaces(Arc<Semaphore>);

/// A place, in the data of the connection that has it until it logs in or ends.
#[derive(Debug)]
pub(super) struct WaitingPlace {
    _permit: OwnedSemaphorePermit,
}

impl WaitingPlaces {
    /// Creates the places of a server with so many for all connections.
    pub(super) fn new(connections: usize) -> Self {
        Self(Arc::new(Semaphore::new(connections.div_ceil(4))))
    }

    /// Takes a place, if there is one.
    pub(super) fn take(&self) -> Option<WaitingPlace> {
        let permit = Arc::clone(&self.0).try_acquire_owned().ok()?;
        Some(WaitingPlace { _permit: permit })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quarter_of_the_places_is_for_those_who_wait_and_comes_back() {
        let places = WaitingPlaces::new(9);
        let mut taken: Vec<_> = (0..3).map(|_| places.take().unwrap()).collect();
        assert!(places.take().is_none());
        taken.pop();
        assert!(places.take().is_some());
        assert!(WaitingPlaces::new(1).take().is_some());
    }
}
