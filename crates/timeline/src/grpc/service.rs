//! The calls over gRPC.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use prost::Message;
use tonic::codegen::http::{Extensions, HeaderMap};
use tonic::codegen::tokio_stream::{self, Empty};
use tonic::{Code, Request, Response, Status, async_trait};
use tonic_types::{ErrorDetails, StatusExt};

use crate::proto::v1;
use crate::service::in_flight::{self, AnswerMemory, Full};
use crate::service::{
    self, AnswerPermit, Calls, NotRead, NotWatched, Paged, RequestConnection, Watches, Watching,
};
use crate::timeline::holes::HoleWaits;
use crate::{CallRefused, Caller, Error};

/// The calls as a gRPC service.
#[derive(Debug, Clone)]
pub(super) struct TimelineService {
    calls: Calls,
    in_flight: AnswerMemory,
    watches: Watches,
}

/// Who makes a call, as an extension of its request.
#[derive(Debug, Clone)]
pub(super) struct Called(pub(super) Caller);

/// A call, decoded.
struct Call<T> {
    caller: Caller,
    connection: Option<RequestConnection>,
    extensions: Extensions,
    request: T,
}

/// What a watch answers with, as an extension of an answer without bytes: each page is in room of
/// its own, which the encoder of tonic would not keep apart.
pub(super) type AnsweredWatch = Arc<Mutex<Option<Watching>>>;

impl<T> Call<T> {
    fn of(request: Request<T>) -> Result<Self, Status> {
        let (_, mut extensions, request) = request.into_parts();
        let connection = extensions.remove();
        match extensions.remove() {
            Some(Called(caller)) => Ok(Self { caller, connection, extensions, request }),
            None => Err(nobody()),
        }
    }
}

impl TimelineService {
    pub(super) fn new(calls: Calls, answer_bytes_max: usize, watches_max: usize) -> Result<Self, Error> {
        let in_flight = AnswerMemory::new(answer_bytes_max, "grpc")?;
        Ok(Self { calls, in_flight, watches: Watches::new(watches_max, "grpc")? })
    }

    /// Answers a read, whose answer may be large.
    async fn answer_large<T: Message>(
        &self,
        connection: Option<RequestConnection>,
        call: impl Future<Output = Result<T, Error>>,
    ) -> Result<Response<T>, Status> {
        // Room is taken before the store is read, or as many pages would be in memory as clients
        // ask for.
        let room = self.in_flight.reserve(connection).await.map_err(full)?;
        let reply = call.await.map_err(|error| failed(&error))?;
        in_room(reply, room).map_err(full)
    }

    /// Answers a read of a page, which waits at holes.
    async fn answer_page<Q: Clone, T: Message, F>(
        &self,
        connection: Option<RequestConnection>,
        request: Q,
        waits: &HoleWaits,
        call: impl Fn(Q) -> F,
    ) -> Result<Response<T>, Status>
    where
        F: Future<Output = Result<Paged<T>, Error>>,
    {
        let bounds = (&self.calls, &self.in_flight);
        let read = || call(request.clone());
        let answer = |reply: T, room| in_room(reply, room).map_err(NotRead::Full);
        service::answer_page(bounds, connection, waits, read, answer).await.map_err(not_read)
    }
}

#[async_trait]
impl v1::timeline_server::Timeline for TimelineService {
    async fn send(
        &self,
        request: Request<v1::SendMessageRequest>,
    ) -> Result<Response<v1::SendMessageReply>, Status> {
        let call = Call::of(request)?;
        answer(self.calls.send(&call.caller, call.request).await)
    }

    async fn send_group(
        &self,
        request: Request<v1::SendGroupRequest>,
    ) -> Result<Response<v1::SendGroupReply>, Status> {
        let call = Call::of(request)?;
        answer(self.calls.send_group(&call.caller, call.request).await)
    }

    async fn get_sync_message(
        &self,
        request: Request<v1::SyncMessageRequest>,
    ) -> Result<Response<v1::SyncMessageReply>, Status> {
        let Call { caller, connection, request, .. } = Call::of(request)?;
        let read = |request| self.calls.sync(&caller, request);
        self.answer_page(connection, request, &HoleWaits::begin(), read).await
    }

    async fn get_single_history_message(
        &self,
        request: Request<v1::GetSingleHistoryMessageRequest>,
    ) -> Result<Response<v1::GetSingleHistoryMessageReply>, Status> {
        let (Call { caller, connection, request, .. }, waits) = (Call::of(request)?, HoleWaits::begin());
        let read = |request| self.calls.single_history(&caller, request, &waits);
        self.answer_page(connection, request, &waits, read).await
    }

    async fn get_group_history_message(
        &self,
        request: Request<v1::GetGroupHistoryMessageRequest>,
    ) -> Result<Response<v1::GetGroupHistoryMessageReply>, Status> {
        let (Call { caller, connection, request, .. }, waits) = (Call::of(request)?, HoleWaits::begin());
        let read = |request| self.calls.group_history(&caller, request, &waits);
        self.answer_page(connection, request, &waits, read).await
    }

