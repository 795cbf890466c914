//! How many clients are being admitted at once.

use std::sync::atomic::{AtomicUsize, Ordering};

/// Counts the clients whose admission the auth hook is being asked for.
#[derive(Debug, Default)]
pub(crate) struct Admitting(AtomicUsize);

/// The permit to ask for one admission, given back on drop: also when the client goes away and
/// its request is dropped.
#[derive(Debug)]
pub(crate) struct AdmittingPermit<'a>(&'a Admitting);

impl Admitting {
    /// Takes a permit, if fewer than `max` are taken.
    pub(crate) fn begin(&self, max: usize) -> Option<AdmittingPermit<'_>> {
        let more = |taken| if taken < max { Some(taken + 1) } else { None };
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).ok()?;
        Some(AdmittingPermit(self))
    }
}

impl Drop for AdmittingPermit<'_> {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}
