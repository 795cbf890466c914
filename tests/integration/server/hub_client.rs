//! The client of hubs, as programs use it, at the whole server, beside one that is independent.

use std::fs;
use std::time::Duration;

use conductor_client::protocol::{Message, Opcode};
use conductor_client::{Client, Config, Disconnected, Event, Messages, Streams};
use serde_json::{Value, json};
use tempfile::TempDir;
use tests::Tidings;
use tokio::time::{sleep, timeout};

use super::client::Client as IndependentClient;

/// A time that only a hang reaches.
const LIMIT: Duration = Duration::from_secs(60);

/// Connects a client that is bound to a channel, and waits until the server knows.
async fn bound(server: &Tidings, user: &str, channel: &str) -> (Client, Messages) {
    let delay = Duration::from_millis(20);
    let config = Config::new(format!("ws://{}/ws?user={user}", server.http()));
    let config = config.reconnect_delay_min(delay).reconnect_delay_max(delay);
    let client = Client::connect(config).await.unwrap();
    let messages = client.messages();
    client.bind(channel).await.unwrap();
    client.settle().await.unwrap();
    (client, messages)
}

async fn next(messages: &mut Messages) -> Event {
    timeout(LIMIT, messages.next()).await.expect("something comes").unwrap().unwrap()
}

/// The next message that is not the server's own.
async fn heard(messages: &mut Messages) -> Message {
    loop {
        match next(messages).await {
            Event::Message(message) if !message.channel.starts_with('$') => return message,
            _ => {}
        }
    }
}

/// How the connection ended, whatever comes before it.
async fn ended(messages: &mut Messages) -> Disconnected {
    loop {
        if let Event::Disconnected(how) = next(messages).await {
            return how;
        }
    }
}

#[tokio::test]
async fn it_binds_writes_unbinds_and_calls_beside_another_client() {
    let server = Tidings::start();
    let (alice, _) = bound(&server, "alice", "news").await;
    let (bob, mut ofbob) = bound(&server, "bob", "news").await;
    let mut carol = IndependentClient::connect(&server, "?user=carol").await;
    carol.bind("news").await;
    carol.assert_open().await;
    // To bind twice is to bind once.
    bob.bind("news").await.unwrap();
    bob.bind("tea").await.unwrap();
    bob.settle().await.unwrap();
    alice.bind("tea").await.unwrap();

    alice.write("news", "\"hello\"").await.unwrap();
    assert_eq!(heard(&mut ofbob).await.body, "\"hello\"");
    assert_eq!(carol.heard("news").await, "hello");
    carol.send(&Message::new(Opcode::WRITE, "news", "and me")).await;
    let message = heard(&mut ofbob).await;
    assert_eq!(
        (message.opcode, message.channel.as_str(), &*message.body),
        (Opcode::WRITE, "news", &b"and me"[..])
    );

    bob.unbind("news").await.unwrap();
    bob.settle().await.unwrap();
    alice.write("news", "not heard").await.unwrap();
    alice.write("tea", "heard").await.unwrap();
    assert_eq!(heard(&mut ofbob).await.body, "heard");

    let ping = json!({ "call": "ping" }).to_string();
    let answer = bob.call("", ping.clone()).await.unwrap();
    let answer: Value = serde_json::from_slice(&answer.body).unwrap();
    assert!(answer.get("error").is_none(), "{answer}");
    // Without a wait for it, the answer is a message like any other.
    bob.server_message("", ping).await.unwrap();
    assert_eq!(heard(&mut ofbob).await.opcode, Opcode::SERVER);
}

/// Bytes of which each place can be told from the others near it.
fn content(bytes: usize) -> Vec<u8> {
    (0..bytes).map(|place| (place ^ (place >> 8) ^ (place >> 16)).to_le_bytes()[0]).collect()
}

/// Reads the next stream to its end, with a pause after each piece.
async fn receive(streams: &mut Streams, pause: Duration) -> Vec<u8> {
    let mut stream = streams.next().await.unwrap().unwrap();
    let mut content = Vec::new();
    while let Some(piece) = stream.next().await {
        content.extend_from_slice(&piece.unwrap());
        sleep(pause).await;
    }
    content
}

#[tokio::test]
async fn streams_of_megabytes_come_byte_for_byte_to_fast_and_slow_readers() {
    let server = Tidings::start();
    let (alice, _) = bound(&server, "alice", "files").await;
    let (bob, _) = bound(&server, "bob", "files").await;
    let (carol, _) = bound(&server, "carol", "files").await;
    let (mut fast, mut slow) = (bob.streams(), carol.streams());
    for bytes in [3 << 20, 10 << 20] {
        let content = content(bytes);
        let all = async {
            tokio::join!(
                alice.write_stream("files", &content[..]),
                receive(&mut fast, Duration::ZERO),
                receive(&mut slow, Duration::from_millis(2)),
            )
        };
        let (sent, by_fast, by_slow) = timeout(LIMIT, all).await.expect("the stream ends");
        assert_eq!(sent.unwrap(), content.len() as u64);
        assert!(by_fast == content && by_slow == content, "{} and {}", by_fast.len(), by_slow.len());
    }
}

#[tokio::test]
async fn it_comes_back_to_a_server_that_is_started_again() {
    let mut server = Tidings::start();
    let (alice, mut of_alice) = bound(&server, "alice", "news").await;
    let (bob, mut ofbob) = bound(&server, "bob", "news").await;
    for is_killed in [true, false] {
        if is_killed {
            server.kill();
        } else {
            server.signal("TERM");
        }
        for messages in [&mut of_alice, &mut ofbob] {
            let how = ended(messages).await;
            assert_eq!((how.code, how.comes_back()), ((!is_killed).then_some(1012), true), "{how:?}");
        }
        if !is_killed {
            assert_eq!(server.wait().code(), Some(0));
        }
        server.start_again();
        for messages in [&mut of_alice, &mut ofbob] {
            while next(messages).await != Event::Connected {}
        }
        bob.settle().await.unwrap();
        alice.write("news", "again").await.unwrap();
        assert_eq!(heard(&mut ofbob).await.body, "again");
    }
}

#[tokio::test]
async fn messages_and_streams_reach_members_at_a_sister() {
    let directory = TempDir::new().unwrap();
    let secret = directory.path().join("secret");
    fs::write(&secret, "a secret of two sisters, and long enough").unwrap();
    let secret = format!("--sister-secret-file={}", secret.display());
    let one = Tidings::start_with(&[&secret]);
    let url = format!("--sister-url=ws://{}/ws", one.http());
    let other = Tidings::start_with(&[&secret, &url]);
    let (alice, mut of_alice) = bound(&one, "alice", "files").await;
    let (bob, mut ofbob) = bound(&other, "bob", "files").await;
    let linked = async {
        // What is written before there is a link stays where it is.
        loop {
            alice.write("files", "anybody?").await.unwrap();
            if timeout(Duration::from_millis(100), heard(&mut ofbob)).await.is_ok() {
                return;
            }
        }
    };
    timeout(LIMIT, linked).await.expect("they are linked");
    bob.write("files", "me").await.unwrap();
    assert_eq!(heard(&mut of_alice).await.body, "me");
    let (mut streams, content) = (bob.streams(), content(3 << 20));
    let both = async {
        tokio::join!(alice.write_stream("files", &content[..]), receive(&mut streams, Duration::ZERO),)
    };
    let (sent, received) = timeout(LIMIT, both).await.expect("the stream ends");
    assert_eq!(sent.unwrap(), content.len() as u64);
    assert!(received == content, "{} of {}", received.len(), content.len());
}
