//! Calls of gRPC that have no end: they keep no place, are answered when every place is busy, and
//! hold up no stop.

use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use tests::Tidings;
use tidings::timeline::grpc::TimelineClient;
use tidings::timeline::proto::v1::SendMessageRequest;
use tokio::time::timeout;
use tonic::{Code, Status, Streaming};
use tonic_health::pb::health_client::HealthClient;
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};
use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;

use super::unread::{LIMIT, endpoint, fill, open};

const SERVING: i32 = 1;
const NOT_SERVING: i32 = 2;

/// A watch of the server's health over a connection of its own, when it has said that all is well.
async fn watch(server: &Tidings) -> Result<Streaming<HealthCheckResponse>, Status> {
    let opened = async {
        let channel = endpoint(server).connect().await.unwrap();
        let mut stream = HealthClient::new(channel).watch(HealthCheckRequest::default()).await?.into_inner();
        assert_eq!(stream.message().await?.map(|answer| answer.status), Some(SERVING));
        Ok(stream)
    };
    timeout(LIMIT, opened).await.expect("it is answered")
}

/// Sends a message over a connection of its own.
async fn send(server: &Tidings) -> Result<(), Status> {
    let request =
        SendMessageRequest { from: "a".into(), to: "b".into(), message: "{}".into(), ..Default::default() };
    let mut client = TimelineClient::new(endpoint(server).connect().await.unwrap());
    timeout(LIMIT, client.send(request)).await.expect("it is answered").map(drop)
}

#[tokio::test]
async fn watches_of_health_keep_no_place() {
    let server = Tidings::start_with(&["--grpc-connections=20", "--request-time=10m"]);
    let mut watches = Vec::new();
    // More than there are places, with those that are reserved for health.
    for number in 0..60 {
        let watch = watch(&server).await.unwrap_or_else(|status| panic!("watch {number}: {status}"));
        watches.push(watch);
    }
    send(&server).await.unwrap();
    // The oldest have made room, and the newest goes on.
    let oldest = timeout(LIMIT, watches[0].message()).await.expect("it is over");
    assert!(!matches!(oldest, Ok(Some(_))), "{oldest:?}");
    let newest = timeout(Duration::from_millis(200), watches[59].message()).await;
    assert!(newest.is_err(), "{newest:?}");
}

#[tokio::test]
async fn a_watch_of_health_is_answered_when_every_place_is_busy() {
    let server = Tidings::start_with(&["--grpc-connections=2", "--request-time=10m"]);
    fill(&server).await;
    let mut tries = 1;
    // After a second answers that nobody reads are slow, and on a busy machine that is not long.
    while !is_full(&server).await {
        assert!(tries < 20, "it is never full");
        tries += 1;
    }
}

/// Takes both places, watches health meanwhile, and returns whether they were taken at the
/// beginning.
async fn is_full(server: &Tidings) -> bool {
    let mut busy = Vec::new();
    for _ in 0..2 {
        let channel = endpoint(server).connect().await.unwrap();
        busy.push(timeout(LIMIT, open(channel)).await.unwrap());
    }
    let refused = send(server).await.is_err_and(|status| status.code() == Code::Unavailable);
    let mut watches = Vec::new();
    // More than the places that are reserved for health.
    for _ in 0..20 {
        watches.push(watch(server).await.unwrap());
    }
    refused
}

#[tokio::test]
async fn calls_without_an_end_hold_up_no_stop() {
    let mut server = Tidings::start_with(&["--shutdown-time=10m"]);
    let mut watch = watch(&server).await.unwrap();
    let question = ServerReflectionRequest {
        host: String::new(),
        message_request: Some(MessageRequest::ListServices(String::new())),
    };
    let mut client = ServerReflectionClient::new(endpoint(&server).connect().await.unwrap());
    let questions = stream::iter([question]).chain(stream::pending());
    let mut answers = client.server_reflection_info(questions).await.unwrap().into_inner();
    assert!(answers.message().await.unwrap().is_some());
    server.signal("TERM");
    let mut last = None;
    while let Some(answer) = timeout(LIMIT, watch.message()).await.expect("it ends").unwrap() {
        last = Some(answer.status);
    }
    assert_eq!(last, Some(NOT_SERVING));
    assert!(timeout(LIMIT, answers.message()).await.expect("it ends").unwrap().is_none());
    assert_eq!(server.wait().code(), Some(0));
}
