//! A timeline that asks who calls, behind both of its doors.
//!
//! A call is written once, as the message of the proto file, and made over HTTP or gRPC. Answers
//! and refusals come back in one form, so that one table holds both doors to the same.

pub(crate) mod about;
mod requests;

use std::sync::Arc;
use std::time::Duration;

use axum::http::{Extensions, HeaderMap};
use reqwest::{Client, Method, RequestBuilder};
use serde::Serialize;
use serde_json::Value;
use tempfile::TempDir;
use timeline::embedded::EmbeddedStore;
use timeline::grpc::TimelineClient;
use timeline::proto::v1;
use timeline::{CallEnd, CallRefused, Caller, Callers, Config, MemberId, Timeline, embedded, grpc, http};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::transport::{Channel, Server};
use tonic::{Request, Response, Status};
use tonic_types::StatusExt;

use self::about::About;
pub(crate) use self::requests::{
    ack, batch, create, create_open, get, group_history, join, leave, list, received, received_of, rename,
    send, send_group, set_role, single_history, sync, watch_of,
};
use crate::events::Events;

/// The header, or the metadata, that says who calls.
pub(crate) const CALLER: &str = "x-caller";

/// Who calls without that header.
pub(crate) const NOBODY: &str = "";

/// The callers who are no users: a service, and one of a program without logins.
pub(crate) const SERVICE: &str = "*service";
pub(crate) const ANYBODY: &str = "*anybody";

/// The callers whom the program refuses, each in its way.
pub(crate) const BANNED: &str = "*banned";
pub(crate) const HASTY: &str = "*hasty";
pub(crate) const UNKNOWABLE: &str = "*unknowable";

/// The most bytes of a request, over both.
pub(crate) const REQUEST_BYTES_MAX: usize = 16 * 1024;

/// The most sends that a batch has here.
pub(crate) const BATCH_MAX: usize = 8;

/// Believes the header, until the logins end.
struct ByHeader {
    ended: watch::Receiver<bool>,
}

impl Callers for ByHeader {
    fn caller(&self, _: &Extensions, headers: &HeaderMap) -> Result<Caller, CallRefused> {
        match headers.get(CALLER).map(|value| value.to_str().unwrap()) {
            None => Err(CallRefused::unauthenticated("the request does not say who calls; log in")),
            Some(SERVICE) => Ok(Caller::Service),
            Some(ANYBODY) => Ok(Caller::Anybody),
            Some(BANNED) => Err(CallRefused::forbidden("you may not call")),
            Some(HASTY) => {
                Err(CallRefused::too_many("too many sends; try again in 2 s", Duration::from_millis(1_500)))
            }
            Some(UNKNOWABLE) => Err(CallRefused::unavailable("the keys cannot be fetched")),
            Some(user) => Ok(Caller::Member(MemberId::new(user).unwrap())),
        }
    }

    fn count_batch(&self, _: &Extensions, more: usize) -> Result<(), CallRefused> {
        if more < BATCH_MAX {
            return Ok(());
        }
        Err(CallRefused::too_many("too many sends; try again in 2 s", Duration::from_secs(2)))
    }

