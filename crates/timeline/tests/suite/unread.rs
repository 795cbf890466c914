//! Clients that ask and do not read: what waits for them is bounded, and everybody else is told to
//! come again.

use std::future::pending;
use std::net::SocketAddr;
use std::time::Duration;

use tempfile::TempDir;
use timeline::embedded::EmbeddedStore;
use timeline::proto::v1::{SyncMessageReply, SyncMessageRequest, WatchRequest};
use timeline::store::{Append, Appended, GroupChange, InboxChanges, InboxWatchers};
use timeline::{
    Config, Conversation, Count, Group, GroupName, GroupPage, HistoryPage, InboxPage, MemberId, Message,
    NewMessage, PageRequest, Position, Seq, State, Timeline, embedded, grpc, http,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::transport::{Channel, Endpoint, Server};
use tonic::{Code, Request, Status, Streaming};
use tonic_prost::ProstCodec;
use tonic_types::StatusExt;

use crate::mocked;

const LIMIT: Duration = Duration::from_secs(60);
/// Room for two answers that are being made, and not for a third.
const ANSWER_BYTES: usize = 7 * 1024 * 1024;

/// A timeline in which bob has more than a page of unread messages.
async fn timeline(directory: &TempDir) -> Timeline {
    let store = EmbeddedStore::start(embedded::Config::new(directory.path())).await.unwrap();
    let timeline = Timeline::start(Config::default(), store).unwrap();
    let (from, to) = (MemberId::new("alice").unwrap(), MemberId::new("bob").unwrap());
    // Quotation marks, which JSON makes twice as long.
    let message = Message::new(format!("{{\"t\":[{}0]}}", "\"\",".repeat(20_000))).unwrap();
    for _ in 0..20 {
        let send = NewMessage::new(from.clone(), to.clone(), message.clone());
        timeline.send(send).await.unwrap();
    }
    timeline
}

/// A port whose connections have small buffers in the kernel, so that what is not read stays with
/// the server.
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
    ask_for(address, "/timeline/sync?member=bob&count=1000").await
}

async fn ask_for(address: SocketAddr, path: &str) -> (TcpStream, String) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(16 * 1024).unwrap();
    let mut stream = socket.connect(address).await.unwrap();
    let question = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
    stream.write_all(question.as_bytes()).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(timeout(LIMIT, stream.read_u8()).await.unwrap().unwrap());
    }
    (stream, String::from_utf8(head).unwrap())
}

/// Clients that do not read; more than there is room for.
const DEAF: usize = 8;

