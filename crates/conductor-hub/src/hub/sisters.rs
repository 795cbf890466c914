//! The sisters of a hub, from any thread.

use std::future::ready;
use std::sync::Arc;

use super::Hub;
use crate::Error;
use crate::federation::{NodeId, Sister, SisterClient, SisterSocket};
use crate::shared::Shared;

impl Hub {
    /// Dials a sister, once, and returns when there is a link.
    ///
    /// To have her dialled again when the link ends, add her to
    /// [`Sisters`](crate::federation::Sisters) instead.
    ///
    /// # Errors
    ///
    /// Those of [`SisterDialler::dial`](crate::federation::SisterDialler::dial), and
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) if the hub was started without
    /// [`Hooks::sisters`](crate::Hooks::sisters).
    pub async fn add_sister(&self, sister: impl SisterClient) -> Result<Arc<Sister>, Error> {
        Shared::dialler(&self.shared)?.dial(&sister).await
    }

    /// Meets a sister who has dialled this node by a transport of the program's own.
    ///
    /// Those that come to [`handle`](Self::handle) are met by themselves.
    ///
    /// # Errors
    ///
    /// Those of [`add_sister`](Self::add_sister), and [`Closed`](crate::ErrorKind::Closed) if the
    /// node that dialled leaves before it has proven who it is: some only look which node this is.
    pub async fn accept_sister(&self, socket: SisterSocket) -> Result<Arc<Sister>, Error> {
        // The program has let it in by itself.
        Ok(Shared::dialler(&self.shared)?.accept(socket, ready(Ok(()))).await?)
    }

    /// Returns the sisters to whom there is a link, the oldest first.
    #[must_use]
    pub fn sisters(&self) -> Vec<Arc<Sister>> {
        self.shared.sisters.as_ref().map(|sisters| sisters.sisters()).unwrap_or_default()
    }

    /// Returns which node this hub is among its sisters, if it has sisters.
    #[must_use]
    pub fn node(&self) -> Option<NodeId> {
        self.shared.sisters.as_ref().map(|sisters| sisters.me())
    }
}
