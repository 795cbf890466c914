//! Subscriptions: handles, and the streams that they come with.

mod channel;
mod courses;
mod events;
mod inner;
mod pattern;
pub(crate) mod promise;
pub(crate) mod queue;

pub use self::channel::ChannelSubscription;
pub use self::events::Events;
pub use self::pattern::PatternSubscription;
pub use self::promise::{Canceller, Promise, PromiseSubscription, Unfulfilled};
pub use self::queue::Policy;
