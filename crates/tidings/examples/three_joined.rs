//! Presence, hub and timelines in one program, joined through their hooks.
//!
//! ```text
//! cargo run -p tidings --example three_joined -- 127.0.0.1:8000 data
//! ```
//!
//! | a client | and the program |
//! |---|---|
//! | connects to `/ws?alice` | binds it to `$inbox:alice`, and holds it as a device of alice, who is online then |
//! | sends a Server message to the channel `bob` | stores its body, a JSON object, for both, and answers when it is on disk: `{"sequence":1,"to":"online"}` |
//! | is connected when something is sent to it | writes the message to its inbox channel |
//! | sends the Server message `missed` | answers with the messages of its inbox, in JSON |

use std::env;
use std::error::Error;
use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::extract::Request;
use axum::routing::any;
use http::StatusCode;
use http::request::Parts;
use tidings::hub::protocol::{Message, Opcode};
use tidings::hub::{
    self, Admission, Answer, Auth, Connection, Denied, Disconnect, Handler, Hooks, Hub, LateAnswer, Lifecycle,
};
use tidings::presence::memory::Memory;
use tidings::presence::{Presence, Status};
use tidings::timeline::embedded::{self, EmbeddedStore};
use tidings::timeline::{self, Count, Entry, MemberId, NewMessage, Observer, Seq, Timeline};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Calls that wait for the store; the client of one more is told to call again.
const CALLS_MAX: usize = 1_024;
/// How long each part may take to end.
const GRACE: Duration = Duration::from_secs(10);

fn inbox(member: &str) -> String {
    format!("$inbox:{member}")
}

/// Believes what a client says its name is. A program asks for a token instead.
struct Names;

#[async_trait]
impl Auth for Names {
    async fn admit(&self, request: &Parts) -> Result<Admission, Denied> {
        let name = MemberId::new(request.uri.query().unwrap_or_default());
        let name = name.map_err(|error| Denied::new(StatusCode::BAD_REQUEST, format!("user: {error}")))?;
        Ok(Admission::user(name.as_str()).bound_to(inbox(name.as_str())))
    }

    fn can_bind(&self, _connection: &Connection, channel: &str) -> bool {
        !channel.starts_with('$')
    }
}

/// The hub to presence: each connection is a device of its user.
struct Devices(Presence);

#[async_trait]
impl Lifecycle for Devices {
    async fn connected(&self, connection: &Arc<Connection>) {
        let (user, device) = (connection.user().unwrap_or_default(), connection.id().to_string());
        if let Err(error) = self.0.hold_device(user, device.as_str()).await {
            complain(format_args!("{user} may not be shown as online: {error}"));
        }
    }

    async fn disconnected(&self, connection: &Arc<Connection>, _reason: Disconnect) {
        let (user, device) = (connection.user().unwrap_or_default(), connection.id().to_string());
        if let Err(error) = self.0.end_device(user, device.as_str()).await {
            complain(format_args!("{user} may still be shown as online: {error}"));
        }
    }
}

/// The timelines to the hub: new entries are shown to readers who are connected.
struct Live(Hub);

impl Observer for Live {
    fn appended(&self, member: &str, entry: &Entry) {
        if let Err(error) = self.0.publish_latest(&inbox(member), entry.message.as_str().to_owned()) {
            complain(format_args!("{member} has to ask for what was missed: {error}"));
        }
    }
}

/// The hub to the timelines: a handler must not wait, so it hands calls to a task.
struct Calls(mpsc::Sender<(LateAnswer, Message)>);

impl Handler for Calls {
    fn call(&self, connection: &Arc<Connection>, message: Message) -> Answer {
        let uuid = message.uuid.clone();
        match self.0.try_send((LateAnswer::new(connection), message)) {
            Ok(()) => Answer::none(),
            Err(_full) => answer(&uuid, r#"{"error":"the server is busy; call again"}"#.to_owned()).into(),
        }
    }
}

fn answer(uuid: &str, body: String) -> Message {
    Message::with_uuid(Opcode::SERVER, uuid, "", body)
}

/// Answers calls, one after another.
async fn work(
    mut calls: mpsc::Receiver<(LateAnswer, Message)>,
    timeline: Timeline,
    presence: Presence,
    stop: CancellationToken,
) {
    while let Some(Some((late, call))) = stop.run_until_cancelled(calls.recv()).await {
        let user = late.connection().user().unwrap_or_default().to_owned();
        let answered = if call.body == "missed" {
            missed(&timeline, &user).await
        } else {
            send(&timeline, &presence, &user, &call).await
        };
        let body =
            answered.unwrap_or_else(|error| serde_json::json!({ "error": error.to_string() }).to_string());
        if let Err(error) = late.send(&answer(&call.uuid, body)) {
            complain(format_args!("{user} went away before the answer: {error}"));
        }
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

fn complain(what: std::fmt::Arguments<'_>) {
    // Where this goes there is nobody left to tell if it fails.
    writeln!(io::stderr(), "{what}").ok();
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let address = arguments.next().unwrap_or_else(|| "127.0.0.1:8000".to_owned());
    let directory = arguments.next().unwrap_or_else(|| "data".to_owned());

    let presence = Presence::new(Memory::start(Default::default())?);
    let (sender, calls) = mpsc::channel(CALLS_MAX);
    let hooks = Hooks::default().auth(Names).lifecycle(Devices(presence.clone())).handler(Calls(sender));
    let hub = Hub::start(hub::Config::default(), hooks)?;
    let store = embedded::Config::new(directory).observer(Live(hub.clone()));
    let timeline = Timeline::start(timeline::Config::default(), EmbeddedStore::start(store).await?)?;
    let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
    tasks.spawn(work(calls, timeline.clone(), presence.clone(), stop.clone()));

    let mounted = hub.clone();
    let upgrade = any(move |request: Request| async move { mounted.handle(request).await });
    let listener = TcpListener::bind(address).await?;
    writeln!(io::stdout(), "listening at ws://{}/ws", listener.local_addr()?)?;
    tokio::select! {
        served = axum::serve(listener, Router::new().route("/ws", upgrade)) => served?,
        interrupted = tokio::signal::ctrl_c() => interrupted?,
    }

    // Who serves the users ends first, the store last.
    let clients_ended = hub.shutdown(GRACE).await;
    stop.cancel();
    tasks.close();
    tasks.wait().await;
    let (presence_ended, store_ended) = tokio::join!(presence.shutdown(GRACE), timeline.shutdown(GRACE));
    if clients_ended && presence_ended && store_ended {
        Ok(())
    } else {
        Err("not all ended cleanly within 10 s".into())
    }
}
