//! How much one call may send us.

use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use axum::{BoxError, Error};
use futures_util::StreamExt as _;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use tokio_util::sync::CancellationToken;
use tonic::Status;

/// A message that names a service or a symbol, as those about health and reflection do.
pub(super) const NAMING_BYTES_MAX: usize = 4 * 1024;

/// What a call may send besides the one message of a timeline that it is for: the frames around it,
/// or many of those messages that name something.
const CALL_BYTES: usize = 64 * 1024;

/// The limits of a call.
#[derive(Debug, Clone)]
pub(super) struct CallLimits {
    message_bytes: usize,
    stop: CancellationToken,
}

impl CallLimits {
    pub(super) fn new(message_bytes: usize, stop: CancellationToken) -> Self {
        Self { message_bytes, stop }
    }

    /// The body of a call as the services read it. None is endless, and one that is read while it
    /// is answered ends with the server.
    fn bounded(&self, path: &str, body: Body) -> Body {
        // Only calls of the timelines carry a message of a user; the others name something.
        let message = if path.starts_with("/timeline.") { self.message_bytes } else { 0 };
        let body = Body::new(Limited::new(body, CALL_BYTES + message).map_err(explained));
        if !path.starts_with("/grpc.reflection.") {
            return body;
        }
        Body::from_stream(body.into_data_stream().take_until(self.stop.clone().cancelled_owned()))
    }
}

/// The middleware around every service.
pub(super) async fn limit(State(limits): State<CallLimits>, request: Request, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    next.run(request.map(|body| limits.bounded(&path, body))).await
}

/// Services pass a status on that they find in an error.
fn explained(error: BoxError) -> Error {
    if error.is::<LengthLimitError>() {
        return Error::new(Status::resource_exhausted("the call sends too much; send the rest by another"));
    }
    Error::new(error)
}
