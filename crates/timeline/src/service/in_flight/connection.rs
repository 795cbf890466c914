//! The connection that a request came over, if the program knows it.

use std::fmt;
use std::sync::{Arc, OnceLock};

use tokio::sync::Semaphore;

/// The connection that a request came over.
///
/// A program that serves its connections itself makes one for each, and puts it into the extensions
/// of every request that comes over it. Then no connection takes more than a quarter of the room
/// for answers (`answer_bytes_max`), and one that blocks memory which others wait for can be
/// closed. Without it, answers are bounded over all connections alone, and what the server's own
/// buffers hold of an answer that was cut stays until the connection ends.
#[derive(Clone)]
pub struct RequestConnection {
    shared: Arc<Shared>,
}

struct Shared {
    close: Box<dyn Fn() + Send + Sync>,
    /// What it may take of its listener's room.
    share: OnceLock<Arc<Semaphore>>,
}

impl RequestConnection {
    /// Creates a connection that `close` ends at once, whatever it is doing.
    pub fn new(close: impl Fn() + Send + Sync + 'static) -> Self {
        Self { shared: Arc::new(Shared { close: Box::new(close), share: OnceLock::new() }) }
    }

    pub(super) fn close(&self) {
        (self.shared.close)();
    }

    pub(super) fn share(&self, bytes: usize) -> Arc<Semaphore> {
        Arc::clone(self.shared.share.get_or_init(|| Arc::new(Semaphore::new(bytes))))
    }
}

impl fmt::Debug for RequestConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestConnection").finish_non_exhaustive()
    }
}
