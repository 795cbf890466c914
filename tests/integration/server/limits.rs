//! What a client may ask for at most.

use std::time::Duration;

use serde_json::{Value, json};
use tests::Tidings;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Error;

/// For what never comes where it fails.
const LIMIT: Duration = Duration::from_secs(60);

/// How many connections there are, if that is told within the time of a request.
async fn connections(server: &Tidings) -> Option<String> {
    let text = reqwest::get(server.url("/metrics")).await.ok()?.text().await.ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("tidings_http_connections "));
    line.map(str::to_owned)
}

async fn until_connections(server: &Tidings, count: &str) {
    let reached = async { while connections(server).await.as_deref() != Some(count) {} };
    timeout(LIMIT, reached).await.unwrap();
}

#[tokio::test]
async fn one_connection_too_many_is_refused_with_503() {
    let server = Tidings::start_with(&["--connections=1"]);
    let address = format!("ws://{}/ws", server.http());
    let (first, _) = connect_async(&address).await.unwrap();
    let Err(Error::Http(refused)) = connect_async(&address).await else { panic!("it was let in") };
    assert_eq!(refused.status().as_u16(), 503);
    drop(first);
}

/// Read with a sign in place of each wrong byte, two names would be one.
#[tokio::test]
async fn queries_that_are_no_utf_8_are_refused_at_every_route() {
    let server = Tidings::start();
    for path in [
        "/presence?id=a%FF",
        "/presence/events?since=%C3",
        "/rooms/hello?cursor=%ff",
        "/timeline/sync?member=%C3&count=1",
        "/ws?user=%FE",
        "/nothing/here?x=%80",
    ] {
        let answer = reqwest::get(server.url(path)).await.unwrap();
        assert_eq!(answer.status(), 400, "{path}");
        let body: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
        assert_eq!(body["reason"], "INVALID_QUERY", "{path}");
    }
    let text = reqwest::get(server.url("/presence?id=%C3%A4+b%")).await.unwrap().text().await.unwrap();
    let body: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(body["statuses"][0]["id"], "ä b%");
}

#[tokio::test]
async fn a_request_that_is_never_finished_is_given_up() {
    let server = Tidings::start_with(&["--request-time=300ms"]);
    for beginning in [
        "GET / HT",
        "POST /timeline/send HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\nContent-Type: application/json\r\n\r\n{",
    ] {
        let mut slow = TcpStream::connect(server.http()).await.unwrap();
        slow.write_all(beginning.as_bytes()).await.unwrap();
        let ended = async { while slow.read(&mut [0; 1_024]).await.is_ok_and(|length| length > 0) {} };
        timeout(LIMIT, ended).await.expect("it is given up");
        // Each connection to the metrics is one itself.
        until_connections(&server, "1").await;
    }
}

/// Linux alone can be told to give up on a peer that acknowledges and does not read.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn an_answer_that_nobody_reads_is_given_up() {
    let server = Tidings::start_with(&["--request-time=1s"]);
    let client = reqwest::Client::new();
    let message = json!({ "text": "x".repeat(60_000) }).to_string();
    for _ in 0..300 {
        let body = json!({ "from": "a", "to": "b", "message": message });
        // A busy machine may need more than the time of a request; once more is no harm.
        let send = || client.post(server.url("/timeline/send")).json(&body).send();
        let sent = async { while !send().await.is_ok_and(|answer| answer.status().is_success()) {} };
        timeout(LIMIT, sent).await.expect("it is stored");
    }
    drop(client);
    let mut deaf = TcpStream::connect(server.http()).await.unwrap();
    let request = "GET /timeline/sync?member=b&count=1000 HTTP/1.1\r\nHost: localhost\r\n\r\n";
    deaf.write_all(request.as_bytes()).await.unwrap();
    // It is being answered; where it is not given up it stays for good.
    deaf.readable().await.unwrap();
    until_connections(&server, "1").await;
}
