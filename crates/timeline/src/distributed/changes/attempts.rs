//! Steps that are tried until it is known what became of them.

use std::time::Duration;

use crate::{Error, ErrorKind};

/// How long the waits between two attempts of one step are.
pub(super) const PAUSE: Duration = Duration::from_millis(100);

/// Returns the error of a change of which nobody knows whether it took effect.
pub(super) fn unknown(cause: Error) -> Error {
    let text = "it is not known whether the change took effect everywhere: repeat it, which is harmless";
    Error::with_source(ErrorKind::UnknownOutcome, text, cause)
}
