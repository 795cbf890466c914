//! The open streams of presence: so many at once, and not all of them of one user.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tidings::identity::Revocations;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

use crate::access::Caller;

/// Which part of all streams one user may have.
const PART_OF_USER: usize = 10;
/// What one user may have in any case, as for some tabs and devices, if there are so many at all.
const OF_USER_LEAST: usize = 8;

/// The open streams: so many at once, until the server stops. Clones are the same.
#[derive(Debug, Clone)]
pub(crate) struct Streams {
    places: Arc<Places>,
    /// What ends a stream before the login of its caller expires.
    pub(super) revocations: Revocations,
    pub(super) stop: CancellationToken,
}

#[derive(Debug)]
struct Places {
    permits: Arc<Semaphore>,
    most: usize,
    /// How many each user has, who has at least one. So it is bounded by the permits.
    of_users: Mutex<HashMap<Box<str>, usize>>,
}

/// The place of a stream, which is free again when this is dropped.
#[derive(Debug)]
pub(super) struct StreamPlace {
    places: Arc<Places>,
    user: Option<Box<str>>,
    _permit: OwnedSemaphorePermit,
}

/// Why there is no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoPlace {
    /// All are taken.
    Full,
    /// The user has as many as one may have.
    OfUser,
}

impl Streams {
    pub(crate) fn new(most: usize, revocations: Revocations, stop: CancellationToken) -> Self {
        let (permits, of_users) = (Arc::new(Semaphore::new(most)), Mutex::default());
        Self { places: Arc::new(Places { permits, most, of_users }), revocations, stop }
    }

    pub(super) fn open(&self) -> usize {
        self.places.most - self.places.permits.available_permits()
    }

    /// Takes a place for a caller. Services are trusted, and may have all.
    pub(super) fn take(&self, caller: &Caller) -> Result<StreamPlace, NoPlace> {
        let permit = Arc::clone(&self.places.permits).try_acquire_owned().map_err(|_| NoPlace::Full)?;
        let user: Option<Box<str>> = match caller {
            Caller::User(identity) => Some(identity.user().into()),
            Caller::Anybody | Caller::Anonymous | Caller::Service(_) => None,
        };
        if let Some(user) = &user {
            self.places.take_of(user)?;
        }
        Ok(StreamPlace { places: Arc::clone(&self.places), user, _permit: permit })
    }
}

impl Places {
    fn take_of(&self, user: &str) -> Result<(), NoPlace> {
        let mut of_users = self.of_users.lock();
        let taken = of_users.get(user).copied().unwrap_or_default();
        if taken >= (self.most / PART_OF_USER).max(OF_USER_LEAST) {
            return Err(NoPlace::OfUser);
        }
        of_users.insert(user.into(), taken + 1);
        Ok(())
    }

    fn give_back_of(&self, user: &str) {
        let mut of_users = self.of_users.lock();
        if let Some(taken) = of_users.get_mut(user) {
            *taken -= 1;
            if *taken == 0 {
                of_users.remove(user);
            }
        }
    }
}

impl Drop for StreamPlace {
    fn drop(&mut self) {
        if let Some(user) = &self.user {
            self.places.give_back_of(user);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tidings::identity::{Identity, Scope};

    use super::*;
    use crate::clock;

    fn identity(name: &str) -> Identity {
        Identity::new(name, clock::now() + Duration::from_secs(3_600)).unwrap()
    }

    #[test]
    fn one_user_has_a_tenth_of_the_streams_at_most_and_others_have_the_rest() {
        let streams = Streams::new(200, crate::revocation::list().unwrap(), CancellationToken::new());
        let (bob, carol) = (Caller::User(identity("bob")), Caller::User(identity("carol")));
        let mut of_bob: Vec<StreamPlace> = (0..20).map(|_| streams.take(&bob).unwrap()).collect();
        assert_eq!(streams.take(&bob).unwrap_err(), NoPlace::OfUser);
        let of_carol = streams.take(&carol).unwrap();
        assert_eq!(streams.open(), 21);
        of_bob.pop();
        of_bob.push(streams.take(&bob).unwrap());
        assert_eq!(streams.take(&bob).unwrap_err(), NoPlace::OfUser);
        drop((of_bob, of_carol));
        assert!(streams.open() == 0 && streams.places.of_users.lock().is_empty());
    }

    #[test]
    fn of_few_streams_a_user_has_eight_and_a_service_or_anybody_has_all() {
        let streams = Streams::new(10, crate::revocation::list().unwrap(), CancellationToken::new());
        let bob = Caller::User(identity("bob"));
        let of_bob: Vec<StreamPlace> = (0..8).map(|_| streams.take(&bob).unwrap()).collect();
        assert_eq!(streams.take(&bob).unwrap_err(), NoPlace::OfUser);
        drop(of_bob);
        let scopes = [Scope::Presence].into_iter().collect();
        for caller in [Caller::Anybody, Caller::Service(identity("shop").with_scopes(scopes))] {
            let all: Vec<StreamPlace> = (0..10).map(|_| streams.take(&caller).unwrap()).collect();
            assert_eq!(streams.take(&caller).unwrap_err(), NoPlace::Full);
            drop(all);
        }
    }
}