    async fn create_group(
        &self,
        request: Request<v1::CreateGroupRequest>,
    ) -> Result<Response<v1::GroupReply>, Status> {
        let call = Call::of(request)?;
        answer(self.calls.create_group(&call.caller, call.request).await)
    }

    async fn list_groups(
        &self,
        request: Request<v1::ListGroupsRequest>,
    ) -> Result<Response<v1::ListGroupsReply>, Status> {
        let call = Call::of(request)?;
        self.answer_large(call.connection, self.calls.list_groups(&call.caller, call.request)).await
    }

    async fn get_group(
        &self,
        request: Request<v1::GetGroupRequest>,
    ) -> Result<Response<v1::GetGroupReply>, Status> {
        let call = Call::of(request)?;
        self.answer_large(call.connection, self.calls.get_group(&call.caller, call.request)).await
    }

    async fn join_group(
        &self,
        request: Request<v1::JoinGroupRequest>,
    ) -> Result<Response<v1::GroupReply>, Status> {
        let call = Call::of(request)?;
        answer(self.calls.join_group(&call.caller, call.request).await)
    }

    async fn leave_group(
        &self,
        request: Request<v1::LeaveGroupRequest>,
    ) -> Result<Response<v1::GroupReply>, Status> {
        let call = Call::of(request)?;
        answer(self.calls.leave_group(&call.caller, call.request).await)
    }

    async fn rename_group(
        &self,
        request: Request<v1::RenameGroupRequest>,
    ) -> Result<Response<v1::GroupReply>, Status> {
        let call = Call::of(request)?;
        answer(self.calls.rename_group(&call.caller, call.request).await)
    }

    async fn set_group_role(
        &self,
        request: Request<v1::SetGroupRoleRequest>,
    ) -> Result<Response<v1::GroupReply>, Status> {
        let call = Call::of(request)?;
        answer(self.calls.set_group_role(&call.caller, call.request).await)
    }

    async fn ack(&self, request: Request<v1::AckRequest>) -> Result<Response<v1::AckReply>, Status> {
        let call = Call::of(request)?;
        answer(self.calls.ack(&call.caller, call.request).await)
    }

    /// The pages are not in it: see [`AnsweredWatch`].
    type WatchStream = Empty<Result<v1::SyncMessageReply, Status>>;

    async fn watch(&self, request: Request<v1::WatchRequest>) -> Result<Response<Self::WatchStream>, Status> {
        let (_, extensions, request) = request.into_parts();
        let Called(caller) = extensions.get::<Called>().ok_or_else(nobody)?;
        let bounds = (&self.watches, &self.in_flight);
        let watching = self.calls.watch(caller, request, &extensions, bounds).map_err(not_watched)?;
        let mut answer = Response::new(tokio_stream::empty());
        let watching: AnsweredWatch = Arc::new(Mutex::new(Some(watching)));
        answer.extensions_mut().insert(watching);
        Ok(answer)
    }

    async fn send_batch(
        &self,
        request: Request<v1::SendBatchRequest>,
    ) -> Result<Response<v1::SendBatchReply>, Status> {
        let call = Call::of(request)?;
        self.calls.count_batch(&call.extensions, &call.request).map_err(|why| refused(&why))?;
        // The reply has a line for each send, and takes its room before anything is stored.
        self.answer_large(call.connection, self.calls.send_batch(&call.caller, call.request)).await
    }

    async fn received(
        &self,
        request: Request<v1::ReceivedRequest>,
    ) -> Result<Response<v1::ReceivedReply>, Status> {
        let call = Call::of(request)?;
        answer(self.calls.received(&call.caller, call.request).await)
    }

    async fn received_of(
        &self,
        request: Request<v1::ReceivedOfRequest>,
    ) -> Result<Response<v1::ReceivedReply>, Status> {
        let call = Call::of(request)?;
        answer(self.calls.received_of(&call.caller, call.request).await)
    }

    async fn edit(&self, request: Request<v1::EditRequest>) -> Result<Response<v1::ChangeReply>, Status> {
        let call = Call::of(request)?;
        answer(self.calls.edit(&call.caller, call.request).await)
    }

    async fn recall(&self, request: Request<v1::RecallRequest>) -> Result<Response<v1::ChangeReply>, Status> {
        let call = Call::of(request)?;
        answer(self.calls.recall(&call.caller, call.request).await)
    }

    async fn delete_message(
        &self,
        request: Request<v1::DeleteMessageRequest>,
    ) -> Result<Response<v1::ChangeReply>, Status> {
        let call = Call::of(request)?;
        answer(self.calls.delete_message(&call.caller, call.request).await)
    }

    async fn read(&self, request: Request<v1::ReadRequest>) -> Result<Response<v1::ReadReply>, Status> {
        let call = Call::of(request)?;
        answer(self.calls.read(&call.caller, call.request).await)
    }

