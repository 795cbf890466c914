//! Inboxes that are watched through the server: they end with logins, and hold up no stop.

use std::time::Duration;

use reqwest::Client;
use serde_json::{Value, json};
use tests::Tidings;
use tidings::timeline::grpc::TimelineClient;
use tidings::timeline::proto::v1::{SendMessageRequest, SyncMessageReply, WatchRequest};
use tokio::time::timeout;
use tonic::metadata::MetadataValue;
use tonic::transport::Endpoint;
use tonic::{Code, Request, Streaming};

use super::listener::Listener;
use crate::issuer::Issuer;

/// A time that only a hang reaches.
const LIMIT: Duration = Duration::from_secs(60);
/// Long enough for a busy machine to do what comes before it.
const SHORT: u64 = 4;
const LONG: u64 = 3_600;

async fn client(server: &Tidings) -> TimelineClient<tonic::transport::Channel> {
    let endpoint = Endpoint::from_shared(format!("http://{}", server.grpc())).unwrap();
    TimelineClient::new(endpoint.connect().await.unwrap())
}

/// A watch over gRPC of the inbox of whoever the token is of.
async fn watch(server: &Tidings, token: &str) -> Streaming<SyncMessageReply> {
    let mut request = Request::new(WatchRequest::default());
    let token = MetadataValue::try_from(format!("Bearer {token}")).unwrap();
    request.metadata_mut().insert("authorization", token);
    client(server).await.watch(request).await.unwrap().into_inner()
}

async fn send(server: &Tidings, token: &str, body: &Value) -> u16 {
    let request = Client::new().post(server.url("/timeline/send")).bearer_auth(token).json(body);
    request.send().await.unwrap().status().as_u16()
}

#[tokio::test]
async fn a_watch_tells_what_comes_and_ends_with_the_login_of_its_caller() {
    let issuer = Issuer::new();
    let server = issuer.start(&[]);
    let (bob, alice) = (issuer.token("bob", SHORT), issuer.token("alice", LONG));
    let (mut events, mut pages) = (Listener::inbox(&server, &bob).await, watch(&server, &bob).await);
    assert_eq!(send(&server, &alice, &json!({ "to": "bob", "message": { "n": 1 } })).await, 200);
    let heard = events.next().await.unwrap();
    assert_eq!((heard.event.as_str(), &heard.data["latestSeq"]), ("entries", &json!("1")));
    assert_eq!(heard.data["entrySet"][0]["message"], "{\"n\":1}");
    assert_eq!(pages.message().await.unwrap().unwrap().latest_seq, 1);
    let last = events.next().await.unwrap();
    assert_eq!((last.event.as_str(), &last.data["reason"]), ("ended", &json!("UNAUTHENTICATED")));
    assert_eq!(events.next().await, None);
    let ended = timeout(LIMIT, pages.message()).await.expect("it ends").unwrap_err();
    assert_eq!(ended.code(), Code::Unauthenticated);
}

#[tokio::test]
async fn more_than_a_thousand_inboxes_are_watched_where_there_are_places() {
    let server = Tidings::start_with(&["--grpc-connections=2400", "--connections=100"]);
    let mut watches = Vec::new();
    while watches.len() < 1_100 {
        let mut client = client(&server).await;
        // A connection carries 32 calls at once.
        for _ in 0..32 {
            let request = WatchRequest { member: format!("member-{}", watches.len()), ..Default::default() };
            let watch = client.watch(request).await;
            let watch = watch.unwrap_or_else(|status| panic!("watch {}: {status}", watches.len()));
            watches.push(watch.into_inner());
        }
    }
}

#[tokio::test]
async fn watches_hold_up_no_stop() {
    let mut server = Tidings::start_with(&["--shutdown-time=10m"]);
    let member = || WatchRequest { member: "bob".to_owned(), ..Default::default() };
    let mut client = client(&server).await;
    let mut pages = client.watch(member()).await.unwrap().into_inner();
    let mut events = Client::new().get(server.url("/timeline/watch?member=bob")).send().await.unwrap();
    let request =
        SendMessageRequest { from: "a".into(), to: "bob".into(), message: "{}".into(), ..Default::default() };
    client.send(request).await.unwrap();
    assert_eq!(pages.message().await.unwrap().unwrap().latest_seq, 1);
    server.signal("TERM");
    let ended = timeout(LIMIT, pages.message()).await.expect("it ends").unwrap_err();
    assert_eq!(ended.code(), Code::Unavailable);
    let rest = async { while events.chunk().await.unwrap().is_some() {} };
    timeout(LIMIT, rest).await.expect("it ends");
    assert_eq!(server.wait().code(), Some(0));
}
