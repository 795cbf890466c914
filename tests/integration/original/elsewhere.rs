//! A page as the original has one, served by another program than the server.

use std::net::SocketAddr;

use axum::Router;
use axum::response::Html;
use axum::routing::get;
use serde_json::json;
use test_support::{Chromium, Page, require};
use tests::Tidings;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::client::{Client, entries};

/// What serves the page and nothing else; gone when dropped.
struct Elsewhere {
    address: SocketAddr,
    _task: JoinSet<()>,
}

impl Elsewhere {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let page = Router::new().route("/", get(|| async { Html(include_str!("page.html")) }));
        let mut task = JoinSet::new();
        task.spawn(async move { axum::serve(listener, page).await.unwrap() });
        Self { address, _task: task }
    }

    /// The origin of its page.
    fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Opens the page for a member, in a browser of their own.
    async fn open(&self, chromium: &Chromium, server: &Tidings, member: &str) -> Page {
        let page = chromium.page().await.unwrap();
        let service = server.url("");
        page.open(&format!("{}/?service={service}&member={member}", self.origin())).await.unwrap();
        page
    }
}

/// Writes and sends, as a person does.
async fn say(page: &Page, to: &str, text: &str) {
    page.fill("#to", to).await.unwrap();
    page.fill("#text", text).await.unwrap();
    page.click("#form button").await.unwrap();
}

/// Waits until the page shows exactly these messages.
async fn sees(page: &Page, texts: &[&str]) {
    let shown = "[...document.querySelectorAll('#messages li')].map(item => item.textContent)";
    let texts = json!(json!(texts).to_string());
    page.wait_for(&format!("JSON.stringify({shown}) === {texts}")).await.unwrap();
}

/// Waits until one of the two outputs begins like this.
async fn says(page: &Page, output: &str, beginning: &str) {
    let text = format!("document.querySelector('#{output}').textContent");
    page.wait_for(&format!("{text}.startsWith({})", json!(beginning))).await.unwrap();
}

#[tokio::test]
async fn a_page_of_an_origin_that_is_allowed_sends_and_shows_messages() {
    let Some(chromium) = require(Chromium::start().await) else { return };
    let elsewhere = Elsewhere::start().await;
    let server = Tidings::start_with(&[&format!("--allow-origin={}", elsewhere.origin())]);
    let alice = elsewhere.open(&chromium, &server, "alice").await;
    let bob = elsewhere.open(&chromium, &server, "bob").await;
    // The loop has begun with nothing to read.
    says(&alice, "reading", "read up to 0").await;
    say(&alice, "bob", "hello bob").await;
    says(&alice, "sending", "sent as 1").await;
    sees(&bob, &["hello bob"]).await;
    say(&bob, "alice", "hello alice").await;
    says(&bob, "sending", "sent as 2").await;
    for page in [&alice, &bob] {
        sees(page, &["hello bob", "hello alice"]).await;
    }
    // What a program sends over gRPC comes as well; more of it than the page reads at once.
    let client = &mut Client::connect(&server).await;
    for text in ["one", "two", "three"] {
        client.send_group("club", &["bob"], &json!({ "text": text }).to_string()).await;
    }
    sees(&bob, &["hello bob", "hello alice", "one", "two", "three"]).await;
    says(&bob, "reading", "read up to 5").await;
    for page in [alice, bob] {
        assert!(page.errors().is_empty(), "{:?}", page.errors());
        assert_eq!(page.evaluate::<String>("location.origin").await.unwrap(), elsewhere.origin());
    }
}

#[tokio::test]
async fn a_page_of_an_origin_that_is_not_allowed_neither_sends_nor_reads() {
    let Some(chromium) = require(Chromium::start().await) else { return };
    let (allowed, stranger) = (Elsewhere::start().await, Elsewhere::start().await);
    let allow_other = format!("--allow-origin={}", allowed.origin());
    for flags in [vec![], vec![allow_other.as_str()]] {
        let server = Tidings::start_with(&flags);
        let client = &mut Client::connect(&server).await;
        let secret = r#"{"text":"for mallory's eyes"}"#;
        assert_eq!(client.send("alice", "mallory", secret).await, 1);
        let page = stranger.open(&chromium, &server, "mallory").await;
        says(&page, "reading", "refused: ").await;
        say(&page, "alice", "from elsewhere").await;
        says(&page, "sending", "refused: ").await;
        // What a browser sends without asking first, it sends, but the server does not take it.
        let sent = format!(
            "fetch({} + '/timeline/send', {{ method: 'POST', mode: 'no-cors',
                body: new URLSearchParams({{ from: 'mallory', to: 'alice', message: '{{}}' }}) }})
                .then(answer => answer.ok, () => false)",
            json!(server.url(""))
        );
        assert!(!page.evaluate::<bool>(&sent).await.unwrap());
        sees(&page, &[]).await;
        for member in ["alice", "mallory"] {
            assert_eq!(client.sync(member, 0, 0).await.concat(), entries(1, &[secret]), "{member}");
        }
    }
}
