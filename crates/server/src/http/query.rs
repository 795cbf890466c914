//! Queries are UTF-8, at every route.
//!
//! What is not would be read with a sign in place of each wrong byte, so that two names became one,
//! such as `?user=%FE` and `?user=%FF`. Paths are refused where they are read.

use axum::extract::Request;
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::Response;
use percent_encoding::percent_decode_str;

use super::answer;

/// The middleware: refuses a query that is not UTF-8.
pub(super) async fn query(request: Request, next: Next) -> Response {
    // No sequence of UTF-8 spans a `&` or a `=`, so the whole is UTF-8 if all names and values are.
    let is_utf8 = request.uri().query().is_none_or(|query| percent_decode_str(query).decode_utf8().is_ok());
    if is_utf8 {
        next.run(request).await
    } else {
        answer::error(
            StatusCode::BAD_REQUEST,
            "INVALID_QUERY",
            "the query is not UTF-8; percent-encode it as UTF-8",
        )
    }
}
