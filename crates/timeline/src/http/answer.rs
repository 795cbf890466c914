//! Answers to calls: the request is read, the call is made, the reply is written.

use std::future::Future;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Extension, RawQuery};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use prost::Message;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::codec::Codec;
use super::content::Content;
use super::problem::Problem;
use super::query;
use super::shared::Shared;
use crate::Result;
use crate::service::in_flight::{AnswerBody, Pieces};
use crate::service::{AnswerPermit, Paged, RequestConnection, answer_page};
use crate::timeline::holes::HoleWaits;

/// The body of a `POST`, or why it cannot be read.
pub(super) type Body = Result<Bytes, BytesRejection>;

/// Answers a `POST`.
pub(super) async fn posted<T, R, F>(
    shared: &Shared,
    headers: &HeaderMap,
    body: Body,
    call: impl FnOnce(T) -> F,
) -> Response
where
    T: Message + Default + DeserializeOwned,
    R: Message + Serialize,
    F: Future<Output = Result<R>>,
{
    match request(shared, headers, body) {
        // Such a reply is short and takes no room: a send that was stored is never refused one.
        Ok(request) => reply(headers, call(request).await).unwrap_or_else(IntoResponse::into_response),
        Err(problem) => problem.into_response(),
    }
}

/// Answers a `POST` whose reply may be large. Its room is taken before anything is stored.
pub(super) async fn posted_many<T, R, F>(
    shared: &Shared,
    headers: &HeaderMap,
    connection: AskingConnection,
    body: Body,
    call: impl FnOnce(T) -> F,
) -> Response
where
    T: Message + Default + DeserializeOwned,
    R: Message + Serialize,
    F: Future<Output = Result<R, Problem>>,
{
    match request(shared, headers, body) {
        Ok(request) => {
            let answer = read(shared, Codec::of_accept(headers), connection, call(request)).await;
            answer.unwrap_or_else(IntoResponse::into_response)
        }
        Err(problem) => problem.into_response(),
    }
}

fn request<T: Message + Default + DeserializeOwned>(
    shared: &Shared,
    headers: &HeaderMap,
    body: Body,
) -> Result<T, Problem> {
    let content = Content::of(headers)?;
    match body {
        Ok(body) => content.decode(&body),
        Err(error) if error.status() == StatusCode::PAYLOAD_TOO_LARGE => {
            Err(Problem::too_large(shared.body_bytes_max))
        }
        Err(_) => Err(Problem::codec("the body did not come as a whole; send it again")),
    }
}

/// The connection that a request came over, if the program says so.
pub(super) type AskingConnection = Option<Extension<RequestConnection>>;

/// What a `GET` says, besides its path.
pub(super) type Asked = (HeaderMap, RawQuery, AskingConnection);

/// Answers a `GET`; `path` has the fields that the path names.
pub(super) async fn got<T, R, F>(
    shared: &Shared,
    asked: Asked,
    path: &[(&'static str, String)],
    call: impl FnOnce(T) -> F,
) -> Response
where
    T: DeserializeOwned,
    R: Message + Serialize,
    F: Future<Output = Result<R>>,
{
    let (headers, RawQuery(query), connection) = asked;
    match query::decode(query.as_deref().unwrap_or_default(), path) {
        Ok(request) => {
            let answer = read(shared, Codec::of_accept(&headers), connection, call(request)).await;
            answer.unwrap_or_else(IntoResponse::into_response)
        }
        Err(problem) => problem.into_response(),
    }
}

/// Answers a `GET` of a page, which waits at holes.
pub(super) async fn got_page<T, R, F>(
    shared: &Shared,
    asked: Asked,
    path: &[(&'static str, String)],
    waits: &HoleWaits,
    call: impl Fn(T) -> F,
) -> Response
where
    T: DeserializeOwned + Clone,
    R: Message + Serialize,
    F: Future<Output = Result<Paged<R>>>,
{
    let (headers, RawQuery(query), connection) = asked;
    let request: T = match query::decode(query.as_deref().unwrap_or_default(), path) {
        Ok(request) => request,
        Err(problem) => return problem.into_response(),
    };
    let (codec, bounds) = (Codec::of_accept(&headers), (&shared.calls, &shared.in_flight));
    let (connection, read) = (connection.map(|Extension(own)| own), || call(request.clone()));
    let answer = |reply: R, room| in_room(codec, &reply, room);
    let answer = answer_page(bounds, connection, waits, read, answer).await;
    answer.unwrap_or_else(IntoResponse::into_response)
}

/// Answers a read, whose answer may be large: its bytes take room until they are written.
async fn read<R: Message + Serialize, E: Into<Problem>>(
    shared: &Shared,
    codec: Codec,
    connection: AskingConnection,
    answer: impl Future<Output = Result<R, E>>,
) -> Result<Response, Problem> {
    // The order matters: room is taken before the store is read, or as many pages would be in
    // memory as clients ask for.
    let room = shared.in_flight.reserve(connection.map(|Extension(own)| own)).await?;
    in_room(codec, &answer.await.map_err(Into::<Problem>::into)?, room)
}

/// Returns an answer whose bytes take their room until they are written.
fn in_room<R: Message + Serialize>(codec: Codec, reply: &R, room: AnswerPermit) -> Result<Response, Problem> {
    let pieces = Pieces::copy_of(&codec.encode(reply)?);
    let room = room.fit(pieces.len())?;
    Ok(written(codec, axum::body::Body::new(AnswerBody::alone(pieces, room))))
}

fn reply<R: Message + Serialize>(headers: &HeaderMap, result: Result<R>) -> Result<Response, Problem> {
    let codec = Codec::of_accept(headers);
    Ok(written(codec, codec.encode(&result?)?.into()))
}

fn written(codec: Codec, body: axum::body::Body) -> Response {
    ([(header::CONTENT_TYPE, codec.content_type())], body).into_response()
}
