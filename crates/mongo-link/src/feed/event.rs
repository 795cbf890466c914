//! What a feed gives.

use mongodb::bson::Document;
use mongodb::change_stream::event::ChangeStreamEvent;

use crate::error::Error;

/// What a feed gives.
#[derive(Debug)]
#[non_exhaustive]
pub enum FeedEvent {
    /// The feed listens: every change that is made from now on arrives.
    ///
    /// It is the first item, and the next good one after an error. A program that reads everything
    /// after it, and then follows the changes, misses nothing.
    Live,
    /// A change, as MongoDB tells it; never an `invalidate`.
    Change(Box<ChangeStreamEvent<Document>>),
}

/// What the task of a feed tells.
pub(super) type Item = Result<FeedEvent, Error>;
