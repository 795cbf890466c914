//! Whoever starts, or kills without having started, before there is a number.

use std::sync::Arc;

use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::error::Error;
use crate::slots::Sequence;

/// Where the outcome of a start goes.
pub(crate) type Started = oneshot::Sender<Result<Sequence, Error>>;

/// Where the outcome of a kill goes.
pub(crate) type Killed = oneshot::Sender<Result<(), Error>>;

/// Whoever needs a number.
#[derive(Debug)]
pub(crate) struct Newcomer {
    pub(crate) key: Arc<str>,
    pub(crate) purpose: Purpose,
    /// When whoever asked is told that it failed.
    pub(crate) until: Instant,
}

/// What a number is for.
#[derive(Debug)]
pub(crate) enum Purpose {
    Start(Started),
    Kill(Killed),
}

impl Purpose {
    /// Says whether nobody waits for the outcome. A kill is done all the same.
    pub(crate) fn is_given_up(&self) -> bool {
        match self {
            Self::Start(reply) => reply.is_closed(),
            Self::Kill(_) => false,
        }
    }

    /// Tells that it failed.
    pub(crate) fn fail(self, error: &Error) {
        // Nobody may wait any more; then nobody needs the outcome.
        match self {
            Self::Start(reply) => drop(reply.send(Err(error.clone()))),
            Self::Kill(reply) => drop(reply.send(Err(error.clone()))),
        }
    }
}
