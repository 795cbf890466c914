//! Where the embedded store is and how much it holds in memory.

use std::fmt;
use std::ops::{RangeFrom, RangeInclusive};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::{Error, ErrorKind, Observer, Result, Retention};

/// Settings of the embedded store.
///
/// They begin with [`Config::new`] and are changed by setters;
/// [`EmbeddedStore::start`](super::EmbeddedStore::start) checks the whole once.
#[derive(Clone)]
pub struct Config {
    pub(super) directory: PathBuf,
    pub(super) must_exist: bool,
    pub(super) queue: usize,
    pub(super) batch_bytes: usize,
    pub(super) disk_free_min_bytes: u64,
    pub(super) cache_bytes: u64,
    pub(super) retention: Retention,
    pub(super) erased_within: Duration,
    pub(super) erases: bool,
    pub(super) observer: Option<Arc<dyn Observer>>,
}

impl Config {
    const QUEUE_BOUNDS: RangeInclusive<usize> = 1..=65_536;
    const BATCH_BYTES_BOUNDS: RangeFrom<usize> = 64 * 1024..;

    /// What [`erased_within`](Self::erased_within) is unless it is set.
    pub const ERASED_WITHIN_DEFAULT: Duration = Duration::from_secs(24 * 60 * 60);

    /// Between what [`erased_within`](Self::erased_within) is.
    pub const ERASED_WITHIN_BOUNDS: RangeInclusive<Duration> =
        Duration::from_secs(60)..=Duration::from_secs(7 * 24 * 60 * 60);

    /// Returns the defaults for a store in `directory`.
    ///
    /// The directory is made if it is missing, and used by one process at a time.
    #[must_use]
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self {
            directory: directory.into(),
            must_exist: false,
            queue: 1_024,
            batch_bytes: 8 * 1024 * 1024,
            disk_free_min_bytes: 256 * 1024 * 1024,
            cache_bytes: 32 * 1024 * 1024,
            retention: Retention::new(),
            erased_within: Self::ERASED_WITHIN_DEFAULT,
            erases: true,
            observer: None,
        }
    }

    /// Sets whether a store must be there already.
    ///
    /// False by default. If it is true, a store that is missing is an error, and none is made. For
    /// programs that know, from a note of their own, that there was one.
    #[must_use]
    pub fn must_exist(self, must_exist: bool) -> Self {
        Self { must_exist, ..self }
    }

    /// Sets how many sends wait for the committer at most.
    ///
    /// 1,024 by default, 1 to 65,536. When the queue is full, senders wait. It bounds the memory of
    /// waiting sends, together with the timeline's bound on a message. More suits slow disks with
    /// many senders, whose sends then share a flush.
    #[must_use]
    pub fn queue(self, sends: usize) -> Self {
        Self { queue: sends, ..self }
    }

    /// Sets the bytes after which a batch is committed without further sends.
    ///
    /// 8 MiB by default, at least 64 KiB. More lets more sends share a flush, each of which waits
    /// longer for it.
    #[must_use]
    pub fn batch_bytes(self, bytes: usize) -> Self {
        Self { batch_bytes: bytes, ..self }
    }

    /// Sets how many bytes of the disk stay free.
    ///
    /// 256 MiB by default; any number, but never more than a twentieth of the disk counts. Below,
    /// sends are refused and the state is read-only, until there is a quarter more. 0 turns it off.
    /// More suits disks that other programs fill quickly.
    #[must_use]
    pub fn disk_free_min_bytes(self, bytes: u64) -> Self {
        Self { disk_free_min_bytes: bytes, ..self }
    }

    /// Sets the bytes of the cache for what is read from disk.
    ///
    /// 32 MiB by default; any number. More suits stores whose old entries are read often.
    #[must_use]
    pub fn cache_bytes(self, bytes: u64) -> Self {
        Self { cache_bytes: bytes, ..self }
    }

    /// Sets how long entries are kept.
    ///
    /// Everything is kept by default, inboxes until they are acknowledged.
    #[must_use]
    pub fn retention(self, retention: Retention) -> Self {
        Self { retention, ..self }
    }

    /// Sets within what time an erased text is in no file any more.
    ///
    /// 24 h by default, 1 min to 7 days. No reader sees it from the moment on at which it was taken
    /// back or deleted, replaced by an edit, purged, or removed by retention. Its bytes go when all
    /// tables with messages are written anew, which takes as much room once more meanwhile. So a
    /// shorter time means more writing where something is often taken away. An
    /// [export](super::Export) ends after a quarter of this time, and when they have to go.
    #[must_use]
    pub fn erased_within(self, time: Duration) -> Self {
        Self { erased_within: time, ..self }
    }

    /// Sets whether erased texts leave the files.
    ///
    /// True by default. For who only reads, and ends soon: what an earlier start has left to be
    /// erased stays for the next one, and ends no [export](super::Export), which may take 7 days.
    #[must_use]
    pub fn erases(self, erases: bool) -> Self {
        Self { erases, ..self }
    }

    /// Sets who is told of each inbox entry once it is durable.
    ///
    /// Nobody by default. Set it to push new entries to readers who are connected. An `Arc` of an
    /// observer is one, too.
    #[must_use]
    pub fn observer(self, observer: impl Observer + 'static) -> Self {
        Self { observer: Some(Arc::new(observer)), ..self }
    }

    pub(super) fn validate(&self) -> Result<()> {
        let wrong = |text: String| Err(Error::new(ErrorKind::Config, text));
        if self.directory.as_os_str().is_empty() {
            return wrong("directory is empty; name the folder of the store".to_owned());
        }
        if !Self::QUEUE_BOUNDS.contains(&self.queue) {
            let (least, most) = Self::QUEUE_BOUNDS.into_inner();
            return wrong(format!("queue is {}; it must be from {least} to {most}", self.queue));
        }
        let least = Self::BATCH_BYTES_BOUNDS.start;
        if self.batch_bytes < least {
            return wrong(format!("batch_bytes is {}; it must be at least {least}", self.batch_bytes));
        }
        if !Self::ERASED_WITHIN_BOUNDS.contains(&self.erased_within) {
            let (least, most) = Self::ERASED_WITHIN_BOUNDS.into_inner();
            let within = self.erased_within;
            return wrong(format!("erased_within is {within:?}; it must be from {least:?} to {most:?}"));
        }
        self.retention.validate()
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("directory", &self.directory)
            .field("must_exist", &self.must_exist)
            .field("queue", &self.queue)
            .field("batch_bytes", &self.batch_bytes)
            .field("disk_free_min_bytes", &self.disk_free_min_bytes)
            .field("cache_bytes", &self.cache_bytes)
            .field("retention", &self.retention)
            .field("erased_within", &self.erased_within)
            .field("erases", &self.erases)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Keep;

    #[test]
    fn a_text_is_erased_within_a_week_at_most_and_retention_is_checked() {
        let config = || Config::new("store");
        let week = Duration::from_secs(7 * 24 * 60 * 60);
        assert!(config().erased_within(week).validate().is_ok());
        for within in [Duration::from_secs(59), week + Duration::from_secs(1)] {
            let error = config().erased_within(within).validate().unwrap_err();
            assert!(
                error.kind() == ErrorKind::Config && error.to_string().contains("erased_within"),
                "{error}"
            );
        }
        let nothing = Retention::new().groups(Keep::everything().entries(0));
        assert_eq!(config().retention(nothing).validate().unwrap_err().kind(), ErrorKind::Config);
    }
}
