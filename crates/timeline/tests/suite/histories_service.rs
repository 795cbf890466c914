//! Histories by time, and what of them is gone, over HTTP and over gRPC alike.

use reqwest::Method;
use serde_json::{Value, json};
use timeline::proto::v1;
use tonic_types::StatusExt;

use crate::doors::about::{To, purge};
use crate::doors::{Door, Doors, SERVICE, made_by, send, send_group, single_history};

/// What part of a history is asked for.
#[derive(Debug, Clone, Copy, Default)]
struct Part {
    last_read: i64,
    count: i32,
    backward: bool,
    since_ms: Option<i64>,
    until_ms: Option<i64>,
}

impl Part {
    fn query(self) -> String {
        let time = |name: &str, ms: Option<i64>| ms.map_or_else(String::new, |ms| format!("&{name}={ms}"));
        let Self { last_read, count, backward, since_ms, until_ms } = self;
        let times = time("since_ms", since_ms) + &time("untilMs", until_ms);
        format!("last_read={last_read}&count={count}&backward={backward}{times}")
    }
}

/// A page as JSON, or the reason and the text of its refusal.
type Page = Result<Value, (String, String)>;

/// Reads the history of alice and bob, or that of the group `tea`, as a service.
async fn page(doors: &Doors, door: Door, of_group: bool, part: Part) -> Page {
    if door == Door::Http {
        let path = if of_group { "group/tea" } else { "single/alice/bob" };
        let path = format!("/timeline/history/{path}?{}", part.query());
        let response = doors.request(SERVICE, Method::GET, &path).send().await.unwrap();
        let is_success = response.status().is_success();
        let answer: Value = response.json().await.unwrap();
        let text = |field: &str| answer[field].as_str().unwrap().to_owned();
        return if is_success { Ok(answer) } else { Err((text("reason"), text("message"))) };
    }
    let Part { last_read, count, backward, since_ms, until_ms } = part;
    let mut grpc = doors.grpc.clone();
    let answer = if of_group {
        let group = "tea".to_owned();
        let request =
            v1::GetGroupHistoryMessageRequest { group, last_read, count, backward, since_ms, until_ms };
        let answer = grpc.get_group_history_message(made_by(SERVICE, request)).await;
        answer.map(|page| serde_json::to_value(page.into_inner()).unwrap())
    } else {
        let (from, to) = ("alice".to_owned(), "bob".to_owned());
        let request =
            v1::GetSingleHistoryMessageRequest { from, to, last_read, count, backward, since_ms, until_ms };
        let answer = grpc.get_single_history_message(made_by(SERVICE, request)).await;
        answer.map(|page| serde_json::to_value(page.into_inner()).unwrap())
    };
    answer.map_err(|status| (status.get_details_error_info().unwrap().reason, status.message().to_owned()))
}

fn number(value: &Value) -> i64 {
    value.as_str().unwrap().parse().unwrap()
}

/// The sequence and the time of each entry.
fn entries(page: &Value) -> Vec<(i64, i64)> {
    let entries = page["entrySet"].as_array().unwrap().iter();
    entries.map(|entry| (number(&entry["sequence"]), number(&entry["atMs"]))).collect()
}

async fn scene() -> Doors {
    let doors = Doors::open().await;
    for _ in 0..5 {
        doors.given(send("alice", "bob")).await;
        doors.given(send_group("alice", "tea", &["bob"])).await;
    }
    doors
}

#[tokio::test]
async fn a_history_is_read_from_a_time_on_and_up_to_one() {
    let doors = scene().await;
    for (door, of_group) in Door::BOTH.into_iter().flat_map(|door| [(door, false), (door, true)]) {
        let read = async |part: Part| page(&doors, door, of_group, part).await.unwrap();
        let all = entries(&read(Part::default()).await);
        assert_eq!(all.len(), 5);
        let mut times: Vec<i64> = all.iter().flat_map(|(_, at)| [at - 1, *at, at + 1]).collect();
        times.extend([0, i64::MAX]);
        for ms in times {
            let since = read(Part { since_ms: Some(ms), ..Part::default() }).await;
            let (before, behind): (Vec<_>, Vec<_>) = all.iter().copied().partition(|(_, at)| *at < ms);
            assert_eq!((entries(&since), &since["more"]), (behind, &json!(false)), "since {ms}");
            let until = read(Part { until_ms: Some(ms), ..Part::default() }).await;
            assert_eq!((entries(&until), &until["more"]), (before, &json!(false)), "until {ms}");
        }
    }
}

