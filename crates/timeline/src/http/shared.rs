//! What every handler needs.

use crate::service::in_flight::AnswerMemory;
use crate::service::{Calls, Watches};

/// What every handler needs.
#[derive(Debug, Clone)]
pub(super) struct Shared {
    pub(super) calls: Calls,
    pub(super) in_flight: AnswerMemory,
    pub(super) watches: Watches,
    pub(super) body_bytes_max: usize,
}
