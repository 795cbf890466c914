//! What a client may ask over its connection.
//!
//! These are messages to the server, each answered under its uuid.
//!
//! A call is JSON, `{"call":"who"}`; its answer is an object, `{"error":"…"}` when it is refused. A
//! call that concerns a channel names it in the message or, as not every client can, in its JSON.
//!
//! ```text
//! call ──► counted ──► read ──► its row in the policy ──► answered from memory
//!                                                    ├──► queue ──► store ──► answered
//!                                                    └──► queue of logins ──► keys ──► answered
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

/// Calls that wait in each queue; one more is refused and asked again by its client.
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
    queues: CallQueues,
}

/// Where calls wait.
#[derive(Debug, Clone)]
pub(super) struct CallQueues {
    /// For the store, and for the keys of users who renew their login.
    pub(super) late: CallQueue,
    /// For the keys of logins. Whoever logs in is nobody yet, and while keys are slow to come, so
    /// many of those must not keep the calls of users waiting.
    pub(super) logins: CallQueue,
}

/// What calls are answered from at once.
#[derive(Debug)]
pub(super) struct CallSources {
    pub(super) store_id: Uuid,
    pub(super) roster: Roster,
    pub(super) history: Arc<ChannelHistory>,
    pub(super) attendance: Attendance,
}

impl CallQueues {
    pub(super) fn new() -> Result<Self, tidings::hub::Error> {
        let config = calls::Config::default().calls_max(WAITING_MAX).answer_time(ANSWER_TIME);
        let config = config.late_answer(LATE).busy_answer(BUSY);
        Ok(Self { late: CallQueue::new(config.clone())?, logins: CallQueue::new(config)? })
    }
}

impl CallHandler {
    pub(super) fn new(
        sources: CallSources,
        limits: CallLimits,
        has_logins: bool,
        queues: CallQueues,
    ) -> Self {
        Self { sources, limits, has_logins, queues }
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
            Call::Received { .. } | Call::ReceivedOf { .. } | Call::Refresh { .. } => {
                Ok(self.queues.late.call(connection, message))
            }
            Call::Login { .. } => Ok(self.queues.logins.call(connection, message)),
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
            return Err(format!(
                "the payload nests more than {} levels deep; make it flatter",
                depth::LEVELS_MAX
            ));
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

#[cfg(test)]
mod tests {
    use async_trait::async_trait;
    use bytes::{Bytes, BytesMut};
    use tidings::hub::calls::{AsyncHandler, Calls};
    use tidings::hub::protocol::{MessageRef, Opcode};
    use tidings::hub::{Admission, HistoryConfig, Hooks, Hub};
    use tidings::join::attendance;
    use tidings::presence::Presence;
    use tidings::presence::memory::{Config, Memory};
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};
    use tokio::time::timeout;
    use tokio_util::task::TaskTracker;

    use super::*;
    use crate::rates::RateLimits;

    /// Answers at once.
    struct Echo;

    #[async_trait]
    impl AsyncHandler for Echo {
        async fn call(&self, _connection: &Arc<Connection>, call: Message) -> Answer {
            call.into()
        }
    }

    fn handler(queues: &CallQueues) -> CallHandler {
        let presence = Presence::new(Memory::start(Config::default()).unwrap());
        let sources = CallSources {
            store_id: Uuid::nil(),
            roster: Roster::default(),
            history: Arc::new(ChannelHistory::new(HistoryConfig::default()).unwrap()),
            attendance: Attendance::start(attendance::Config::new(presence)).unwrap(),
        };
        let rates = RateLimits::new(&crate::config::Config::defaults().limits);
        CallHandler::new(sources, CallLimits::new(rates, 0), false, queues.clone())
    }

    /// A frame of a client, whose mask is all zeros.
    fn frame(uuid: &str, call: &Value) -> Vec<u8> {
        let mut message = BytesMut::new();
        Message::with_uuid(Opcode::SERVER, uuid, "", call.to_string()).encode(&mut message).unwrap();
        let length = u8::try_from(message.len()).ok().filter(|length| *length < 126).unwrap();
        [&[0x82, 0x80 | length, 0, 0, 0, 0][..], &message[..]].concat()
    }

    #[tokio::test]
    async fn a_login_whose_keys_do_not_come_keeps_no_call_of_a_user_waiting() {
        let queues = CallQueues::new().unwrap();
        let hooks = Hooks::default().handler(handler(&queues));
        let hub = Hub::start(tidings::hub::Config::default(), hooks).unwrap();
        // Nobody answers logins here.
        let calls = Calls::start(&queues.late, Echo).unwrap();
        let (mut client, server) = duplex(1_024);
        let (tasks, served) = (TaskTracker::new(), hub.serve(server, Admission::default(), Bytes::new()));
        tasks.spawn(async move { served.await.unwrap() });
        for (uuid, call) in [
            ("1", json!({ "call": "login", "token": "t" })),
            ("2", json!({ "call": "received", "sequence": 0 })),
        ] {
            client.write_all(&frame(uuid, &call)).await.unwrap();
        }
        let answered = timeout(Duration::from_secs(60), async {
            let mut head = [0; 2];
            client.read_exact(&mut head).await.unwrap();
            let mut message = vec![0; usize::from(head[1])];
            client.read_exact(&mut message).await.unwrap();
            message
        });
        let message = answered.await.expect("the second call is answered");
        assert_eq!(MessageRef::decode(&message).unwrap().uuid, "2");
        drop(client);
        tasks.close();
        tasks.wait().await;
        assert!(calls.shutdown(Duration::from_secs(60)).await);
    }
}
