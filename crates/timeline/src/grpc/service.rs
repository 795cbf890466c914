//! The five calls over gRPC.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use prost::Message;
use tonic::codegen::http::HeaderMap;
use tonic::{Code, Request, Response, Status, async_trait};
use tonic_types::{ErrorDetails, StatusExt};

use crate::proto::v1;
use crate::service::in_flight::{self, AnswerMemory, Full};
use crate::service::{self, Calls, RequestConnection};
use crate::{Error, Timeline};

/// The five calls as a gRPC service.
#[derive(Debug, Clone)]
pub(super) struct TimelineService {
    calls: Calls,
    in_flight: AnswerMemory,
}

impl TimelineService {
    pub(super) fn new(timeline: Timeline, answer_bytes_max: usize) -> Result<Self, Error> {
        Ok(Self { calls: Calls::new(timeline), in_flight: AnswerMemory::new(answer_bytes_max, "grpc")? })
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
        answer(self.calls.send(request.into_inner()).await)
    }

    async fn send_group(
        &self,
        request: Request<v1::SendGroupRequest>,
    ) -> Result<Response<v1::SendGroupReply>, Status> {
        answer(self.calls.send_group(request.into_inner()).await)
    }

    async fn get_sync_message(
        &self,
        request: Request<v1::SyncMessageRequest>,
    ) -> Result<Response<v1::SyncMessageReply>, Status> {
        self.read(connection(&request), self.calls.sync(request.into_inner())).await
    }

    async fn get_single_history_message(
        &self,
        request: Request<v1::GetSingleHistoryMessageRequest>,
    ) -> Result<Response<v1::GetSingleHistoryMessageReply>, Status> {
        self.read(connection(&request), self.calls.single_history(request.into_inner())).await
    }

    async fn get_group_history_message(
        &self,
        request: Request<v1::GetGroupHistoryMessageRequest>,
    ) -> Result<Response<v1::GetGroupHistoryMessageReply>, Status> {
        self.read(connection(&request), self.calls.group_history(request.into_inner())).await
    }
}

fn connection<T>(request: &Request<T>) -> Option<RequestConnection> {
    request.extensions().get().cloned()
}

fn answer<T>(result: Result<T, Error>) -> Result<Response<T>, Status> {
    result.map(Response::new).map_err(|error| {
        let code = service::Code::from(error.kind());
        let details = ErrorDetails::with_error_info(code.reason, "", HashMap::new());
        Status::with_error_details(Code::from_i32(code.grpc), error.to_string(), details)
    })
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
    let code = service::Code::BUSY;
    let mut details = ErrorDetails::with_error_info(code.reason, "", HashMap::new());
    details.set_retry_info(Some(in_flight::PATIENCE));
    Status::with_error_details(Code::from_i32(code.grpc), why, details)
}
