//! What a client may ask over its connection.
//!
//! These are messages to the server, each answered under its uuid.
//!
//! A call is JSON, `{"call":"who"}`; its answer is an object, `{"error":"…"}` when it is refused. A
//! call that concerns a channel names it in the message or, as not every client can, in its JSON.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};
use tidings::hub::calls::{self, AsyncHandler, CallQueue};
use tidings::hub::protocol::{Message, Opcode};
use tidings::hub::{Answer, ChannelHistory, Connection, Handler, Replay};
use tidings::join::attendance::Attendance;
use tidings::join::channel;
use tidings::join::receipts::{Receipts, receipt};
use tidings::join::roster::Roster;
use tidings::presence::rooms::Payload;
use tidings::timeline::{MemberId, Seq};
use uuid::Uuid;

use crate::depth;

/// The longest name of a channel that clients may make up, in bytes.
pub(super) const NAME_BYTES_MAX: usize = 512;

/// Calls that wait for the store; one more is refused and asked again by its client.
const WAITING_MAX: usize = 4_096;
/// How long the store may take for an answer: less than the 10 s for which the page waits, so that
/// the page hears why there is none.
const ANSWER_TIME: Duration = Duration::from_secs(8);
/// What a client gets for whose call there is no room.
const BUSY: &str = r#"{"error":"the server is busy; ask again"}"#;
/// What a client gets whose call the store has not answered in time.
const LATE: &str = r#"{"error":"the store did not answer in time; ask again"}"#;
/// The body of a call, in bytes: a payload with every character escaped fits.
const CALL_BYTES_MAX: usize = 16 * 1024;
/// The uuid of a call, in bytes: it is kept until the answer.
const UUID_BYTES_MAX: usize = 512;
/// What a user may show in a room, in bytes of JSON.
const SHOWN_BYTES_MAX: usize = 1_024;

/// Answers calls, those that need the store by way of a queue.
#[derive(Debug)]
pub(super) struct CallHandler {
    sources: CallSources,
    queue: CallQueue,
}

/// Answers the calls that need the store.
#[derive(Debug)]
pub(super) struct StoreCalls(pub(super) Receipts);

/// What calls are answered from at once.
#[derive(Debug)]
pub(super) struct CallSources {
    pub(super) store_id: Uuid,
    pub(super) roster: Roster,
    pub(super) history: Arc<ChannelHistory>,
    pub(super) attendance: Attendance,
}

/// A call as it comes.
#[derive(Debug, Deserialize)]
#[serde(tag = "call", rename_all = "snake_case")]
enum Call {
    /// Are you there?
    Ping {},
    /// Which store is this?
    Hello {},
    /// Who is online?
    Who {},
    /// I have received my inbox up to here.
    Received { sequence: Number },
    /// How far has somebody received?
    ReceivedOf { member: String },
    /// What was last said in a channel? All that is kept, or the newest so many.
    History { channel: Option<String>, count: Option<usize> },
    /// I show this to those who ask who is in a channel.
    Show { channel: Option<String>, payload: Value },
}

/// A sequence, as a number or, as in proto3 JSON, as a text.
#[derive(Debug, Deserialize)]
#[serde(untagged, expecting = "a sequence is a whole number, as a number or as a text")]
enum Number {
    Number(u64),
    Text(String),
}

/// Creates the queue of the calls that need the store.
pub(super) fn queue() -> Result<CallQueue, tidings::hub::Error> {
    let config = calls::Config::default().calls_max(WAITING_MAX).answer_time(ANSWER_TIME);
    CallQueue::new(config.late_answer(LATE).busy_answer(BUSY))
}

impl StoreCalls {
    async fn answer(&self, connection: &Connection, message: &Message) -> Result<String, String> {
        let Self(receipts) = self;
        let (member, sequence) = match read(&message.channel, &message.body)? {
            Call::Received { sequence } => {
                let user =
                    connection.user().ok_or("this connection has no user; connect to /ws?user=NAME")?;
                let (member, sequence) = (member(user)?, sequence.read()?);
                let received = receipts.received(&member, sequence).await;
                (member, received)
            }
            Call::ReceivedOf { member: name } => {
                let member = member(&name)?;
                let received = receipts.received_of(&member).await;
                (member, received)
            }
            // What needs no store is answered before the queue.
            _ => return Err("this call needs no store".to_owned()),
        };
        Ok(receipt(&member, sequence.map_err(|error| error.to_string())?))
    }
}

#[async_trait]
impl AsyncHandler for StoreCalls {
    async fn call(&self, connection: &Arc<Connection>, message: Message) -> Answer {
        match self.answer(connection, &message).await {
            Ok(receipt) => message_of(message.uuid, receipt).into(),
            Err(error) => reply(message.uuid, &refusal(&error)),
        }
    }
}

impl CallHandler {
    pub(super) fn new(sources: CallSources, queue: CallQueue) -> Self {
        Self { sources, queue }
    }

