//! Which sends are gathered together.

use std::time::Duration;

use crate::store::Append;

/// From how many recipients on a send is one to many.
const MANY: usize = 100;

/// Sends to few and sends to many, each with a queue, a task and flushes of their own.
///
/// The documents of a send to many cost MongoDB far more than its commands, and most when several
/// inserts meet. So they go together, one flush after the other, while all that waits fits into
/// one. Who sends to few does not wait for that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Audience {
    Few,
    Many,
}

impl Audience {
    pub(super) const ALL: [Self; 2] = [Self::Few, Self::Many];

    /// Returns the lane of sends that are to keep their order.
    pub(super) fn of<'a>(appends: impl IntoIterator<Item = &'a Append>) -> Self {
        let is_to_many = |append: &Append| append.recipients.len() >= MANY;
        if appends.into_iter().any(is_to_many) { Self::Many } else { Self::Few }
    }

    /// How long a batch grows at most while others of the lane are written.
    pub(super) const fn patience(self) -> Duration {
        match self {
            Self::Few => Duration::from_millis(3),
            // Far more than a flush takes, unless MongoDB is slow.
            Self::Many => Duration::from_millis(250),
        }
    }
}
