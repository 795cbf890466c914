//! Pages that `--allow-origin` names may read every answer of every route, those of the layers in
//! front of them too.

use std::time::Duration;

use reqwest::{Client, Method, Response};
use tests::Tidings;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

const PAGE: &str = "https://chat.example.org";
const FLAGS: [&str; 4] = [
    "--allow-origin=https://chat.example.org",
    "--body-bytes=1024",
    "--request-time=2s",
    "--presence-streams=1",
];

/// The routes of the documentation, which has them all: method and a path.
fn routes() -> Vec<(Method, String)> {
    let docs = include_str!("../../../docs/server.md");
    let table = docs.split_once("\n## Routes\n").unwrap().1.split_once("\n## ").unwrap().0;
    let firsts =
        table.lines().filter_map(|line| line.strip_prefix("| `")?.split_once(" |").map(|(cell, _)| cell));
    let mut routes = Vec::new();
    for route in firsts.flat_map(|cell| cell.split('`')).filter(|route| route.contains('/')) {
        let (method, path) = route.split_once(' ').unwrap_or(("GET", route));
        let path = path.split('?').next().unwrap().replace('…', "app.js");
        let path =
            path.split('/').map(|part| if part.starts_with('{') { "x" } else { part }).collect::<Vec<_>>();
        routes.push((method.parse().unwrap(), path.join("/")));
    }
    routes
}

fn readable(answer: &Response) -> bool {
    answer.headers().get("access-control-allow-origin").is_some_and(|origin| origin == PAGE)
        && answer.headers().get_all("access-control-allow-origin").iter().count() == 1
        && answer.headers().get_all("vary").iter().any(|vary| vary.to_str().unwrap().contains("origin"))
        && !answer.headers().contains_key("access-control-allow-credentials")
        && answer.headers().contains_key("content-security-policy")
}

#[tokio::test]
async fn every_route_can_be_read_by_a_page_that_was_named_and_by_no_other() {
    let server = Tidings::start_with(&FLAGS);
    let client = Client::new();
    let routes = routes();
    assert!(routes.len() >= 14, "{routes:?}");
    for (method, path) in routes.into_iter().chain([(Method::GET, "/nothing/here".to_owned())]) {
        // Whatever it answers.
        for method in [&method, &Method::PUT] {
            let asked = client.request(method.clone(), server.url(&path)).header("Origin", PAGE);
            let answer = asked.send().await.unwrap();
            assert!(readable(&answer), "{method} {path}: {answer:?}");
            let asked =
                client.request(method.clone(), server.url(&path)).header("Origin", "https://evil.example");
            let answer = asked.send().await.unwrap();
            assert_eq!(answer.status(), 403, "{method} {path}");
            assert!(!answer.headers().contains_key("access-control-allow-origin"), "{method} {path}");
        }
        let preflight = client
            .request(Method::OPTIONS, server.url(&path))
            .header("Origin", PAGE)
            .header("Access-Control-Request-Method", method.as_str())
            .header("Access-Control-Request-Headers", "content-type,last-event-id")
            .header("Access-Control-Request-Private-Network", "true");
        let answer = preflight.send().await.unwrap();
        assert!(answer.status().is_success() && readable(&answer), "{path}: {answer:?}");
        let header = |name: &str| answer.headers()[name].to_str().unwrap().to_owned();
        assert!(header("access-control-allow-methods").contains("POST"));
        assert!(header("access-control-allow-headers").contains("last-event-id"));
        assert_eq!(header("access-control-allow-private-network"), "true");
    }
}

#[tokio::test]
async fn the_answers_of_our_own_layers_can_be_read_too() {
    let server = Tidings::start_with(&FLAGS);
    let client = Client::new();
    let ask = async |path: &str, host: Option<&str>, body: usize| {
        let mut request = client.post(server.url(path)).header("Origin", PAGE).body("x".repeat(body));
        if let Some(host) = host {
            request = request.header("Host", host);
        }
        request.send().await.unwrap()
    };
    let foreign = ask("/timeline/send", Some("chat.example"), 0).await;
    assert!(foreign.status() == 403 && readable(&foreign), "{foreign:?}");
    let large = ask("/timeline/send", None, 2_000).await;
    assert!(large.status() == 413 && readable(&large), "{large:?}");
    let events =
        async || client.get(server.url("/presence/events")).header("Origin", PAGE).send().await.unwrap();
    let stream = events().await;
    assert!(stream.status() == 200 && readable(&stream), "{stream:?}");
    let refused = events().await;
    assert!(refused.status() == 503 && readable(&refused), "{refused:?}");
    // No place: the only one has a stream.
    let full = Tidings::start_with(&[FLAGS[0], "--http-connections=1", "--presence-streams=1"]);
    let held = client.get(full.url("/presence/events")).send().await.unwrap();
    let no_place = async {
        loop {
            // Each over a connection of its own.
            let request = Client::new().get(full.url("/presence?id=alice")).header("Origin", PAGE);
            let answer = request.send().await.unwrap();
            if answer.status() == 503 {
                return answer;
            }
        }
    };
    let no_place = timeout(Duration::from_secs(60), no_place).await.expect("it is full");
    assert!(readable(&no_place) && no_place.headers()["retry-after"] == "1", "{no_place:?}");
    drop(held);
    // A body that never comes.
    let mut slow = TcpStream::connect(server.http()).await.unwrap();
    let head = format!(
        "POST /timeline/send HTTP/1.1\r\nHost: localhost\r\nOrigin: {PAGE}\r\nContent-Type: \
         application/json\r\nContent-Length: 9\r\n\r\n{{"
    );
    slow.write_all(head.as_bytes()).await.unwrap();
    let mut answer = vec![0; 4_096];
    let length = timeout(Duration::from_secs(30), slow.read(&mut answer)).await.unwrap().unwrap();
    let answer = String::from_utf8_lossy(&answer[..length]).to_lowercase();
    assert!(
        answer.starts_with("http/1.1 408 ")
            && answer.contains(&format!("access-control-allow-origin: {PAGE}"))
    );
}
