//! What a client may ask over its connection: messages to the server, each answered under its uuid.
//!
//! A call is JSON, `{"call":"who"}`; its answer is an object, `{"error":"…"}` when it is refused.

use std::sync::{Arc, OnceLock};

use serde::Deserialize;
use serde_json::{Value, json};
use tidings::hub::protocol::{Message, Opcode};
use tidings::hub::{ChannelHistory, Connection, Handler, Hub, Storage as _};
use tidings::presence::rooms::Payload;
use tidings::timeline::{MemberId, Seq, Timeline};
use tokio::sync::{Semaphore, mpsc};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use super::attendance::Attendance;
use super::channel;
use super::names::Names;
use super::roster::Roster;
use crate::supervisor::Supervisor;

/// Calls that wait for the store; one more is refused and asked again by its client.
const WAITING_MAX: usize = 4_096;
/// Calls that are in the store at once: enough for it to commit many together.
const RUNNING_MAX: usize = 256;
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
    names: Names,
    hub: OnceLock<Hub>,
    waiting: mpsc::Sender<Waiting>,
}

/// What calls are answered from.
#[derive(Debug)]
pub(super) struct Sources {
    pub(super) store_id: Uuid,
    pub(super) roster: Arc<Roster>,
    pub(super) history: Arc<ChannelHistory>,
    pub(super) timeline: Timeline,
    pub(super) attendance: Arc<Attendance>,
    pub(super) names: Names,
}

/// A call that needs the store.
#[derive(Debug)]
struct Waiting {
    connection: Arc<Connection>,
    uuid: String,
    question: Question,
}

#[derive(Debug)]
enum Question {
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
    /// What was last said in the channel of this message?
    History {},
    /// I show this to those who ask who is in the channel of this message.
    Show { payload: Value },
}

/// A sequence, as a number or, as in proto3 JSON, as a text.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Number {
    Number(u64),
    Text(String),
}

impl Calls {
    pub(super) fn start(sources: Sources, supervisor: &Supervisor) -> Arc<Self> {
        let (waiting, queue) = mpsc::channel(WAITING_MAX);
        let Sources { store_id, roster, history, timeline, attendance, names } = sources;
        let hub = OnceLock::new();
        let calls = Arc::new(Self { store_id, roster, history, timeline, attendance, names, hub, waiting });
        let (tasks, stop) = (supervisor.tasks().clone(), supervisor.stop().clone());
        supervisor.need("the worker of the calls", Arc::clone(&calls).work(queue, tasks, stop));
        calls
    }

    pub(super) fn publish_through(&self, hub: &Hub) {
        if self.hub.set(hub.clone()).is_err() {
            tracing::error!("the calls have a hub already");
        }
    }

    fn answer(&self, connection: &Arc<Connection>, message: &Message) -> Result<Option<Value>, String> {
        let call: Call =
            serde_json::from_slice(&message.body).map_err(|error| format!("this is no call: {error}"))?;
        let question = match call {
            Call::Ping {} => return Ok(Some(json!({}))),
            Call::Hello {} => return Ok(Some(json!({ "store": self.store_id.to_string() }))),
            Call::Who {} => return Ok(Some(self.who())),
            Call::History {} => return self.history(connection, &message.channel).map(Some),
            Call::Show { payload } => return self.show(connection, &message.channel, &payload).map(Some),
            Call::Received { sequence } => {
                let user = connection.user().ok_or("this connection has no user")?;
                Question::Received(member(user)?, sequence.read()?)
            }
            Call::ReceivedOf { member: name } => Question::ReceivedOf(member(&name)?),
        };
        let waiting = Waiting { connection: Arc::clone(connection), uuid: message.uuid.clone(), question };
        self.waiting.try_send(waiting).map_err(|_| "the server is busy; ask again")?;
        Ok(None)
    }

    fn who(&self) -> Value {
        let snapshot = self.roster.snapshot();
        let ids: Vec<&str> = snapshot.ids.iter().map(|id| id.as_str()).collect();
        json!({ "ids": ids, "count": snapshot.count, "position": snapshot.position.to_string() })
    }

    /// Sends what is kept of a channel, under the original uuids, before the answer.
    fn history(&self, connection: &Arc<Connection>, name: &str) -> Result<Value, String> {
        if !channel::may_listen(name) {
            return Err("this channel is not yours to read".to_owned());
        }
        let kept = self.history.get(name);
        for message in &kept {
            connection.send(message).map_err(|error| error.to_string())?;
        }
        Ok(json!({ "count": kept.len() }))
    }

    fn show(&self, connection: &Arc<Connection>, name: &str, payload: &Value) -> Result<Value, String> {
        let text = if payload.is_null() { String::new() } else { payload.to_string() };
        if text.len() > SHOWN_BYTES_MAX {
            return Err(format!(
                "the payload has {} bytes of JSON, at most {SHOWN_BYTES_MAX} are allowed",
                text.len()
            ));
        }
        let payload = Payload::new(text).map_err(|error| error.to_string())?;
        if self.attendance.show(&self.names.device(connection), name, payload) {
            Ok(json!({}))
        } else {
            Err("this connection has no user, or is not bound to this channel, or the channel is no room"
                .to_owned())
        }
    }

    async fn work(
        self: Arc<Self>,
        mut queue: mpsc::Receiver<Waiting>,
        tasks: TaskTracker,
        stop: CancellationToken,
    ) {
        let places = Arc::new(Semaphore::new(RUNNING_MAX));
        while let Some(Some(waiting)) = stop.run_until_cancelled(queue.recv()).await {
            let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
            let calls = Arc::clone(&self);
            tasks.spawn(async move {
                let Waiting { connection, uuid, question } = waiting;
                let answer =
                    calls.ask(question).await.unwrap_or_else(|error| json!({ "error": error.to_string() }));
                reply(&connection, uuid, &answer);
                drop(place);
            });
        }
    }

    /// Tells those who wait for it how far a member has come. Positions only grow, so a late one does no harm.
    fn tell(&self, member: &MemberId, sequence: Seq) {
        let Some(hub) = self.hub.get() else { return };
        if let Err(error) =
            hub.publish(&channel::received(member.as_str()), cursor(member, sequence).to_string())
        {
            tracing::warn!(%error, "a receipt was not published");
        }
    }

    async fn ask(&self, question: Question) -> Result<Value, tidings::timeline::Error> {
        let (member, sequence) = match question {
            Question::ReceivedOf(member) => {
                let sequence = self.timeline.received_of(&member).await?;
                (member, sequence)
            }
            Question::Received(member, sequence) => {
                let sequence = self.timeline.received(&member, sequence).await?;
                self.tell(&member, sequence);
                (member, sequence)
            }
        };
        Ok(cursor(&member, sequence))
    }
}

impl Handler for Calls {
    fn call(&self, connection: &Arc<Connection>, message: Message) {
        match self.answer(connection, &message) {
            Ok(Some(answer)) => reply(connection, message.uuid, &answer),
            Ok(None) => {}
            Err(error) => reply(connection, message.uuid, &json!({ "error": error })),
        }
    }
}

impl Number {
    fn read(self) -> Result<Seq, String> {
        let number = match self {
            Self::Number(number) => Ok(number),
            Self::Text(text) => text.parse().map_err(|_| format!("\"{text}\" is no sequence")),
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

fn reply(connection: &Connection, uuid: String, answer: &Value) {
    let message = Message::with_uuid(Opcode::SERVER, uuid, "", answer.to_string());
    if let Err(error) = connection.send(&message) {
        tracing::debug!(connection = %connection.id(), %error, "a client left before its answer");
    }
}
