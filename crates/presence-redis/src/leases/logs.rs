//! What one stream follows: the logs of all shards, or that of one room.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use presence_core::feed::Reading;
use presence_core::{Error, Id};
use tokio::sync::watch;

use super::log_tail::LogTail;
use super::missed::Missed;
use super::record::{Happening, StreamEntry};
use super::scripts::Looked;
use super::shard::Registration;
use super::shared::Shared;
use super::space::Space;

/// Logs that are read together, one for each of some shards, and counted from 0.
pub(super) trait Logs: fmt::Debug + Sized + Send + Sync + 'static {
    type Space: Space;
    /// What happens in them.
    type What: Happening;

    fn shared(&self) -> &Shared<Self::Space>;

    /// Returns what changes when there is more at the ends of the logs.
    fn news(&self) -> watch::Receiver<Reading>;

    /// The shards that they lie in.
    fn shards(&self) -> Range<usize>;

    fn key(&self, log: usize) -> Cow<'_, str>;

    /// Reads the end of a log, which followers keep.
    fn tail<T>(&self, log: usize, read: impl FnOnce(&LogTail<Self::What>) -> T) -> T;

    /// Names the epochs of all these shards together, and changes with each of them.
    fn epoch(&self, epochs: &[String]) -> u64;

    /// Looks at a shard that has recovered and holds nobody whose lease is over.
    fn look(&self, log: usize) -> impl Future<Output = Result<(Registration, Looked), Error>> + Send;

    /// Reads about `count` of those who are there now, and where to go on; 0 is the end.
    fn scan(
        &self,
        log: usize,
        cursor: u64,
        count: usize,
    ) -> impl Future<Output = Result<(u64, Vec<Present<Self>>), Error>> + Send;

    /// Says what of the events after `mark` up to `until` is gone, where `first` is the first entry
    /// that is left.
    fn missed(
        &self,
        log: usize,
        mark: u64,
        until: u64,
        first: Option<&StreamEntry<Self::What>>,
    ) -> impl Future<Output = Result<Missed, Error>> + Send;
}

/// A name that is online, and the item that says so.
pub(super) type Present<L> = (Id, UpdateOf<L>);

/// What a stream of these logs gives.
pub(super) type UpdateOf<L> = <<L as Logs>::What as Happening>::Update;
