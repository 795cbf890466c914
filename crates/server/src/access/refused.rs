//! Why a request is refused, and how each port says so.

use std::borrow::Cow;
use std::collections::HashMap;
use std::time::Duration;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

use crate::http::answer;

/// Why a request is refused. No text of it has a token, or a part of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    pub(crate) kind: RefusedKind,
    /// What the client is told.
    pub(crate) text: Cow<'static, str>,
    /// When the client may try again.
    pub(crate) retry_after: Option<Duration>,
}

/// What a client can do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RefusedKind {
    /// Log in, or get another token.
    Unauthenticated,
    /// Ask somebody who may.
    Forbidden,
    /// Come again later, and less often.
    TooMany,
    /// Come again later: the keys that tokens are signed with cannot be fetched.
    Unavailable,
}

impl RefusedKind {
    /// What it is over HTTP and over gRPC, and the reason that programs read.
    const fn names(self) -> (StatusCode, Code, &'static str) {
        match self {
            Self::Unauthenticated => (StatusCode::UNAUTHORIZED, Code::Unauthenticated, "UNAUTHENTICATED"),
            Self::Forbidden => (StatusCode::FORBIDDEN, Code::PermissionDenied, "FORBIDDEN"),
            Self::TooMany => (StatusCode::TOO_MANY_REQUESTS, Code::ResourceExhausted, "TOO_MANY_REQUESTS"),
            Self::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, Code::Unavailable, "UNAVAILABLE"),
        }
    }
}

impl Refused {
    pub(crate) fn unauthenticated(text: impl Into<Cow<'static, str>>) -> Self {
        Self::new(RefusedKind::Unauthenticated, text)
    }

    pub(crate) fn forbidden(text: impl Into<Cow<'static, str>>) -> Self {
        Self::new(RefusedKind::Forbidden, text)
    }

    pub(crate) fn too_many(text: impl Into<Cow<'static, str>>, retry_after: Duration) -> Self {
        Self { retry_after: Some(retry_after), ..Self::new(RefusedKind::TooMany, text) }
    }

    pub(crate) fn unavailable(text: impl Into<Cow<'static, str>>, retry_after: Duration) -> Self {
        Self { retry_after: Some(retry_after), ..Self::new(RefusedKind::Unavailable, text) }
    }

    fn new(kind: RefusedKind, text: impl Into<Cow<'static, str>>) -> Self {
        Self { kind, text: text.into(), retry_after: None }
    }

    /// The refusal as an answer over HTTP.
    pub(crate) fn to_response(&self) -> Response {
        let (status, _, reason) = self.kind.names();
        let mut response = answer::error(status, reason, &self.text);
        let headers = response.headers_mut();
        if self.kind == RefusedKind::Unauthenticated {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(time) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(whole_seconds(time)));
        }
        response
    }

    /// The refusal as the status of a gRPC call.
    pub(crate) fn to_status(&self) -> Status {
        let (_, code, reason) = self.kind.names();
        let mut details = ErrorDetails::with_error_info(reason, "", HashMap::new());
        if let Some(time) = self.retry_after {
            details.set_retry_info(Some(time));
        }
        Status::with_error_details(code, self.text.clone(), details)
    }
}

/// A second that has begun counts whole: who came earlier would be refused again.
fn whole_seconds(time: Duration) -> u64 {
    time.as_secs().saturating_add(u64::from(time.subsec_nanos() > 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ports_say_what_a_client_can_do() {
        let second = Duration::from_millis(1_200);
        for (refused, status, code) in [
            (Refused::unauthenticated("x"), 401, Code::Unauthenticated),
            (Refused::forbidden("x"), 403, Code::PermissionDenied),
            (Refused::too_many("x", second), 429, Code::ResourceExhausted),
            (Refused::unavailable("x", second), 503, Code::Unavailable),
        ] {
            let (response, grpc) = (refused.to_response(), refused.to_status());
            assert_eq!((response.status().as_u16(), grpc.code()), (status, code));
            let headers = response.headers();
            let retry = headers.get(header::RETRY_AFTER).map(|seconds| seconds.to_str().unwrap());
            assert_eq!(retry, refused.retry_after.map(|_| "2"));
            assert_eq!(headers.contains_key(header::WWW_AUTHENTICATE), status == 401);
            let delay = grpc.get_error_details().retry_info().and_then(|info| info.retry_delay);
            assert_eq!(delay, refused.retry_after);
        }
    }
}
