//! Inboxes that are watched: server-sent events and the stream of gRPC.

use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use timeline::grpc;
use timeline::http;
use timeline::proto::v1;
use tokio::time::timeout;
use tonic::{Code, Streaming};
use tonic_types::StatusExt;

use crate::doors::{Doors, NOBODY, SERVICE, ack, made_by, send, sync};
use crate::events::{Event, Events};

/// A time that only a hang reaches.
const GRACE: Duration = Duration::from_secs(60);

/// Watches over HTTP as a service, from the last event of an earlier watch.
pub(crate) async fn events(doors: &Doors, member: &str, last: Option<&str>) -> Events {
    let mut request = doors.request(SERVICE, Method::GET, &format!("/timeline/watch?member={member}"));
    if let Some(last) = last {
        request = request.header("Last-Event-ID", last);
    }
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    Events::of(response)
}

pub(crate) async fn next(events: &mut Events) -> Option<Event> {
    timeout(GRACE, events.next()).await.expect("the next event comes in time")
}

/// Watches over gRPC as a service.
pub(crate) async fn pages(doors: &Doors, member: &str, last_read: i64) -> Streaming<v1::SyncMessageReply> {
    let request = v1::WatchRequest { member: member.to_owned(), last_read, last_tag: None };
    doors.grpc.clone().watch(made_by(SERVICE, request)).await.unwrap().into_inner()
}

pub(crate) async fn next_page(
    pages: &mut Streaming<v1::SyncMessageReply>,
) -> Result<Option<v1::SyncMessageReply>, tonic::Status> {
    timeout(GRACE, pages.message()).await.expect("the next page comes in time")
}

fn sequences(page: &Value) -> Vec<i64> {
    let entries = page["entrySet"].as_array().unwrap().iter();
    entries.map(|entry| entry["sequence"].as_str().unwrap().parse().unwrap()).collect()
}

#[tokio::test]
async fn events_go_on_after_their_last_id_without_a_gap_and_without_a_repetition() {
    let doors = Doors::open().await;
    let writes = async {
        for _ in 0..200 {
            doors.given(send("alice", "bob")).await;
        }
    };
    let reads = async {
        let (mut seen, mut last) = (Vec::new(), None::<String>);
        while seen.len() < 200 {
            // A connection that is lost after each few events.
            let mut events = events(&doors, "bob", last.as_deref()).await;
            for _ in 0..3 {
                if seen.len() == 200 {
                    break;
                }
                let event = next(&mut events).await.unwrap();
                assert_eq!(event.name, "entries");
                seen.extend(sequences(&event.data));
                last = event.id;
            }
        }
        seen
    };
    let ((), seen) = tokio::join!(writes, reads);
    assert_eq!(seen, (1..=200).collect::<Vec<_>>());
}

#[tokio::test]
async fn an_event_has_what_a_sync_answers_and_the_place_of_its_last_entry() {
    let doors = Doors::open().await;
    for _ in 0..2 {
        doors.given(send("alice", "bob")).await;
    }
    let event = next(&mut events(&doors, "bob", None).await).await.unwrap();
    let inbox = doors.given(sync("bob")).await;
    assert_eq!(event.data, inbox);
    let tag = inbox["entrySet"][1]["tag"].as_str().unwrap();
    assert_eq!(event.id, Some(format!("2-{tag}")));
    // A place in another past of the inbox.
    let mut anew = events(&doors, "bob", Some("2-1")).await;
    let event = next(&mut anew).await.unwrap();
    assert_eq!((&event.data["reset"], event.id.as_deref()), (&json!(true), Some("0")));
    assert_eq!(sequences(&next(&mut anew).await.unwrap().data), [1, 2]);
}

#[tokio::test]
async fn a_watch_over_grpc_tells_what_was_missed_and_then_what_comes() {
    let doors = Doors::open().await;
    for _ in 0..3 {
        doors.given(send("alice", "bob")).await;
    }
    let mut pages = pages(&doors, "bob", 1).await;
    let mut seen = Vec::new();
    for sequence in 4..=8 {
        while seen.last() != Some(&(sequence - 1)) {
            let page = next_page(&mut pages).await.unwrap().unwrap();
            seen.extend(page.entry_set.iter().map(|entry| entry.sequence));
        }
        doors.given(send("alice", "bob")).await;
    }
    assert_eq!(seen, [2, 3, 4, 5, 6, 7]);
}

