//! What a manager dials sisters with.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::balance::{DialReason, Linked};
use super::host::SisterHost;
use super::link_task;
use super::no_sister::{NoSister, NotLinked};
use super::node_id::NodeId;
use super::sister::{Sister, SisterMeta};
use super::sister_client::{SisterClient, SisterSocket};
use super::state::Federation;
use crate::Error;

/// Dials sisters, and knows to whom there is a link; clones are the same.
///
/// It does not keep the hub open.
#[derive(Clone)]
pub struct SisterDialler {
    pub(crate) federation: Arc<Federation>,
    pub(crate) host: Arc<dyn SisterHost>,
    pub(crate) tasks: TaskTracker,
}

impl SisterDialler {
    /// Dials a sister, and returns when there is a link, or none.
    ///
    /// The link is a task of the hub's, and ends with [`Sister::close`] or with the hub. It is not
    /// dialled again by itself.
    ///
    /// # Errors
    ///
    /// [`Busy`](crate::ErrorKind::Busy) if the sister does not answer in time, shuts down, has
    /// twice as many links as she looks for, or her auth hook cannot tell: she may take one later.
    /// [`Full`](crate::ErrorKind::Full) if there is a link to her already, or this node has twice
    /// as many. [`InvalidInput`](crate::ErrorKind::InvalidInput) if she is this node, or ends the
    /// challenge: one of the two does not know the secret of the other, or a proxy ends TLS between
    /// them; or her auth hook says no. [`Closed`](crate::ErrorKind::Closed) if this hub ends; and
    /// those of the client.
    ///
    /// # Cancel safety
    ///
    /// A call that is dropped has either added a link or not.
    pub async fn dial(&self, client: &dyn SisterClient) -> Result<Arc<Sister>, Error> {
        Ok(self.try_dial(client, DialReason::Missing).await?)
    }

    /// Returns the sisters to whom there is a link, the oldest first.
    #[must_use]
    pub fn sisters(&self) -> Vec<Arc<Sister>> {
        self.federation.sisters()
    }

    /// Returns which node this is.
    #[must_use]
    pub fn node(&self) -> NodeId {
        self.federation.me()
    }

    /// Returns how many sisters a node looks for.
    #[must_use]
    pub fn max_sisters(&self) -> usize {
        self.federation.config.max_sisters
    }

    /// Asks all sisters how many they have; they answer in their own time.
    pub fn query(&self) {
        self.federation.query();
    }

    /// Returns a token that is cancelled when the hub ends.
    pub(crate) fn closing(&self) -> &CancellationToken {
        &self.federation.closing
    }

    /// Tells whether messages of a node come here, by whatever way.
    pub(crate) fn hears(&self, node: NodeId) -> bool {
        self.federation.hears(node)
    }

    /// Returns what is known of each link, but for what sisters say of themselves.
    pub(crate) fn linked(&self) -> Vec<Linked> {
        self.linked_with(&BTreeSet::new(), |_| None)
    }

    /// Returns all that is known of each link, with what sisters have said since then.
    pub(crate) fn linked_since(&self, asked: Instant, now: Instant) -> Vec<Linked> {
        self.linked_with(&self.federation.only_ways(now), |sister| sister.meta_since(asked))
    }

    fn linked_with(
        &self,
        only_ways: &BTreeSet<u64>,
        meta: impl Fn(&Sister) -> Option<SisterMeta>,
    ) -> Vec<Linked> {
        let of = |sister: Arc<Sister>| Linked {
            node: sister.node(),
            name: sister.name().map(str::to_owned),
            meta: meta(&sister),
            is_only_way: only_ways.contains(&sister.link),
        };
        self.sisters().into_iter().map(of).collect()
    }

    /// Dials a sister, and tells whom it has met instead.
    pub(crate) async fn try_dial(
        &self,
        client: &dyn SisterClient,
        reason: DialReason,
    ) -> Result<Arc<Sister>, NoSister> {
        let (socket, sister) = link_task::dial(&self.federation, client, reason).await?;
        self.serve(socket, Arc::clone(&sister));
        Ok(sister)
    }

    /// Meets a node that dialled this one, on a connection that is open.
    ///
    /// `asked` says whether there may be a link when it has proven itself, and is not begun before.
    pub(crate) async fn accept(
        &self,
        socket: SisterSocket,
        asked: impl Future<Output = Result<(), NotLinked>>,
    ) -> Result<Arc<Sister>, NoSister> {
        let accepted = link_task::accept(&self.federation, socket, asked).await;
        let (socket, sister) = accepted.inspect_err(|why| {
            if !matches!(why, NoSister::Looked) {
                self.federation.metrics.refused.increment(1);
            }
        })?;
        self.serve(socket, Arc::clone(&sister));
        Ok(sister)
    }

    fn serve(&self, socket: SisterSocket, sister: Arc<Sister>) {
        let (federation, host) = (Arc::clone(&self.federation), Arc::clone(&self.host));
        self.tasks.spawn(async move { link_task::serve(&federation, socket, sister, &*host).await });
    }
}

impl fmt::Debug for SisterDialler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SisterDialler").field("node", &self.node()).finish_non_exhaustive()
    }
}
