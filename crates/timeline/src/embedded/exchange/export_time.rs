//! Until when an export may go on.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use crate::{Error, ErrorKind, Result};

/// The time of an export, which keeps all that was there when it began.
#[derive(Debug)]
pub(super) struct ExportTime {
    ends_at: Instant,
    most: Duration,
    /// Whether it ends before that, as erased texts are to leave the files now.
    erasing: watch::Receiver<bool>,
}

/// How an export goes on that was ended.
const RESUMED: &str = "make it again: what it wrote is kept as the beginning if nothing was stored meanwhile";

impl ExportTime {
    /// Begins the time, which is `most` at most.
    ///
    /// # Errors
    ///
    /// [`Unavailable`](ErrorKind::Unavailable) while erased texts leave the files.
    pub(super) fn begin(most: Duration, erasing: watch::Receiver<bool>) -> Result<Self> {
        if *erasing.borrow() {
            let text = "texts that were taken away are leaving the files, and no export begins before that is \
                        done; try again in a minute";
            return Err(Error::new(ErrorKind::Unavailable, text));
        }
        Ok(Self { ends_at: Instant::now() + most, most, erasing })
    }

    /// Fails if the time has ended.
    pub(super) fn check(&self) -> Result<()> {
        let is_erasing = *self.erasing.borrow();
        if is_erasing || Instant::now() >= self.ends_at { Err(self.end(is_erasing)) } else { Ok(()) }
    }

    /// Waits until the time has ended, and returns why that is.
    pub(super) async fn ended(&self) -> Error {
        let mut erasing = self.erasing.clone();
        // The other end is there as long as the store that is exported.
        let is_erasing = timeout_at(self.ends_at, erasing.wait_for(|is_erasing| *is_erasing)).await.is_ok();
        self.end(is_erasing)
    }

    fn end(&self, is_erasing: bool) -> Error {
        let text = if is_erasing {
            format!(
                "the export was ended, as texts that were taken away have to leave the files now; {RESUMED}"
            )
        } else {
            let seconds = self.most.as_secs();
            format!(
                "the export was ended after {seconds} s, a quarter of the time within which texts are erased, as \
                 they stay in the files for it; {RESUMED}, or set a longer `erased-within`"
            )
        };
        Error::new(ErrorKind::Unavailable, text)
    }
}
