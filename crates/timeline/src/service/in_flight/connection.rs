//! The connection that a request came over, if the program knows it.

use std::fmt;
use std::sync::Arc;

use parking_lot::Mutex;
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
    /// What it may take of each room that its answers are in: the room, and the share.
    shares: Mutex<Vec<(Arc<Semaphore>, Arc<Semaphore>)>>,
}

impl RequestConnection {
    /// Creates a connection that `close` ends at once, whatever it is doing.
    pub fn new(close: impl Fn() + Send + Sync + 'static) -> Self {
        Self { shared: Arc::new(Shared { close: Box::new(close), shares: Mutex::default() }) }
    }

    pub(super) fn close(&self) {
        (self.shared.close)();
    }

    /// Returns its share of a room, of so many bytes.
    pub(super) fn share(&self, room: &Arc<Semaphore>, bytes: usize) -> Arc<Semaphore> {
        let mut shares = self.shared.shares.lock();
        if let Some((_, share)) = shares.iter().find(|(of, _)| Arc::ptr_eq(of, room)) {
            return Arc::clone(share);
        }
        let share = Arc::new(Semaphore::new(bytes));
        shares.push((Arc::clone(room), Arc::clone(&share)));
        share
    }
}

impl fmt::Debug for RequestConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestConnection").finish_non_exhaustive()
    }
}
