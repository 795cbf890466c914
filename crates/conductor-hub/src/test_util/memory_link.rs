//! Links between sisters in memory.

use async_trait::async_trait;
use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::mpsc;

use crate::federation::{SisterClient, SisterReader, SisterSocket, SisterWriter};
use crate::{Error, ErrorKind};

/// Returns both ends of a link in memory.
///
/// So many batches may be under way each way. One end is dialled by a [`MemorySister`], and the
/// other one given to [`Hub::accept_sister`](crate::Hub::accept_sister). A test that is to see what
/// goes over a link makes its sockets itself, of the ends of `mpsc` channels: those read and write
/// batches, too.
///
/// # Panics
///
/// If `batches` is 0.
///
/// # Examples
///
/// ```
/// use conductor_hub::federation::{SisterConfig, Sisters};
/// use conductor_hub::test_util::{self, MemorySister};
/// use conductor_hub::Hooks;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), conductor_hub::Error> {
/// let config = SisterConfig::new(*b"only for this example");
/// let hub = || test_util::hub(Hooks::default().sisters(config.clone(), Sisters::new()));
/// let (a, b) = (hub(), hub());
///
/// let (dialled, accepted) = test_util::memory_link(16);
/// let dialling = a.add_sister(MemorySister::new(dialled));
/// let (sister, _) = tokio::try_join!(dialling, b.accept_sister(accepted))?;
/// assert_eq!(Some(sister.node()), b.node());
/// # Ok(())
/// # }
/// ```
#[must_use]
pub fn memory_link(batches: usize) -> (SisterSocket, SisterSocket) {
    let ((to_one, at_one), (to_other, at_other)) = (mpsc::channel(batches), mpsc::channel(batches));
    (SisterSocket::new(at_one, to_other), SisterSocket::new(at_other, to_one))
}

/// A sister at the other end of an open socket, who is dialled once.
#[derive(Debug)]
pub struct MemorySister(Mutex<Option<SisterSocket>>);

impl MemorySister {
    /// Creates it.
    #[must_use]
    pub fn new(socket: SisterSocket) -> Self {
        Self(Mutex::new(Some(socket)))
    }
}

#[async_trait]
impl SisterClient for MemorySister {
    fn name(&self) -> &str {
        "memory"
    }

    async fn connect(&self) -> Result<SisterSocket, Error> {
        let socket = self.0.lock().take();
        socket.ok_or_else(|| Error::new(ErrorKind::Busy, "a link in memory is dialled once, and it was"))
    }
}

#[async_trait]
impl SisterReader for mpsc::Receiver<Bytes> {
    async fn read(&mut self) -> Result<Option<Bytes>, Error> {
        Ok(self.recv().await)
    }
}

/// Whoever does not take a batch is waited for, as with a socket.
#[async_trait]
impl SisterWriter for mpsc::Sender<Bytes> {
    async fn write(&mut self, batch: Bytes) -> Result<(), Error> {
        let sent = self.send(batch).await;
        sent.map_err(|_| Error::new(ErrorKind::Closed, "the other end of the link in memory is gone"))
    }
}
