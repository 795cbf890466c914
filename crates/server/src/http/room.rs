//! `GET /rooms/{room}`: who is in the room of a hub channel, and what they show.

use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Extension, Path, Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;
use tidings::presence::rooms::{Member, MemberPage, Payload, Room, Rooms};
use tidings::presence::{Cursor, Error};
use tidings::timeline::{AnswerMemory, RequestConnection};

use super::answer;
use crate::depth;

const LIMIT: usize = 100;
const LIMIT_MAX: usize = 1_000;

/// Which page, and of how many members.
#[derive(Debug, Deserialize)]
pub(super) struct PageQuery {
    cursor: Option<String>,
    limit: Option<usize>,
}

/// The answer; its fields are in the order of their names, as everywhere.
#[derive(Debug, Serialize)]
struct RoomJson<'a> {
    count: u64,
    members: Vec<MemberJson<'a>>,
    next: Option<String>,
    room: &'a str,
}

#[derive(Debug, Serialize)]
struct MemberJson<'a> {
    id: &'a str,
    payload: Shown<'a>,
}

/// What this server lets members show is JSON; what others wrote may be anything.
#[derive(Debug)]
struct Shown<'a>(&'a Payload);

pub(super) async fn room(
    State(rooms): State<Rooms>,
    State(answers): State<AnswerMemory>,
    connection: Option<Extension<RequestConnection>>,
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
    let connection = connection.map(|Extension(connection)| connection);
    // The order matters: room is taken before the store is asked, or as many pages would be in
    // memory as clients ask for.
    let Some(permit) = answers.reserve_bytes(answer_bytes_max(limit), connection).await else {
        return answer::busy();
    };
    match look(&rooms, &room, cursor.as_deref(), limit).await {
        Ok((count, page)) => {
            let members = page.members.iter().map(MemberJson::from).collect();
            let next = page.next.map(|next| next.to_string());
            answer::held(StatusCode::OK, permit, &RoomJson { count, members, next, room: &name })
        }
        Err(error) => answer::failed(&error, "INVALID_CURSOR"),
    }
}

/// The most bytes of an answer of so many members.
fn answer_bytes_max(limit: usize) -> usize {
    MemberPage::BYTES_MAX.min(limit * Member::PAGE_BYTES_MAX) * answer::JSON_PER_BYTE
}

async fn look(
    rooms: &Rooms,
    room: &Room,
    cursor: Option<&str>,
    limit: usize,
) -> Result<(u64, MemberPage), Error> {
    let cursor = cursor.map_or(Ok(Cursor::default()), str::parse)?;
    // These are two questions, so the count may be that of a moment later.
    let page = rooms.members(room, cursor, limit).await?;
    Ok((rooms.count(room).await?, page))
}

impl<'a> From<&'a Member> for MemberJson<'a> {
    fn from(member: &'a Member) -> Self {
        Self { id: member.id.as_str(), payload: Shown(&member.payload) }
    }
}

impl Serialize for Shown<'_> {
    /// One payload after the other, as JSON that is read in takes many times its bytes.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let bytes = self.0.as_bytes();
        if bytes.is_empty() {
            return serializer.serialize_unit();
        }
        match serde_json::from_slice::<Value>(bytes) {
            Ok(json) if depth::fits(&json) => json.serialize(serializer),
            Ok(_) | Err(_) => serializer.serialize_str(&String::from_utf8_lossy(bytes)),
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use http_body_util::BodyExt as _;
    use serde_json::json;
    use tidings::presence::memory::{Config, Memory};

    use super::*;

    #[test]
    fn payloads_are_shown_whatever_they_are() {
        let shown = |bytes: &[u8]| serde_json::to_value(Shown(&Payload::new(bytes).unwrap())).unwrap();
        assert_eq!(shown(b""), Value::Null);
        assert_eq!(shown(br#"{"name":"Alice"}"#), json!({ "name": "Alice" }));
        assert_eq!(shown(b"Alice"), json!("Alice"));
        assert_eq!(shown(b"\xff"), json!("\u{fffd}"));
        let deep = "[".repeat(110) + &"]".repeat(110);
        assert_eq!(shown(deep.as_bytes()), json!(deep));
    }

    async fn crowded() -> Rooms {
        let rooms = Rooms::new(Memory::start(Config::default()).unwrap());
        for number in 0..200 {
            // Each byte of it is six in JSON.
            let payload = [1_u8; Payload::BYTES_MAX];
            rooms.join("hello", number.to_string(), "tab", &payload).await.unwrap();
        }
        rooms
    }

    async fn ask(rooms: &Rooms, answers: &AnswerMemory, cursor: Option<String>) -> (StatusCode, Body) {
        let wish = PageQuery { cursor, limit: Some(LIMIT_MAX) };
        let (rooms, answers) = (State(rooms.clone()), State(answers.clone()));
        let answer = room(rooms, answers, None, Ok(Path("hello".to_owned())), Ok(Query(wish))).await;
        (answer.status(), answer.into_body())
    }

    #[tokio::test]
    async fn a_page_has_no_more_bytes_than_its_bound_and_says_how_to_go_on() {
        let (rooms, answers) = (crowded().await, AnswerMemory::new(ROOM, "test").unwrap());
        let (mut cursor, mut listed, mut pages) = (None, 0, 0);
        loop {
            let (status, body) = ask(&rooms, &answers, cursor).await;
            assert_eq!(status, StatusCode::OK);
            let body = body.collect().await.unwrap().to_bytes();
            assert!(body.len() <= answer_bytes_max(LIMIT_MAX), "{} bytes", body.len());
            let page: Value = serde_json::from_slice(&body).unwrap();
            assert_eq!(page["count"], 200);
            listed += page["members"].as_array().unwrap().len();
            pages += 1;
            cursor = page["next"].as_str().map(str::to_owned);
            if cursor.is_none() {
                break;
            }
        }
        assert!(listed == 200 && pages > 3, "{listed} members on {pages} pages");
    }

    #[tokio::test(start_paused = true)]
    async fn pages_that_nobody_reads_have_a_bounded_memory_together() {
        let (rooms, answers) = (crowded().await, AnswerMemory::new(ROOM, "test").unwrap());
        let mut unread = Vec::new();
        for _ in 0..20 {
            let (status, body) = ask(&rooms, &answers, None).await;
            assert_eq!(status, StatusCode::OK, "those that stand still make room");
            unread.push(body);
        }
        let mut bytes = 0;
        for body in unread {
            // An error for one that was cut.
            bytes += body.collect().await.map_or(0, |body| body.to_bytes().len());
        }
        assert!(bytes <= ROOM, "{bytes} bytes in room for {ROOM}");
    }

    const ROOM: usize = 4 * 1024 * 1024;
}