#[tokio::test]
async fn a_page_by_time_goes_on_by_its_last_entry() {
    let doors = scene().await;
    for (door, of_group) in Door::BOTH.into_iter().flat_map(|door| [(door, false), (door, true)]) {
        let read = async |part: Part| page(&doors, door, of_group, part).await.unwrap();
        let sequences = |page: &Value| entries(page).into_iter().map(|(at, _)| at).collect::<Vec<_>>();
        let since = read(Part { since_ms: Some(0), count: 2, ..Part::default() }).await;
        assert_eq!((sequences(&since), &since["more"]), (vec![1, 2], &json!(true)));
        let next = read(Part { last_read: 2, ..Part::default() }).await;
        assert_eq!(sequences(&next), [3, 4, 5]);
        let until = read(Part { until_ms: Some(i64::MAX), count: 2, ..Part::default() }).await;
        assert_eq!((sequences(&until), &until["more"]), (vec![4, 5], &json!(true)));
        let next = read(Part { last_read: 4, backward: true, ..Part::default() }).await;
        assert_eq!(sequences(&next), [1, 2, 3]);
    }
}

#[tokio::test]
async fn a_page_begins_at_one_place_only() {
    let doors = scene().await;
    let twice = "the request says more than once where the page begins; give since_ms alone, or until_ms \
                 alone, or last_read and backward";
    let negative = |field: &str| format!("{field}: -1 is negative; it must be 0 or more");
    let (since, until) = (Some(1), Some(1));
    for (part, text) in [
        (Part { since_ms: since, until_ms: until, ..Part::default() }, twice.to_owned()),
        (Part { since_ms: since, last_read: 1, ..Part::default() }, twice.to_owned()),
        (Part { since_ms: since, backward: true, ..Part::default() }, twice.to_owned()),
        (Part { until_ms: until, last_read: 1, ..Part::default() }, twice.to_owned()),
        (Part { until_ms: until, backward: true, ..Part::default() }, twice.to_owned()),
        (Part { since_ms: Some(-1), ..Part::default() }, negative("since_ms")),
        (Part { until_ms: Some(-1), ..Part::default() }, negative("until_ms")),
        (Part { since_ms: Some(0), count: -1, ..Part::default() }, negative("count")),
    ] {
        for (door, of_group) in Door::BOTH.into_iter().flat_map(|door| [(door, false), (door, true)]) {
            let refusal = page(&doors, door, of_group, part).await.unwrap_err();
            assert_eq!(refusal, ("TIMELINE_INVALID_PARAM".to_owned(), text.clone()), "{door:?}: {part:?}");
        }
    }
}

#[tokio::test]
async fn a_history_says_up_to_where_its_entries_are_gone() {
    for door in Door::BOTH {
        let doors = scene().await;
        assert_eq!(doors.call(door, "bob", single_history("alice", "bob")).await.unwrap()["floor"], "0");
        doors.given(purge("alice", To::With("bob"))).await;
        doors.given(purge("", To::Group("tea"))).await;
        for of_group in [false, true] {
            let page = page(&doors, door, of_group, Part::default()).await.unwrap();
            assert_eq!(page["floor"], "5");
            assert_eq!(page["entrySet"].as_array().unwrap().len(), 1);
            assert_eq!(page["entrySet"][0]["sequence"], "6");
            assert_eq!(page["entrySet"][0]["kind"], "PURGE");
            assert_eq!(page["entrySet"][0]["target"], "5");
        }
    }
}
