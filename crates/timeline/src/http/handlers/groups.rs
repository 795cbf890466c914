//! The calls about groups.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;

use crate::http::answer::{Asked, Body, got, posted};
use crate::http::called::{Called, InPath};
use crate::http::shared::Shared;
use crate::proto::v1;

pub(in crate::http) async fn create_group(
    State(shared): State<Shared>,
    Called(caller): Called,
    headers: HeaderMap,
    body: Body,
) -> Response {
    posted(&shared, &headers, body, async |request| shared.calls.create_group(&caller, request).await).await
}

pub(in crate::http) async fn list_groups(
    State(shared): State<Shared>,
    Called(caller): Called,
    asked: Asked,
) -> Response {
    got(&shared, asked, &[], async |request| shared.calls.list_groups(&caller, request).await).await
}

pub(in crate::http) async fn get_group(
    State(shared): State<Shared>,
    Called(caller): Called,
    InPath(group): InPath<String>,
    asked: Asked,
) -> Response {
    let path = [("group", group)];
    got(&shared, asked, &path, async |request| shared.calls.get_group(&caller, request).await).await
}

pub(in crate::http) async fn join_group(
    State(shared): State<Shared>,
    Called(caller): Called,
    InPath(group): InPath<String>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    posted(&shared, &headers, body, async |request: v1::JoinGroupRequest| {
        shared.calls.join_group(&caller, v1::JoinGroupRequest { group, ..request }).await
    })
    .await
}

pub(in crate::http) async fn leave_group(
    State(shared): State<Shared>,
    Called(caller): Called,
    InPath(group): InPath<String>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    posted(&shared, &headers, body, async |request: v1::LeaveGroupRequest| {
        shared.calls.leave_group(&caller, v1::LeaveGroupRequest { group, ..request }).await
    })
    .await
}

pub(in crate::http) async fn rename_group(
    State(shared): State<Shared>,
    Called(caller): Called,
    InPath(group): InPath<String>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    posted(&shared, &headers, body, async |request: v1::RenameGroupRequest| {
        shared.calls.rename_group(&caller, v1::RenameGroupRequest { group, ..request }).await
    })
    .await
}

pub(in crate::http) async fn set_group_role(
    State(shared): State<Shared>,
    Called(caller): Called,
    InPath(group): InPath<String>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    posted(&shared, &headers, body, async |request: v1::SetGroupRoleRequest| {
        shared.calls.set_group_role(&caller, v1::SetGroupRoleRequest { group, ..request }).await
    })
    .await
}
