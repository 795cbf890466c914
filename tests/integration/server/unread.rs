//! Clients that ask for everything and read nothing: the server's memory does not grow with them.

use std::fs;
use std::net::SocketAddr;
use std::time::Duration;

use serde_json::{Value, json};
use tests::Tidings;
use tidings::timeline::proto::v1::{SyncMessageReply, SyncMessageRequest};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Status, Streaming};
use tonic_prost::ProstCodec;

pub(super) const LIMIT: Duration = Duration::from_secs(60);
/// What the server may grow by: 64 MiB of answers, what they are made from, and slack.
const GROWTH_KIB: u64 = 200 * 1024;
/// 60 KB each, so that the inbox has four pages.
const MESSAGES: u64 = 60;

/// The most memory that the server has ever had, in KiB.
pub(super) fn peak(server: &Tidings) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", server.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// Fills the inbox of bob with 4 MB, as JSON twice as much.
pub(super) async fn fill(server: &Tidings) {
    let message = format!("{{\"t\":[{}0]}}", "\"\",".repeat(20_000));
    let body = json!({ "from": "alice", "to": "bob", "message": message }).to_string();
    let client = reqwest::Client::new();
    for _ in 0..MESSAGES {
        let request = client.post(server.url("/timeline/send")).header("content-type", "application/json");
        let sent = request.body(body.clone()).send().await.unwrap();
        assert_eq!(sent.status().as_u16(), 200);
    }
}

/// Asks for a page over a connection of its own, and reads no further than the status.
async fn ask(address: SocketAddr) -> (TcpStream, bool) {
    ask_often(address, 1).await
}

/// The same with so many questions at once.
pub(super) async fn ask_often(address: SocketAddr, times: usize) -> (TcpStream, bool) {
    let socket = TcpSocket::new_v4().unwrap();
    // With less than this the system drops what comes now and then, and sends it again ever later.
    socket.set_recv_buffer_size(16 * 1024).unwrap();
    let mut stream = socket.connect(address).await.unwrap();
    let question =
        "GET /timeline/sync?member=bob&count=1000 HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(times);
    stream.write_all(question.as_bytes()).await.unwrap();
    let mut status = [0; 12];
    stream.read_exact(&mut status).await.unwrap();
    assert!(matches!(&status, b"HTTP/1.1 200" | b"HTTP/1.1 503"));
    (stream, &status == b"HTTP/1.1 200")
}

/// Waits until each has the status of its first answer.
///
/// If one gets none in time, it says how far the system is with each connection: whether the server
/// has written nothing, or what it wrote was not delivered.
pub(super) async fn answered(
    server: &Tidings,
    mut asking: JoinSet<(TcpStream, bool)>,
) -> Vec<(TcpStream, bool)> {
    let of = asking.len();
    let mut answered = Vec::new();
    while let Some(next) = timeout(LIMIT, asking.join_next()).await.unwrap_or_else(|_| {
        let port = format!(":{:04X} ", server.http().port());
        let sockets = fs::read_to_string("/proc/net/tcp").unwrap();
        let sockets: Vec<_> = sockets.lines().filter(|line| line.contains(&port)).collect();
        panic!("{} of {of} are answered or refused:\n{}", answered.len(), sockets.join("\n"));
    }) {
        answered.push(next.unwrap());
    }
    answered
}

#[tokio::test]
async fn forty_http_clients_that_do_not_read_cost_a_bounded_memory() {
    let server = Tidings::start();
    fill(&server).await;
    let before = peak(&server);
    let mut asking = JoinSet::new();
    for _ in 0..40 {
        asking.spawn(ask(server.http()));
    }
    let deaf = answered(&server, asking).await;
    let grown = peak(&server) - before;
    assert!(grown < GROWTH_KIB, "40 requests took {grown} KiB");
    assert!(deaf.iter().any(|(_, answered)| *answered));
    drop(deaf);

    // Who reads is served again, page by page and without a gap.
    let client = reqwest::Client::new();
    let mut last_read = 0;
    while last_read < MESSAGES {
        let url = server.url(&format!("/timeline/sync?member=bob&count=1000&last_read={last_read}"));
        let answer = client.get(url).send().await.unwrap();
        if answer.status().as_u16() == 503 {
            assert_eq!(answer.headers()["retry-after"], "1");
            continue;
        }
        let page: Value = answer.json().await.unwrap();
        for entry in page["entrySet"].as_array().unwrap() {
            last_read += 1;
            assert_eq!(entry["sequence"], last_read.to_string());
        }
    }
}

/// How a client comes that takes no more unasked than the protocol has it.
pub(super) fn endpoint(server: &Tidings) -> Endpoint {
    let endpoint = Endpoint::from_shared(format!("http://{}", server.grpc())).unwrap();
    endpoint.initial_stream_window_size(65_535).initial_connection_window_size(65_535)
}

/// Asks for a page, and reads no further than the head of the answer.
pub(super) async fn open(channel: Channel) -> Result<Streaming<SyncMessageReply>, Status> {
    let mut client = tonic::client::Grpc::new(channel);
    client.ready().await.unwrap();
    let request = SyncMessageRequest { member: "bob".to_owned(), count: 1_000, ..Default::default() };
    let path = PathAndQuery::from_static("/timeline.v1.Timeline/GetSyncMessage");
    let codec = ProstCodec::<SyncMessageRequest, SyncMessageReply>::default();
    Ok(client.server_streaming(Request::new(request), path, codec).await?.into_inner())
}

#[tokio::test]
async fn sixty_grpc_streams_that_nobody_reads_cost_a_bounded_memory() {
    let server = Tidings::start();
    fill(&server).await;
    let before = peak(&server);
    let endpoint = endpoint(&server);
    let mut asking = JoinSet::new();
    for _ in 0..4 {
        let channel = endpoint.connect().await.unwrap();
        for _ in 0..15 {
            asking.spawn(open(channel.clone()));
        }
    }
    let deaf = timeout(LIMIT, asking.join_all()).await.expect("each is answered or refused");
    let grown = peak(&server) - before;
    assert!(grown < GROWTH_KIB, "60 streams took {grown} KiB");
    assert!(deaf.iter().any(Result::is_ok));
    let refused = deaf.iter().filter_map(|answer| answer.as_ref().err());
    assert!(refused.clone().all(|status| status.code() == Code::ResourceExhausted));
    assert!(refused.count() > 0, "there is no room for all of them");
    drop(deaf);
    let channel = endpoint.connect().await.unwrap();
    let welcome = async { while open(channel.clone()).await.is_err() {} };
    timeout(LIMIT, welcome).await.expect("there is room again");
}