    fn ended(&self, _: &Extensions) -> CallEnd {
        let mut ended = self.ended.clone();
        Box::pin(async move {
            ended.wait_for(|ended| *ended).await.unwrap();
            CallRefused::unauthenticated("your login has expired; log in again")
        })
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Door {
    Http,
    Grpc,
}

impl Door {
    pub(crate) const BOTH: [Self; 2] = [Self::Http, Self::Grpc];
}

/// Why a call was refused: the reason and the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) reason: String,
    pub(crate) text: String,
}

/// What a call is answered: the reply as JSON, or why it was refused.
pub(crate) type Answer = Result<Value, Refusal>;

/// Returns the reason of a refusal, `OK` without one.
pub(crate) fn reason(answer: &Answer) -> &str {
    answer.as_ref().err().map_or("OK", |refusal| &refusal.reason)
}

/// A call, as a request of the proto file.
#[derive(Debug, Clone)]
pub(crate) enum Call {
    Send(v1::SendMessageRequest),
    SendGroup(v1::SendGroupRequest),
    Sync(v1::SyncMessageRequest),
    SingleHistory(v1::GetSingleHistoryMessageRequest),
    GroupHistory(v1::GetGroupHistoryMessageRequest),
    Create(v1::CreateGroupRequest),
    List(v1::ListGroupsRequest),
    Get(v1::GetGroupRequest),
    Join(v1::JoinGroupRequest),
    Leave(v1::LeaveGroupRequest),
    Rename(v1::RenameGroupRequest),
    SetRole(v1::SetGroupRoleRequest),
    Ack(v1::AckRequest),
    /// The first page of a watch, which then ends.
    Watch(v1::WatchRequest),
    Batch(v1::SendBatchRequest),
    Received(v1::ReceivedRequest),
    ReceivedOf(v1::ReceivedOfRequest),
    About(About),
}

pub(crate) struct Doors {
    pub(crate) http: Client,
    pub(crate) grpc: TimelineClient<Channel>,
    pub(crate) timeline: Timeline,
    address: String,
    ended: watch::Sender<bool>,
    // Aborts the servers on drop.
    _servers: JoinSet<()>,
    _directory: TempDir,
}

impl Doors {
    pub(crate) async fn open() -> Self {
        let http = http::Config::default().body_bytes_max(REQUEST_BYTES_MAX);
        Self::open_with(http, grpc::Config::default().request_bytes_max(REQUEST_BYTES_MAX)).await
    }

    pub(crate) async fn open_with(of_http: http::Config, of_grpc: grpc::Config) -> Self {
        let (ended, logins) = watch::channel(false);
        let callers = Arc::new(ByHeader { ended: logins });
        let directory = tempfile::tempdir().unwrap();
        let store = EmbeddedStore::start(embedded::Config::new(directory.path())).await.unwrap();
        let timeline = Timeline::start(Config::default(), store).unwrap();
        let mut servers = JoinSet::new();

        let router = http::router_for(of_http, timeline.clone(), callers.clone()).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        servers.spawn(async move { axum::serve(listener, router).await.unwrap() });

        let service = grpc::server_for(of_grpc, timeline.clone(), callers).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let grpc_address = format!("http://{}", listener.local_addr().unwrap());
        servers.spawn(async move {
            let incoming = TcpListenerStream::new(listener);
            Server::builder().add_service(service).serve_with_incoming(incoming).await.unwrap();
        });
        let grpc = TimelineClient::connect(grpc_address).await.unwrap();
        let http = Client::new();
        Self { http, grpc, timeline, address, ended, _servers: servers, _directory: directory }
    }

    /// Ends the logins of all callers.
    pub(crate) fn end_logins(&self) {
        self.ended.send_replace(true);
    }

    /// Makes a call as a caller.
    pub(crate) async fn call(&self, door: Door, caller: &str, call: Call) -> Answer {
        match door {
            Door::Http => self.over_http(caller, call).await,
            Door::Grpc => self.over_grpc(caller, call).await,
        }
    }

    /// Makes a call as a service, over HTTP, that has to succeed.
    pub(crate) async fn given(&self, call: Call) -> Value {
        self.call(Door::Http, SERVICE, call).await.unwrap()
    }

