//! Clients that ask and do not read: what waits for them is bounded, and everybody else is told to come again.
#![expect(clippy::unwrap_used, reason = "a failed call fails the test")]

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;
use timeline::embedded::EmbeddedStore;
use timeline::proto::v1::{SyncMessageReply, SyncMessageRequest};
use timeline::{Config, MemberId, Message, Send, Timeline, embedded, grpc, http};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::transport::{Channel, Endpoint, Server};
use tonic::{Code, Request, Status, Streaming};
use tonic_prost::ProstCodec;
use tonic_types::StatusExt;

const LIMIT: Duration = Duration::from_secs(30);
/// Room for three answers of a page of `bob`'s inbox, and not for a fourth.
const ANSWER_BYTES: usize = 7 * 1024 * 1024;

/// A timeline in which bob has more than a page of unread messages.
async fn timeline(directory: &TempDir) -> Timeline {
    let store = EmbeddedStore::open(embedded::Config::new(directory.path()), Arc::new(())).await.unwrap();
    let timeline = Timeline::new(Arc::new(store), Config::default()).unwrap();
    let (from, to) = (MemberId::new("alice").unwrap(), MemberId::new("bob").unwrap());
    // Quotation marks, which JSON makes twice as long.
    let message = Message::new(format!("{{\"t\":[{}0]}}", "\"\",".repeat(20_000))).unwrap();
    for _ in 0..20 {
        let send = Send { from: from.clone(), to: to.clone(), message: message.clone(), message_id: None };
        timeline.send(send).await.unwrap();
    }
    timeline
}

/// A port whose connections have small buffers in the kernel, so that what is not read stays with the server.
fn listener() -> (tokio::net::TcpListener, SocketAddr) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_send_buffer_size(16 * 1024).unwrap();
    socket.bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    let listener = socket.listen(64).unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

/// Asks for a page and reads the head of the answer alone.
async fn ask(address: SocketAddr) -> (TcpStream, String) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(16 * 1024).unwrap();
    let mut stream = socket.connect(address).await.unwrap();
    let question = "GET /timeline/sync?member=bob&count=1000 HTTP/1.1\r\nHost: localhost\r\n\r\n";
    stream.write_all(question.as_bytes()).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(timeout(LIMIT, stream.read_u8()).await.unwrap().unwrap());
    }
    (stream, String::from_utf8(head).unwrap())
}

#[tokio::test]
async fn http_answers_that_nobody_reads_are_bounded_in_bytes() {
    let directory = tempfile::tempdir().unwrap();
    let timeline = timeline(&directory).await;
    let mut config = http::Config::default();
    config.answer_bytes_max = ANSWER_BYTES;
    let router = http::router(timeline.clone(), &config).unwrap();
    let (listener, address) = listener();
    let mut server = JoinSet::new();
    server.spawn(async move { axum::serve(listener, router).await.unwrap() });

    let mut deaf = Vec::new();
    let (mut refused, refusal) = loop {
        let (stream, head) = ask(address).await;
        if !head.starts_with("HTTP/1.1 200") {
            break (stream, head);
        }
        deaf.push(stream);
        assert!(deaf.len() <= 3, "answers of {} clients are kept", deaf.len());
    };
    assert!(refusal.starts_with("HTTP/1.1 503") && refusal.contains("retry-after: 1\r\n"), "{refusal}");
    let body = "{\"code\":503,\"reason\":\"TIMELINE_BUSY\",\"message\":\"";
    let mut begin = vec![0; body.len()];
    refused.read_exact(&mut begin).await.unwrap();
    assert_eq!(String::from_utf8(begin).unwrap(), body);

    // Sends go on, and so do reads as soon as one of the others has gone away.
    let me = MemberId::new("carol").unwrap();
    let message = Message::new("{}").unwrap();
    timeline.send(Send { from: me.clone(), to: me, message, message_id: None }).await.unwrap();
    drop(deaf);
    let welcome = async { while !ask(address).await.1.starts_with("HTTP/1.1 200") {} };
    timeout(LIMIT, welcome).await.unwrap();
}

/// Asks for a page and reads the head of the answer alone.
async fn open(channel: Channel) -> Result<Streaming<SyncMessageReply>, Status> {
    let mut client = tonic::client::Grpc::new(channel);
    client.ready().await.unwrap();
    let request = SyncMessageRequest { member: "bob".to_owned(), count: 1_000, ..Default::default() };
    let path = PathAndQuery::from_static("/timeline.v1.Timeline/GetSyncMessage");
    let codec = ProstCodec::<SyncMessageRequest, SyncMessageReply>::default();
    let answer = client.server_streaming(Request::new(request), path, codec);
    Ok(timeout(LIMIT, answer).await.unwrap()?.into_inner())
}

#[tokio::test]
async fn grpc_answers_that_nobody_reads_are_bounded_in_bytes() {
    let directory = tempfile::tempdir().unwrap();
    let timeline = timeline(&directory).await;
    let mut config = grpc::Config::default();
    config.answer_bytes_max = ANSWER_BYTES;
    let service = grpc::server(timeline.clone(), &config).unwrap();
    let (listener, address) = listener();
    let mut server = JoinSet::new();
    server.spawn(async move {
        let incoming = TcpListenerStream::new(listener);
        Server::builder().add_service(service).serve_with_incoming(incoming).await.unwrap();
    });
    // As the protocol has it, so that a client takes no more unasked.
    let endpoint = Endpoint::from_shared(format!("http://{address}")).unwrap();
    let endpoint = endpoint.initial_stream_window_size(65_535).initial_connection_window_size(65_535);
    let channel = endpoint.connect().await.unwrap();

    let mut deaf = Vec::new();
    let refusal = loop {
        match open(channel.clone()).await {
            Ok(stream) => deaf.push(stream),
            Err(status) => break status,
        }
        assert!(deaf.len() <= 3, "answers of {} streams are kept", deaf.len());
    };
    assert_eq!(refusal.code(), Code::ResourceExhausted);
    assert_eq!(refusal.get_details_error_info().unwrap().reason, "TIMELINE_BUSY");
    let retry = refusal.get_details_retry_info().unwrap().retry_delay;
    assert_eq!(retry, Some(Duration::from_secs(1)));

    // One that reads in the end gets its page whole, once the others let go of the connection's window.
    let mut late = deaf.pop().unwrap();
    drop(deaf);
    let page = timeout(LIMIT, late.message()).await.unwrap().unwrap().unwrap();
    assert!(!page.entry_set.is_empty());
    let welcome = async { while open(channel.clone()).await.is_err() {} };
    timeout(LIMIT, welcome).await.unwrap();
}
