//! The calls that change or delete messages.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;

use crate::http::answer::{Body, posted};
use crate::http::called::Called;
use crate::http::shared::Shared;

pub(in crate::http) async fn edit(
    State(shared): State<Shared>,
    Called(caller): Called,
    headers: HeaderMap,
    body: Body,
) -> Response {
    posted(&shared, &headers, body, async |request| shared.calls.edit(&caller, request).await).await
}

pub(in crate::http) async fn recall(
    State(shared): State<Shared>,
    Called(caller): Called,
    headers: HeaderMap,
    body: Body,
) -> Response {
    posted(&shared, &headers, body, async |request| shared.calls.recall(&caller, request).await).await
}

pub(in crate::http) async fn delete_message(
    State(shared): State<Shared>,
    Called(caller): Called,
    headers: HeaderMap,
    body: Body,
) -> Response {
    posted(&shared, &headers, body, async |request| shared.calls.delete_message(&caller, request).await).await
}

pub(in crate::http) async fn purge(
    State(shared): State<Shared>,
    Called(caller): Called,
    headers: HeaderMap,
    body: Body,
) -> Response {
    posted(&shared, &headers, body, async |request| shared.calls.purge(&caller, request).await).await
}

pub(in crate::http) async fn delete_member(
    State(shared): State<Shared>,
    Called(caller): Called,
    headers: HeaderMap,
    body: Body,
) -> Response {
    posted(&shared, &headers, body, async |request| shared.calls.delete_member(&caller, request).await).await
}
