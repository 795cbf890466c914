//! `GET /presence/{id}`: whether one id is online, and when it was last seen.

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use serde_json::json;
use tidings::presence::{BatchError, Error, Id, LastSeen, Presence, Status};

use super::answer;
use crate::clock;

pub(super) async fn person(
    State(presence): State<Presence>,
    id: Result<Path<String>, PathRejection>,
) -> Response {
    let Ok(Path(id)) = id else {
        return answer::error(
            StatusCode::BAD_REQUEST,
            "INVALID_ID",
            "the id in the path is not UTF-8; percent-encode it as UTF-8",
        );
    };
    let found = match Id::new(&id) {
        Ok(id) => look(&presence, &id).await,
        Err(invalid) => Err(invalid.into()),
    };
    match found {
        Ok((status, seen)) => {
            let seen = seen.map(clock::unix_ms);
            Json(json!({ "id": id, "status": status.to_string(), "lastSeen": seen })).into_response()
        }
        Err(error) => answer::failed(&error, "INVALID_ID"),
    }
}

async fn look(presence: &Presence, id: &Id) -> Result<(Status, LastSeen), Error> {
    // Two questions: somebody who comes in between is offline here and was last seen a moment ago.
    let status = presence.status([id]).await.map_err(first)?;
    let seen = presence.last_seen([id]).await.map_err(first)?;
    Ok((status.into_iter().next().unwrap_or_default(), seen.into_iter().next().flatten()))
}

/// The cause, for a batch of one.
fn first<T>(batch: BatchError<T>) -> Error {
    let (_, failures) = batch.into_parts();
    failures.first().expect("the error of a batch is never empty").error().clone()
}
