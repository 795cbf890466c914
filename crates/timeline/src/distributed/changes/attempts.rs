//! Steps that are tried until it is known what became of them.

use std::time::Duration;

use crate::distributed::intents::Noted;
use crate::{Error, ErrorKind, Result};

/// How long the waits between two attempts of one step are.
pub(super) const PAUSE: Duration = Duration::from_millis(100);

/// After how long an intent is noted again before something is begun.
///
/// Other nodes end what is older than the grace and 5 s, and forget it.
const NOTED_MAX: Duration = Duration::from_secs(2);

/// Notes again what is about to be begun, unless that was done a moment ago.
pub(super) async fn renew(noted: &mut Noted) -> Result<()> {
    if noted.age() > NOTED_MAX { noted.renew().await } else { Ok(()) }
}

/// Returns the error of a change of which nobody knows whether it took effect.
pub(super) fn unknown(cause: Error) -> Error {
    let text = "it is not known whether the change took effect everywhere: repeat it, which is harmless";
    Error::with_source(ErrorKind::UnknownOutcome, text, cause)
}
