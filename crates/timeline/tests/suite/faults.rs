//! The faults of the Go service that this one stands in for, each with the test that would find it
//! here.
//!
//! What has no test elsewhere is tested in this file.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use reqwest::StatusCode;
use serde_json::{Value, json};
use timeline::memory::MemoryStore;
use timeline::proto::v1;
use timeline::store::{Append, Appended, GroupChange, InboxChanges};
use timeline::{
    Config, Conversation, Count, Error, ErrorKind, Group, GroupName, GroupPage, HistoryPage, InboxPage,
    MemberId, Message, NewMessage, PageRequest, Position, Result, SENDS_MAX, Seq, State, Timeline, http,
};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::doors::about::{To, conversations, recall};
use crate::doors::{Doors, SERVICE, made_by, send, sync};
use crate::mocked;

/// Each fault by its number, what it broke, and the test that would find it.
const FAULTS: [(&str, &str, &str); 15] = [
    ("T1", "failed members are not told", "members_whose_inbox_failed_are_told"),
    ("T2", "one failed member drops all later ones", "a_member_that_fails_keeps_no_later_one_back"),
    ("T3", "a write that was not confirmed panics", "a_write_that_is_not_confirmed_is_an_error_to_repeat"),
    ("T4", "an unknown member is an error", "a_member_never_heard_of_has_nothing"),
    ("T5", "each read scans everything", "a_page_takes_as_long_in_a_long_history_as_in_a_short_one"),
    ("T6", "a repeated send is stored twice", "a_repeated_send_has_one_effect_and_the_same_answer"),
    ("T7", "ids collide", "ids_that_look_alike_share_nothing"),
    ("T8", "sequences begin anew", "an_inbox_that_is_acknowledged_to_its_end_counts_on"),
    ("T9", "a reader passes what is being written", "readers_among_writers_miss_nothing"),
    ("T10", "sequences have gaps", "sends_out_of_bounds_leave_no_trace"),
    ("T11", "reads are not checked", "each_call_is_answered_by_the_same_rules_through_both_doors"),
    ("T12", "histories cannot be read backwards", "histories_page_forwards_and_backwards"),
    ("T13", "an id that is told is not taken back", "whatever_an_answer_calls_a_thing_by_is_taken_back"),
    ("T14", "inboxes are never freed", "an_acknowledgement_frees_one_inbox_only"),
    ("T15", "browsers refuse the headers", "only_loopback_and_configured_origins_may_read"),
];

#[test]
fn each_fault_has_its_test() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let files = fs::read_dir(root.join("tests/suite")).unwrap();
    let paths = files.map(|file| file.unwrap().path()).filter(|path| path.is_file());
    let sources: Vec<String> = paths.map(|path| fs::read_to_string(path).unwrap()).collect();
    let laws = fs::read_to_string(root.join("src/contract/store_contract.rs")).unwrap();
    for (number, broken, test) in FAULTS {
        // `suite` runs the laws in the list of the macro on two stores, and nothing else of them.
        let is_law = laws.lines().any(|line| line.trim() == test);
        let is_test = sources.iter().any(|source| has_test(source, test));
        assert!(is_law || is_test, "{number}: {broken}: {test} is run by nobody");
    }
}

/// Returns whether a source has a function of that name right below what makes it a test.
fn has_test(source: &str, name: &str) -> bool {
    let definitions = [format!("fn {name}("), format!("async fn {name}(")];
    let lines: Vec<&str> = source.lines().collect();
    lines.windows(2).any(|pair| {
        let is_marked = pair[0] == "#[test]" || pair[0].starts_with("#[tokio::test");
        is_marked && definitions.iter().any(|definition| pair[1].starts_with(definition.as_str()))
    })
}

