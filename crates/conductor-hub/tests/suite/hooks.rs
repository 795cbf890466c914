//! What the hooks of messages hear: dedup, storage, deliveries.

use std::sync::Arc;

use conductor_hub::protocol::{Message, MessageRef, Opcode};
use conductor_hub::{
    Admission, Auth, Author, ChannelHistory, Config, Connection, Dedup, Deliveries, ErrorKind, History,
    HistoryConfig, Hooks, Hub, Sender, Storage, WriteOutcome,
};
use parking_lot::Mutex;

use crate::support::Client;

/// Notes all that it hears, in words, and lets nobody write to the channel `closed`.
#[derive(Default)]
struct Notes(Mutex<Vec<String>>);

impl Notes {
    fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock())
    }

    fn note(&self, text: String) {
        self.0.lock().push(text);
    }
}

fn name(author: &Author<'_>) -> String {
    match author {
        Author::Connection(connection) => connection.user().unwrap_or("nobody").to_owned(),
        Author::Server => "the program".to_owned(),
        other => format!("{other:?}"),
    }
}

fn body(message: MessageRef<'_>) -> String {
    String::from_utf8_lossy(message.body).into_owned()
}

impl Auth for Notes {
    fn can_write(&self, connection: &Connection, message: MessageRef<'_>) -> bool {
        connection.is_bound(message.channel) && message.channel != "closed"
    }
}

impl Dedup for Notes {
    fn start(&self) {
        self.note("start".to_owned());
    }

    fn add(&self, sender: &Sender<'_>, uuid: &str) -> bool {
        self.note(format!("{sender:?} adds {uuid}"));
        uuid != "known"
    }

    fn is_duplicate(&self, _sender: &Sender<'_>, uuid: &str) -> bool {
        uuid == "known"
    }

    fn remove(&self, _sender: &Sender<'_>, _uuid: &str) {}
}

impl Storage for Notes {
    fn keeps(&self, channel: &str) -> bool {
        !channel.starts_with('$')
    }

    fn store(&self, author: &Author<'_>, message: MessageRef<'_>) {
        self.note(format!("{} wrote {}", name(author), body(message)));
    }

