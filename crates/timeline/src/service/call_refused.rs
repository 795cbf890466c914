//! Why a call is not taken from its caller.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use super::Code;
use crate::ErrorKind;

/// A call that is not taken from its caller, and what the client is told.
///
/// The text is sent as it is: it says what happened and what to do, and holds no secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallRefused {
    kind: CallRefusedKind,
    text: Cow<'static, str>,
    retry_after: Option<Duration>,
}

/// What the client of a [`CallRefused`] can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CallRefusedKind {
    /// Nobody is known to call: log in, and call again.
    Unauthenticated,
    /// This caller may not; the same call is refused again.
    Forbidden,
    /// This caller calls too often: call again later.
    TooMany,
    /// It cannot be found out now who calls: call again later.
    Unavailable,
}

impl CallRefused {
    /// Creates the refusal of a call without good credentials.
    #[must_use]
    pub fn unauthenticated(text: impl Into<Cow<'static, str>>) -> Self {
        Self::new(CallRefusedKind::Unauthenticated, text, None)
    }

    /// Creates the refusal of a caller who is known and may not call.
    #[must_use]
    pub fn forbidden(text: impl Into<Cow<'static, str>>) -> Self {
        Self::new(CallRefusedKind::Forbidden, text, None)
    }

    /// Creates the refusal of a caller who may call again after a time.
    ///
    /// Clients are told the time in `Retry-After`, in whole seconds rounded up, or in a
    /// `RetryInfo`.
    #[must_use]
    pub fn too_many(text: impl Into<Cow<'static, str>>, retry_after: Duration) -> Self {
        Self::new(CallRefusedKind::TooMany, text, Some(retry_after))
    }

    /// Creates the refusal of a call while callers cannot be told apart.
    #[must_use]
    pub fn unavailable(text: impl Into<Cow<'static, str>>) -> Self {
        Self::new(CallRefusedKind::Unavailable, text, None)
    }

    fn new(kind: CallRefusedKind, text: impl Into<Cow<'static, str>>, retry_after: Option<Duration>) -> Self {
        Self { kind, text: text.into(), retry_after }
    }

    /// Returns what the client can do.
    #[must_use]
    pub fn kind(&self) -> CallRefusedKind {
        self.kind
    }

    /// Returns after which time the client may call again, if that is known.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }
}

impl fmt::Display for CallRefused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for CallRefused {}

impl From<CallRefusedKind> for Code {
    fn from(kind: CallRefusedKind) -> Self {
        match kind {
            CallRefusedKind::Unauthenticated => Self::UNAUTHENTICATED,
            // The same as for one who may not make this call.
            CallRefusedKind::Forbidden => ErrorKind::Forbidden.into(),
            CallRefusedKind::TooMany => Self::TOO_MANY_REQUESTS,
            CallRefusedKind::Unavailable => Self::CALLERS_UNAVAILABLE,
        }
    }
}
