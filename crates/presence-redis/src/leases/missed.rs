//! How many events a stream did not get.

use presence_core::Error;

/// What is missing in one log, or in several together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Missed {
    #[default]
    Nothing,
    Events(u64),
    /// Something, and nobody knows how much.
    Unknown,
}

impl Missed {
    pub(super) fn of(events: u64) -> Self {
        if events == 0 { Self::Nothing } else { Self::Events(events) }
    }

    pub(super) fn add(&mut self, more: Self) {
        *self = match (*self, more) {
            (Self::Unknown, _) | (_, Self::Unknown) => Self::Unknown,
            (Self::Nothing, one) | (one, Self::Nothing) => one,
            (Self::Events(one), Self::Events(other)) => Self::Events(one + other),
        };
    }

    /// What a stream says of it.
    pub(super) fn error(self) -> Option<Error> {
        match self {
            Self::Nothing => None,
            Self::Events(number) => Some(Error::lagged(Some(number))),
            Self::Unknown => Some(Error::lagged(None)),
        }
    }
}