#[tokio::test]
async fn a_watcher_hears_that_the_inbox_was_freed() {
    let doors = Doors::open().await;
    doors.given(send("alice", "bob")).await;
    let (mut events, mut pages) = (events(&doors, "bob", None).await, pages(&doors, "bob", 0).await);
    assert_eq!(sequences(&next(&mut events).await.unwrap().data), [1]);
    next_page(&mut pages).await.unwrap().unwrap();
    doors.given(send("alice", "bob")).await;
    assert_eq!(sequences(&next(&mut events).await.unwrap().data), [2]);
    next_page(&mut pages).await.unwrap().unwrap();
    doors.given(ack("bob", 2)).await;
    let event = next(&mut events).await.unwrap();
    assert_eq!((&event.data["floor"], event.id), (&json!("2"), None));
    assert_eq!(next_page(&mut pages).await.unwrap().unwrap().floor, 2);
}

/// What a watch over HTTP is refused with.
async fn refused(doors: &Doors, caller: &str, query: &str) -> (StatusCode, Value) {
    let request = doors.request(caller, Method::GET, &format!("/timeline/watch{query}"));
    let response = request.send().await.unwrap();
    let status = response.status();
    assert!(!status.is_success(), "{query}");
    let says_when = response.headers().contains_key("retry-after");
    assert_eq!(says_when, matches!(status.as_u16(), 429 | 503), "{query}");
    (status, response.json::<Value>().await.unwrap()["reason"].clone())
}

#[tokio::test]
async fn one_inbox_is_watched_sixteen_times_at_most_and_a_place_comes_back_with_its_end() {
    let doors = Doors::open().await;
    let (mut over_http, mut over_grpc) = (Vec::new(), Vec::new());
    for _ in 0..16 {
        over_http.push(events(&doors, "bob", None).await);
        over_grpc.push(pages(&doors, "bob", 0).await);
    }
    let too_many = (StatusCode::TOO_MANY_REQUESTS, json!("TOO_MANY_WATCHES"));
    assert_eq!(refused(&doors, SERVICE, "?member=bob").await, too_many);
    let request = || v1::WatchRequest { member: "bob".to_owned(), ..Default::default() };
    let status = doors.grpc.clone().watch(made_by(SERVICE, request())).await.unwrap_err();
    assert_eq!(status.code(), Code::ResourceExhausted);
    assert_eq!(status.get_details_error_info().unwrap().reason, "TOO_MANY_WATCHES");
    assert!(status.get_details_retry_info().is_some());
    drop((over_http.pop(), over_grpc.pop()));
    let back = async {
        while doors.grpc.clone().watch(made_by(SERVICE, request())).await.is_err() {
            tokio::task::yield_now().await;
        }
        let again = || doors.request(SERVICE, Method::GET, "/timeline/watch?member=bob").send();
        while !again().await.unwrap().status().is_success() {}
    };
    timeout(GRACE, back).await.expect("the places come back");
}

#[tokio::test]
async fn as_many_inboxes_are_watched_as_the_program_says() {
    let http = http::Config::default().watches_max(1);
    let doors = Doors::open_with(http, grpc::Config::default()).await;
    let _held = events(&doors, "bob", None).await;
    let too_many = (StatusCode::SERVICE_UNAVAILABLE, json!("TOO_MANY_WATCHES"));
    assert_eq!(refused(&doors, SERVICE, "?member=alice").await, too_many);
}