#[test]
fn a_function_that_is_not_marked_counts_as_no_test() {
    for marked in ["#[test]\nfn one() {}", "#[tokio::test]\nasync fn one() {}"] {
        assert!(has_test(marked, "one"), "{marked}");
    }
    for other in ["fn one() {}", "// #[test]\nfn one() {}", "#[test]\nfn one_more() {}"] {
        assert!(!has_test(other, "one"), "{other}");
    }
}

/// A store in memory in which the inbox of `x` cannot be written, and no message with `lost` in it
/// is confirmed.
#[derive(Debug, Default)]
struct Partial(MemoryStore);

mocked::store!(Partial {
    async fn append(&self, mut append: Append) -> Result<Appended> {
        let is_lost = append.message.as_str().contains("lost");
        let failed: Vec<_> = append.recipients.extract_if(.., |member| member.as_str() == "x").collect();
        let appended = self.0.append(append).await?;
        if is_lost {
            return Err(Error::new(ErrorKind::Unavailable, "the write was not confirmed"));
        }
        Ok(Appended::new(appended.sequence, appended.place, failed))
    }

    async fn inbox(&self, member: &MemberId, last_read: Position, count: Count) -> Result<InboxPage> {
        self.0.inbox(member, last_read, count).await
    }

    async fn history(&self, conversation: &Conversation, page: PageRequest) -> Result<HistoryPage> {
        self.0.history(conversation, page).await
    }

    async fn ack(&self, member: &MemberId, sequence: Seq) -> Result<Seq> {
        self.0.ack(member, sequence).await
    }

    fn inbox_changes(&self, member: &MemberId) -> InboxChanges {
        self.0.inbox_changes(member)
    }

    async fn received(&self, member: &MemberId, sequence: Seq) -> Result<Seq> {
        self.0.received(member, sequence).await
    }

    async fn received_of(&self, member: &MemberId) -> Result<Seq> {
        self.0.received_of(member).await
    }

    async fn change_group(&self, group: &GroupName, change: GroupChange) -> Result<Group> {
        self.0.change_group(group, change).await
    }

    async fn group(&self, group: &GroupName) -> Result<Option<Group>> {
        self.0.group(group).await
    }

    async fn groups_of(
        &self,
        member: &MemberId,
        after: Option<&GroupName>,
        count: Count,
    ) -> Result<GroupPage> {
        self.0.groups_of(member, after, count).await
    }

    fn state(&self) -> watch::Receiver<State> {
        self.0.state()
    }

    async fn shutdown(&self, grace: Duration) -> bool {
        self.0.shutdown(grace).await
    }
});

/// The service over such a store.
struct Served {
    address: String,
    // Aborts the server on drop.
    _server: JoinSet<()>,
}

impl Served {
    async fn start() -> Self {
        let timeline = Timeline::start(Config::default(), Partial::default()).unwrap();
        let router = http::router(http::Config::default(), timeline).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let mut server = JoinSet::new();
        server.spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { address, _server: server }
    }

    async fn post(&self, path: &str, body: &Value) -> (StatusCode, Value) {
        let url = format!("{}/timeline/{path}", self.address);
        let answer = reqwest::Client::new().post(url).json(body).send().await.unwrap();
        (answer.status(), answer.json().await.unwrap())
    }

    async fn latest(&self, member: &str) -> Value {
        let url = format!("{}/timeline/sync?member={member}", self.address);
        reqwest::get(url).await.unwrap().json::<Value>().await.unwrap()["latestSeq"].clone()
    }
}

#[tokio::test]
async fn members_whose_inbox_failed_are_told() {
    let served = Served::start().await;
    let body = json!({"group_name": "g", "group_members": ["a", "x", "b"], "message": "{}"});
    let expected = json!({"failedMembers": ["x"], "place": "1"});
    assert_eq!(served.post("sendGroup", &body).await, (StatusCode::OK, expected));
}

#[tokio::test]
async fn a_member_that_fails_keeps_no_later_one_back() {
    let served = Served::start().await;
    let body = json!({"group_name": "g", "group_members": ["x", "a", "b"], "message": "{}"});
    served.post("sendGroup", &body).await;
    for (member, latest) in [("x", "0"), ("a", "1"), ("b", "1")] {
        assert_eq!(served.latest(member).await, latest, "{member}");
    }
}

