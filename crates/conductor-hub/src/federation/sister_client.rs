//! How bytes get to a sister: what a program implements for a transport of its own.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;

use crate::Error;

/// Connects to a sister.
///
/// [`SisterServer`](super::SisterServer) does it over a WebSocket. A program that reaches its nodes
/// in another way implements this, and has the other side give its half to
/// [`Hub::accept_sister`](crate::Hub::accept_sister). The challenge is made on top of it, whatever
/// it is.
#[async_trait]
pub trait SisterClient: Send + Sync {
    /// Returns how logs name this sister, and by what she is known as the same.
    fn name(&self) -> &str;

    /// Opens a connection on which nothing was said yet.
    ///
    /// It is dropped at whatever it waits for when that takes too long.
    ///
    /// # Errors
    ///
    /// Whatever kept it from that; it is tried again later.
    async fn connect(&self) -> Result<SisterSocket, Error>;
}

/// Connects by the client that it shares.
#[async_trait]
impl<C: SisterClient + ?Sized> SisterClient for Arc<C> {
    fn name(&self) -> &str {
        (**self).name()
    }

    async fn connect(&self) -> Result<SisterSocket, Error> {
        (**self).connect().await
    }
}

/// Reads batches from a sister.
#[async_trait]
pub trait SisterReader: Send {
    /// Returns the next batch, whole and in order; `None` at the end.
    ///
    /// It may be dropped at any time and must lose nothing by that.
    ///
    /// # Errors
    ///
    /// Whatever ended the connection.
    async fn read(&mut self) -> Result<Option<Bytes>, Error>;

    /// The other end has proven to be a sister.
    ///
    /// Called once, before anything is read but the challenge. Until then it is a stranger, of whom
    /// a transport should take no more than a kilobyte; from now on batches may be long. It does
    /// nothing by default.
    fn proven(&mut self) {}
}

/// Writes batches to a sister.
#[async_trait]
pub trait SisterWriter: Send {
    /// Writes one batch, and waits until it is on its way.
    ///
    /// # Errors
    ///
    /// Whatever ended the connection.
    async fn write(&mut self, batch: Bytes) -> Result<(), Error>;
}

/// An open connection to a sister, on which nothing was said yet.
pub struct SisterSocket {
    pub(crate) reader: Box<dyn SisterReader>,
    pub(crate) writer: Box<dyn SisterWriter>,
    pub(crate) binding: Option<[u8; 32]>,
}

impl SisterSocket {
    /// Creates it from its two halves.
    pub fn new(reader: impl SisterReader + 'static, writer: impl SisterWriter + 'static) -> Self {
        Self { reader: Box::new(reader), writer: Box::new(writer), binding: None }
    }

    /// Sets what TLS exports for this connection, the same on both of its ends.
    ///
    /// It binds the proofs of the challenge to this connection. None by default.
    #[must_use]
    pub fn bound_to(self, exported: [u8; 32]) -> Self {
        Self { binding: Some(exported), ..self }
    }
}

impl std::fmt::Debug for SisterSocket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SisterSocket").field("is_bound", &self.binding.is_some()).finish_non_exhaustive()
    }
}
