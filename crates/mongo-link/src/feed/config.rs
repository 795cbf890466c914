//! Which changes a feed gives.

use std::ops::RangeInclusive;
use std::time::Duration;

use mongodb::bson::Document;

use crate::error::Error;

/// Which changes a [`ChangeFeed`](crate::ChangeFeed) gives, and how it waits.
///
/// ```
/// use mongo_link::FeedConfig;
/// use mongodb::bson::doc;
///
/// let of_one_room = doc! { "$match": { "documentKey._id": { "$regex": "^room1:" } } };
/// let config = FeedConfig::new().collection("members").pipeline([of_one_room]);
/// ```
#[derive(Debug, Clone)]
pub struct FeedConfig {
    pub(crate) collection: Option<String>,
    pub(crate) pipeline: Vec<Document>,
    pub(crate) queue: usize,
    pub(crate) retry_max: Duration,
}

impl FeedConfig {
    /// What [`queue`](Self::queue) is unless it is set.
    pub const QUEUE_DEFAULT: usize = 1024;

    /// Between what [`queue`](Self::queue) is.
    pub const QUEUE_BOUNDS: RangeInclusive<usize> = 1..=1_048_576;

    /// What [`retry_max`](Self::retry_max) is unless it is set.
    pub const RETRY_MAX_DEFAULT: Duration = Duration::from_secs(10);

    /// Between what [`retry_max`](Self::retry_max) is.
    pub const RETRY_MAX_BOUNDS: RangeInclusive<Duration> =
        Duration::from_millis(10)..=Duration::from_secs(600);

    /// Creates the settings for all collections of the link's database.
    #[must_use]
    pub fn new() -> Self {
        Self {
            collection: None,
            pipeline: Vec::new(),
            queue: Self::QUEUE_DEFAULT,
            retry_max: Self::RETRY_MAX_DEFAULT,
        }
    }

    /// Sets the one collection whose changes are given.
    ///
    /// By default it is all of them.
    #[must_use]
    pub fn collection(mut self, name: impl Into<String>) -> Self {
        self.collection = Some(name.into());
        self
    }

    /// Sets what MongoDB does with a change before it sends it, such as a `$match`.
    ///
    /// By default it sends each. A stage must leave the fields `_id`, `operationType` and `ns` in
    /// place. For programs that need a part of the changes: the others cost nothing on the wire.
    #[must_use]
    pub fn pipeline(mut self, stages: impl IntoIterator<Item = Document>) -> Self {
        self.pipeline = stages.into_iter().collect();
        self
    }

    /// Sets how many changes wait for a reader at most.
    ///
    /// When they are so many the feed reads no further, and MongoDB keeps what comes next for as
    /// long as its log of operations reaches back. 1 to 1,048,576; default 1,024. More, for readers
    /// that stop at times.
    #[must_use]
    pub fn queue(mut self, queue: usize) -> Self {
        self.queue = queue;
        self
    }

    /// Sets the longest wait between attempts to listen again.
    ///
    /// The first attempts come quicker. 10 ms to 10 min; default 10 s. More, if many processes
    /// would come back to one server at the same time.
    #[must_use]
    pub fn retry_max(mut self, retry_max: Duration) -> Self {
        self.retry_max = retry_max;
        self
    }

    pub(crate) fn validate(&self) -> Result<(), Error> {
        if !Self::QUEUE_BOUNDS.contains(&self.queue) {
            let (min, max) = Self::QUEUE_BOUNDS.into_inner();
            let message = format!("queue is {}; it must be from {min} to {max}", self.queue);
            return Err(Error::config(message));
        }
        if !Self::RETRY_MAX_BOUNDS.contains(&self.retry_max) {
            let (min, max) = Self::RETRY_MAX_BOUNDS.into_inner();
            let message = format!("retry_max is {:?}; it must be from {min:?} to {max:?}", self.retry_max);
            return Err(Error::config(message));
        }
        Ok(())
    }
}

impl Default for FeedConfig {
    /// All collections of the link's database.
    fn default() -> Self {
        Self::new()
    }
}
