//! Checks settings against their bounds.

use std::fmt;
use std::ops::RangeInclusive;

use crate::error::{Error, ErrorKind};

/// Checks a setting against its bounds.
///
/// # Errors
///
/// One of `kind` that names the setting, its value and its bounds.
pub fn within<T: fmt::Debug + PartialOrd>(
    kind: ErrorKind,
    setting: &str,
    value: &T,
    bounds: &RangeInclusive<T>,
) -> Result<(), Error> {
    if bounds.contains(value) {
        return Ok(());
    }
    let (least, most) = (bounds.start(), bounds.end());
    Err(Error::new(kind, format!("{setting} is {value:?}; it must be from {least:?} to {most:?}")))
}