#[tokio::test]
async fn http_answers_that_nobody_reads_make_room_for_those_that_are_read() {
    let directory = tempfile::tempdir().unwrap();
    let timeline = timeline(&directory).await;
    let config = http::Config::default().answer_bytes_max(ANSWER_BYTES);
    let router = http::router(config, timeline).unwrap();
    let (listener, address) = listener();
    let mut server = JoinSet::new();
    server.spawn(async move { axum::serve(listener, router).await.unwrap() });

    let mut deaf = Vec::new();
    for number in 0..DEAF {
        let (stream, head) = ask(address).await;
        assert!(head.starts_with("HTTP/1.1 200"), "client {number}: {head}");
        deaf.push((stream, head));
    }
    let page = reqwest::get(format!("http://{address}/timeline/sync?member=bob&count=1000")).await.unwrap();
    assert!(page.json::<serde_json::Value>().await.unwrap()["entrySet"][0].is_object());
    // The first of those that stood still finds its answer cut when it reads after all.
    let (mut first, head) = deaf.swap_remove(0);
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
    let mut rest = Vec::new();
    let read = timeout(LIMIT, first.read_to_end(&mut rest)).await.unwrap();
    assert!(read.is_err() || rest.len() < length.parse().unwrap(), "{} of {length}", rest.len());
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
async fn grpc_answers_that_nobody_reads_make_room_for_those_that_are_read() {
    let directory = tempfile::tempdir().unwrap();
    let timeline = timeline(&directory).await;
    let config = grpc::Config::default().answer_bytes_max(ANSWER_BYTES);
    let (address, _server) = serve_grpc(timeline, config);
    // As the protocol has it, so that a client takes no more unasked.
    let endpoint = Endpoint::from_shared(format!("http://{address}")).unwrap();
    let endpoint = endpoint.initial_stream_window_size(65_535).initial_connection_window_size(65_535);
    let channel = endpoint.connect().await.unwrap();

    let mut deaf = Vec::new();
    for number in 0..DEAF {
        deaf.push(open(channel.clone()).await.unwrap_or_else(|status| panic!("stream {number}: {status}")));
    }
    let mut reader = open(endpoint.connect().await.unwrap()).await.unwrap();
    assert!(!timeout(LIMIT, reader.message()).await.unwrap().unwrap().unwrap().entry_set.is_empty());
    // The first of those that stood still finds its answer cut, once the connection has a window
    // for it.
    let mut first = deaf.swap_remove(0);
    drop(deaf);
    timeout(LIMIT, first.message()).await.unwrap().unwrap_err();
}

#[tokio::test]
async fn watchers_over_http_that_do_not_read_make_room_for_those_who_do() {
    let directory = tempfile::tempdir().unwrap();
    let timeline = timeline(&directory).await;
    let config = http::Config::default().answer_bytes_max(ANSWER_BYTES);
    let router = http::router(config, timeline).unwrap();
    let (listener, address) = listener();
    let mut server = JoinSet::new();
    server.spawn(async move { axum::serve(listener, router).await.unwrap() });

    let mut deaf = Vec::new();
    for _ in 0..DEAF {
        deaf.push(ask_for(address, "/timeline/watch?member=bob").await.0);
    }
    let url = format!("http://{address}/timeline/sync?member=bob&count=1000");
    // The watchers ask for room as well, and one of them may come first.
    let read = async { while !reqwest::get(&url).await.unwrap().status().is_success() {} };
    timeout(LIMIT, read).await.unwrap();
    // The first of those that stood still is cut, though a watch has no end of its own.
    let mut rest = Vec::new();
    let cut = timeout(LIMIT, deaf.swap_remove(0).read_to_end(&mut rest)).await.unwrap();
    assert!(cut.is_err() || !rest.ends_with(b"0\r\n\r\n"), "it ends as if it were whole");
}

#[tokio::test]
async fn watchers_over_grpc_that_do_not_read_make_room_for_those_who_do() {
    let directory = tempfile::tempdir().unwrap();
    let timeline = timeline(&directory).await;
    let config = grpc::Config::default().answer_bytes_max(ANSWER_BYTES);
    let (address, _server) = serve_grpc(timeline, config);
    let endpoint = Endpoint::from_shared(format!("http://{address}")).unwrap();
    let endpoint = endpoint.initial_stream_window_size(65_535).initial_connection_window_size(65_535);
    let mut deaf = Vec::new();
    for _ in 0..DEAF {
        let mut client = grpc::TimelineClient::new(endpoint.connect().await.unwrap());
        let request = WatchRequest { member: "bob".to_owned(), ..Default::default() };
        deaf.push(client.watch(request).await.unwrap().into_inner());
    }
    let read = async {
        let channel = endpoint.connect().await.unwrap();
        while open(channel.clone()).await.is_err() {}
    };
    timeout(LIMIT, read).await.unwrap();
    timeout(LIMIT, deaf.swap_remove(0).message()).await.unwrap().unwrap_err();
}

fn serve_grpc(timeline: Timeline, config: grpc::Config) -> (SocketAddr, JoinSet<()>) {
    let service = grpc::server(config, timeline).unwrap();
    let (listener, address) = listener();
    let mut server = JoinSet::new();
    server.spawn(async move {
        let incoming = TcpListenerStream::new(listener);
        Server::builder().add_service(service).serve_with_incoming(incoming).await.unwrap();
    });
    (address, server)
}

/// A store that never answers: what is reserved for its answers is not the readers' fault.
#[derive(Debug)]
struct Hanging;

mocked::store!(Hanging {
    async fn append(&self, _append: Append) -> timeline::Result<Appended> {
        pending().await
    }

    async fn inbox(&self, _member: &MemberId, _last: Position, _count: Count) -> timeline::Result<InboxPage> {
        pending().await
    }

    async fn history(
        &self,
        _conversation: &Conversation,
        _page: PageRequest,
    ) -> timeline::Result<HistoryPage> {
        pending().await
    }

    async fn ack(&self, _member: &MemberId, _sequence: Seq) -> timeline::Result<Seq> {
        pending().await
    }

    fn inbox_changes(&self, member: &MemberId) -> InboxChanges {
        InboxWatchers::default().subscribe(member)
    }

    async fn received(&self, _member: &MemberId, _sequence: Seq) -> timeline::Result<Seq> {
        pending().await
    }

    async fn received_of(&self, _member: &MemberId) -> timeline::Result<Seq> {
        pending().await
    }

    async fn change_group(&self, _group: &GroupName, _change: GroupChange) -> timeline::Result<Group> {
        pending().await
    }

    async fn group(&self, _group: &GroupName) -> timeline::Result<Option<Group>> {
        pending().await
    }

    async fn groups_of(
        &self,
        _member: &MemberId,
        _after: Option<&GroupName>,
        _count: Count,
    ) -> timeline::Result<GroupPage> {
        pending().await
    }

    fn state(&self) -> watch::Receiver<State> {
        watch::channel(State::Well).1
    }

    async fn shutdown(&self, _grace: Duration) -> bool {
        true
    }
});

#[tokio::test]
async fn a_read_that_finds_no_room_is_told_to_come_again() {
    let timeline = Timeline::start(Config::default(), Hanging).unwrap();
    let config = http::Config::default().answer_bytes_max(ANSWER_BYTES);
    let router = http::router(config, timeline.clone()).unwrap();
    let (listener, address) = listener();
    let mut tasks = JoinSet::new();
    tasks.spawn(async move { axum::serve(listener, router).await.unwrap() });
    // Whichever of these comes last finds no room.
    let mut asking = JoinSet::new();
    for _ in 0..3 {
        asking.spawn(ask(address));
    }
    let (mut refused, refusal) = timeout(LIMIT, asking.join_next()).await.unwrap().unwrap().unwrap();
    assert!(refusal.starts_with("HTTP/1.1 503") && refusal.contains("retry-after: 1\r\n"), "{refusal}");
    let body = "{\"code\":503,\"reason\":\"TIMELINE_BUSY\",\"message\":\"";
    let mut begin = vec![0; body.len()];
    refused.read_exact(&mut begin).await.unwrap();
    assert_eq!(String::from_utf8(begin).unwrap(), body);

    let config = grpc::Config::default().answer_bytes_max(ANSWER_BYTES);
    let (address, _server) = serve_grpc(timeline, config);
    let channel = Endpoint::from_shared(format!("http://{address}")).unwrap().connect().await.unwrap();
    let mut asking = JoinSet::new();
    for _ in 0..3 {
        asking.spawn(open(channel.clone()));
    }
    let refusal = timeout(LIMIT, asking.join_next()).await.unwrap().unwrap().unwrap().unwrap_err();
    assert_eq!(refusal.code(), Code::ResourceExhausted);
    assert_eq!(refusal.get_details_error_info().unwrap().reason, "TIMELINE_BUSY");
    let retry = refusal.get_details_retry_info().unwrap().retry_delay;
    assert_eq!(retry, Some(Duration::from_secs(1)));
}