    async fn read_of(
        &self,
        request: Request<v1::ReadOfRequest>,
    ) -> Result<Response<v1::ReadOfReply>, Status> {
        let call = Call::of(request)?;
        self.answer_large(call.connection, self.calls.read_of(&call.caller, call.request)).await
    }

    async fn unread(&self, request: Request<v1::UnreadRequest>) -> Result<Response<v1::UnreadReply>, Status> {
        let call = Call::of(request)?;
        answer(self.calls.unread(&call.caller, call.request).await)
    }

    async fn list_unread(
        &self,
        request: Request<v1::ListUnreadRequest>,
    ) -> Result<Response<v1::ListUnreadReply>, Status> {
        let call = Call::of(request)?;
        self.answer_large(call.connection, self.calls.list_unread(&call.caller, call.request)).await
    }

    async fn conversations(
        &self,
        request: Request<v1::ConversationsRequest>,
    ) -> Result<Response<v1::ConversationsReply>, Status> {
        let call = Call::of(request)?;
        self.answer_large(call.connection, self.calls.conversations(&call.caller, call.request)).await
    }

    async fn clear(&self, request: Request<v1::ClearRequest>) -> Result<Response<v1::ClearReply>, Status> {
        let call = Call::of(request)?;
        answer(self.calls.clear(&call.caller, call.request).await)
    }

    async fn purge(&self, request: Request<v1::PurgeRequest>) -> Result<Response<v1::PurgeReply>, Status> {
        let call = Call::of(request)?;
        answer(self.calls.purge(&call.caller, call.request).await)
    }

    async fn delete_member(
        &self,
        request: Request<v1::DeleteMemberRequest>,
    ) -> Result<Response<v1::DeleteMemberReply>, Status> {
        let call = Call::of(request)?;
        answer(self.calls.delete_member(&call.caller, call.request).await)
    }
}

fn nobody() -> Status {
    Status::internal("the call came in without its caller, so it is not taken")
}

fn answer<T>(result: Result<T, Error>) -> Result<Response<T>, Status> {
    result.map(Response::new).map_err(|error| failed(&error))
}

/// Returns an answer that takes its room until it is written.
fn in_room<T: Message>(reply: T, room: AnswerPermit) -> Result<Response<T>, Full> {
    // The answer counts twice, as the buffer that it is encoded into grows by doubling. The permit
    // is put behind an `Arc`, as an extension must be clonable.
    let room = room.fit(2 * reply.encoded_len())?;
    let mut answer = Response::new(reply);
    answer.extensions_mut().insert(Arc::new(Mutex::new(Some(room))));
    Ok(answer)
}

/// What a client is told whose call failed.
pub(super) fn failed(error: &Error) -> Status {
    let code = error.kind().into();
    let id = error.message_id().map(|id| ("messageId".to_owned(), id.to_owned()));
    with_info(code, error.to_string(), id.into_iter().collect(), None)
}

/// What a client is told whose page is not read.
fn not_read(why: NotRead) -> Status {
    match why {
        NotRead::Error(error) => failed(&error),
        NotRead::Full(none) => full(none),
    }
}

/// What a client is told whose inbox is not watched.
fn not_watched(why: NotWatched) -> Status {
    match why {
        NotWatched::Error(error) => failed(&error),
        NotWatched::NoPlace(none) => status(none.code(), none.text(), Some(none.retry_after())),
    }
}

/// What a client is told whose call is not taken.
pub(super) fn refused(refused: &CallRefused) -> Status {
    status(refused.kind().into(), refused.to_string(), refused.retry_after())
}

/// What a read is told that found no room for its answer.
pub(super) fn full(_: Full) -> Status {
    busy(in_flight::FULL)
}

/// How an answer ends that is cut while others wait for its room.
pub(super) fn cut() -> HeaderMap {
    trailers(&busy(in_flight::CUT))
}

/// The end of an answer that has begun.
pub(super) fn trailers(status: &Status) -> HeaderMap {
    let mut trailers = HeaderMap::new();
    if let Err(error) = status.add_header(&mut trailers) {
        tracing::debug!(%error, "an answer ends without a status, as it cannot be written");
    }
    trailers
}

fn busy(why: &str) -> Status {
    status(service::Code::BUSY, why, Some(in_flight::PATIENCE))
}

fn status(code: service::Code, text: impl Into<String>, retry_after: Option<Duration>) -> Status {
    with_info(code, text, HashMap::new(), retry_after)
}

fn with_info(
    code: service::Code,
    text: impl Into<String>,
    metadata: HashMap<String, String>,
    retry_after: Option<Duration>,
) -> Status {
    let mut details = ErrorDetails::with_error_info(code.reason, "", metadata);
    if retry_after.is_some() {
        details.set_retry_info(retry_after);
    }
    Status::with_error_details(Code::from_i32(code.grpc), text, details)
}
