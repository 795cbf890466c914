//! What is particular to one log of this process.

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::log::Log;
use super::outages::Reading;
use super::stream::Ready;
use crate::error::Error;
use crate::position::Position;

/// A log of this process, and what there was before it.
pub trait LogFeed: Send + 'static {
    /// What the log consists of.
    type Record;
    /// What the stream gives.
    type Update: Send;
    /// Where the scan of a snapshot stands; the default begins it.
    type Scan: Default + Send;

    /// Returns what hears of each growth of the log.
    ///
    /// Its sender lives as long as the feed.
    fn news(&self) -> watch::Receiver<Reading>;

    /// Returns what is cancelled when no more events will come.
    fn ended(&self) -> &CancellationToken;

    /// Looks at the log while nobody writes to it.
    fn look<T>(&self, look: impl FnOnce(&Log<Self::Record>) -> T) -> T;

    /// Adds one more part of the snapshot to `ready`.
    ///
    /// The parts before it, true at the event `number`, are brought up to the same event as this
    /// one, which is returned.
    fn scan(&self, scan: &mut Self::Scan, number: u64, ready: &mut Ready<Self::Update>) -> Scanned;

    /// Makes the item that ends a snapshot, or begins a stream without one.
    fn synced(position: Position) -> Self::Update;

    /// Makes the item of a record; `None` if it is nothing to this stream.
    ///
    /// It is called while the log is looked at.
    fn item(&self, record: &Self::Record, position: Position) -> Option<Result<Self::Update, Error>>;
}

/// What one step of the scan of a snapshot found.
///
/// It says up to which event all of it is true.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Scanned {
    /// One part more, maybe an empty one.
    Part(u64),
    /// The scan cannot go on before there is news.
    Waits(u64),
    /// The last part, or that there was no part left.
    Complete(u64),
}