    /// Begins a request over HTTP as a caller.
    pub(crate) fn request(&self, caller: &str, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.address));
        if caller == NOBODY { request } else { request.header(CALLER, caller) }
    }

    async fn over_http(&self, caller: &str, call: Call) -> Answer {
        let get = |path: String| self.request(caller, Method::GET, &path);
        let request = match call {
            Call::Send(of) => self.posting(caller, "/timeline/send", &of),
            Call::SendGroup(of) => self.posting(caller, "/timeline/sendGroup", &of),
            Call::Sync(of) => get(format!("/timeline/sync?member={}&last_read={}", of.member, of.last_read)),
            Call::SingleHistory(of) => get(format!("/timeline/history/single/{}/{}", of.from, of.to)),
            Call::GroupHistory(of) => get(format!("/timeline/history/group/{}", of.group)),
            Call::Create(of) => self.posting(caller, "/timeline/groups", &of),
            Call::List(of) => {
                let (member, after, count) = (of.member, of.after, of.count);
                get(format!("/timeline/groups?member={member}&after={after}&count={count}"))
            }
            Call::Get(of) => get(format!("/timeline/groups/{}", of.group)),
            Call::Join(of) => self.posting(caller, &format!("/timeline/groups/{}/join", of.group), &of),
            Call::Leave(of) => self.posting(caller, &format!("/timeline/groups/{}/leave", of.group), &of),
            Call::Rename(of) => self.posting(caller, &format!("/timeline/groups/{}/rename", of.group), &of),
            Call::SetRole(of) => self.posting(caller, &format!("/timeline/groups/{}/roles", of.group), &of),
            Call::Ack(of) => self.posting(caller, "/timeline/ack", &of),
            Call::Watch(of) => {
                get(format!("/timeline/watch?member={}&last_read={}", of.member, of.last_read))
            }
            Call::Batch(of) => self.posting(caller, "/timeline/sendBatch", &of),
            Call::Received(of) => self.posting(caller, "/timeline/received", &of),
            Call::ReceivedOf(of) => get(format!("/timeline/received?member={}", of.member)),
            Call::About(of) => of.over_http(self, caller),
        };
        let response = request.send().await.unwrap();
        let status = response.status();
        if status.is_success() && response.headers()["content-type"] == "text/event-stream" {
            return Ok(Events::of(response).next().await.unwrap().data);
        }
        let answer: Value = response.json().await.unwrap();
        if status.is_success() {
            return Ok(answer);
        }
        assert_eq!(answer["code"], status.as_u16());
        let text = |field: &str| answer[field].as_str().unwrap().to_owned();
        Err(Refusal { reason: text("reason"), text: text("message") })
    }

    fn posting(&self, caller: &str, path: &str, request: &impl Serialize) -> RequestBuilder {
        self.request(caller, Method::POST, path).json(request)
    }

    async fn over_grpc(&self, caller: &str, call: Call) -> Answer {
        let mut grpc = self.grpc.clone();
        match call {
            Call::Send(of) => answer(grpc.send(made_by(caller, of)).await),
            Call::SendGroup(of) => answer(grpc.send_group(made_by(caller, of)).await),
            Call::Sync(of) => answer(grpc.get_sync_message(made_by(caller, of)).await),
            Call::SingleHistory(of) => answer(grpc.get_single_history_message(made_by(caller, of)).await),
            Call::GroupHistory(of) => answer(grpc.get_group_history_message(made_by(caller, of)).await),
            Call::Create(of) => answer(grpc.create_group(made_by(caller, of)).await),
            Call::List(of) => answer(grpc.list_groups(made_by(caller, of)).await),
            Call::Get(of) => answer(grpc.get_group(made_by(caller, of)).await),
            Call::Join(of) => answer(grpc.join_group(made_by(caller, of)).await),
            Call::Leave(of) => answer(grpc.leave_group(made_by(caller, of)).await),
            Call::Rename(of) => answer(grpc.rename_group(made_by(caller, of)).await),
            Call::SetRole(of) => answer(grpc.set_group_role(made_by(caller, of)).await),
            Call::Ack(of) => answer(grpc.ack(made_by(caller, of)).await),
            Call::Watch(of) => answer(match grpc.watch(made_by(caller, of)).await {
                Ok(pages) => pages.into_inner().message().await.map(|page| Response::new(page.unwrap())),
                Err(status) => Err(status),
            }),
            Call::Batch(of) => answer(grpc.send_batch(made_by(caller, of)).await),
            Call::Received(of) => answer(grpc.received(made_by(caller, of)).await),
            Call::ReceivedOf(of) => answer(grpc.received_of(made_by(caller, of)).await),
            Call::About(of) => of.over_grpc(grpc, caller).await,
        }
    }
}

/// A request over gRPC as a caller.
pub(crate) fn made_by<T>(caller: &str, request: T) -> Request<T> {
    let mut request = Request::new(request);
    if caller != NOBODY {
        request.metadata_mut().insert(CALLER, caller.parse().unwrap());
    }
    request
}

fn answer<T: Serialize>(answer: Result<Response<T>, Status>) -> Answer {
    match answer {
        Ok(reply) => Ok(serde_json::to_value(reply.into_inner()).unwrap()),
        Err(status) => {
            let reason = status.get_details_error_info().unwrap().reason;
            Err(Refusal { reason, text: status.message().to_owned() })
        }
    }
}
