//! `/login`: how a page logs in, and a ticket changed back into its token.
//!
//! `GET` tells a page how to log in. `user` is there if the request says by itself who it is from;
//! credentials that are not good are none, as it is the page that asks for better ones.
//!
//! ```json
//! {"logins":"token","user":null,"loginUrl":"https://example.org/login"}
//! ```
//!
//! `POST` takes the ticket that the program that embeds the page has given it:
//!
//! ```json
//! {"ticket":"nJ3c0Zr9bq5mS1yK2Uo7xA"}
//! {"token":"eyJhbGciOi…","user":"alice","expiresAtMs":1790000000000}
//! ```
//!
//! `token` is `null` if the ticket was made without the header `Authorization`: then a cookie or a
//! proxy says who that browser is, and no script has to know more.

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Extension, State};
use axum::http::header;
use axum::http::request::Parts;
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer;
use super::ticket::no_logins;
use crate::access::{Access, Caller, ClientAddress, Refused, RefusedKind, peer};
use crate::clock;

/// Where the program that embeds the page logs people in.
#[derive(Debug, Clone)]
pub(crate) struct LoginUrl(pub(crate) Option<String>);

/// The body of a `POST`.
#[derive(Deserialize)]
pub(super) struct Shown {
    ticket: String,
}

pub(super) async fn logins(
    State(access): State<Access>,
    State(LoginUrl(url)): State<LoginUrl>,
    Extension(ClientAddress(address)): Extension<ClientAddress>,
    head: Parts,
) -> Response {
    let caller = access.caller(&head, peer(&head.extensions)).await;
    let user = match caller.map_err(|refused| access.count_refused(refused, address)) {
        // A service is nobody who uses a page.
        Ok(Caller::User(identity)) => Some(identity.user().to_owned()),
        Ok(_) | Err(Refused { kind: RefusedKind::Unauthenticated, .. }) => None,
        Err(refused) => return refused.to_response(),
    };
    let logins = if access.has_logins() { "token" } else { "none" };
    private(json!({ "logins": logins, "user": user, "loginUrl": url }))
}

pub(super) async fn redeem(
    State(access): State<Access>,
    shown: Result<Json<Shown>, JsonRejection>,
) -> Response {
    if !access.has_logins() {
        return no_logins();
    }
    let ticket = match shown {
        Ok(Json(Shown { ticket })) => ticket,
        Err(rejection) => {
            let text = r#"the body cannot be read; send JSON like {"ticket":"…"}"#;
            return answer::error(rejection.status(), "INVALID_BODY", text);
        }
    };
    match access.redeem(&ticket) {
        Ok((identity, token)) => private(json!({
            "token": token, "user": identity.user(), "expiresAtMs": clock::unix_ms(identity.expires_at()),
        })),
        Err(refused) => refused.to_response(),
    }
}

/// An answer that is for who asks alone.
fn private(body: Value) -> Response {
    let headers = [(header::CACHE_CONTROL, "no-store"), (header::VARY, "authorization, cookie")];
    (headers, Json(body)).into_response()
}

#[cfg(test)]
mod tests;
