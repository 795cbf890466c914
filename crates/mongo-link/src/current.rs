//! The client that calls go by, and the one that takes its place.

use std::sync::{Arc, PoisonError, RwLock};

use tokio::time::timeout;

use crate::client::{ClientMaker, ClientPurpose, SeeingClient};
use crate::error::Error;
use crate::topology::Seen;

/// The client that is in use.
///
/// A client that took a member of a set for a server without one has left it out for good, and one
/// whose set was made anew takes the new primary for an old one. So a client that sees no primary
/// gets a [successor](Self::succeed). Calls under way stay with the client that they began with.
pub(crate) struct CurrentClient {
    maker: Arc<ClientMaker>,
    purpose: ClientPurpose,
    /// Made by the first that needs it; with hosts from the DNS that may have to be tried again.
    client: RwLock<Option<SeeingClient>>,
}

impl CurrentClient {
    pub(crate) fn new(maker: Arc<ClientMaker>) -> Self {
        let settings = &maker.settings;
        // One more than there are places, for the probe.
        let pool = u32::try_from(settings.calls_max).unwrap_or(u32::MAX).saturating_add(1);
        let purpose = ClientPurpose { pool, selection: settings.inner_timeout() };
        Self { maker, purpose, client: RwLock::new(None) }
    }

    /// Returns the client, if there is one already.
    pub(crate) fn get(&self) -> Option<SeeingClient> {
        // A clone is taken under the lock, and a client put there: nothing that panics half-way.
        self.client.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Returns the client, and makes it if nobody has.
    pub(crate) async fn made(&self) -> Result<SeeingClient, Error> {
        if let Some(client) = self.get() {
            return Ok(client);
        }
        let made = self.maker.make(self.purpose).await?;
        let mut client = self.client.write().unwrap_or_else(PoisonError::into_inner);
        Ok(client.get_or_insert(made).clone())
    }

    /// Makes a client that asks all servers of the address, and uses it if it finds a primary.
    ///
    /// One that finds none is used as well where the other has no server left to ask: it is no
    /// worse, and sees who comes. An old one that has found a primary meanwhile stays. Nobody drops
    /// this half-way: it is for a task.
    pub(crate) async fn succeed(&self, old: SeeingClient) -> Result<(), Error> {
        let mut new = self.maker.make(self.purpose).await?;
        let (settings, mut recovers) = (&self.maker.settings, old.seen.clone());
        let limit = settings.connect_timeout.min(self.purpose.selection);
        let found = async {
            tokio::select! {
                seen = new.seen.wait_for(|seen| seen.has_primary || seen.has_no_server) => drop(seen),
                seen = recovers.wait_for(|seen| seen.has_primary) => drop(seen),
            }
        };
        // Also what is found when time is up counts.
        let in_time = timeout(limit, found).await.is_ok();
        let is_taken = takes_over(&new.seen.borrow(), &old.seen.borrow());
        if is_taken {
            tracing::debug!(
                in_time,
                "mongodb at {} is looked for with a new client of the driver, as the old one sees no primary",
                self.maker.server()
            );
            *self.client.write().unwrap_or_else(PoisonError::into_inner) = Some(new);
        }
        Ok(())
    }
}

/// Returns whether a new client takes the place of one that saw no primary when it was made.
///
/// Calls and connections are with the old one: if it sees a primary again, it is as good.
fn takes_over(new: &Seen, old: &Seen) -> bool {
    !old.has_primary && (new.has_primary || old.has_no_server)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_that_has_recovered_stays() {
        let away = Seen::default;
        let well = || Seen { has_primary: true, ..Seen::default() };
        let empty = || Seen { has_no_server: true, ..Seen::default() };
        assert!(takes_over(&well(), &away()) && takes_over(&well(), &empty()));
        assert!(takes_over(&away(), &empty()), "it is no worse");
        assert!(!takes_over(&away(), &away()));
        assert!(!takes_over(&well(), &well()), "both have found one while the new one was made");
        assert!(!takes_over(&away(), &well()));
    }
}
