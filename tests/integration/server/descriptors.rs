//! A server that may open few files: it says so, keeps some for the store, and goes on whatever
//! comes.

use std::io::{self, BufRead as _, BufReader};
use std::net::TcpStream;
use std::sync::mpsc;
use std::time::{Duration, Instant};
use std::{fs, thread};

use serde_json::json;
use tests::Tidings;

#[tokio::test]
async fn few_descriptors_are_told_and_what_is_sent_is_stored_while_everybody_connects() {
    let (reader, errors) = io::pipe().unwrap();
    let mut server = Tidings::start_with_files(256, errors, &["--request-time=2s"]);
    let told = BufReader::new(reader).lines().next().unwrap().unwrap();
    assert!(told.contains("only 256 files may be open") && told.contains("places are lowered"), "{told}");
    let (http, grpc) = (server.http(), server.grpc());
    // More than there are descriptors, on both ports.
    let sockets: Vec<_> =
        (0..300).flat_map(|_| [http, grpc]).map(|address| TcpStream::connect(address).unwrap()).collect();
    let client = reqwest::Client::new();
    let started = Instant::now();
    for number in 1..=100 {
        let message = json!({ "text": "x".repeat(10_000) }).to_string();
        let body = json!({ "from": "a", "to": "b", "message": message, "messageId": number.to_string() });
        // A busy machine may need more than the time of a request.
        let sent = loop {
            let sent = client.post(server.url("/timeline/send")).json(&body).send().await;
            if let Ok(sent) = sent
                && sent.status() == 200
            {
                break sent;
            }
            assert!(started.elapsed() < 4 * LIMIT, "message {number} is not taken");
        };
        assert_eq!(sent.json::<serde_json::Value>().await.unwrap()["sequence"], number.to_string());
    }
    for path in ["/healthz", "/readyz"] {
        while reqwest::get(server.url(path)).await.map_or(0, |answer| answer.status().as_u16()) != 200 {
            assert!(started.elapsed() < 4 * LIMIT, "{path}");
        }
    }
    drop(sockets);
    server.signal("TERM");
    assert_eq!(server.wait().code(), Some(0));
}

const LIMIT: Duration = Duration::from_secs(30);

/// One line when nobody can be let in any more, one when it is over, however many come and however
/// often it is tried.
#[tokio::test]
async fn without_descriptors_nobody_is_let_in_and_with_some_again_everybody_is() {
    let (reader, errors) = io::pipe().unwrap();
    let server = Tidings::start_into(errors, &[]);
    let (said, lines) = mpsc::channel();
    let listening = thread::spawn(move || {
        for line in BufReader::new(reader).lines().map_while(Result::ok) {
            said.send(line).ok();
        }
    });
    let next = || lines.recv_timeout(LIMIT).expect("a line of the log");
    // Some who rest, each of whom could make room for one more.
    let resting: Vec<_> = (0..5).map(|_| TcpStream::connect(server.http()).unwrap()).collect();
    reqwest::get(server.url("/healthz")).await.unwrap();
    let open = fs::read_dir(format!("/proc/{}/fd", server.id())).unwrap().count();
    server.limit_descriptors(open - 1);
    let waiting: Vec<_> = (0..20).map(|_| TcpStream::connect(server.http()).unwrap()).collect();
    let line = next();
    assert!(
        line.contains("connections cannot be accepted") && line.contains("Too many open files"),
        "{line}"
    );
    server.limit_descriptors(1_024);
    assert_eq!(reqwest::get(server.url("/healthz")).await.unwrap().status(), 200);
    let line = next();
    assert!(line.contains("over: connections cannot be accepted"), "{line}");
    drop((resting, waiting));
    drop(server);
    listening.join().unwrap();
    let rest: Vec<_> = lines.try_iter().filter(|line| line.contains("accepted")).collect();
    assert!(rest.is_empty(), "{rest:?}");
}
