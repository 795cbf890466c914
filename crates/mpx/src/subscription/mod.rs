//! Subscriptions: handles, and the streams that they come with.

mod channel;
mod events;
mod pattern;
mod promise;
mod shared;

pub use self::channel::ChannelSubscription;
pub use self::events::Events;
pub use self::pattern::PatternSubscription;
pub use self::promise::{Canceller, Promise, PromiseSubscription};
