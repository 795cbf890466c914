//! `GET /presence/events`: who is online, and every change, as server-sent events.
//!
//! ```text
//! retry: 3120                                  how long to wait before coming back, in ms
//!
//! event: present                               the snapshot: once for each id that is online
//! data: {"id":"alice","status":"ONLINE"}
//!
//! event: synced                                the snapshot is complete, and true here
//! id: 9f3a5c00d1e2b477-57
//! data: {}
//!
//! event: change
//! id: 9f3a5c00d1e2b477-58
//! data: {"id":"alice","status":"OFFLINE","cause":"ENDED","at":1790000000000}
//!
//! event: lagged                                events are lost; null where nobody knows how many
//! data: {"missed":12}
//!
//! event: unavailable                           the store is out of reach; nothing is lost so far
//! data: {"message":"…"}
//!
//! event: ended                                 the last: the login of the caller has ended
//! data: {"reason":"expired"}                   or "revoked"
//!
//! :                                            every 15 s without an event
//! ```
//!
//! With logins a stream ends within a second of its caller's login. A browser comes back by itself,
//! with the ticket that it has used already, and is refused; a program makes a new stream with a
//! new ticket.
//!
//! A stream holds no queue: it reads the log of presence as fast as its client reads, and one that
//! falls out of that log is told so and goes on. The text of a snapshot has no `id`, so that a
//! client cut off in its middle gets another.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Extension, Query, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use futures_util::future::{BoxFuture, FutureExt as _, pending};
use futures_util::{Stream, StreamExt as _, stream};
use serde::Serialize;
use serde_json::json;
use tidings::presence::{Error, ErrorKind, Events, Presence, Since, Update};
use tokio_util::sync::CancellationToken;

use super::answer;
use super::login_end::{LoginEnd, login_end};
use super::streams::{NoPlace, StreamPlace, Streams};
use crate::access::Caller;
use crate::random;
use crate::transition::TransitionJson;

/// After how long without an event a line is sent, so that nobody in between takes the connection
/// for dead.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// When clients come back. Spread, so that those of a server that went away do not come all at
/// once.
const RETRY_LEAST: Duration = Duration::from_secs(1);
const RETRY_SPREAD: Duration = Duration::from_secs(4);

const LAST_EVENT_ID: &str = "last-event-id";

