//! `POST /ticket`: a ticket in place of a token.
//!
//! It is for where a browser can send no header.
//!
//! ```json
//! {"ticket":"nJ3c0Zr9bq5mS1yK2Uo7xA","expiresInMs":30000,"user":"alice"}
//! ```
//!
//! It is good once, as `?ticket=…` of `/ws` and `/presence/events`, or in the body of
//! `POST /login`, which gives back the token of the header `Authorization` that it was made with.
//! No ticket makes another one.

use axum::Json;
use axum::extract::{Extension, State};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde_json::json;
use tidings::identity::TicketsConfig;

use super::answer;
use crate::access::{Access, Caller, shown_token};

pub(super) async fn ticket(
    State(access): State<Access>,
    Extension(caller): Extension<Caller>,
    head: Parts,
) -> Response {
    let Some(identity) = caller.identity() else { return no_logins() };
    // It was good enough for the door.
    let token = shown_token(&head);
    match access.issue_ticket(identity.clone(), token) {
        Ok(ticket) => {
            let expires_in_ms = TicketsConfig::TTL_DEFAULT.as_secs() * 1_000;
            let body = json!({
                "ticket": ticket.as_str(), "expiresInMs": expires_in_ms, "user": identity.user(),
            });
            ([(header::CACHE_CONTROL, "no-store")], Json(body)).into_response()
        }
        Err(refused) => refused.to_response(),
    }
}

/// What is answered where nobody logs in.
pub(super) fn no_logins() -> Response {
    answer::error(
        StatusCode::NOT_FOUND,
        "NO_LOGINS",
        "this server has no logins; connect to /ws?user=NAME without a ticket",
    )
}
