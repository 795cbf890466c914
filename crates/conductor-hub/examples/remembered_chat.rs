//! A chat that remembers: what was said, which messages it has seen, and who got what.
//!
//! ```text
//! cargo run -p conductor-hub --example remembered_chat -- 127.0.0.1:8000
//! ```
//!
//! | a client | and the program |
//! |---|---|
//! | connects to `/ws?user=alice` | takes its word for it that it is alice |
//! | writes to a channel | keeps the message with its author, unless it came before, however long ago |
//! | sends the Server message `said`, with the channel | answers with what is kept, then with how much there is |
//! | sends the Server message `got` | answers with how many messages were given to it |

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::env;
use std::error::Error;
use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use conductor_hub::protocol::{Message, MessageRef, Opcode};
use conductor_hub::{
    Admission, Answer, Auth, Author, Config, Connection, Dedup, Deliveries, Denied, Handler, Handshake,
    History, Hooks, Hub, Sender, Storage,
};
use parking_lot::Mutex;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

/// Messages that are kept of each channel.
const KEPT: usize = 3;

/// Uuids that are remembered of each sender.
const REMEMBERED: usize = 10_000;

/// Believes whoever says a name.
struct Believes;

#[async_trait]
impl Auth for Believes {
    async fn admit(&self, handshake: &Handshake<'_>) -> Result<Admission, Denied> {
        let name = handshake.request.uri.query().and_then(|query| query.strip_prefix("user="));
        name.map(Admission::user).ok_or_else(Denied::unauthorized)
    }
}

/// Remembers the last uuids of each user for as long as the program runs.
///
/// A user who is away for a day and repeats what was not confirmed is still recognised.
#[derive(Default)]
struct Remembered(Mutex<BTreeMap<String, (BTreeSet<String>, VecDeque<String>)>>);

impl Dedup for Remembered {
    fn add(&self, sender: &Sender<'_>, uuid: &str) -> bool {
        // The auth hook gives everybody a name.
        let Sender::User(name) = sender else { return true };
        let mut senders = self.0.lock();
        let (known, order) = senders.entry((*name).to_owned()).or_default();
        if !known.insert(uuid.to_owned()) {
            return false;
        }
        order.push_back(uuid.to_owned());
        if order.len() > REMEMBERED
            && let Some(oldest) = order.pop_front()
        {
            known.remove(&oldest);
        }
        true
    }

    fn is_duplicate(&self, sender: &Sender<'_>, uuid: &str) -> bool {
        let Sender::User(name) = sender else { return false };
        self.0.lock().get(*name).is_some_and(|(known, _)| known.contains(uuid))
    }

    fn remove(&self, sender: &Sender<'_>, uuid: &str) {
        let Sender::User(name) = sender else { return };
        if let Some((known, order)) = self.0.lock().get_mut(*name) {
            known.remove(uuid);
            order.retain(|other| other != uuid);
        }
    }
}

/// What was said, with the name of who said it, and how much each user was given.
#[derive(Default)]
struct Memory {
    said: Mutex<BTreeMap<String, VecDeque<Message>>>,
    given: Mutex<BTreeMap<String, usize>>,
}

impl Storage for Memory {
    fn store(&self, author: &Author<'_>, message: MessageRef<'_>) {
        let name = match author {
            Author::Connection(connection) => connection.user().unwrap_or("somebody"),
            _ => "the program",
        };
        let text = format!("{name}: {}", String::from_utf8_lossy(message.body));
        let kept = Message::with_uuid(message.opcode, message.uuid, message.channel, text);
        let mut said = self.said.lock();
        let channel = said.entry(message.channel.to_owned()).or_default();
        channel.push_back(kept);
        if channel.len() > KEPT {
            channel.pop_front();
        }
    }

    fn get(&self, channel: &str, newest: usize) -> History {
        let said = self.said.lock();
        let Some(kept) = said.get(channel) else { return History::default() };
        let older = kept.len().saturating_sub(newest);
        let mut history = History::new(kept.iter().skip(older).cloned().collect());
        history.more = older > 0;
        history
    }
}

