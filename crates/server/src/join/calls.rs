//! What a client may ask over its connection: messages to the server, each answered under its uuid.
//!
//! A call is JSON, `{"call":"who"}`; its answer is an object, `{"error":"…"}` when it is refused. A
//! call that concerns a channel names it in the message or, as not every client can, in its JSON.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};
use tidings::hub::protocol::{Message, Opcode};
use tidings::hub::{Answer, ChannelHistory, Connection, Handler, Hub, LateAnswer, Replay};
use tidings::presence::rooms::Payload;
use tidings::timeline::{MemberId, Seq, Timeline};
use tokio::sync::{Semaphore, mpsc};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use super::attendance::Attendance;
use super::channel;
use super::names::DeviceNames;
use super::roster::Roster;
use crate::supervisor::Supervisor;

/// Calls that wait for the store; one more is refused and asked again by its client.
const WAITING_MAX: usize = 4_096;
/// How many calls the store works on at once: enough for it to commit many together.
const RUNNING_MAX: usize = 256;
/// How long the store may take for a call; then its client is told, and may call again.
const ANSWER_TIME: Duration = Duration::from_secs(10);
/// The body of a call, in bytes: a payload with every character escaped fits.
const CALL_BYTES_MAX: usize = 16 * 1024;
/// The uuid of a call, in bytes: it is kept until the answer.
const UUID_BYTES_MAX: usize = 512;
/// What a user may show in a room, in bytes of JSON.
const SHOWN_BYTES_MAX: usize = 1_024;

/// Answers calls.
#[derive(Debug)]
pub(super) struct Calls {
    store_id: Uuid,
    roster: Arc<Roster>,
    history: Arc<ChannelHistory>,
    timeline: Timeline,
    attendance: Arc<Attendance>,
    names: DeviceNames,
    hub: OnceLock<Hub>,
    waiting: mpsc::Sender<QueuedCall>,
}

/// What calls are answered from.
#[derive(Debug)]
pub(super) struct CallSources {
    pub(super) store_id: Uuid,
    pub(super) roster: Arc<Roster>,
    pub(super) history: Arc<ChannelHistory>,
    pub(super) timeline: Timeline,
    pub(super) attendance: Arc<Attendance>,
    pub(super) names: DeviceNames,
}

/// A call that needs the store.
#[derive(Debug)]
struct QueuedCall {
    answer: LateAnswer,
    uuid: String,
    question: StoreQuestion,
}

#[derive(Debug)]
enum StoreQuestion {
    Received(MemberId, Seq),
    ReceivedOf(MemberId),
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
#[serde(untagged)]
enum Number {
    Number(u64),
    Text(String),
}

impl Calls {
    pub(super) fn start(sources: CallSources, supervisor: &Supervisor) -> Arc<Self> {
        let (waiting, queue) = mpsc::channel(WAITING_MAX);
        let CallSources { store_id, roster, history, timeline, attendance, names } = sources;
        let hub = OnceLock::new();
        let calls = Arc::new(Self { store_id, roster, history, timeline, attendance, names, hub, waiting });
        let (tasks, stop) = (supervisor.tasks().clone(), supervisor.stop().clone());
        supervisor.need("the worker of the calls", Arc::clone(&calls).work(queue, tasks, stop));
        calls
    }

    pub(super) fn publish_through(&self, hub: &Hub) {
        if self.hub.set(hub.clone()).is_err() {
            tracing::error!("the calls were given a second hub, which they ignore; please report this");
        }
    }

    fn answer(&self, connection: &Arc<Connection>, message: Message) -> Result<Answer, String> {
        let Message { uuid, channel: named, body, .. } = message;
        let question = match read(&named, &body)? {
            Call::Ping {} => return Ok(reply(uuid, &json!({}))),
            Call::Hello {} => return Ok(reply(uuid, &json!({ "store": self.store_id.to_string() }))),
            Call::Who {} => return Ok(message_of(uuid, self.roster.who()).into()),
            Call::History { channel, count } => {
                return self.history(&channel.unwrap_or(named), count, uuid);
            }
            Call::Show { channel, payload } => {
                let shown = self.show(connection, &channel.unwrap_or(named), &payload)?;
                return Ok(reply(uuid, &shown));
            }
            Call::Received { sequence } => {
                let user =
                    connection.user().ok_or("this connection has no user; connect to /ws?user=NAME")?;
                StoreQuestion::Received(member(user)?, sequence.read()?)
            }
            Call::ReceivedOf { member: name } => StoreQuestion::ReceivedOf(member(&name)?),
        };
        let waiting = QueuedCall { answer: LateAnswer::new(connection), uuid, question };
        self.waiting.try_send(waiting).map_err(|_| "the server is busy; ask again")?;
        Ok(Answer::none())
    }

