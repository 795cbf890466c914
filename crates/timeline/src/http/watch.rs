//! `GET /timeline/watch`: an inbox as it grows, as server-sent events.
//!
//! ```text
//! event: entries                 what was missed, then what comes
//! id: 57-8127410226318201        the sequence and the tag of the last entry of the page
//! data: {"latestSeq":"57",…}     as /timeline/sync answers
//!
//! event: read                    how far conversations were read meanwhile
//! data: {"cursors":[{"member":"bob","with":"bob","group":"","read":"7"}],"cursorsCut":false}
//!
//! event: unavailable             the store, or room for a page, is not there now; nothing is lost
//! data: {"code":503,"reason":"TIMELINE_UNAVAILABLE","message":"…","metadata":{}}
//!
//! event: ended                   the last: the caller may not watch any longer
//! data: {"code":401,"reason":"UNAUTHENTICATED","message":"…","metadata":{}}
//!
//! :                              every 15 s without an event
//! ```
//!
//! A client that comes back sends the last id as `Last-Event-ID`, as browsers do by themselves, and
//! goes on from there. An event of a reset has the id 0: its client begins anew. One that says no
//! more than a new floor has no id, as nothing was read; `read` has none either, as it has no place
//! in the inbox: what it says can be asked for again.

use std::mem;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{RawQuery, State};
use axum::http::{Extensions, HeaderMap, HeaderName, header};
use axum::response::{IntoResponse, Response};
use http_body::Frame;
use serde::Serialize;

use super::called::Called;
use super::codec::Codec;
use super::problem::Problem;
use super::query;
use super::shared::Shared;
use crate::proto::v1;
use crate::service::in_flight::{AnswerBody, AnswerPermit, Full, Pieces};
use crate::service::{Chunk, NewPage, WatchBody, Watched, Watching};
use crate::{Caller, Error, ErrorKind};

/// After how long without an event a line is sent, so that nobody in between takes the connection
/// for dead.
const HEARTBEAT: Duration = Duration::from_secs(15);

const LAST_EVENT_ID: &str = "last-event-id";

pub(super) async fn watch(
    State(shared): State<Shared>,
    Called(caller): Called,
    extensions: Extensions,
    asked: (HeaderMap, RawQuery),
) -> Response {
    match begin(&shared, &caller, &extensions, asked) {
        Ok(watching) => events(watching),
        Err(problem) => problem.into_response(),
    }
}

fn begin(
    shared: &Shared,
    caller: &Caller,
    extensions: &Extensions,
    asked: (HeaderMap, RawQuery),
) -> Result<Watching, Problem> {
    let (headers, RawQuery(query)) = asked;
    let request: v1::WatchRequest = query::decode(query.as_deref().unwrap_or_default(), &[])?;
    let request = resumed(request, &headers)?;
    Ok(shared.calls.watch(caller, request, extensions, (&shared.watches, &shared.in_flight))?)
}

/// A browser that comes back repeats its query and adds the header, so that counts more.
fn resumed(request: v1::WatchRequest, headers: &HeaderMap) -> Result<v1::WatchRequest, Error> {
    let Some(last) = headers.get(LAST_EVENT_ID).filter(|last| !last.is_empty()) else { return Ok(request) };
    let position = last.to_str().ok().and_then(|last| {
        let (sequence, tag) = match last.split_once('-') {
            Some((sequence, tag)) => (sequence, Some(tag.parse().ok()?)),
            None => (last, None),
        };
        Some((sequence.parse().ok()?, tag))
    });
    let Some((last_read, last_tag)) = position else {
        let text = "the header Last-Event-ID is not a position; send the id of the last event";
        return Err(Error::new(ErrorKind::InvalidInput, text));
    };
    Ok(v1::WatchRequest { last_read, last_tag, ..request })
}

fn events(watching: Watching) -> Response {
    let head = [
        (header::CONTENT_TYPE, "text/event-stream"),
        (header::CACHE_CONTROL, "no-cache"),
        // This asks nginx not to collect the events before it passes them on.
        (HeaderName::from_static("x-accel-buffering"), "no"),
    ];
    (head, Body::new(WatchBody::new(watching, written, Some(HEARTBEAT)))).into_response()
}

