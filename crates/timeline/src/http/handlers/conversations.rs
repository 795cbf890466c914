//! The calls about what a member has read, and about their conversations.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;

use crate::http::answer::{Asked, Body, got, posted};
use crate::http::called::Called;
use crate::http::shared::Shared;

pub(in crate::http) async fn read(
    State(shared): State<Shared>,
    Called(caller): Called,
    headers: HeaderMap,
    body: Body,
) -> Response {
    posted(&shared, &headers, body, async |request| shared.calls.read(&caller, request).await).await
}

pub(in crate::http) async fn read_of(
    State(shared): State<Shared>,
    Called(caller): Called,
    asked: Asked,
) -> Response {
    got(&shared, asked, &[], async |request| shared.calls.read_of(&caller, request).await).await
}

pub(in crate::http) async fn unread(
    State(shared): State<Shared>,
    Called(caller): Called,
    asked: Asked,
) -> Response {
    got(&shared, asked, &[], async |request| shared.calls.unread(&caller, request).await).await
}

pub(in crate::http) async fn list_unread(
    State(shared): State<Shared>,
    Called(caller): Called,
    asked: Asked,
) -> Response {
    got(&shared, asked, &[], async |request| shared.calls.list_unread(&caller, request).await).await
}

pub(in crate::http) async fn conversations(
    State(shared): State<Shared>,
    Called(caller): Called,
    asked: Asked,
) -> Response {
    got(&shared, asked, &[], async |request| shared.calls.conversations(&caller, request).await).await
}

pub(in crate::http) async fn clear(
    State(shared): State<Shared>,
    Called(caller): Called,
    headers: HeaderMap,
    body: Body,
) -> Response {
    posted(&shared, &headers, body, async |request| shared.calls.clear(&caller, request).await).await
}
