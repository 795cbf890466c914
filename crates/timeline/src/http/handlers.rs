//! One function for each call.

pub(super) mod changes;
pub(super) mod conversations;
pub(super) mod groups;

use axum::extract::State;
use axum::http::{Extensions, HeaderMap};
use axum::response::Response;

use super::answer::{Asked, AskingConnection, Body, got, got_page, posted, posted_many};
use super::called::{Called, InPath};
use super::problem::Problem;
use super::shared::Shared;
use crate::Caller;
use crate::proto::v1;
use crate::timeline::holes::HoleWaits;

pub(super) async fn send(
    State(shared): State<Shared>,
    Called(caller): Called,
    headers: HeaderMap,
    body: Body,
) -> Response {
    posted(&shared, &headers, body, async |request| shared.calls.send(&caller, request).await).await
}

pub(super) async fn send_group(
    State(shared): State<Shared>,
    Called(caller): Called,
    headers: HeaderMap,
    body: Body,
) -> Response {
    posted(&shared, &headers, body, async |request| shared.calls.send_group(&caller, request).await).await
}

pub(super) async fn send_batch(
    State(shared): State<Shared>,
    Called(caller): Called,
    extensions: Extensions,
    connection: AskingConnection,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let call = async |request| batch(&shared, &caller, &extensions, request).await;
    posted_many(&shared, &headers, connection, body, call).await
}

async fn batch(
    shared: &Shared,
    caller: &Caller,
    extensions: &Extensions,
    request: v1::SendBatchRequest,
) -> Result<v1::SendBatchReply, Problem> {
    shared.calls.count_batch(extensions, &request)?;
    Ok(shared.calls.send_batch(caller, request).await?)
}

pub(super) async fn ack(
    State(shared): State<Shared>,
    Called(caller): Called,
    headers: HeaderMap,
    body: Body,
) -> Response {
    posted(&shared, &headers, body, async |request| shared.calls.ack(&caller, request).await).await
}

pub(super) async fn received(
    State(shared): State<Shared>,
    Called(caller): Called,
    headers: HeaderMap,
    body: Body,
) -> Response {
    posted(&shared, &headers, body, async |request| shared.calls.received(&caller, request).await).await
}

pub(super) async fn received_of(
    State(shared): State<Shared>,
    Called(caller): Called,
    asked: Asked,
) -> Response {
    got(&shared, asked, &[], async |request| shared.calls.received_of(&caller, request).await).await
}

pub(super) async fn sync(State(shared): State<Shared>, Called(caller): Called, asked: Asked) -> Response {
    let waits = HoleWaits::begin();
    got_page(&shared, asked, &[], &waits, |request| shared.calls.sync(&caller, request)).await
}

pub(super) async fn single_history(
    State(shared): State<Shared>,
    Called(caller): Called,
    InPath((from, to)): InPath<(String, String)>,
    asked: Asked,
) -> Response {
    let path = [("from", from), ("to", to)];
    let waits = HoleWaits::begin();
    let call = |request| shared.calls.single_history(&caller, request, &waits);
    got_page(&shared, asked, &path, &waits, call).await
}

pub(super) async fn group_history(
    State(shared): State<Shared>,
    Called(caller): Called,
    InPath(group): InPath<String>,
    asked: Asked,
) -> Response {
    let path = [("group", group)];
    let waits = HoleWaits::begin();
    let call = |request| shared.calls.group_history(&caller, request, &waits);
    got_page(&shared, asked, &path, &waits, call).await
}
