//! A subscription to channels that come and go.

use std::sync::Arc;

use bytes::Bytes;

use super::events::Events;
use super::shared::Subscription;
use crate::engine::Shared;
use crate::error::Error;
use crate::handler::Handler;
use crate::names::IntoNames;
use crate::protocol::NameKind;
use crate::sink::{Queue, Receiver};

/// A subscription to any number of channels.
///
/// It may be changed at any time and from any task. Cloning gives another handle. It ends with
/// [`close`](Self::close), with its [`Events`] or, if it has a handler, with the last handle.
#[derive(Debug, Clone)]
pub struct ChannelSubscription {
    inner: Arc<Subscription>,
    kind: NameKind,
}

impl ChannelSubscription {
    pub(crate) fn with_queue(shared: &Arc<Shared>, kind: NameKind) -> Result<(Self, Events), Error> {
        let queue = Queue::new(shared.config.queue_max, shared.config.policy, shared.metrics.drops.clone());
        let inner = Arc::new(Subscription::open(shared, Receiver::Queue(Box::new(queue)))?);
        let events = Events::new(Arc::clone(&inner));
        Ok((Self { inner, kind }, events))
    }

    pub(crate) fn with_handler(
        shared: &Arc<Shared>,
        kind: NameKind,
        handler: Box<dyn Handler>,
    ) -> Result<Self, Error> {
        Ok(Self { inner: Arc::new(Subscription::open(shared, Receiver::Handler(handler.into()))?), kind })
    }

    /// Subscribes to one channel or many, and returns at once.
    ///
    /// [`Event::Activated`](crate::Event::Activated) says of each when it is true. Nothing happens
    /// to channels that the subscription has already.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) for a name that is empty, longer than 512
    /// MB, or longer than Redis is known to take; [`Closed`](crate::ErrorKind::Closed) if the
    /// subscription is closed. Then none of the channels was added.
    pub fn add(&self, channels: impl IntoNames) -> Result<(), Error> {
        self.inner.add(self.kind, channels.into_names())
    }

    /// Ends the subscription to one channel or many, and says how many of them it had.
    ///
    /// What lies in the stream may still be read, and a handler that is being called on another
    /// thread returns from that; nothing more comes.
    pub fn remove(&self, channels: impl IntoNames) -> usize {
        self.inner.remove(self.kind, channels.into_names().as_ref())
    }

    /// Returns whether a channel was added, active or not, and not removed since.
    #[must_use]
    pub fn contains(&self, channel: impl AsRef<[u8]>) -> bool {
        self.inner.contains(self.kind, &Bytes::copy_from_slice(channel.as_ref()))
    }

    /// Ends the subscription to all its channels.
    ///
    /// The subscription itself stays open.
    pub fn clear(&self) {
        self.inner.clear();
    }

    /// Returns its channels, in no particular order.
    #[must_use]
    pub fn channels(&self) -> Vec<Bytes> {
        self.inner.names()
    }

    /// Waits until Redis has confirmed a channel; at once if it has.
    ///
    /// While the multiplexer is stopped, that is until it is restarted.
    ///
    /// # Errors
    ///
    /// [`Refused`](crate::ErrorKind::Refused) if Redis refuses it;
    /// [`Closed`](crate::ErrorKind::Closed) if the subscription does not have the channel, or not
    /// any more.
    pub async fn wait_for_activation(&self, channel: impl AsRef<[u8]>) -> Result<(), Error> {
        self.inner.activated(self.kind, &Bytes::copy_from_slice(channel.as_ref())).await
    }

    /// Ends the subscription for good, as if all its channels were removed.
    ///
    /// It may be called any number of times.
    pub fn close(&self) {
        self.inner.close();
    }
}
