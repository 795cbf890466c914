//! The paths of the service, and what answers each.

use std::future::Future;

use axum::Router;
use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, PathRejection};
use axum::extract::{DefaultBodyLimit, Extension, Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use prost::Message;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::codec::Codec;
use super::problem::Problem;
use super::{Config, cors, query};
use crate::service::in_flight::{AnswerBody, AnswerMemory, Pieces};
use crate::service::{Calls, RequestConnection};
use crate::{Result, Timeline};

/// What every handler needs.
#[derive(Debug, Clone)]
struct Shared {
    calls: Calls,
    in_flight: AnswerMemory,
    body_bytes_max: usize,
}

/// Returns a router of everything below `/timeline`.
///
/// The program merges it into its own.
///
/// # Errors
///
/// [`Config`](crate::ErrorKind::Config) when a value is out of range.
///
/// # Examples
///
/// ```no_run
/// # async fn serve(timeline: timeline::Timeline) -> Result<(), Box<dyn std::error::Error>> {
/// let app = axum::Router::new().merge(timeline::http::router(timeline::http::Config::default(), timeline)?);
/// axum::serve(tokio::net::TcpListener::bind("127.0.0.1:8000").await?, app).await?;
/// # Ok(())
/// # }
/// ```
pub fn router(config: Config, timeline: Timeline) -> Result<Router> {
    config.validate()?;
    let not_allowed = || async { Problem::method_not_allowed() };
    let not_found = || async { Problem::not_found() };
    let shared = Shared {
        calls: Calls::new(timeline),
        in_flight: AnswerMemory::new(config.answer_bytes_max, "http")?,
        body_bytes_max: config.body_bytes_max,
    };
    let router = Router::new()
        .route("/timeline/send", post(send).fallback(not_allowed))
        .route("/timeline/sendGroup", post(send_group).fallback(not_allowed))
        .route("/timeline/sync", get(sync).fallback(not_allowed))
        .route("/timeline/history/single/{from}/{to}", get(single_history).fallback(not_allowed))
        .route("/timeline/history/group/{group}", get(group_history).fallback(not_allowed))
        // These three keep unknown paths below `/timeline` from the fallback of the program, whose
        // errors may look different.
        .route("/timeline", any(not_found))
        .route("/timeline/", any(not_found))
        .route("/timeline/{*rest}", any(not_found))
        .layer(DefaultBodyLimit::max(config.body_bytes_max))
        .with_state(shared);
    Ok(if config.cors { router.layer(cors::layer(config)) } else { router })
}

async fn send(State(shared): State<Shared>, headers: HeaderMap, body: Body) -> Response {
    posted(&shared, &headers, body, async |request| shared.calls.send(request).await).await
}

async fn send_group(State(shared): State<Shared>, headers: HeaderMap, body: Body) -> Response {
    posted(&shared, &headers, body, async |request| shared.calls.send_group(request).await).await
}

async fn sync(State(shared): State<Shared>, asked: Asked) -> Response {
    got(&shared, asked, Ok(Vec::new()), async |request| shared.calls.sync(request).await).await
}

async fn single_history(
    State(shared): State<Shared>,
    path: Result<Path<(String, String)>, PathRejection>,
    asked: Asked,
) -> Response {
    let path = path.map(|Path((from, to))| vec![("from", from), ("to", to)]);
    got(&shared, asked, path, async |request| shared.calls.single_history(request).await).await
}

async fn group_history(
    State(shared): State<Shared>,
    path: Result<Path<String>, PathRejection>,
    asked: Asked,
) -> Response {
    let path = path.map(|Path(group)| vec![("group", group)]);
    got(&shared, asked, path, async |request| shared.calls.group_history(request).await).await
}

type Body = Result<Bytes, BytesRejection>;

/// Answers a `POST`.
async fn posted<T, R, F>(
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
    let request = Codec::of_content(headers).and_then(|codec| match body {
        Ok(body) => codec.decode(&body),
        Err(error) if error.status() == StatusCode::PAYLOAD_TOO_LARGE => {
            Err(Problem::too_large(shared.body_bytes_max))
        }
        Err(error) => Err(Problem::codec(error.body_text())),
    });
    match request {
        // Such a reply is short and takes no room: a send that was stored is never refused one.
        Ok(request) => reply(headers, call(request).await).unwrap_or_else(IntoResponse::into_response),
        Err(problem) => problem.into_response(),
    }
}

/// What a `GET` says, besides its path.
type Asked = (HeaderMap, RawQuery, Option<Extension<RequestConnection>>);

/// Answers a `GET`.
async fn got<T, R, F>(
    shared: &Shared,
    asked: Asked,
    path: Result<Vec<(&'static str, String)>, PathRejection>,
    call: impl FnOnce(T) -> F,
) -> Response
where
    T: DeserializeOwned,
    R: Message + Serialize,
    F: Future<Output = Result<R>>,
{
    let (headers, RawQuery(query), connection) = asked;
    let request = path
        .map_err(|error| Problem::codec(error.body_text()))
        .and_then(|path| query::decode(query.as_deref().unwrap_or_default(), &path));
    match request {
        Ok(request) => {
            let (codec, connection) = (Codec::of_accept(&headers), connection.map(|Extension(own)| own));
            let answer = read(shared, codec, connection, call(request)).await;
            answer.unwrap_or_else(IntoResponse::into_response)
        }
        Err(problem) => problem.into_response(),
    }
}

/// Answers a read, whose answer may be large: its bytes take room until they are written.
async fn read<R: Message + Serialize>(
    shared: &Shared,
    codec: Codec,
    connection: Option<RequestConnection>,
    answer: impl Future<Output = Result<R>>,
) -> std::result::Result<Response, Problem> {
    // The order matters: room is taken before the store is read, or as many pages would be in
    // memory as clients ask for.
    let room = shared.in_flight.reserve(connection).await?;
    let pieces = Pieces::copy_of(&codec.encode(&answer.await?)?);
    let room = room.fit(pieces.len())?;
    Ok(written(codec, axum::body::Body::new(AnswerBody::alone(pieces, room))))
}

fn reply<R: Message + Serialize>(
    headers: &HeaderMap,
    result: Result<R>,
) -> std::result::Result<Response, Problem> {
    let codec = Codec::of_accept(headers);
    Ok(written(codec, codec.encode(&result?)?.into()))
}

fn written(codec: Codec, body: axum::body::Body) -> Response {
    ([(header::CONTENT_TYPE, codec.content_type())], body).into_response()
}
