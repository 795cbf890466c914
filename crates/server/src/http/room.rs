//! `GET /rooms/{room}`: who is in the room of a hub channel, and what they show.

use axum::Json;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;
use serde_json::{Value, json};
use tidings::presence::rooms::{Member, MemberPage, Payload, Room, Rooms};
use tidings::presence::{Cursor, Error};

use super::answer;

const LIMIT: usize = 100;
const LIMIT_MAX: usize = 1_000;

/// Which page, and of how many members.
#[derive(Debug, Deserialize)]
pub(super) struct PageQuery {
    cursor: Option<String>,
    limit: Option<usize>,
}

pub(super) async fn room(
    State(rooms): State<Rooms>,
    name: Result<Path<String>, PathRejection>,
    wish: Result<Query<PageQuery>, QueryRejection>,
) -> Response {
    let Ok(Path(name)) = name else {
        return answer::error(
            StatusCode::BAD_REQUEST,
            "INVALID_ROOM",
            "the room in the path is not UTF-8; percent-encode it as UTF-8",
        );
    };
    let room = match Room::new(&name) {
        Ok(room) => room,
        Err(invalid) => return answer::failed(&invalid.into(), "INVALID_ROOM"),
    };
    let Ok(Query(PageQuery { cursor, limit })) = wish else {
        return answer::error(
            StatusCode::BAD_REQUEST,
            "INVALID_QUERY",
            "the query cannot be read; give a limit, and a cursor if there is one",
        );
    };
    let limit = limit.unwrap_or(LIMIT);
    if !(1..=LIMIT_MAX).contains(&limit) {
        return answer::error(StatusCode::BAD_REQUEST, "INVALID_LIMIT", "the limit must be from 1 to 1,000");
    }
    match look(&rooms, &room, cursor.as_deref(), limit).await {
        Ok((count, page)) => {
            let members: Vec<Value> = page.members.iter().map(member).collect();
            let next = page.next.map(|next| next.to_string());
            Json(json!({ "room": name, "count": count, "members": members, "next": next })).into_response()
        }
        Err(error) => answer::failed(&error, "INVALID_CURSOR"),
    }
}

async fn look(
    rooms: &Rooms,
    room: &Room,
    cursor: Option<&str>,
    limit: usize,
) -> Result<(u64, MemberPage), Error> {
    let cursor = cursor.map_or(Ok(Cursor::default()), str::parse)?;
    let page = rooms.members(room, cursor, limit).await?;
    Ok((rooms.count(room).await?, page))
}

fn member(member: &Member) -> Value {
    json!({ "id": member.id.as_str(), "payload": shown(&member.payload) })
}

/// What this server lets members show is JSON; what others wrote may be anything.
fn shown(payload: &Payload) -> Value {
    match payload.as_bytes() {
        [] => Value::Null,
        bytes => serde_json::from_slice(bytes)
            .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(bytes).into_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payloads_are_shown_whatever_they_are() {
        let shown = |bytes: &[u8]| shown(&Payload::new(bytes).unwrap());
        assert_eq!(shown(b""), Value::Null);
        assert_eq!(shown(br#"{"name":"Alice"}"#), json!({ "name": "Alice" }));
        assert_eq!(shown(b"Alice"), json!("Alice"));
        assert_eq!(shown(b"\xff"), json!("\u{fffd}"));
    }
}
