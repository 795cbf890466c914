//! Presence, hub and timelines in one program, joined by `tidings::join`.
//!
//! ```text
//! cargo run -p tidings --example three_joined -- 127.0.0.1:8000 data
//! ```
//!
//! | a client | and the program |
//! |---|---|
//! | connects to `/ws?alice` | binds it to `$inbox:alice`, and holds it as a device of alice, who is online then |
//! | sends a Server message to the channel `bob` | stores its body, a JSON object, for both, and answers when it is on disk: `{"sequence":1,"to":"online"}` |
//! | is connected when something is sent to it | pushes the entry to its inbox channel: `{"sequence":"1","message":"…",…}` |
//! | sends the Server message `missed` | answers with the messages of its inbox, in JSON |
//! | sends the Server message `who` | answers who is online: `{"ids":["alice"],…}`; changes come on the channel `$presence` |

use std::env;
use std::error::Error;
use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use http::StatusCode;
use tidings::hub::calls::{self, AsyncHandler, CallQueue, Calls};
use tidings::hub::protocol::{Message, MessageRef, Opcode};
use tidings::hub::{self, Admission, Answer, Auth, Connection, Denied, Handshake, Hooks, Hub};
use tidings::join::attendance::{self, Attendance};
use tidings::join::channel;
use tidings::join::receipts::InboxPublisher;
use tidings::join::roster::{Roster, RosterKeeper};
use tidings::presence::memory::Memory;
use tidings::presence::{Presence, Status};
use tidings::timeline::embedded::{self, EmbeddedStore};
use tidings::timeline::{self, Count, MemberId, NewMessage, Seq, Timeline};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

/// How long each part may take to end.
const GRACE: Duration = Duration::from_secs(10);

/// Believes what a client says its name is. A program asks for a token instead.
struct Names;

#[async_trait]
impl Auth for Names {
    async fn admit(&self, handshake: &Handshake<'_>) -> Result<Admission, Denied> {
        let name = MemberId::new(handshake.request.uri.query().unwrap_or_default());
        let name = name.map_err(|error| Denied::new(StatusCode::BAD_REQUEST, format!("user: {error}")))?;
        Ok(Admission::user(name.as_str()).bound_to(channel::inbox(name.as_str())))
    }

    fn can_bind(&self, _connection: &Connection, message: MessageRef<'_>) -> bool {
        channel::may_listen(message.channel)
    }

    fn can_write(&self, connection: &Connection, message: MessageRef<'_>) -> bool {
        channel::may_write(message.channel) && connection.is_bound(message.channel)
    }
}

/// Answers calls, one after another for each client. They wait in a queue, as a hub must not wait.
struct Questions {
    roster: Roster,
    timeline: Timeline,
    presence: Presence,
}

#[async_trait]
impl AsyncHandler for Questions {
    async fn call(&self, caller: &Arc<Connection>, call: Message) -> Answer {
        let user = caller.user().unwrap_or_default();
        let answered = if call.body == "who" {
            return Message::with_uuid(Opcode::SERVER, call.uuid, "", self.roster.who()).into();
        } else if call.body == "missed" {
            missed(&self.timeline, user).await
        } else {
            send(&self.timeline, &self.presence, user, &call).await
        };
        let body =
            answered.unwrap_or_else(|error| serde_json::json!({ "error": error.to_string() }).to_string());
        Message::with_uuid(Opcode::SERVER, call.uuid, "", body).into()
    }
}

async fn send(
    timeline: &Timeline,
    presence: &Presence,
    user: &str,
    call: &Message,
) -> Result<String, Box<dyn Error + Send + Sync>> {
    let (from, to) = (MemberId::new(user)?, MemberId::new(call.channel.as_str())?);
    let message = timeline::Message::new(str::from_utf8(&call.body)?)?;
    // The uuid of the call makes a repetition of it harmless.
    let id = timeline::MessageId::new(call.uuid.as_str())?;
    let sent = timeline.send(NewMessage::new(from, to, message).message_id(id)).await?;
    let online = presence.status([call.channel.as_str()]).await? == [Status::Online];
    let to = if online { "online" } else { "offline" };
    Ok(serde_json::json!({ "sequence": sent.sequence.get(), "to": to }).to_string())
}

async fn missed(timeline: &Timeline, user: &str) -> Result<String, Box<dyn Error + Send + Sync>> {
    let page = timeline.sync(&MemberId::new(user)?, Seq::ZERO, Count::default()).await?;
    let messages: Vec<_> = page.entries.iter().map(|entry| entry.message.as_str()).collect();
    Ok(format!("[{}]", messages.join(",")))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let address = arguments.next().unwrap_or_else(|| "127.0.0.1:8000".to_owned());
    let directory = arguments.next().unwrap_or_else(|| "data".to_owned());

    // What the hooks of the hub need.
    let presence = Presence::new(Memory::start(Default::default())?);
    let attendance = Attendance::start(attendance::Config::new(presence.clone()))?;
    let roster = Roster::default();
    let queue = CallQueue::new(calls::Config::default())?;
    let hooks = Hooks::default().auth(Names).lifecycle(attendance.clone()).calls(queue.clone());
    let hub = Hub::start(hub::Config::default(), hooks)?;

    // What publishes to its clients, and what answers come from.
    let keeper = RosterKeeper::start(roster.clone(), presence.clone(), hub.clone())?;
    let store = embedded::Config::new(directory).observer(InboxPublisher::new(hub.clone()));
    let timeline = Timeline::start(timeline::Config::default(), EmbeddedStore::start(store).await?)?;
    let questions = Questions { roster, timeline: timeline.clone(), presence: presence.clone() };
    let calls = Calls::start(&queue, questions)?;

    let app = Router::new().route_service("/ws", hub.clone());
    let listener = TcpListener::bind(address).await?;
    // Before the line below is printed: whoever reads it may interrupt the program at once.
    let mut interrupt = signal(SignalKind::interrupt())?;
    writeln!(io::stdout(), "listening at ws://{}/ws", listener.local_addr()?)?;
    tokio::select! {
        served = axum::serve(listener, app.into_make_service()) => served?,
        _ = interrupt.recv() => {}
    }

    // Who serves the users ends first, the stores last.
    let clients_ended = hub.shutdown(GRACE).await;
    let parts = tokio::join!(calls.shutdown(GRACE), attendance.shutdown(GRACE), keeper.shutdown(GRACE));
    let stores = tokio::join!(presence.shutdown(GRACE), timeline.shutdown(GRACE));
    if clients_ended && parts == (true, true, true) && stores == (true, true) {
        Ok(())
    } else {
        Err("not all ended cleanly within 10 s".into())
    }
}
