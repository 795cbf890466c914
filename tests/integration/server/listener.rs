//! A client of `/presence/events` and `/timeline/watch`, and users who come and go for it.

use std::time::Duration;

use serde_json::Value;
use tests::Tidings;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

/// How long an event may take on a busy machine.
const LIMIT: Duration = Duration::from_secs(60);

/// One event as a browser would see it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Heard {
    pub(super) event: String,
    pub(super) id: Option<String>,
    pub(super) data: Value,
}

/// An open stream of server-sent events.
pub(super) struct Listener {
    response: reqwest::Response,
    text: String,
}

impl Listener {
    pub(super) async fn open(server: &Tidings, query: &str, last_event_id: Option<&str>) -> Self {
        let mut request = reqwest::Client::new().get(server.url(&format!("/presence/events{query}")));
        if let Some(id) = last_event_id {
            request = request.header("Last-Event-ID", id);
        }
        Self::read(request).await
    }

    /// Opens a stream with a token in the header, as a program does.
    pub(super) async fn open_as(server: &Tidings, token: &str) -> Self {
        Self::read(reqwest::Client::new().get(server.url("/presence/events")).bearer_auth(token)).await
    }

    /// Watches the inbox of whoever the token is of.
    pub(super) async fn inbox(server: &Tidings, token: &str) -> Self {
        Self::read(reqwest::Client::new().get(server.url("/timeline/watch")).bearer_auth(token)).await
    }

    /// Watches the inbox of a member, where nobody has to log in.
    pub(super) async fn watch(server: &Tidings, member: &str) -> Self {
        Self::read(reqwest::Client::new().get(server.url(&format!("/timeline/watch?member={member}")))).await
    }

    /// Reads the stream that a request opens.
    pub(super) async fn read(request: reqwest::RequestBuilder) -> Self {
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self { response, text: String::new() }
    }

    /// The next event; `None` when the server ended the stream.
    pub(super) async fn next(&mut self) -> Option<Heard> {
        timeout(LIMIT, async {
            loop {
                if let Some(end) = self.text.find("\n\n") {
                    let block: String = self.text.drain(..end + 2).collect();
                    if let Some(heard) = parse(&block) {
                        return Some(heard);
                    }
                } else {
                    let chunk = self.response.chunk().await.ok().flatten()?;
                    self.text.push_str(std::str::from_utf8(&chunk).unwrap());
                }
            }
        })
        .await
        .expect("an event comes in time")
    }

    /// The next change, as `bob ONLINE`, and its position.
    pub(super) async fn change(&mut self) -> (String, String) {
        let heard = self.next().await.unwrap();
        assert_eq!(heard.event, "change", "{heard:?}");
        let (id, status) = (heard.data["id"].as_str().unwrap(), heard.data["status"].as_str().unwrap());
        (format!("{id} {status}"), heard.id.unwrap())
    }

    /// Reads on until the stream stands somewhere: who is online, in order of their names, and
    /// where it stands.
    pub(super) async fn snapshot(&mut self) -> (Vec<String>, String) {
        let mut online = std::collections::BTreeSet::new();
        loop {
            let heard = self.next().await.unwrap();
            let id = heard.data["id"].as_str().unwrap_or_default().to_owned();
            match (heard.event.as_str(), heard.data["status"].as_str()) {
                ("present", Some("ONLINE")) => drop(online.insert(id)),
                ("present", Some("OFFLINE")) => drop(online.remove(&id)),
                ("synced", _) => return (online.into_iter().collect(), heard.id.unwrap()),
                _ => panic!("{heard:?} is no part of a snapshot"),
            }
        }
    }
}

/// Blocks without data, such as heartbeats and `retry`, are no events.
fn parse(block: &str) -> Option<Heard> {
    let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    let data = serde_json::from_str(field("data")?).unwrap();
    Some(Heard { event: field("event")?.to_owned(), id: field("id").map(str::to_owned), data })
}

/// A user with one connection, gone when dropped.
pub(super) struct User(
    #[expect(dead_code, reason = "open while it lives")] WebSocketStream<MaybeTlsStream<TcpStream>>,
);

impl User {
    pub(super) async fn connect(server: &Tidings, name: &str) -> Self {
        Self(connect_async(format!("ws://{}/ws?user={name}", server.http())).await.unwrap().0)
    }
}

/// What `/presence/{id}` says of somebody; nothing while it cannot be known.
pub(super) async fn status(server: &Tidings, id: &str) -> String {
    let answer = reqwest::get(server.url(&format!("/presence/{id}"))).await.unwrap();
    answer.json::<Value>().await.unwrap()["status"].as_str().unwrap_or_default().to_owned()
}

/// Asks until somebody has this status.
pub(super) async fn until_status(server: &Tidings, id: &str, wanted: &str) {
    let asked = async { while status(server, id).await != wanted {} };
    timeout(LIMIT, asked).await.unwrap_or_else(|_| panic!("{id} does not become {wanted}"));
}