fn written(watched: Watched) -> Chunk {
    match watched {
        Watched::Page(page, room) => match page_of(page, room) {
            Ok(page) => Chunk::Page(page),
            // The page was read, and what comes after it would leave a gap.
            Err(problem) => last("unavailable", &problem),
        },
        Watched::Idle => Chunk::Short(Bytes::from_static(b":\n\n")),
        Watched::Full => Chunk::Short(event("unavailable", &Problem::from(Full))),
        Watched::Failed(error) if error.kind() == ErrorKind::Unavailable => {
            Chunk::Short(event("unavailable", &Problem::from(error)))
        }
        Watched::Failed(error) => last("unavailable", &Problem::from(error)),
        Watched::Ended(why) => last("ended", &Problem::from(why)),
    }
}

fn last(name: &str, problem: &Problem) -> Chunk {
    Chunk::Last(Frame::data(event(name, problem)))
}

/// What a client is told of how far conversations were read.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Cursors {
    cursors: Vec<v1::ReadCursor>,
    cursors_cut: bool,
}

/// A page as one event or two, in the room that it was given.
fn page_of(new: NewPage, room: AnswerPermit) -> Result<AnswerBody, Problem> {
    let NewPage { mut page, is_of_inbox } = new;
    let cursors =
        Cursors { cursors: mem::take(&mut page.cursors), cursors_cut: mem::take(&mut page.cursors_cut) };
    let mut text = Vec::new();
    if is_of_inbox {
        add_entries(&mut text, &page)?;
    }
    // The order matters: nobody is told that a message was read before the message.
    if !cursors.cursors.is_empty() || cursors.cursors_cut {
        text.extend_from_slice(&event("read", &cursors));
    }
    let room = room.fit(text.len())?;
    Ok(AnswerBody::alone(Pieces::copy_of(&text), room))
}

fn add_entries(text: &mut Vec<u8>, page: &v1::SyncMessageReply) -> Result<(), Problem> {
    let id = match page.entry_set.last() {
        Some(v1::TimelineEntry { sequence, tag: Some(tag), .. }) => format!("id: {sequence}-{tag}\n"),
        Some(v1::TimelineEntry { sequence, tag: None, .. }) => format!("id: {sequence}\n"),
        None if page.reset => "id: 0\n".to_owned(),
        None => String::new(),
    };
    let data = Codec::Json.encode(page)?;
    text.reserve(data.len() + 128);
    for part in [&b"event: entries\n"[..], id.as_bytes(), b"data: ", &data, b"\n\n"] {
        text.extend_from_slice(part);
    }
    Ok(())
}

fn event(name: &str, data: &impl Serialize) -> Bytes {
    let data = serde_json::to_string(data).expect("texts and numbers are always JSON");
    Bytes::from(format!("event: {name}\ndata: {data}\n\n"))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn position(query: (i64, Option<u64>), last: Option<&'static str>) -> Option<(i64, Option<u64>)> {
        let mut headers = HeaderMap::new();
        if let Some(last) = last {
            headers.insert(LAST_EVENT_ID, HeaderValue::from_static(last));
        }
        let (last_read, last_tag) = query;
        let request = v1::WatchRequest { last_read, last_tag, ..Default::default() };
        let resumed = resumed(request, &headers).ok()?;
        Some((resumed.last_read, resumed.last_tag))
    }

    #[test]
    fn the_last_event_counts_more_than_the_query() {
        let query = (3, Some(9));
        assert_eq!(position(query, None), Some(query));
        assert_eq!(position(query, Some("")), Some(query));
        assert_eq!(position(query, Some("57-81")), Some((57, Some(81))));
        assert_eq!(position(query, Some("57")), Some((57, None)));
        assert_eq!(position(query, Some("0")), Some((0, None)));
        for wrong in ["x", "57-", "57-x", "57-8-1"] {
            assert_eq!(position(query, Some(wrong)), None, "{wrong}");
        }
    }
}
