//! Requests that begin and never end: they keep neither places nor memory from those who come with
//! a whole one.

use std::iter;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use futures_util::{StreamExt as _, stream};
use serde_json::{Value, json};
use tests::Tidings;
use tidings::timeline::grpc::TimelineClient;
use tidings::timeline::proto::v1::{SendMessageReply, SendMessageRequest};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tonic::codegen::http::uri::PathAndQuery;
use tonic::transport::Endpoint;
use tonic::{Code, Request, Status, Streaming};
use tonic_prost::ProstCodec;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::{ServerReflectionRequest, ServerReflectionResponse};

use super::unread::{LIMIT, endpoint, peak};

/// More than a mebibyte each of these would be more than there may be.
const UPLOADS: usize = 100;
const UPLOAD: usize = 1_000_000;

/// A request that has sent so much of its body, and no more ever comes.
async fn unfinished(server: &Tidings, bytes: usize) -> TcpStream {
    let mut socket = TcpStream::connect(server.http()).await.unwrap();
    let head = format!(
        "POST /timeline/send HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        bytes + 1
    );
    socket.write_all(head.as_bytes()).await.unwrap();
    // One that is cut off is no failure here.
    _ = socket.write_all(&vec![b' '; bytes]).await;
    socket
}

async fn send(server: &Tidings) -> (u16, Value) {
    let body = json!({ "from": "alice", "to": "bob", "message": "{}" });
    let request = reqwest::Client::new().post(server.url("/timeline/send")).json(&body);
    let answer = timeout(LIMIT, request.send()).await.unwrap().unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

#[tokio::test]
async fn half_finished_requests_keep_no_place() {
    let server = Tidings::start_with(&["--http-connections=20", "--request-time=10m"]);
    let sockets = join_all((0..100).map(|_| unfinished(&server, 1))).await;
    // Those that were not taken for busy yet have made room by then.
    let full = async { while send(&server).await.0 == 200 {} };
    let was_full = timeout(Duration::from_secs(2), full).await.is_ok();
    // As soon as it is seen that they stand still, which is long before their time is over.
    let welcome = async { while send(&server).await.0 != 200 {} };
    timeout(LIMIT, welcome)
        .await
        .unwrap_or_else(|_| panic!("no place for a whole request; was it full? {was_full}"));
    drop(sockets);
}

#[tokio::test]
async fn half_finished_calls_of_grpc_keep_no_place() {
    let server = Tidings::start_with(&["--grpc-connections=20", "--request-time=10m"]);
    let mut calls = JoinSet::new();
    for _ in 0..40 {
        let endpoint = endpoint(&server);
        calls.spawn(async move {
            let mut client = tonic::client::Grpc::new(endpoint.connect().await.unwrap());
            client.ready().await.unwrap();
            let path = PathAndQuery::from_static("/timeline.v1.Timeline/Send");
            let codec = ProstCodec::<SendMessageRequest, SendMessageReply>::default();
            client.client_streaming(Request::new(stream::pending()), path, codec).await.map(drop)
        });
    }
    // Refused or cut off, as there are twice as many as places.
    for _ in 0..20 {
        timeout(LIMIT, calls.join_next()).await.unwrap().unwrap().unwrap().unwrap_err();
    }
    let welcome = async {
        loop {
            let channel = endpoint(&server).connect().await.unwrap();
            let request = SendMessageRequest {
                from: "a".into(),
                to: "b".into(),
                message: "{}".into(),
                ..Default::default()
            };
            if TimelineClient::new(channel).send(request).await.is_ok() {
                return;
            }
        }
    };
    timeout(LIMIT, welcome).await.expect("there is a place for a whole call");
}

#[tokio::test]
async fn large_bodies_that_are_never_finished_cost_a_bounded_memory_and_nobody_else() {
    let server = Tidings::start_with(&["--request-time=1m"]);
    let before = peak(&server);
    let mut uploads = JoinSet::new();
    for _ in 0..UPLOADS {
        let (address, piece) = (server.http(), vec![b' '; UPLOAD]);
        uploads.spawn(async move {
            let mut socket = TcpStream::connect(address).await.unwrap();
            let head = format!(
                "POST /timeline/send HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: \
                 {}\r\n\r\n",
                UPLOAD + 1
            );
            socket.write_all(head.as_bytes()).await.unwrap();
            _ = socket.write_all(&piece).await;
            let mut status = [0; 12];
            (socket.read_exact(&mut status).await.is_ok().then_some(status), socket)
        });
    }
    // Whoever is told to go has found no room, or made room for another.
    let (told, socket) = timeout(LIMIT, uploads.join_next()).await.unwrap().unwrap().unwrap();
    assert!(matches!(told.as_ref(), None | Some(b"HTTP/1.1 408" | b"HTTP/1.1 503")), "{told:?}");
    drop(socket);
    // A machine that is busy with other things may need more than the second that a request waits
    // for room.
    for _ in 0..5 {
        let welcome = async { while send(&server).await.0 != 200 {} };
        timeout(LIMIT, welcome).await.expect("there is room");
    }
    let grown = peak(&server).saturating_sub(before);
    assert!(grown < 90 * 1024, "{UPLOADS} bodies took {grown} KiB");
    let text = reqwest::get(server.url("/metrics")).await.unwrap().text().await.unwrap();
    assert!(text.contains("tidings_body_bytes_in_flight "), "{text}");
}

/// A question about reflection, which every other service can read, too.
fn question(bytes: usize) -> ServerReflectionRequest {
    let message_request = Some(MessageRequest::ListServices(String::new()));
    ServerReflectionRequest { host: "x".repeat(bytes), message_request }
}

/// Sends a call almost as many bytes as all bodies may have, then a few from time to time, and
/// reads what is answered.
async fn pour(endpoint: Endpoint, path: &'static str) -> Result<(), Status> {
    let mut client = tonic::client::Grpc::new(endpoint.connect().await.unwrap());
    client.ready().await.unwrap();
    let haste = stream::iter(iter::repeat_n(question(4_000), 8_300));
    let drops = stream::unfold((), async |()| {
        sleep(Duration::from_millis(100)).await;
        Some((question(0), ()))
    });
    let codec = ProstCodec::<ServerReflectionRequest, ServerReflectionResponse>::default();
    let questions = Request::new(haste.chain(drops));
    let answers = client.streaming(questions, PathAndQuery::from_static(path), codec);
    let mut answers = answers.await?.into_inner();
    while answers.message().await?.is_some() {}
    Ok(())
}

/// Asks far more than is read, over a connection of its own, and takes no answer: it gives them no
/// window. Its client is alive and answers pings. `asked` counts the questions that were sent.
async fn ask_in_vain(endpoint: Endpoint, asked: Arc<AtomicUsize>) -> Streaming<ServerReflectionResponse> {
    let endpoint = endpoint.initial_stream_window_size(0);
    let mut client = tonic::client::Grpc::new(endpoint.connect().await.unwrap());
    client.ready().await.unwrap();
    let questions = stream::iter(iter::repeat_n(question(4_000), 300));
    let questions = questions.inspect(move |_| {
        asked.fetch_add(1, Ordering::Relaxed);
    });
    let path = PathAndQuery::from_static("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo");
    let codec = ProstCodec::<ServerReflectionRequest, ServerReflectionResponse>::default();
    let questions = Request::new(questions.chain(stream::pending()));
    client.streaming(questions, path, codec).await.unwrap().into_inner()
}

/// Waits until nothing more is sent, however long that takes: until then what the server holds may
/// grow.
async fn stands_still(asked: &AtomicUsize) {
    let mut before = 0;
    loop {
        let now = asked.load(Ordering::Relaxed);
        if now > 0 && now == before {
            return;
        }
        before = now;
        sleep(Duration::from_secs(2)).await;
    }
}

/// What they send ahead is counted nowhere, as no service has read it.
#[tokio::test]
async fn calls_whose_answers_nobody_takes_cost_a_bounded_memory_and_nobody_else() {
    const CALLS: usize = 300;
    // Each may send 256 KiB ahead, and there is room for the connections themselves. Without a
    // bound each sends more than a mebibyte.
    const GROWTH_KIB: u64 = 200 * 1024;
    let server = Tidings::start_with(&["--request-time=10m"]);
    let before = peak(&server);
    let asked = Arc::new(AtomicUsize::new(0));
    let mut asking = JoinSet::new();
    for _ in 0..CALLS {
        asking.spawn(ask_in_vain(endpoint(&server), Arc::clone(&asked)));
    }
    let unread = timeout(LIMIT, asking.join_all()).await.expect("each is answered");
    timeout(LIMIT, stands_still(&asked)).await.expect("the server does not take everything");
    let grown = peak(&server).saturating_sub(before);
    assert!(grown < GROWTH_KIB, "{CALLS} calls took {grown} KiB");
    assert_eq!(send(&server).await.0, 200);
    drop(unread);
}

#[tokio::test]
async fn a_call_whose_answers_nobody_takes_is_ended() {
    let server = Tidings::start_with(&["--request-time=3s"]);
    let mut answers = ask_in_vain(endpoint(&server), Arc::default()).await;
    let end = timeout(LIMIT, answers.message()).await.expect("it is ended");
    assert!(!matches!(end, Ok(Some(_))), "{end:?}");
}

/// A call of one message is read to its end as well, whatever it sends.
#[tokio::test]
async fn calls_that_never_stop_sending_are_ended_and_keep_no_memory() {
    let server = Tidings::start_with(&["--request-time=10m"]);
    for (path, ends_well) in [
        ("/grpc.health.v1.Health/Check", false),
        ("/grpc.health.v1.Health/Watch", false),
        ("/timeline.v1.Timeline/Send", false),
        ("/timeline.v1.Timeline/GetSyncMessage", false),
        // What was asked is answered; the rest is for another call.
        ("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", true),
        ("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", true),
    ] {
        let mut calls = JoinSet::new();
        calls.spawn(pour(endpoint(&server), path));
        let ended = timeout(LIMIT, calls.join_next()).await.ok();
        // Almost as large as one may be.
        let message = json!({ "from": "alice", "to": "bob", "message": "{}" }).to_string();
        let request = reqwest::Client::new().post(server.url("/timeline/send"));
        let request = request.header("content-type", "application/json");
        let sent = request.body(message + &" ".repeat(900_000)).send().await.unwrap();
        assert_eq!(sent.status(), 200, "{path}; it was ended: {}", ended.is_some());
        let end = ended.expect("it is ended").unwrap().unwrap();
        let expected = ends_well.then_some(()).ok_or(Code::ResourceExhausted);
        assert_eq!(end.map_err(|status| status.code()), expected, "{path}");
    }
}
