//! A subscription to all channels that fit a glob.

use std::sync::Arc;

use bytes::Bytes;

use super::events::Events;
use super::shared::{Subscription, check};
use crate::engine::Shared;
use crate::error::Error;
use crate::handler::Handler;
use crate::protocol::NameKind;
use crate::sink::{Queue, Receiver};

/// A subscription to one pattern.
///
/// Cloning gives another handle. It ends with [`close`](Self::close), with its [`Events`] or, if it
/// has a handler, with the last handle.
#[derive(Debug, Clone)]
pub struct PatternSubscription {
    inner: Arc<Subscription>,
    pattern: Bytes,
}

impl PatternSubscription {
    pub(crate) fn with_queue(shared: &Arc<Shared>, pattern: &[u8]) -> Result<(Self, Events), Error> {
        let queue = Queue::new(shared.config.queue_max, shared.config.policy, shared.metrics.drops.clone());
        let subscription = Self::open(shared, pattern, Receiver::Queue(Box::new(queue)))?;
        let events = Events::new(Arc::clone(&subscription.inner));
        Ok((subscription, events))
    }

    pub(crate) fn with_handler(
        shared: &Arc<Shared>,
        pattern: &[u8],
        handler: Box<dyn Handler>,
    ) -> Result<Self, Error> {
        Self::open(shared, pattern, Receiver::Handler(handler.into()))
    }

    fn open(shared: &Arc<Shared>, pattern: &[u8], receiver: Receiver) -> Result<Self, Error> {
        check(pattern)?;
        let pattern = Bytes::copy_from_slice(pattern);
        let inner = Subscription::open(shared, receiver)?;
        inner.add(NameKind::Pattern, [pattern.clone()])?;
        Ok(Self { inner: Arc::new(inner), pattern })
    }

    /// Returns the pattern.
    #[must_use]
    pub fn pattern(&self) -> &Bytes {
        &self.pattern
    }

    /// Waits until Redis has confirmed the pattern; at once if it has.
    ///
    /// # Errors
    ///
    /// [`Refused`](crate::ErrorKind::Refused) if Redis refuses it;
    /// [`Closed`](crate::ErrorKind::Closed) if the subscription is closed.
    pub async fn wait_for_activation(&self) -> Result<(), Error> {
        self.inner.activated(NameKind::Pattern, &self.pattern).await
    }

    /// Ends the subscription for good.
    ///
    /// It may be called any number of times.
    pub fn close(&self) {
        self.inner.close();
    }
}
