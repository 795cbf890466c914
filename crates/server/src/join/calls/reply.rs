//! What a call is answered with: a Server message under its uuid.

use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};
use tidings::hub::Answer;
use tidings::hub::protocol::{Message, Opcode};

use crate::rates::RateKind;

/// Returns the answer with this JSON.
pub(super) fn reply(uuid: String, answer: &Value) -> Answer {
    message_of(uuid, answer.to_string()).into()
}

/// Returns the message of an answer.
pub(in crate::join) fn message_of(uuid: String, body: impl Into<Bytes>) -> Message {
    Message::with_uuid(Opcode::SERVER, uuid, "", body)
}

/// Returns what a call gets that is refused.
pub(super) fn refusal(error: &str) -> Value {
    json!({ "error": error })
}

/// Returns what is told of something that came before there was room for it.
pub(in crate::join) fn too_many(kind: RateKind, again: Duration) -> Value {
    // Rounded up: who comes a little too early is refused once more.
    let retry_after_ms = u64::try_from(again.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX);
    json!({ "error": kind.refusal(again), "retryAfterMs": retry_after_ms })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_calls_too_often_hears_when_to_call_again() {
        let refused = too_many(RateKind::Calls, Duration::from_micros(1_200_300));
        let expected = json!({ "error": "too many calls; try again in 2 s", "retryAfterMs": 1_201 });
        assert_eq!(refused, expected);
    }
}
