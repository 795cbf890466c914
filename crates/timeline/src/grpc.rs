//! The gRPC service `timeline.v1.Timeline` and its client. Feature `grpc`.
//!
//! A failed call has the status code that its kind of error has, and an `ErrorInfo` with the reason in the details:
//!
//! | error | code | reason |
//! |---|---|---|
//! | an argument out of bounds | 3 `INVALID_ARGUMENT` | `TIMELINE_INVALID_PARAM` |
//! | a message id used for something else | 6 `ALREADY_EXISTS` | `TIMELINE_CONFLICT` |
//! | the store failed | 14 `UNAVAILABLE` | `TIMELINE_UNAVAILABLE` |
//! | the store was closed | 14 `UNAVAILABLE` | `TIMELINE_CLOSED` |
//! | the store cannot be read | 15 `DATA_LOSS` | `TIMELINE_CORRUPT` |
//!
//! Health and reflection are for the program to mount; reflection takes
//! [`FILE_DESCRIPTOR_SET`](crate::proto::FILE_DESCRIPTOR_SET).

use std::collections::HashMap;

use tonic::{Code, Request, Response, Status, async_trait};
use tonic_types::{ErrorDetails, StatusExt};

use crate::proto::v1;
use crate::service::Calls;
use crate::{Error, Timeline, service};

pub use crate::proto::v1::timeline_client::TimelineClient;
pub use crate::proto::v1::timeline_server::TimelineServer;

/// The most bytes of a request; as many as the HTTP service takes by default.
pub const REQUEST_BYTES_MAX: usize = 1024 * 1024;

/// The five calls as a gRPC service.
#[derive(Debug, Clone)]
pub struct TimelineService {
    calls: Calls,
}

/// Returns the service for a tonic server.
///
/// # Examples
///
/// ```no_run
/// # async fn serve(timeline: timeline::Timeline) -> Result<(), Box<dyn std::error::Error>> {
/// tonic::transport::Server::builder()
///     .add_service(timeline::grpc::server(timeline))
///     .serve("127.0.0.1:9000".parse()?)
///     .await?;
/// # Ok(())
/// # }
/// ```
pub fn server(timeline: Timeline) -> TimelineServer<TimelineService> {
    let service = TimelineService { calls: Calls::new(timeline) };
    TimelineServer::new(service).max_decoding_message_size(REQUEST_BYTES_MAX)
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
        answer(self.calls.sync(request.into_inner()).await)
    }

    async fn get_single_history_message(
        &self,
        request: Request<v1::GetSingleHistoryMessageRequest>,
    ) -> Result<Response<v1::GetSingleHistoryMessageReply>, Status> {
        answer(self.calls.single_history(request.into_inner()).await)
    }

    async fn get_group_history_message(
        &self,
        request: Request<v1::GetGroupHistoryMessageRequest>,
    ) -> Result<Response<v1::GetGroupHistoryMessageReply>, Status> {
        answer(self.calls.group_history(request.into_inner()).await)
    }
}

fn answer<T>(result: Result<T, Error>) -> Result<Response<T>, Status> {
    result.map(Response::new).map_err(|error| {
        let code = service::Code::from(error.kind());
        let details = ErrorDetails::with_error_info(code.reason, "", HashMap::new());
        Status::with_error_details(Code::from_i32(code.grpc), error.to_string(), details)
    })
}
