//! The gRPC service, over a bound port, with its own client.

use std::time::Duration;

use tempfile::TempDir;
use timeline::embedded::EmbeddedStore;
use timeline::grpc::TimelineClient;
use timeline::proto::{FILE_DESCRIPTOR_SET, v1};
use timeline::{Config, Timeline, embedded, grpc};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::transport::{Channel, Server};
use tonic::{Code, Status};
use tonic_types::StatusExt;

/// A time that only a hang reaches.
const GRACE: Duration = Duration::from_secs(60);

struct Served {
    client: TimelineClient<Channel>,
    timeline: Timeline,
    _server: JoinSet<()>,
    _directory: TempDir,
}

impl Served {
    async fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let store = EmbeddedStore::start(embedded::Config::new(directory.path())).await.unwrap();
        let timeline = Timeline::start(Config::default(), store).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let mut server = JoinSet::new();
        let service = grpc::server(grpc::Config::default(), timeline.clone()).unwrap();
        server.spawn(async move {
            let incoming = TcpListenerStream::new(listener);
            Server::builder().add_service(service).serve_with_incoming(incoming).await.unwrap();
        });
        let client = TimelineClient::connect(address).await.unwrap();
        Self { client, timeline, _server: server, _directory: directory }
    }
}

fn send(from: &str, to: &str, message: &str) -> v1::SendMessageRequest {
    v1::SendMessageRequest {
        from: from.to_owned(),
        to: to.to_owned(),
        message: message.to_owned(),
        message_id: String::new(),
    }
}

/// The fields of the original.
fn texts(entries: &[v1::TimelineEntry]) -> Vec<(i64, &str)> {
    entries.iter().map(|entry| (entry.sequence, entry.message.as_str())).collect()
}

#[tokio::test]
async fn every_call_answers() {
    let mut served = Served::start().await;
    let client = &mut served.client;
    for (message, sequence) in [("{\"n\":1}", 1), ("{\"n\":2}", 2)] {
        let reply = client.send(send("a", "b", message)).await.unwrap().into_inner();
        assert_eq!(reply, v1::SendMessageReply { sequence, place: sequence });
    }
    let request = v1::SendGroupRequest {
        group_name: "g".to_owned(),
        group_members: vec!["a".to_owned(), "b".to_owned()],
        message: "{\"n\":3}".to_owned(),
        message_id: "id".to_owned(),
        ..Default::default()
    };
    for _ in 0..2 {
        let reply = client.send_group(request.clone()).await.unwrap().into_inner();
        assert_eq!(reply, v1::SendGroupReply { failed_members: Vec::new(), place: 1 });
    }
    let request = v1::SyncMessageRequest { member: "b".to_owned(), last_read: 1, ..Default::default() };
    let reply = client.get_sync_message(request).await.unwrap().into_inner();
    assert_eq!((reply.latest_seq, reply.entry_set_last_seq, reply.reset), (3, 3, false));
    assert_eq!(texts(&reply.entry_set), [(2, "{\"n\":2}"), (3, "{\"n\":3}")]);
    let mut request = v1::GetSingleHistoryMessageRequest {
        from: "b".to_owned(),
        to: "a".to_owned(),
        count: 1,
        ..Default::default()
    };
    let reply = client.get_single_history_message(request.clone()).await.unwrap().into_inner();
    assert_eq!(texts(&reply.entry_set), [(1, "{\"n\":1}")]);
    request.backward = true;
    let reply = client.get_single_history_message(request).await.unwrap().into_inner();
    assert_eq!(texts(&reply.entry_set), [(2, "{\"n\":2}")]);
    let request =
        v1::GetGroupHistoryMessageRequest { group: "g".to_owned(), count: 10, ..Default::default() };
    let reply = client.get_group_history_message(request).await.unwrap().into_inner();
    assert_eq!(texts(&reply.entry_set), [(1, "{\"n\":3}")]);
}

fn assert_refused(status: &Status, code: Code, reason: &str, message: &str) {
    assert_eq!((status.code(), status.message()), (code, message));
    assert_eq!(status.get_details_error_info().unwrap().reason, reason);
}

#[tokio::test]
async fn refusals_have_a_code_a_message_and_a_reason() {
    let mut served = Served::start().await;
    let client = &mut served.client;
    let invalid = "TIMELINE_INVALID_PARAM";
    let status = client.send(send("", "b", "{}")).await.unwrap_err();
    let message = "the request must name the sender in from and the receiver in to";
    assert_refused(&status, Code::InvalidArgument, invalid, message);
    let status = client.send_group(v1::SendGroupRequest::default()).await.unwrap_err();
    let message = "the request must name a group in group_name and its members in group_members";
    assert_refused(&status, Code::InvalidArgument, invalid, message);
    let status = client.get_sync_message(v1::SyncMessageRequest::default()).await.unwrap_err();
    assert_refused(&status, Code::InvalidArgument, invalid, "member: the value must not be empty");
    let status =
        client.get_single_history_message(v1::GetSingleHistoryMessageRequest::default()).await.unwrap_err();
    assert_refused(&status, Code::InvalidArgument, invalid, "from: the value must not be empty");
    let request =
        v1::GetGroupHistoryMessageRequest { group: "g".to_owned(), count: -1, ..Default::default() };
    let status = client.get_group_history_message(request).await.unwrap_err();
    assert_refused(&status, Code::InvalidArgument, invalid, "count: -1 is negative; it must be 0 or more");
    let status = client.send(send("a", "b", "{\"a\":1e999}")).await.unwrap_err();
    let message = "message: the text has a number that no double can hold at line 1 column 10; write it in \
                   quotation marks";
    assert_refused(&status, Code::InvalidArgument, invalid, message);

    let with_id = |message| v1::SendMessageRequest { message_id: "id".to_owned(), ..send("a", "b", message) };
    client.send(with_id("{}")).await.unwrap();
    let status = client.send(with_id("{ }")).await.unwrap_err();
    let message = "the message id id was used before for another message; give each message its own id";
    assert_refused(&status, Code::AlreadyExists, "TIMELINE_CONFLICT", message);

    assert!(served.timeline.shutdown(GRACE).await);
    let status = client.send(send("a", "b", "{}")).await.unwrap_err();
    let message = "the timeline store was shut down; try again when its server runs again";
    assert_refused(&status, Code::Unavailable, "TIMELINE_CLOSED", message);
}

#[test]
fn the_descriptor_set_describes_the_service() {
    use prost::Message;

    let set = prost_types::FileDescriptorSet::decode(FILE_DESCRIPTOR_SET).unwrap();
    let file = &set.file[0];
    assert_eq!((file.package(), file.service[0].name()), ("timeline.v1", "Timeline"));
}