    fn answer(&self, connection: &Arc<Connection>, message: Message) -> Result<Answer, String> {
        // This runs in the task of the connection and must not wait. What is in memory is answered
        // here; what needs the store goes into the queue, where it is read once more, and its
        // answer comes later under the uuid.
        let call = read(&message.channel, &message.body)?;
        let (uuid, named) = (message.uuid.clone(), message.channel.clone());
        match call {
            Call::Ping {} => Ok(reply(uuid, &json!({}))),
            Call::Hello {} => Ok(reply(uuid, &json!({ "store": self.sources.store_id.to_string() }))),
            Call::Who {} => Ok(message_of(uuid, self.sources.roster.who()).into()),
            Call::History { channel, count } => self.history(&channel.unwrap_or(named), count, uuid),
            Call::Show { channel, payload } => {
                let shown = self.show(connection, &channel.unwrap_or(named), &payload)?;
                Ok(reply(uuid, &shown))
            }
            Call::Received { .. } | Call::ReceivedOf { .. } => Ok(self.queue.call(connection, message)),
        }
    }

    /// Sends what is kept of a channel, under the original uuids and as fast as the client reads,
    /// before the answer.
    fn history(&self, name: &str, count: Option<usize>, uuid: String) -> Result<Answer, String> {
        check_length(name)?;
        if !channel::may_listen(name) {
            return Err("you may not read this channel".to_owned());
        }
        let replay = self.sources.history.replay(name, count.unwrap_or(usize::MAX));
        // The messages are fetched as the client reads them, so a long history does not fill its
        // outbox.
        Ok(Answer::many(Last { replay, given: 0, uuid: Some(uuid) }))
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
        if message.uuid.len() > UUID_BYTES_MAX {
            let error =
                format!("the uuid of the call is too long; at most {UUID_BYTES_MAX} bytes are allowed");
            return reply(String::new(), &refusal(&error));
        }
        let uuid = message.uuid.clone();
        self.answer(connection, message).unwrap_or_else(|error| reply(uuid, &refusal(&error)))
    }
}

/// The last messages of a channel, and the answer behind them.
#[derive(Debug)]
struct Last {
    replay: Replay,
    given: usize,
    /// The uuid of the answer, until that was given.
    uuid: Option<String>,
}

impl Iterator for Last {
    type Item = Message;

    fn next(&mut self) -> Option<Message> {
        // The answer comes once, and nothing behind it.
        self.uuid.as_ref()?;
        if let Some(message) = self.replay.next() {
            self.given += 1;
            return Some(message);
        }
        let mut answer = json!({ "count": self.given });
        if self.replay.not_given() > 0 {
            answer["more"] = true.into();
        }
        self.uuid.take().map(|uuid| message_of(uuid, answer.to_string()))
    }
}

impl Number {
    fn read(self) -> Result<Seq, String> {
        let number = match self {
            Self::Number(number) => Ok(number),
            Self::Text(text) => {
                text.parse().map_err(|_| format!("\"{text}\" is not a sequence; give a whole number"))
            }
        };
        Seq::new(number?).map_err(|error| error.to_string())
    }
}

fn member(name: &str) -> Result<MemberId, String> {
    MemberId::new(name).map_err(|error| format!("member: {error}"))
}

/// Refuses a name that is too long for a channel of clients.
fn check_length(name: &str) -> Result<(), String> {
    if name.len() <= NAME_BYTES_MAX || channel::may_listen(name) && !channel::may_write(name) {
        return Ok(());
    }
    let length = name.len();
    Err(format!("the name of the channel has {length} bytes; at most {NAME_BYTES_MAX} are allowed"))
}

/// Reads a call. One without a body asks for the history of its channel: a client of the conductor
/// can send no other.
fn read(channel: &str, body: &Bytes) -> Result<Call, String> {
    if body.is_empty() && !channel.is_empty() {
        return Ok(Call::History { channel: None, count: None });
    }
    if body.len() > CALL_BYTES_MAX {
        return Err(format!("the call has {} bytes; at most {CALL_BYTES_MAX} are allowed", body.len()));
    }
    serde_json::from_slice(body).map_err(|error| format!("the call cannot be read: {error}"))
}

fn refusal(error: &str) -> Value {
    json!({ "error": error })
}

fn reply(uuid: String, answer: &Value) -> Answer {
    message_of(uuid, answer.to_string()).into()
}

fn message_of(uuid: String, body: impl Into<Bytes>) -> Message {
    Message::with_uuid(Opcode::SERVER, uuid, "", body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_clients_are_bounded_and_those_of_users_are_so_by_themselves() {
        let (long, longest) = ("x".repeat(60_000), "x".repeat(NAME_BYTES_MAX));
        assert!(check_length(&longest).is_ok() && check_length(&channel::received(&longest)).is_ok());
        assert!(check_length(&long).is_err() && check_length(&channel::inbox(&long)).is_err());
        assert!(check_length(&channel::received(&long)).is_err());
    }
}
