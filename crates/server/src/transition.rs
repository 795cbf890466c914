//! A transition of presence as JSON, the same wherever the server tells it.

use serde::Serialize;
use tidings::presence::{Cause, Event};

use crate::clock;

/// `{"id":"bob","status":"OFFLINE","cause":"ENDED","at":<unix ms>}`.
#[derive(Debug, Serialize)]
pub(crate) struct TransitionJson<'a> {
    id: &'a str,
    status: String,
    cause: &'static str,
    at: u64,
}

impl<'a> From<&'a Event> for TransitionJson<'a> {
    fn from(event: &'a Event) -> Self {
        Self {
            id: event.id.as_str(),
            status: event.status.to_string(),
            cause: name(event.cause),
            at: clock::unix_ms(event.at),
        }
    }
}

// Clients compare these names, so they stay whatever the variants are called.
fn name(cause: Cause) -> &'static str {
    match cause {
        Cause::Heartbeat => "HEARTBEAT",
        Cause::Held => "HELD",
        Cause::Explicit => "EXPLICIT",
        Cause::Ended => "ENDED",
        Cause::Expired => "EXPIRED",
        // A later version of presence may know more than this one.
        _ => "OTHER",
    }
}
