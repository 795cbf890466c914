//! The calls over gRPC.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use prost::Message;
use tonic::codegen::http::HeaderMap;
use tonic::{Code, Request, Response, Status, async_trait};
use tonic_types::{ErrorDetails, StatusExt};

use crate::proto::v1;
use crate::service::in_flight::{self, AnswerMemory, Full};
use crate::service::{self, Calls, RequestConnection};
use crate::{CallRefused, Caller, Error};

/// The calls as a gRPC service.
#[derive(Debug, Clone)]
pub(super) struct TimelineService {
    calls: Calls,
    in_flight: AnswerMemory,
}

/// Who makes a call, as an extension of its request.
#[derive(Debug, Clone)]
pub(super) struct Called(pub(super) Caller);

/// A call, decoded.
struct Call<T> {
    caller: Caller,
    connection: Option<RequestConnection>,
    request: T,
}

impl<T> Call<T> {
    fn of(request: Request<T>) -> Result<Self, Status> {
        let (_, mut extensions, request) = request.into_parts();
        let connection = extensions.remove();
        match extensions.remove() {
            Some(Called(caller)) => Ok(Self { caller, connection, request }),
            None => Err(Status::internal("the call came in without its caller, so it is not taken")),
        }
    }
}

impl TimelineService {
    pub(super) fn new(calls: Calls, answer_bytes_max: usize) -> Result<Self, Error> {
        Ok(Self { calls, in_flight: AnswerMemory::new(answer_bytes_max, "grpc")? })
    }

    /// Answers a read, whose answer may be large.
    async fn read<T: Message>(
        &self,
        connection: Option<RequestConnection>,
        call: impl Future<Output = Result<T, Error>>,
    ) -> Result<Response<T>, Status> {
        let room = self.in_flight.reserve(connection).await.map_err(full)?;
        let mut answer = answer(call.await)?;
        // The answer counts twice, as the buffer that it is encoded into grows by doubling. The
        // permit is put behind an `Arc`, as an extension must be clonable.
        let room = room.fit(2 * answer.get_ref().encoded_len()).map_err(full)?;
        answer.extensions_mut().insert(Arc::new(Mutex::new(Some(room))));
        Ok(answer)
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
        let call = Call::of(request)?;
        self.read(call.connection, self.calls.sync(&call.caller, call.request)).await
    }

    async fn get_single_history_message(
        &self,
        request: Request<v1::GetSingleHistoryMessageRequest>,
    ) -> Result<Response<v1::GetSingleHistoryMessageReply>, Status> {
        let call = Call::of(request)?;
        self.read(call.connection, self.calls.single_history(&call.caller, call.request)).await
    }

    async fn get_group_history_message(
        &self,
        request: Request<v1::GetGroupHistoryMessageRequest>,
    ) -> Result<Response<v1::GetGroupHistoryMessageReply>, Status> {
        let call = Call::of(request)?;
        self.read(call.connection, self.calls.group_history(&call.caller, call.request)).await
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
        self.read(call.connection, self.calls.list_groups(&call.caller, call.request)).await
    }

    async fn get_group(
        &self,
        request: Request<v1::GetGroupRequest>,
    ) -> Result<Response<v1::GetGroupReply>, Status> {
        let call = Call::of(request)?;
        self.read(call.connection, self.calls.get_group(&call.caller, call.request)).await
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
}

fn answer<T>(result: Result<T, Error>) -> Result<Response<T>, Status> {
    result.map(Response::new).map_err(|error| status(error.kind().into(), error.to_string(), None))
}

/// What a client is told whose call is not taken.
pub(super) fn refused(refused: &CallRefused) -> Status {
    status(refused.kind().into(), refused.to_string(), refused.retry_after())
}

/// What a read is told that found no room for its answer.
fn full(_: Full) -> Status {
    busy(in_flight::FULL)
}

/// How an answer ends that is cut while others wait for its room.
pub(super) fn cut() -> HeaderMap {
    let mut trailers = HeaderMap::new();
    if let Err(error) = busy(in_flight::CUT).add_header(&mut trailers) {
        tracing::debug!(%error, "an answer that was cut ends without a status, as it cannot be written");
    }
    trailers
}

fn busy(why: &str) -> Status {
    status(service::Code::BUSY, why, Some(in_flight::PATIENCE))
}

fn status(code: service::Code, text: impl Into<String>, retry_after: Option<Duration>) -> Status {
    let mut details = ErrorDetails::with_error_info(code.reason, "", HashMap::new());
    if retry_after.is_some() {
        details.set_retry_info(retry_after);
    }
    Status::with_error_details(Code::from_i32(code.grpc), text, details)
}