impl Deliveries for Memory {
    fn sent_to(&self, _author: &Author<'_>, receiver: &Arc<Connection>, _message: MessageRef<'_>) {
        *self.given.lock().entry(receiver.user().unwrap_or_default().to_owned()).or_default() += 1;
    }
}

/// Answers `said` and `got`.
struct Calls(Arc<Memory>);

impl Handler for Calls {
    fn call(&self, connection: &Arc<Connection>, call: Message) -> Answer {
        let answer = |text: String| Message::with_uuid(Opcode::SERVER, call.uuid.clone(), "", text);
        match &*call.body {
            b"said" => {
                let history = self.0.get(&call.channel, KEPT);
                let end = answer(format!("{} messages", history.messages.len()));
                // They are sent as fast as the client reads, however many there are.
                Answer::many(history.messages.into_iter().chain([end]))
            }
            b"got" => {
                let given = self.0.given.lock().get(connection.user().unwrap_or_default()).copied();
                answer(format!("{} messages", given.unwrap_or_default())).into()
            }
            _ => Answer::none(),
        }
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let address = env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8000".to_owned());
    let memory = Arc::new(Memory::default());
    let hooks = Hooks::default()
        .auth(Believes)
        .dedup(Remembered::default())
        .storage(Arc::clone(&memory))
        .deliveries(Arc::clone(&memory))
        .handler(Calls(memory));
    let hub = Hub::start(Config::default(), hooks)?;

    let app = Router::new().route_service("/ws", hub.clone());
    let listener = TcpListener::bind(address).await?;
    // Before the line below is printed: whoever reads it may interrupt the program at once.
    let mut interrupt = signal(SignalKind::interrupt())?;
    writeln!(io::stdout(), "listening at ws://{}/ws", listener.local_addr()?)?;
    tokio::select! {
        served = axum::serve(listener, app.into_make_service()) => served?,
        _ = interrupt.recv() => {}
    }
    if !hub.shutdown(Duration::from_secs(10)).await {
        return Err("some connections did not end within 10 s".into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use conductor_hub::test_util::{self, TestClient};

    use super::*;

    #[test]
    fn uuids_are_remembered_for_each_user() {
        let remembered = Remembered::default();
        let (alice, bob) = (Sender::User("alice"), Sender::User("bob"));
        assert!(remembered.add(&alice, "1") && remembered.add(&bob, "1") && !remembered.add(&alice, "1"));
        remembered.remove(&alice, "1");
        assert!(!remembered.is_duplicate(&alice, "1") && remembered.is_duplicate(&bob, "1"));
        for uuid in 0..=REMEMBERED {
            remembered.add(&alice, &uuid.to_string());
        }
        assert!(!remembered.is_duplicate(&alice, "0") && remembered.is_duplicate(&alice, "1"));
    }

    #[tokio::test]
    async fn what_was_said_is_kept_with_its_author_and_counted() {
        let memory = Arc::new(Memory::default());
        let hooks = Hooks::default().storage(Arc::clone(&memory)).deliveries(Arc::clone(&memory));
        let hub = test_util::hub(hooks);
        let connect = |user: &str| TestClient::connect(&hub, Admission::user(user).bound_to("tea")).unwrap();
        let (alice, bob) = (connect("alice"), connect("bob"));
        hub.write(alice.connection(), Message::new(Opcode::WRITE, "tea", "hello")).unwrap();
        hub.publish("tea", "tea is ready").unwrap();
        let texts =
            |answer| -> Vec<_> { test_util::messages_of(answer).map(|message| message.body).collect() };
        let calls = Calls(memory);
        let said = calls.call(bob.connection(), Message::new(Opcode::SERVER, "tea", "said"));
        assert_eq!(texts(said), ["alice: hello", "the program: tea is ready", "2 messages"]);
        for (client, expected) in [(&alice, "1 messages"), (&bob, "2 messages")] {
            let got = calls.call(client.connection(), Message::new(Opcode::SERVER, "", "got"));
            assert_eq!(texts(got), [expected]);
        }
    }
}