    fn get(&self, channel: &str, newest: usize) -> History {
        History::new(vec![Message::with_uuid(Opcode::WRITE, "", channel, newest.to_string())])
    }
}

impl Deliveries for Notes {
    fn sent_to(&self, author: &Author<'_>, receiver: &Arc<Connection>, message: MessageRef<'_>) {
        let receiver = receiver.user().unwrap_or("nobody");
        self.note(format!("{} got {} of {}", receiver, body(message), name(author)));
    }
}

fn hub(hooks: Hooks) -> Hub {
    Hub::start(Config::default(), hooks).expect("defaults are valid")
}

async fn bound(hub: &Hub, user: &str) -> Client {
    let admission = Admission::user(user).bound_to("hello").bound_to("closed");
    let mut client = Client::connect_with(hub, admission, 64 * 1024).await;
    client.settle().await;
    client
}

fn written(uuid: &str, body: &str) -> Message {
    Message::with_uuid(Opcode::WRITE, uuid, "hello", body.to_owned())
}

#[tokio::test]
async fn dedup_is_asked_about_writes_and_calls_that_have_a_uuid() {
    let notes = Arc::new(Notes::default());
    let hub = hub(Hooks::default().auth(notes.clone()).dedup(notes.clone()));
    assert_eq!(notes.take(), ["start"]);
    let (mut alice, mut bob) = (bound(&hub, "alice").await, bound(&hub, "bob").await);
    for message in [
        written("1", "new"),
        written("known", "repeated"),
        written("", "without a uuid"),
        Message::with_uuid(Opcode::WRITE, "2", "closed", "denied"),
        Message::with_uuid(Opcode::SERVER, "3", "", ""),
        Message::with_uuid(Opcode::STREAM_START, "known", "hello", ""),
        Message::with_uuid(Opcode::STREAM_END, "known", "hello", ""),
        Message::with_uuid(Opcode::BIND, "known", "other", ""),
    ] {
        alice.send(&message).await;
    }
    alice.settle().await;
    let adds = |uuid| format!("User(\"alice\") adds {uuid}");
    assert_eq!(notes.take(), [adds("1"), adds("known"), adds("3")]);
    assert_eq!(bob.next().await.body, "new");
    assert_eq!(bob.next().await.body, "without a uuid");
    assert_eq!(bob.next().await.opcode, Opcode::STREAM_START);
    assert_eq!(hub.members("other"), 1);
    let mut nobody = Client::bound(&hub, "hello").await;
    nobody.send(&written("4", "new")).await;
    nobody.settle().await;
    let id = hub.connections_in("hello").into_iter().map(|one| one.id()).max().expect("they are there");
    assert_eq!(notes.take(), [format!("{:?} adds 4", Sender::Connection(id))]);
}

#[tokio::test]
async fn storage_hears_who_wrote_and_what_the_program_publishes() {
    let notes = Arc::new(Notes::default());
    let hub = hub(Hooks::default().auth(notes.clone()).storage(notes.clone()));
    let mut alice = bound(&hub, "alice").await;
    for message in [written("1", "one"), written("1", "repeated"), written("2", "two")] {
        alice.send(&message).await;
    }
    alice.send(&Message::new(Opcode::WRITE, "closed", "denied")).await;
    alice.send(&Message::new(Opcode::STREAM_START, "hello", "a stream")).await;
    alice.settle().await;
    assert_eq!(notes.take(), ["alice wrote one", "alice wrote two"]);
    assert_eq!(hub.publish("hello", "three").expect("it is short"), 1);
    assert_eq!(hub.publish("nobody is here", "four").expect("it is short"), 0);
    assert_eq!(hub.publish_message(written("mine", "five")).expect("it is short"), 1);
    assert_eq!(hub.publish_message(written("mine", "six")).expect("it is short"), 1);
    let wrote = |text| format!("the program wrote {text}");
    assert_eq!(notes.take(), ["three", "four", "five", "six"].map(wrote));
    hub.publish("$presence", "not kept").expect("it is short");
    hub.publish_latest("hello", "the newest alone matters").expect("it is short");
    hub.publish_message(Message::new(Opcode::STREAM_WRITE, "hello", "")).expect("it is short");
    assert_eq!(notes.take(), [""; 0]);
    let refused = hub.publish_message(Message::new(Opcode::BIND, "hello", "")).expect_err("it is a bind");
    assert_eq!(refused.kind(), ErrorKind::InvalidInput);
    for expected in ["three", "five", "six"] {
        assert_eq!(alice.next().await.body, expected);
    }
    assert_eq!(hub.history("hello", 7).messages[0].body, "7");
    assert_eq!(hub.history("$presence", 7), History::default());
}

#[tokio::test]
async fn deliveries_hears_of_each_message_for_each_who_gets_it() {
    let notes = Arc::new(Notes::default());
    let hub = hub(Hooks::default().deliveries(notes.clone()));
    let (mut alice, mut bob) = (bound(&hub, "alice").await, bound(&hub, "bob").await);
    let _carol = bound(&hub, "carol").await;
    for message in
        [written("1", "one"), written("2", "two"), Message::new(Opcode::STREAM_START, "hello", "begin")]
    {
        alice.send(&message).await;
    }
    alice.settle().await;
    for _ in 0..3 {
        bob.next().await;
    }
    let mut heard = notes.take();
    heard.retain(|text| text.starts_with("bob"));
    assert_eq!(heard, ["bob got one of alice", "bob got two of alice", "bob got begin of alice"]);
    hub.publish("hello", "three").expect("it is short");
    let mut heard = notes.take();
    heard.sort_unstable();
    let got = |name| format!("{name} got three of the program");
    assert_eq!(heard, ["alice", "bob", "carol"].map(got));
    hub.publish_latest("hello", "four").expect("it is short");
    assert_eq!(notes.take(), [""; 0]);
}

#[tokio::test]
async fn the_program_writes_as_if_a_client_had_sent_it() {
    let notes = Arc::new(Notes::default());
    let hub = hub(Hooks::default().auth(notes.clone()).storage(notes.clone()));
    let (mut alice, mut bob) = (bound(&hub, "alice").await, bound(&hub, "bob").await);
    let connection = hub.connections_of("alice").remove(0);
    let write = |message| hub.write(&connection, message);
    let first = written("1", "hello");
    assert_eq!(write(first.clone()).expect("it is open"), WriteOutcome::Written { receivers: 1 });
    assert_eq!(write(first.clone()).expect("it is open"), WriteOutcome::Repeated);
    let denied = Message::new(Opcode::WRITE, "closed", "");
    assert_eq!(write(denied).expect("it is open"), WriteOutcome::Denied);
    assert_eq!(notes.take(), ["alice wrote hello"]);
    assert_eq!(bob.next().await, first);
    // It is a repetition for the client, too.
    alice.send(&first).await;
    alice.settle().await;
    bob.settle().await;
    for message in
        [Message::new(Opcode::STREAM_START, "hello", ""), Message::new(Opcode::WRITE, "x".repeat(600), "")]
    {
        assert_eq!(write(message).expect_err("it is refused").kind(), ErrorKind::InvalidInput);
    }
    let other = Hub::start(Config::default(), Hooks::default()).expect("defaults are valid");
    let refused = other.write(&connection, written("2", "")).expect_err("it is of another hub");
    assert_eq!(refused.kind(), ErrorKind::Closed);
    connection.close(conductor_hub::Disconnect::Kicked);
    assert_eq!(write(written("3", "")).expect_err("it is closing").kind(), ErrorKind::Closed);
}

#[tokio::test]
async fn nobody_writes_before_the_login_that_is_awaited() {
    let hub = hub(Hooks::default());
    let _client =
        Client::connect_with(&hub, Admission::awaiting_login(std::time::Duration::from_secs(60)), 4_096)
            .await;
    let connection = loop {
        match hub.connections().next() {
            Some(connection) => break connection,
            None => tokio::task::yield_now().await,
        }
    };
    assert_eq!(hub.write(&connection, written("1", "")).expect("it is open"), WriteOutcome::Denied);
}

#[tokio::test]
async fn what_a_program_publishes_is_in_the_history_under_its_uuid() {
    let history = Arc::new(ChannelHistory::new(HistoryConfig::default()).expect("defaults are valid"));
    let hub = hub(Hooks::default().storage(history.clone()));
    let message = written("mine", "hello");
    hub.publish_message(message.clone()).expect("it is short");
    assert_eq!(hub.history("hello", 1).messages, std::slice::from_ref(&message));
    assert_eq!(history.replay("hello", 1).next(), Some(message));
}