#[tokio::test]
async fn a_watch_that_is_refused_is_no_empty_stream() {
    let doors = Doors::open().await;
    let invalid = (StatusCode::BAD_REQUEST, json!("TIMELINE_INVALID_PARAM"));
    assert_eq!(refused(&doors, SERVICE, "").await, invalid);
    assert_eq!(refused(&doors, SERVICE, "?member=a&last_read=-1").await, invalid);
    let codec = (StatusCode::BAD_REQUEST, json!("CODEC"));
    assert_eq!(refused(&doors, SERVICE, "?member=a&last_read=x").await, codec);
    let forbidden = (StatusCode::FORBIDDEN, json!("TIMELINE_FORBIDDEN"));
    assert_eq!(refused(&doors, "alice", "?member=bob").await, forbidden);
    assert_eq!(refused(&doors, NOBODY, "?member=bob").await.0, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_last_event_id_that_is_no_position_is_refused_with_what_to_send() {
    let doors = Doors::open().await;
    for last in ["x", "-1", "1-", "1-x", "1-2-3", "9223372036854775808", "1-18446744073709551616"] {
        let request = doors.request(SERVICE, Method::GET, "/timeline/watch?member=bob");
        let response = request.header("Last-Event-ID", last).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::BAD_REQUEST, "{last}");
        let problem = response.json::<Value>().await.unwrap();
        assert_eq!(problem["reason"], "TIMELINE_INVALID_PARAM", "{last}");
        assert!(problem["message"].as_str().unwrap().contains("Last-Event-ID"), "{last}: {problem}");
    }
    // A place beyond the end was never given out by this inbox.
    let mut beyond = events(&doors, "bob", Some("9223372036854775807")).await;
    let event = next(&mut beyond).await.unwrap();
    assert_eq!((&event.data["reset"], event.id.as_deref()), (&json!(true), Some("0")));
}

#[tokio::test]
async fn watches_end_with_the_login_of_their_caller_and_say_so() {
    let doors = Doors::open().await;
    doors.given(send("alice", "bob")).await;
    let (mut events, mut pages) = (events(&doors, "bob", None).await, pages(&doors, "bob", 0).await);
    next(&mut events).await.unwrap();
    next_page(&mut pages).await.unwrap().unwrap();
    doors.end_logins();
    let ended = next(&mut events).await.unwrap();
    let (name, reason) = (ended.name.as_str(), &ended.data["reason"]);
    assert_eq!((name, reason), ("ended", &json!("UNAUTHENTICATED")));
    assert!(next(&mut events).await.is_none());
    let status = next_page(&mut pages).await.unwrap_err();
    assert_eq!(status.code(), Code::Unauthenticated);
    assert_eq!(status.message(), "your login has expired; log in again");
}

#[tokio::test]
async fn watches_end_with_the_timeline() {
    let doors = Doors::open().await;
    let (mut events, mut pages) = (events(&doors, "bob", None).await, pages(&doors, "bob", 0).await);
    assert!(doors.timeline.shutdown(GRACE).await);
    let last = next(&mut events).await.unwrap();
    let (name, reason) = (last.name.as_str(), &last.data["reason"]);
    assert_eq!((name, reason), ("unavailable", &json!("TIMELINE_CLOSED")));
    assert!(next(&mut events).await.is_none());
    assert_eq!(next_page(&mut pages).await.unwrap_err().code(), Code::Unavailable);
}

#[tokio::test]
async fn watches_that_wait_hold_no_room_for_answers() {
    // Room for one answer at a time.
    let least = http::Config::ANSWER_BYTES_MAX_BOUNDS.start;
    let http = http::Config::default().answer_bytes_max(least);
    let doors = Doors::open_with(http, grpc::Config::default().answer_bytes_max(least)).await;
    let (mut over_http, mut over_grpc) = (Vec::new(), Vec::new());
    for member in ["a", "b", "c", "d"] {
        over_http.push(events(&doors, member, None).await);
        over_grpc.push(pages(&doors, member, 0).await);
    }
    for member in ["a", "b", "c", "d"] {
        doors.given(send("alice", member)).await;
        assert_eq!(doors.given(sync(member)).await["latestSeq"], "1");
    }
    for (events, pages) in over_http.iter_mut().zip(&mut over_grpc) {
        assert_eq!(sequences(&next(events).await.unwrap().data), [1]);
        assert_eq!(next_page(pages).await.unwrap().unwrap().latest_seq, 1);
    }
}