#[tokio::test]
async fn a_write_that_is_not_confirmed_is_an_error_to_repeat() {
    let served = Served::start().await;
    let body = json!({"from": "a", "to": "b", "message": "{\"lost\":1}", "message_id": "7f1c"});
    for _ in 0..2 {
        let (status, answer) = served.post("send", &body).await;
        let told = (status, &answer["reason"]);
        assert_eq!(told, (StatusCode::SERVICE_UNAVAILABLE, &json!("TIMELINE_UNAVAILABLE")));
    }
    // It was stored all the same, once, and the next send is taken.
    assert_eq!(served.latest("b").await, "1");
    let body = json!({"from": "a", "to": "b", "message": "{}"});
    assert_eq!(served.post("send", &body).await.0, StatusCode::OK);
}

fn member(id: &str) -> MemberId {
    MemberId::new(id).unwrap()
}

/// The shortest time that a page from the middle of the history with `other` took.
async fn page_time(timeline: &Timeline, other: &str, length: usize) -> Duration {
    let conversation = Conversation::single(member("a"), member(other));
    let middle = Seq::new(length as u64 / 2).unwrap();
    let mut shortest = Duration::MAX;
    for _ in 0..50 {
        let begin = Instant::now();
        let page = timeline.history(&conversation, PageRequest::after(middle, Count::new(10))).await.unwrap();
        shortest = shortest.min(begin.elapsed());
        assert_eq!(page.entries.len(), 10);
    }
    shortest
}

#[tokio::test]
async fn a_page_takes_as_long_in_a_long_history_as_in_a_short_one() {
    let doors = Doors::open().await;
    for (other, length) in [("short", 100), ("long", 20_000)] {
        let message = Message::new("{}").unwrap();
        let sends = vec![NewMessage::new(member("a"), member(other), message); length.min(SENDS_MAX)];
        for _ in 0..length.div_ceil(SENDS_MAX) {
            let sent = doors.timeline.send_batch(sends.clone()).await.unwrap();
            assert!(sent.iter().all(std::result::Result::is_ok));
        }
    }
    let short = page_time(&doors.timeline, "short", 100).await;
    let long = page_time(&doors.timeline, "long", 20_000).await;
    // A read of all entries would take 200 times as long.
    assert!(long < 20 * short + Duration::from_millis(1), "{long:?} and {short:?}");
}

#[tokio::test]
async fn whatever_an_answer_calls_a_thing_by_is_taken_back() {
    let doors = Doors::open().await;
    for other in ["b", "c", "d"] {
        let sent = doors.given(send("a", other)).await;
        // The place of a send names it in a change.
        let place = sent["place"].as_str().unwrap().parse().unwrap();
        doors.given(recall("a", To::With(other), place)).await;
    }
    // The sequence and the tag of an entry are a position.
    let page = doors.given(sync("b")).await;
    let entry = &page["entrySet"][0];
    let number = |field: &str| entry[field].as_str().unwrap().to_owned();
    let request = v1::SyncMessageRequest {
        member: "b".to_owned(),
        last_read: number("sequence").parse().unwrap(),
        last_tag: Some(number("tag").parse().unwrap()),
        ..Default::default()
    };
    let page = doors.grpc.clone().get_sync_message(made_by(SERVICE, request)).await.unwrap().into_inner();
    assert_eq!((page.reset, page.entry_set.len()), (false, 1));
    // The text that a list ends with begins its next page.
    let list = doors.given(conversations("a", "", 2)).await;
    let next = list["next"].as_str().unwrap();
    let rest = doors.given(conversations("a", next, 2)).await;
    assert_eq!((rest["conversations"].as_array().unwrap().len(), &rest["more"]), (1, &json!(false)));
}
