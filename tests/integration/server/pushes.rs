//! However much is pushed to somebody in a row: who reads is not closed, and misses nothing.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tests::Tidings;
use tidings::hub::protocol::MessageRef;
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_tungstenite::{WebSocketStream, client_async, tungstenite};

const LIMIT: Duration = Duration::from_secs(60);

/// Reads its inbox as `docs/server.md` says: what is pushed, and what a gap shows was not.
struct Reader {
    server: String,
    socket: WebSocketStream<TcpStream>,
    http: reqwest::Client,
    /// The numbers of the messages applied, in order.
    applied: Vec<u64>,
    pushed: usize,
}

impl Reader {
    /// Connects as bob, so that little of what waits for it is kept by the systems in between.
    async fn connect(server: &Tidings) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(16 * 1024).unwrap();
        let stream = socket.connect(server.http()).await.unwrap();
        let (mut socket, _) =
            client_async(format!("ws://{}/ws?user=bob", server.http()), stream).await.unwrap();
        // Once it is answered bob is bound to his inbox.
        socket.send(tungstenite::Message::Ping(Bytes::new())).await.unwrap();
        assert!(socket.next().await.unwrap().unwrap().is_pong());
        Self { server: server.url(""), socket, http: reqwest::Client::new(), applied: Vec::new(), pushed: 0 }
    }

    /// Reads on, with a pause after each push, until so many messages have been applied.
    async fn read(&mut self, messages: usize, pause: Duration) {
        while self.applied.len() < messages {
            let next = timeout(LIMIT, self.socket.next()).await.expect("something is pushed");
            let bytes = match next.expect("it is open").unwrap() {
                tungstenite::Message::Binary(bytes) => bytes,
                tungstenite::Message::Close(frame) => {
                    panic!("closed after {} of {messages}: {frame:?}", self.applied.len());
                }
                _ => continue,
            };
            self.pushed += 1;
            let message = MessageRef::decode(&bytes).unwrap();
            assert_eq!(message.channel, "$inbox:bob");
            let entry: Value = serde_json::from_slice(message.body).unwrap();
            match sequence(&entry).cmp(&(self.applied.len() as u64 + 1)) {
                Ordering::Equal => self.applied.push(number(&entry)),
                Ordering::Greater => self.sync(sequence(&entry)).await,
                Ordering::Less => {}
            }
            sleep(pause).await;
        }
    }

    /// Fetches what comes up to a sequence, and whatever comes with it.
    async fn sync(&mut self, sequence_pushed: u64) {
        while (self.applied.len() as u64) < sequence_pushed {
            let last = self.applied.len();
            let url = format!("{}/timeline/sync?member=bob&last_read={last}&count=1000", self.server);
            let page: Value = self.http.get(url).send().await.unwrap().json().await.unwrap();
            for entry in page["entrySet"].as_array().unwrap() {
                assert_eq!(sequence(entry), self.applied.len() as u64 + 1);
                self.applied.push(number(entry));
            }
        }
    }
}

fn sequence(entry: &Value) -> u64 {
    entry["sequence"].as_str().unwrap().parse().unwrap()
}

/// What the sender counted.
fn number(entry: &Value) -> u64 {
    let message: Value = serde_json::from_str(entry["message"].as_str().unwrap()).unwrap();
    message["number"].as_u64().unwrap()
}

/// Sends so many messages of about that size to bob, from several senders at once.
async fn send(server: &Tidings, messages: u64, bytes: usize) {
    let client = reqwest::Client::new();
    let mut senders = JoinSet::new();
    for sender in 0..16 {
        let (client, url) = (client.clone(), server.url("/timeline/send"));
        senders.spawn(async move {
            for number in (sender..messages).step_by(16) {
                // Quotes, which take twice the place in a push.
                let message = json!({ "number": number, "filler": "\"".repeat(bytes / 2) }).to_string();
                let body = json!({ "from": format!("sender {sender}"), "to": "bob", "message": message });
                let sent = client.post(&url).json(&body).send().await.unwrap();
                assert_eq!(sent.status().as_u16(), 200);
            }
        });
    }
    senders.join_all().await;
}

async fn metric(server: &Tidings, name: &str) -> u64 {
    let text = reqwest::get(server.url("/metrics")).await.unwrap().text().await.unwrap();
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    value.unwrap_or_else(|| panic!("{name} is in\n{text}")).parse().unwrap()
}

/// Reads with a pause after each push while others send; with longer ones on a machine that is so
/// slow at sending that who reads is never behind.
async fn read_beside(messages: u64, bytes: usize, mut pause: Duration) {
    for _ in 0..4 {
        if was_behind(messages, bytes, pause).await {
            return;
        }
        pause *= 3;
    }
    panic!("it was never behind, so nothing is shown");
}

async fn was_behind(messages: u64, bytes: usize, pause: Duration) -> bool {
    let server = Tidings::start();
    let mut reader = Reader::connect(&server).await;
    let count = usize::try_from(messages).unwrap();
    tokio::join!(send(&server, messages, bytes), reader.read(count, pause));
    // Each once; those of a sender in their order, and those of several in any.
    let mut of_senders = BTreeMap::<u64, Vec<u64>>::new();
    for &number in &reader.applied {
        of_senders.entry(number % 16).or_default().push(number);
    }
    for (sender, numbers) in of_senders {
        assert_eq!(numbers, (sender..messages).step_by(16).collect::<Vec<_>>());
    }
    if reader.pushed >= count {
        return false;
    }
    assert!(metric(&server, "hub_messages_conflated_total").await > 0);
    // What waited is given back when it was read.
    let begun = Instant::now();
    while metric(&server, "tidings_hub_outboxes_bytes").await != 0 {
        assert!(begun.elapsed() < LIMIT, "what waits is not given back");
        // The last of it may be read already and be given back a moment later.
        if let Ok(next) = timeout(Duration::from_millis(50), reader.socket.next()).await {
            next.expect("it is open").unwrap();
        }
    }
    true
}

#[tokio::test]
async fn large_messages_in_a_row_close_no_reader() {
    read_beside(60, 60_000, Duration::from_millis(60)).await;
}

#[tokio::test]
async fn thousands_of_small_messages_in_a_row_close_no_reader() {
    read_beside(2_500, 1_200, Duration::from_millis(10)).await;
}
