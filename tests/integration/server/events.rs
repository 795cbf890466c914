//! `/presence/events`: snapshot, changes, and going on where one stood.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};
use tests::Tidings;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::listener::{Listener, User, until_status};

/// Users are offline as soon as they leave.
const PROMPT: &str = "--presence-grace=10ms";

#[tokio::test]
async fn a_stream_begins_with_who_is_online_and_goes_on_with_changes() {
    let server = Tidings::start_with(&[PROMPT]);
    let mut early = Listener::open(&server, "", None).await;
    assert_eq!(early.snapshot().await.0, [""; 0]);
    let alice = User::connect(&server, "alice").await;
    assert_eq!(early.change().await.0, "alice ONLINE");
    let mut late = Listener::open(&server, "", None).await;
    assert_eq!(late.snapshot().await.0, ["alice"]);
    drop(alice);
    for listener in [&mut early, &mut late] {
        let gone = listener.next().await.unwrap();
        assert_eq!(
            (gone.event.as_str(), &gone.data["id"], &gone.data["status"], &gone.data["cause"]),
            ("change", &json!("alice"), &json!("OFFLINE"), &json!("ENDED"),)
        );
        assert!(gone.data["at"].as_u64().unwrap() > 1_700_000_000_000);
    }
}

#[tokio::test]
async fn a_stream_goes_on_after_the_last_event_id_without_gap_or_repetition() {
    let server = Tidings::start_with(&[PROMPT]);
    let mut listener = Listener::open(&server, "?since=now", None).await;
    assert_eq!(listener.snapshot().await.0, [""; 0]);
    let alice = User::connect(&server, "alice").await;
    let (first, position) = listener.change().await;
    assert_eq!(first, "alice ONLINE");
    drop(listener);

    // While nobody listens.
    let bob = User::connect(&server, "bob").await;
    until_status(&server, "bob", "ONLINE").await;
    drop(bob);
    until_status(&server, "bob", "OFFLINE").await;

    // A browser repeats its query and adds the header; a program may give the position in the
    // query.
    for (query, header) in [
        ("?since=now".to_owned(), Some(position.as_str())),
        ("".to_owned(), Some(position.as_str())),
        (format!("?since={position}"), None),
    ] {
        let mut again = Listener::open(&server, &query, header).await;
        assert_eq!(again.snapshot().await, (vec![], position.clone()), "{query} {header:?}");
        assert_eq!(again.change().await.0, "bob ONLINE");
        let (last, end) = again.change().await;
        assert_eq!(last, "bob OFFLINE");
        let mut end = Listener::open(&server, "", Some(&end)).await;
        end.snapshot().await;
    }
    drop(alice);
}

#[tokio::test]
async fn a_position_of_an_earlier_life_is_told_as_lost() {
    let mut server = Tidings::start();
    let alice = User::connect(&server, "alice").await;
    let mut listener = Listener::open(&server, "", None).await;
    let (_, position) = listener.snapshot().await;
    server.kill();
    assert_eq!(listener.next().await, None);
    drop(alice);
    server.start_again();
    let mut listener = Listener::open(&server, "", Some(&position)).await;
    let lagged = listener.next().await.unwrap();
    assert_eq!((lagged.event.as_str(), lagged.id, lagged.data), ("lagged", None, json!({ "missed": null })));
    // And goes on.
    listener.snapshot().await;
    let bob = User::connect(&server, "bob").await;
    assert_eq!(listener.change().await.0, "bob ONLINE");
    drop(bob);
}

#[tokio::test]
async fn a_client_that_does_not_read_is_told_what_it_lost_and_holds_nobody_up() {
    let server = Tidings::start_with(&[PROMPT, "--presence-events=1000", "--request-time=5m"]);
    let mut slow = TcpStream::connect(server.http()).await.unwrap();
    slow.write_all(b"GET /presence/events?since=now HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    let mut text = String::new();
    read_until(&mut slow, &mut text, "event: synced").await;

    let mut other = Listener::open(&server, "?since=now", None).await;
    other.snapshot().await;
    // Each of these letters is two in JSON.
    let long = "%22".repeat(500);
    for round in 0..ROUNDS {
        let names = (0..100).map(|number| format!("{long}{round}.{number}"));
        let users = join_all(names.map(async |name| User::connect(&server, &name).await)).await;
        for _ in 0..100 {
            assert!(other.change().await.0.ends_with("ONLINE"));
        }
        drop(users);
        for _ in 0..100 {
            assert!(other.change().await.0.ends_with("OFFLINE"));
        }
    }
    read_until(&mut slow, &mut text, "event: lagged\ndata: {\"missed\":").await;
    // It goes on, up to the last.
    read_until(&mut slow, &mut text, &format!("{}.99\",\"status\":\"OFFLINE\"", ROUNDS - 1)).await;
}

/// Of 200 events of more than 1 KB each: together more than all buffers in between hold.
const ROUNDS: usize = 30;

async fn read_until(socket: &mut TcpStream, text: &mut String, wanted: &str) {
    let read = async {
        let mut piece = vec![0; 65_536];
        while !text.contains(wanted) {
            // What was searched already, but for a piece of what is wanted.
            text.drain(..text.len().saturating_sub(wanted.len()));
            let length = socket.read(&mut piece).await.unwrap();
            assert!(length > 0, "the stream ended");
            text.push_str(std::str::from_utf8(&piece[..length]).unwrap());
        }
    };
    timeout(Duration::from_secs(60), read).await.unwrap();
}

#[tokio::test]
async fn streams_are_counted_refused_beyond_their_limit_and_ended_by_a_stop() {
    // A stop that waited for the streams would take that long.
    let flags = ["--presence-streams=1", "--request-time=5s", "--presence-grace=10m", "--shutdown-time=10m"];
    let mut server = Tidings::start_with(&flags);
    let mut listener = Listener::open(&server, "", None).await;
    listener.snapshot().await;
    let refused = reqwest::get(server.url("/presence/events")).await.unwrap();
    assert_eq!(refused.status(), 503);
    assert_eq!(refused.headers()["retry-after"], "1");
    assert_eq!(refused.json::<Value>().await.unwrap()["reason"], "TOO_MANY_STREAMS");
    let metrics = reqwest::get(server.url("/metrics")).await.unwrap().text().await.unwrap();
    assert!(metrics.contains("\ntidings_presence_streams 1\n"), "{metrics}");
    // The time of a request is that up to its answer's head; a stream is as long as it is.
    let user = User::connect(&server, "alice").await;
    assert_eq!(listener.change().await.0, "alice ONLINE");
    drop(user);
    assert_eq!(timeout(Duration::from_secs(6), listener.change()).await.ok(), None);
    let bob = User::connect(&server, "bob").await;
    assert_eq!(listener.change().await.0, "bob ONLINE");
    server.signal("TERM");
    while let Some(heard) = listener.next().await {
        assert_eq!(heard.event, "change");
    }
    assert_eq!(server.wait().code(), Some(0));
    drop(bob);
}

#[tokio::test]
async fn positions_that_are_none_are_refused() {
    let server = Tidings::start();
    let client = reqwest::Client::new();
    for (query, header) in [("", Some("yesterday")), ("?since=yesterday", None), ("", Some("1-2-3"))] {
        let mut request = client.get(server.url(&format!("/presence/events{query}")));
        if let Some(header) = header {
            request = request.header("Last-Event-ID", header);
        }
        let refused = request.send().await.unwrap();
        assert_eq!(refused.status(), 400, "{query} {header:?}");
        assert_eq!(refused.json::<Value>().await.unwrap()["reason"], "INVALID_POSITION");
    }
}