    /// Sends what is kept of a channel, under the original uuids and as fast as the client reads,
    /// before the answer.
    fn history(&self, name: &str, count: Option<usize>, uuid: String) -> Result<Answer, String> {
        channel::check_length(name)?;
        if !channel::may_listen(name) {
            return Err("you may not read this channel".to_owned());
        }
        let replay = self.history.replay(name, count.unwrap_or(usize::MAX));
        Ok(Answer::many(Last { replay, given: 0, uuid: Some(uuid) }))
    }

    fn show(&self, connection: &Arc<Connection>, name: &str, payload: &Value) -> Result<Value, String> {
        let text = if payload.is_null() { String::new() } else { payload.to_string() };
        if text.len() > SHOWN_BYTES_MAX {
            return Err(format!(
                "the payload has {} bytes of JSON; at most {SHOWN_BYTES_MAX} are allowed",
                text.len()
            ));
        }
        let payload = Payload::new(text).map_err(|error| error.to_string())?;
        if self.attendance.show(&self.names.device(connection), name, payload) {
            Ok(json!({}))
        } else {
            Err("this connection has no user, or is not bound to this channel, or the channel is not a room"
                .to_owned())
        }
    }

    async fn work(
        self: Arc<Self>,
        mut queue: mpsc::Receiver<QueuedCall>,
        tasks: TaskTracker,
        stop: CancellationToken,
    ) {
        let places = Arc::new(Semaphore::new(RUNNING_MAX));
        while let Some(Some(waiting)) = stop.run_until_cancelled(queue.recv()).await {
            let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
            let calls = Arc::clone(&self);
            tasks.spawn(async move {
                let QueuedCall { answer, uuid, question } = waiting;
                let told = match timeout(ANSWER_TIME, calls.ask(question)).await {
                    Ok(Ok(told)) => told,
                    Ok(Err(error)) => json!({ "error": error.to_string() }),
                    Err(_late) => json!({ "error": "the store did not answer in time; ask again" }),
                };
                let connection = answer.connection().id();
                if let Err(error) = answer.send(&message_of(uuid, told.to_string())) {
                    tracing::debug!(%connection, %error, "a client left before its answer came");
                }
                drop(place);
            });
        }
    }

    /// Tells those who wait for it how far a member has come. Positions only grow, so a late one
    /// does no harm, and who is behind needs no more than the last.
    fn tell(&self, member: &MemberId, sequence: Seq) {
        let Some(hub) = self.hub.get() else { return };
        if let Err(error) =
            hub.publish_latest(&channel::received(member.as_str()), cursor(member, sequence).to_string())
        {
            tracing::warn!(%error, "a receipt could not be published; it is told with the next one");
        }
    }

    async fn ask(&self, question: StoreQuestion) -> Result<Value, tidings::timeline::Error> {
        let (member, sequence) = match question {
            StoreQuestion::ReceivedOf(member) => {
                let sequence = self.timeline.received_of(&member).await?;
                (member, sequence)
            }
            StoreQuestion::Received(member, sequence) => {
                let sequence = self.timeline.received(&member, sequence).await?;
                self.tell(&member, sequence);
                (member, sequence)
            }
        };
        Ok(cursor(&member, sequence))
    }
}

impl Handler for Calls {
    fn call(&self, connection: &Arc<Connection>, message: Message) -> Answer {
        if message.uuid.len() > UUID_BYTES_MAX {
            let error =
                format!("the uuid of the call is too long; at most {UUID_BYTES_MAX} bytes are allowed");
            return reply(String::new(), &json!({ "error": error }));
        }
        let uuid = message.uuid.clone();
        self.answer(connection, message).unwrap_or_else(|error| reply(uuid, &json!({ "error": error })))
    }
}

/// The last messages of a channel, and the answer behind them.
#[derive(Debug)]
struct Last {
    replay: Replay,
    given: usize,
    /// Of the answer, until it was given.
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

fn cursor(member: &MemberId, sequence: Seq) -> Value {
    json!({ "member": member.as_str(), "sequence": sequence.get().to_string() })
}

fn member(name: &str) -> Result<MemberId, String> {
    MemberId::new(name).map_err(|error| format!("member: {error}"))
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

fn reply(uuid: String, answer: &Value) -> Answer {
    message_of(uuid, answer.to_string()).into()
}

fn message_of(uuid: String, body: impl Into<Bytes>) -> Message {
    Message::with_uuid(Opcode::SERVER, uuid, "", body)
}
