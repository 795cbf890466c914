//! The receiving end of a subscription, as the connection's task sees it.

mod notice_summary;
mod promises;
mod queue;

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::Notify;

use crate::error::{Error, ErrorKind};
use crate::event::{Event, Message};
use crate::handler::Handler;

pub use self::promises::Unfulfilled;
pub(crate) use self::promises::{Outcome, Promises};
pub use self::queue::Policy;
pub(crate) use self::queue::Queue;

/// One subscription's end.
pub(crate) struct Sink {
    /// Counts subscriptions in the order of their creation.
    pub(crate) id: u64,
    pub(crate) receiver: Receiver,
    /// Tells those who wait for activation that something has changed.
    pub(crate) changed: Notify,
}

/// Where its messages go.
pub(crate) enum Receiver {
    // The queue is boxed, as the sinks of handlers would be as large as it otherwise, and fewer of
    // them would fit into the caches.
    Queue(Box<Queue>),
    Handler(Arc<dyn Handler>),
    Promises(Box<Promises>),
}

/// What became of a notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoticeOutcome {
    Well,
    /// It lies with many others that nobody reads.
    Piling,
    /// The handler did not come back.
    Panicked,
}

/// A message on its way to several: its texts are copied for the first who keeps them, and shared
/// by the others.
pub(crate) struct Delivery<'a> {
    pub(crate) channel: &'a [u8],
    pub(crate) payload: &'a [u8],
    /// The channel, if it is kept anyway.
    pub(crate) name: Option<&'a Bytes>,
    kept: Option<Message>,
}

impl<'a> Delivery<'a> {
    pub(crate) fn new(channel: &'a [u8], payload: &'a [u8], name: Option<&'a Bytes>) -> Self {
        Self { channel, payload, name, kept: None }
    }

    /// The message with texts of its own: a slice of the buffer would keep all of it.
    fn keep(&mut self, is_last: bool) -> Message {
        let Self { channel, payload, name, kept } = self;
        // The last one gets the message itself, the others a clone: a single one costs no clone.
        let message = kept.take().unwrap_or_else(|| Message {
            channel: name.cloned().unwrap_or_else(|| Bytes::copy_from_slice(channel)),
            payload: Bytes::copy_from_slice(payload),
        });
        if !is_last {
            *kept = Some(message.clone());
        }
        message
    }
}

impl Sink {
    #[inline]
    pub(crate) fn handler(&self) -> Option<&Arc<dyn Handler>> {
        if let Receiver::Handler(handler) = &self.receiver { Some(handler) } else { None }
    }

    /// Gives a message to what keeps messages, and says whether it goes on. Handlers are called by
    /// who has them at hand.
    #[inline]
    pub(crate) fn keep(&self, delivery: &mut Delivery<'_>, is_last: bool) -> bool {
        match &self.receiver {
            Receiver::Queue(queue) => queue.push(delivery.keep(is_last)),
            Receiver::Promises(promises) => {
                if promises.waits_for(delivery.channel) {
                    let Message { channel, payload } = delivery.keep(is_last);
                    promises.fulfil(&channel, &payload);
                }
                true
            }
            Receiver::Handler(_) => true,
        }
    }

    /// Hands a notice over.
    pub(crate) fn tell(&self, notice: Event) -> NoticeOutcome {
        let told = match &self.receiver {
            Receiver::Queue(queue) => {
                if queue.tell(notice) {
                    NoticeOutcome::Piling
                } else {
                    NoticeOutcome::Well
                }
            }
            Receiver::Handler(handler) if guarded(|| handler.notice(&notice)) => NoticeOutcome::Well,
            Receiver::Handler(_) => NoticeOutcome::Panicked,
            Receiver::Promises(promises) => {
                if let Event::Disconnected { error, .. } | Event::Refused { error, .. } = &notice {
                    promises.fail(error);
                }
                NoticeOutcome::Well
            }
        };
        // The order matters: the registry was changed before, and those who are woken look there.
        self.changed.notify_waiters();
        told
    }

    /// The multiplexer stops: nobody is told, but what cannot be kept is not promised.
    pub(crate) fn stop(&self) {
        if let Receiver::Promises(promises) = &self.receiver {
            promises.fail(&Error::new(ErrorKind::Unavailable, "the multiplexer was stopped"));
        }
    }

    /// Nothing more comes.
    pub(crate) fn close(&self) {
        match &self.receiver {
            Receiver::Queue(queue) => queue.close(),
            Receiver::Handler(_) => {}
            Receiver::Promises(promises) => promises.close(),
        }
        self.changed.notify_waiters();
    }
}

impl fmt::Debug for Sink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sink").field("id", &self.id).finish_non_exhaustive()
    }
}

/// Calls somebody else's code, and says whether it came back.
#[inline]
pub(crate) fn guarded(call: impl FnOnce()) -> bool {
    let came_back = catch_unwind(AssertUnwindSafe(call)).is_ok();
    if !came_back {
        tracing::error!("a handler panicked; its subscription is closed");
    }
    came_back
}
