//! The receiver of a webhook, which answers as it is told to.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::routing::post;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

use crate::PATIENCE;

/// A post, and how it was answered.
#[derive(Debug, Clone)]
pub(crate) struct Post {
    pub(crate) uri: Uri,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
    pub(crate) status: StatusCode,
}

/// Listens for as long as the test runs.
pub(crate) struct Receiver {
    address: SocketAddr,
    posts: mpsc::Receiver<Post>,
}

/// What it answers first, before 204, and where it reports.
#[derive(Clone)]
struct Script {
    statuses: Arc<Mutex<VecDeque<StatusCode>>>,
    heard: mpsc::Sender<Post>,
}

impl Post {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers[name].to_str().expect("it is a text")
    }

    pub(crate) fn body(&self) -> Value {
        serde_json::from_str(&self.text).expect("the body is JSON")
    }

    /// Its events, as `bob ONLINE`.
    pub(crate) fn events(&self) -> Vec<String> {
        let body = self.body();
        let events = body["events"].as_array().expect("there is a list").iter();
        let told = |event: &Value| Some(format!("{} {}", event["id"].as_str()?, event["status"].as_str()?));
        events.map(|event| told(event).expect("an event has both")).collect()
    }
}

impl Receiver {
    /// Starts one that answers with these first, then with 204.
    pub(crate) async fn start(statuses: &[StatusCode]) -> Self {
        let (heard, posts) = mpsc::channel(1_000);
        let script = Script { statuses: Arc::new(Mutex::new(statuses.iter().copied().collect())), heard };
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has free ports");
        let address = listener.local_addr().expect("the listener has an address");
        let router = Router::new().route("/presence", post(take)).with_state(script);
        let served = axum::serve(listener, router);
        TaskTracker::new().spawn(async move { served.await.expect("it serves until the test ends") });
        Self { address, posts }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/presence?from=here", self.address)
    }

    pub(crate) async fn next(&mut self) -> Post {
        timeout(PATIENCE, self.posts.recv()).await.expect("a post comes in time").expect("it listens")
    }

    /// The next `count` events that were taken, in their order.
    pub(crate) async fn events(&mut self, count: usize) -> Vec<String> {
        let mut events = Vec::new();
        while events.len() < count {
            let post = self.next().await;
            if post.status.is_success() {
                events.extend(post.events());
            }
        }
        assert_eq!(events.len(), count, "{events:?}");
        events
    }
}

async fn take(State(script): State<Script>, uri: Uri, headers: HeaderMap, body: Bytes) -> StatusCode {
    let status = script.statuses.lock().expect("nobody panics there").pop_front();
    let status = status.unwrap_or(StatusCode::NO_CONTENT);
    let text = String::from_utf8_lossy(&body).into_owned();
    script.heard.send(Post { uri, headers, text, status }).await.expect("the test listens");
    status
}
