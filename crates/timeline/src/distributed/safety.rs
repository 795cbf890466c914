//! Whether the indexes are there on which every acknowledgement rests.

use std::sync::Arc;

use tokio::sync::watch;

/// Whether a store may acknowledge sends, and why not. Cloning shares it.
#[derive(Debug, Clone)]
pub(super) struct Safety(Arc<watch::Sender<Option<Arc<str>>>>);

impl Safety {
    pub(super) fn new() -> Self {
        Self(Arc::new(watch::Sender::new(None)))
    }

    /// Returns what says why nothing is acknowledged; `None` while all is well.
    pub(super) fn subscribe(&self) -> watch::Receiver<Option<Arc<str>>> {
        self.0.subscribe()
    }

    /// Returns why nothing is acknowledged now.
    pub(super) fn why_not(&self) -> Option<Arc<str>> {
        self.0.borrow().clone()
    }

    /// Notes why nothing is acknowledged from now on, unless a reason is known already.
    pub(super) fn doubt(&self, why: &str) {
        if self.0.borrow().is_none() {
            self.lose(why);
        }
    }

    /// Notes why nothing is acknowledged from now on, whatever was known.
    pub(super) fn lose(&self, why: &str) {
        self.0.send_if_modified(|known| {
            let is_news = known.as_deref() != Some(why);
            if is_news {
                *known = Some(Arc::from(why));
            }
            is_news
        });
    }

    /// Notes that sends are acknowledged again.
    pub(super) fn restore(&self) {
        self.0.send_if_modified(|known| known.take().is_some());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reason_is_told_once_until_it_is_over() {
        let safety = Safety::new();
        let mut told = safety.subscribe();
        safety.restore();
        assert!(!told.has_changed().unwrap());
        safety.lose("it is missing");
        assert_eq!(told.borrow_and_update().as_deref(), Some("it is missing"));
        safety.lose("it is missing");
        safety.doubt("it may be missing");
        assert!(!told.has_changed().unwrap());
        safety.restore();
        assert!(told.has_changed().unwrap() && safety.why_not().is_none());
    }
}
