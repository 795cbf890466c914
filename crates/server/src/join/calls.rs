//! What a client may ask over its connection.
//!
//! These are messages to the server, each answered under its uuid.
//!
//! A call is JSON, `{"call":"who"}`; its answer is an object, `{"error":"…"}` when it is refused. A
//! call that concerns a channel names it in the message or, as not every client can, in its JSON.
//!
//! ```text
//! call ──► counted ──► read ──► its row in the policy ──► answered from memory
//!                                                    └──► queue ──► store, or keys ──► answered
//! ```

mod call;
mod call_limits;
mod call_policy;
mod fault;
mod history;
mod late_calls;
mod logins;
mod reply;

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tidings::hub::calls::{self, CallQueue};
use tidings::hub::protocol::Message;
use tidings::hub::{Answer, ChannelHistory, Connection, Handler};
use tidings::join::attendance::Attendance;
use tidings::join::roster::Roster;
use tidings::presence::rooms::Payload;
use uuid::Uuid;

use self::call::Call;
pub(super) use self::call_limits::CallLimits;
pub(super) use self::late_calls::LateCalls;
pub(super) use self::logins::Logins;
pub(super) use self::reply::{message_of, too_many};
use self::reply::{refusal, reply};
use crate::depth;
use crate::rates::RateKind;

/// The longest name of a channel that clients may make up, in bytes.
pub(super) const NAME_BYTES_MAX: usize = 512;

/// Calls that wait for the store or for keys; one more is refused and asked again by its client.
const WAITING_MAX: usize = 4_096;
/// How long an answer may take: less than the 10 s for which the page waits, so that the page hears
/// why there is none.
const ANSWER_TIME: Duration = Duration::from_secs(8);
/// What a client gets for whose call there is no room.
const BUSY: &str = r#"{"error":"the server is busy; ask again"}"#;
/// What a client gets whose call was not answered in time.
const LATE: &str = r#"{"error":"there was no answer in time; ask again"}"#;
/// The uuid of a call, in bytes: it is kept until the answer.
const UUID_BYTES_MAX: usize = 512;
/// What a user may show in a room, in bytes of JSON.
const SHOWN_BYTES_MAX: usize = 1_024;

/// Answers calls, those that have to wait by way of a queue.
pub(super) struct CallHandler {
    sources: CallSources,
    limits: CallLimits,
    has_logins: bool,
    queue: CallQueue,
}

/// What calls are answered from at once.
#[derive(Debug)]
pub(super) struct CallSources {
    pub(super) store_id: Uuid,
    pub(super) roster: Roster,
    pub(super) history: Arc<ChannelHistory>,
    pub(super) attendance: Attendance,
}

/// Creates the queue of the calls that have to wait.
pub(super) fn queue() -> Result<CallQueue, tidings::hub::Error> {
    let config = calls::Config::default().calls_max(WAITING_MAX).answer_time(ANSWER_TIME);
    CallQueue::new(config.late_answer(LATE).busy_answer(BUSY))
}

impl CallHandler {
    pub(super) fn new(sources: CallSources, limits: CallLimits, has_logins: bool, queue: CallQueue) -> Self {
        Self { sources, limits, has_logins, queue }
    }

    fn answer(&self, connection: &Arc<Connection>, message: Message) -> Result<Answer, String> {
        // This runs in the task of the connection and must not wait. What is in memory is answered
        // here; what has to wait goes into the queue, where it is read once more, and its answer
        // comes later under the uuid.
        let call = Call::read(&message.channel, &message.body)?;
        call_policy::check(connection, self.has_logins, &call)?;
        let (uuid, named) = (message.uuid.clone(), message.channel.clone());
        match call {
            Call::Ping {} => Ok(reply(uuid, &json!({}))),
            Call::Hello {} => Ok(reply(uuid, &json!({ "store": self.sources.store_id.to_string() }))),
            Call::Who {} => Ok(message_of(uuid, self.sources.roster.who()).into()),
            Call::History { channel, count } => {
                let name = channel.unwrap_or(named);
                history::answer(&self.sources.history, connection, &name, count, uuid)
            }
            Call::Show { channel, payload } => {
                let shown = self.show(connection, &channel.unwrap_or(named), &payload)?;
                Ok(reply(uuid, &shown))
            }
            Call::Received { .. } | Call::ReceivedOf { .. } | Call::Login { .. } | Call::Refresh { .. } => {
                Ok(self.queue.call(connection, message))
            }
        }
    }

    fn show(&self, connection: &Connection, name: &str, payload: &Value) -> Result<Value, String> {
        let text = if payload.is_null() { String::new() } else { payload.to_string() };
        if text.len() > SHOWN_BYTES_MAX {
            return Err(format!(
                "the payload has {} bytes of JSON; at most {SHOWN_BYTES_MAX} are allowed",
                text.len()
            ));
        }
        if !depth::fits(payload) {
            return Err(format!("the payload nests more than {} levels deep", depth::LEVELS_MAX));
        }
        let payload = Payload::new(text).map_err(|error| error.to_string())?;
        if self.sources.attendance.show(connection, name, payload) {
            Ok(json!({}))
        } else {
            Err("this connection has no user, or is not bound to this channel, or the channel is not a room"
                .to_owned())
        }
    }
}

impl Handler for CallHandler {
    fn call(&self, connection: &Arc<Connection>, message: Message) -> Answer {
        let is_too_long = message.uuid.len() > UUID_BYTES_MAX;
        let uuid = if is_too_long { String::new() } else { message.uuid.clone() };
        // Counted before anything of it is read.
        if let Err(again) = self.limits.take(connection) {
            return reply(uuid, &too_many(RateKind::Calls, again));
        }
        if is_too_long {
            let error =
                format!("the uuid of the call is too long; at most {UUID_BYTES_MAX} bytes are allowed");
            return reply(uuid, &refusal(&error));
        }
        self.answer(connection, message).unwrap_or_else(|error| reply(uuid, &refusal(&error)))
    }
}
