//! Changes as they are made, from a change stream that goes on after an outage.

mod config;
mod event;
mod stream;
mod task;

pub use self::config::FeedConfig;
pub use self::event::FeedEvent;
pub use self::stream::ChangeFeed;
