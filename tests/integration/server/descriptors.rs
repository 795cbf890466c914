//! A server that may open few files: it says so, keeps some for the store, and goes on whatever comes.

use std::io::{self, BufRead as _, BufReader};
use std::net::TcpStream;

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
    for number in 1..=100 {
        let message = json!({ "text": "x".repeat(10_000) }).to_string();
        let body = json!({ "from": "a", "to": "b", "message": message });
        let sent = client.post(server.url("/timeline/send")).json(&body).send().await.unwrap();
        assert_eq!(sent.json::<serde_json::Value>().await.unwrap()["sequence"], number.to_string());
    }
    for path in ["/healthz", "/readyz"] {
        assert_eq!(reqwest::get(server.url(path)).await.unwrap().status(), 200, "{path}");
    }
    drop(sockets);
    server.signal("TERM");
    assert_eq!(server.wait().code(), Some(0));
}
