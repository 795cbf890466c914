//! What this process has asked others, and was not answered yet.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use tokio::sync::oneshot;

/// The requests that are open, by their token.
#[derive(Debug, Default)]
pub(super) struct OpenRequests {
    open: Mutex<HashMap<u64, oneshot::Sender<()>>>,
    tokens: AtomicU64,
}

/// One of them, which is forgotten when it is dropped.
#[derive(Debug)]
pub(super) struct OpenRequest<'a> {
    requests: &'a OpenRequests,
    token: u64,
    answered: oneshot::Receiver<()>,
}

impl OpenRequests {
    /// Opens a request.
    pub(super) fn begin(&self) -> OpenRequest<'_> {
        let token = self.tokens.fetch_add(1, Ordering::Relaxed);
        let (sender, answered) = oneshot::channel();
        self.open.lock().insert(token, sender);
        OpenRequest { requests: self, token, answered }
    }

    /// Notes the answer to a request, if it is still open.
    pub(super) fn answer(&self, token: u64) {
        if let Some(sender) = self.open.lock().remove(&token) {
            // The send fails if the caller has stopped waiting for the answer, which is fine.
            sender.send(()).unwrap_or_default();
        }
    }
}

impl OpenRequest<'_> {
    /// Returns what the answer has to name.
    pub(super) fn token(&self) -> u64 {
        self.token
    }

    /// Waits for the answer.
    pub(super) async fn answered(&mut self) {
        // The sender is there until it is answered.
        drop((&mut self.answered).await);
    }
}

impl Drop for OpenRequest<'_> {
    fn drop(&mut self) {
        self.requests.open.lock().remove(&self.token);
    }
}
