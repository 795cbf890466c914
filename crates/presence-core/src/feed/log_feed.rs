//! What streams read: a log, and what there was before it.

use std::collections::VecDeque;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::log::Log;
use crate::error::Error;
use crate::position::Position;

/// The source of one kind of stream.
pub(crate) trait LogFeed: Send + 'static {
    /// What the log consists of.
    type Record;
    /// What the stream gives.
    type Update: Send;
    /// Where the scan of a snapshot stands; the default begins it.
    type Scan: Default + Send;

    /// Returns what hears of each growth of the log.
    fn news(&self) -> watch::Receiver<()>;

    /// Returns what is cancelled when no more events will come.
    fn stop(&self) -> &CancellationToken;

    /// Looks at the log while nobody writes to it.
    fn look<T>(&self, look: impl FnOnce(&Log<Self::Record>) -> T) -> T;

    /// Adds one more part of the snapshot to `ready`, and returns the event up to which all the
    /// parts are true.
    ///
    /// The parts before it, true at the event `number`, are brought up to the same event. `None` is
    /// the end: no part was left.
    fn scan(&self, scan: &mut Self::Scan, number: u64, ready: &mut Ready<Self::Update>) -> Option<u64>;

    /// Makes the item that ends a snapshot, or begins a stream without one.
    fn synced(position: Position) -> Self::Update;

    /// Makes the item of an event.
    fn change(record: &Self::Record, position: Position) -> Self::Update;
}

/// What was read, and is not given yet.
pub(crate) type Ready<U> = VecDeque<Result<U, Error>>;