pub(super) async fn events(
    State(streams): State<Streams>,
    State(presence): State<Presence>,
    Extension(caller): Extension<Caller>,
    query: Result<Query<Vec<(String, String)>>, QueryRejection>,
    headers: HeaderMap,
) -> Response {
    let Ok(Query(query)) = query else {
        return answer::error(
            StatusCode::BAD_REQUEST,
            "INVALID_QUERY",
            "the query cannot be read; write it like ?since=now",
        );
    };
    let since = match since(&query, &headers) {
        Ok(since) => since,
        Err(error) => return answer::failed(&error, "INVALID_POSITION"),
    };
    // The place comes before the subscription, so that those who are refused cost presence
    // nothing.
    let place = match streams.take(&caller) {
        Ok(place) => place,
        Err(none) => return refused(none),
    };
    let end = match caller.identity() {
        Some(identity) => login_end(identity.clone(), streams.revocations).boxed(),
        None => pending().boxed(),
    };
    match presence.events(since).await {
        Ok(updates) => {
            let events = lines(updates, end, place, streams.stop);
            // This asks nginx not to collect the events before it passes them on.
            let buffered = [(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"))];
            (buffered, Sse::new(events).keep_alive(KeepAlive::new().interval(HEARTBEAT))).into_response()
        }
        Err(error) => answer::failed(&error, "INVALID_POSITION"),
    }
}

fn refused(none: NoPlace) -> Response {
    let (status, again_seconds, text) = match none {
        NoPlace::Full => (
            StatusCode::SERVICE_UNAVAILABLE,
            "1",
            "no more streams can be opened, as --presence-streams, or half of --http-connections, are \
             open already; try again later",
        ),
        NoPlace::OfUser => (
            StatusCode::TOO_MANY_REQUESTS,
            // Only the devices of one person make room.
            "5",
            "this user has as many streams open as one user may have; close one of them first",
        ),
    };
    let again = [(header::RETRY_AFTER, HeaderValue::from_static(again_seconds))];
    (again, answer::error(status, "TOO_MANY_STREAMS", text)).into_response()
}

/// Where to begin. A browser that comes back repeats its query and adds the header, so that counts
/// more.
fn since(query: &[(String, String)], headers: &HeaderMap) -> Result<Since, Error> {
    let asked = query.iter().find(|(name, _)| name == "since").map(|(_, since)| since.as_str());
    let last = match headers.get(LAST_EVENT_ID) {
        Some(last) => Some(last.to_str().map_err(|source| {
            Error::with_source(
                ErrorKind::InvalidInput,
                "the header Last-Event-ID is not a position; send the id of the last event",
                source,
            )
        })?),
        None => None,
    };
    match last.filter(|last| !last.is_empty()).or(asked) {
        None | Some("snapshot") => Ok(Since::Snapshot),
        Some("now") => Ok(Since::Now),
        Some(position) => position.parse().map(Since::Position),
    }
}

/// The stream as its client reads it. The place is given back with its end.
fn lines(
    updates: Events,
    end: BoxFuture<'static, LoginEnd>,
    place: StreamPlace,
    stop: CancellationToken,
) -> impl Stream<Item = Result<Event, Infallible>> {
    let retry = Event::default().retry(RETRY_LEAST + random::below(RETRY_SPREAD));
    // The state owns the place, so it is given back when the stream is dropped.
    let lines = stream::unfold(Some((updates, end, place)), |state| async move {
        let (mut updates, mut end, place) = state?;
        tokio::select! {
            // The order matters: nothing is told any more to who may not hear it.
            biased;
            reason = &mut end => Some((event("ended", &json!({ "reason": reason.name() })), None)),
            line = next_line(&mut updates) => Some((line?, Some((updates, end, place)))),
        }
    });
    // A stream has no end of its own. Without this one a stop would wait for its client.
    stream::iter([retry]).chain(lines).take_until(stop.cancelled_owned()).map(Ok)
}

/// Waits for the next update that has a line.
async fn next_line(updates: &mut Events) -> Option<Event> {
    loop {
        if let Some(line) = line(updates.next().await?) {
            return Some(line);
        }
    }
}

/// One update; `None` for what later versions of presence may add.
fn line(update: Result<Update, Error>) -> Option<Event> {
    match update {
        Ok(Update::Present { id, status, .. }) => {
            Some(event("present", &json!({ "id": id.as_str(), "status": status.to_string() })))
        }
        Ok(Update::Synced(position)) => Some(event("synced", &json!({})).id(position.to_string())),
        Ok(Update::Change(change)) => {
            Some(event("change", &TransitionJson::from(&change)).id(change.position.to_string()))
        }
        Ok(_) => None,
        Err(error) if error.kind() == ErrorKind::Lagged => {
            Some(event("lagged", &json!({ "missed": error.missed() })))
        }
        Err(error) => Some(event("unavailable", &json!({ "message": error.to_string() }))),
    }
}

fn event(name: &str, data: &impl Serialize) -> Event {
    Event::default().event(name).json_data(data).expect("texts and numbers are always JSON")
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use http_body_util::BodyExt as _;
    use tidings::identity::{Identity, Revocations};
    use tidings::presence::memory::{Config, Memory};

    use super::*;
    use crate::clock;

    struct Client {
        body: Body,
    }

    impl Client {
        async fn open(
            streams: &Streams,
            presence: &Presence,
            last: Option<&str>,
        ) -> Result<Self, StatusCode> {
            let mut headers = HeaderMap::new();
            if let Some(last) = last {
                headers.insert(LAST_EVENT_ID, last.parse().unwrap());
            }
            Self::open_as(Caller::Anybody, streams, presence, headers).await
        }

        async fn open_as(
            caller: Caller,
            streams: &Streams,
            presence: &Presence,
            headers: HeaderMap,
        ) -> Result<Self, StatusCode> {
            let (query, caller) = (Ok(Query(Vec::new())), Extension(caller));
            let (streams, presence) = (State(streams.clone()), State(presence.clone()));
            let answer = events(streams, presence, caller, query, headers).await;
            let (head, body) = answer.into_parts();
            if head.status.is_success() { Ok(Self { body }) } else { Err(head.status) }
        }

        async fn next(&mut self) -> Option<String> {
            let frame = self.body.frame().await?.unwrap();
            Some(String::from_utf8(frame.into_data().unwrap().to_vec()).unwrap())
        }
    }

    fn revocations() -> Revocations {
        crate::revocation::list().unwrap()
    }

    fn presence(events_max: usize) -> Presence {
        let config = Config::default().events_max(events_max);
        Presence::new(Memory::start(config).unwrap())
    }

    #[tokio::test(start_paused = true)]
    async fn a_quiet_stream_beats_and_ends_when_the_server_stops() {
        let (presence, stop) = (presence(9), CancellationToken::new());
        let streams = Streams::new(1, revocations(), stop.clone());
        let mut client = Client::open(&streams, &presence, None).await.unwrap();
        assert!(client.next().await.unwrap().starts_with("retry: "));
        assert!(client.next().await.unwrap().starts_with("event: synced\n"));
        let started = tokio::time::Instant::now();
        assert_eq!(client.next().await.unwrap(), ":\n\n");
        assert_eq!(started.elapsed(), HEARTBEAT);
        stop.cancel();
        assert_eq!(client.next().await, None);
    }

    #[tokio::test]
    async fn one_stream_too_many_is_refused_and_a_place_comes_back_with_its_end() {
        let presence = presence(9);
        let streams = Streams::new(1, revocations(), CancellationToken::new());
        let first = Client::open(&streams, &presence, None).await.unwrap();
        assert_eq!(streams.open(), 1);
        let second = Client::open(&streams, &presence, None).await;
        assert_eq!(second.err(), Some(StatusCode::SERVICE_UNAVAILABLE));
        drop(first);
        assert_eq!(streams.open(), 0);
        assert!(Client::open(&streams, &presence, None).await.is_ok());
    }

    #[tokio::test]
    async fn a_client_that_does_not_read_is_told_what_it_lost_and_goes_on() {
        let presence = presence(2);
        let streams = Streams::new(1, revocations(), CancellationToken::new());
        let mut client = Client::open(&streams, &presence, None).await.unwrap();
        assert!(client.next().await.unwrap().starts_with("retry: "));
        assert!(client.next().await.unwrap().starts_with("event: synced\n"));
        for id in ["a", "b", "c", "d", "e"] {
            presence.online([id]).await.unwrap();
        }
        assert_eq!(client.next().await.unwrap(), "event: lagged\ndata: {\"missed\":3}\n\n");
        for id in ["d", "e"] {
            assert!(client.next().await.unwrap().contains(&format!("\"id\":\"{id}\"")));
        }
    }

    #[tokio::test]
    async fn a_stream_of_somebody_who_is_revoked_says_so_and_ends() {
        let (presence, revocations) = (presence(9), revocations());
        let streams = Streams::new(1, revocations.clone(), CancellationToken::new());
        let bob = Identity::new("bob", clock::now() + Duration::from_secs(3_600)).unwrap();
        let bob = Caller::User(bob);
        let mut client = Client::open_as(bob, &streams, &presence, HeaderMap::new()).await.unwrap();
        assert!(client.next().await.unwrap().starts_with("retry: "));
        assert!(client.next().await.unwrap().starts_with("event: synced\n"));
        revocations.revoke_user("bob", clock::now()).unwrap();
        assert_eq!(client.next().await.unwrap(), "event: ended\ndata: {\"reason\":\"revoked\"}\n\n");
        assert_eq!(client.next().await, None);
        drop(client);
        assert_eq!(streams.open(), 0);
    }

    #[tokio::test]
    async fn closed_presence_is_no_empty_stream() {
        let presence = presence(9);
        assert!(presence.shutdown(Duration::from_secs(60)).await);
        let streams = Streams::new(1, revocations(), CancellationToken::new());
        let refused = Client::open(&streams, &presence, None).await.err();
        assert_eq!((refused, streams.open()), (Some(StatusCode::SERVICE_UNAVAILABLE), 0));
    }

    #[test]
    fn the_header_counts_more_than_the_query() {
        let query = |since: &str| vec![("since".to_owned(), since.to_owned())];
        let position = "00000000000000ff-7";
        let parsed = Since::Position(position.parse().unwrap());
        let mut headers = HeaderMap::new();
        assert_eq!(since(&[], &headers).unwrap(), Since::Snapshot);
        assert_eq!(since(&query("now"), &headers).unwrap(), Since::Now);
        assert_eq!(since(&query(position), &headers).unwrap(), parsed);
        headers.insert(LAST_EVENT_ID, "".parse().unwrap());
        assert_eq!(since(&query("now"), &headers).unwrap(), Since::Now);
        headers.insert(LAST_EVENT_ID, position.parse().unwrap());
        assert_eq!(since(&query("now"), &headers).unwrap(), parsed);
        for wrong in ["then", "7", "00000000000000ff-7.x"] {
            assert_eq!(since(&query(wrong), &HeaderMap::new()).unwrap_err().kind(), ErrorKind::InvalidInput);
        }
    }
}
