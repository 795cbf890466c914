//! Who may call what, over HTTP and over gRPC alike.

use std::time::Duration;

use reqwest::{Method, StatusCode, header};
use serde_json::{Value, json};
use timeline::proto::v1;
use timeline::proto::v1::group_member::Role;
use tonic::Code;
use tonic_types::StatusExt;

use crate::doors::{
    ANYBODY, BANNED, Call, Door, Doors, HASTY, NOBODY, REQUEST_BYTES_MAX, SERVICE, UNKNOWABLE, about, ack,
    batch, create, create_open, get, group_history, join, leave, list, made_by, reason, received,
    received_of, rename, send, send_group, set_role, single_history, sync, watch_of,
};

const OK: &str = "OK";
const FORBIDDEN: &str = "TIMELINE_FORBIDDEN";
const INVALID: &str = "TIMELINE_INVALID_PARAM";
const NOT_FOUND: &str = "TIMELINE_NOT_FOUND";

/// One of each call, about people and groups that there are not.
fn one_of_each() -> Vec<Call> {
    let of_inboxes_and_groups = [
        send("x", "y"),
        send_group("x", "z", &["y"]),
        sync("x"),
        single_history("x", "y"),
        group_history("z"),
        create("z", "x", &[]),
        list("x"),
        get("z"),
        join("z", &["x"]),
        leave("z", &["x"]),
        rename("z", "Z"),
        set_role("z", "x", Role::Owner),
        ack("x", 1),
        watch_of("x"),
        batch("x", &["y"]),
        received("x", 1),
        received_of("x"),
    ];
    of_inboxes_and_groups.into_iter().chain(about::one_of_each()).collect()
}

/// A caller, a call of theirs, and what it is answered.
type Row = (&'static str, Call, &'static str);

/// Everything that is called, in this order, in the [`scene`].
fn table() -> Vec<Row> {
    [about_two(), about_inboxes(), to_groups(), about_groups(), changes_of_groups()].concat()
}

fn about_two() -> Vec<Row> {
    vec![
        // A user sends as themselves, to anybody.
        ("alice", send("alice", "bob"), OK),
        ("alice", send("", "bob"), OK),
        ("alice", send("bob", "alice"), FORBIDDEN),
        ("alice", send("bob", "carol"), FORBIDDEN),
        ("alice", send("alice", ""), INVALID),
        (SERVICE, send("bob", "alice"), OK),
        (SERVICE, send("", "alice"), INVALID),
        // They read their own inbox.
        ("alice", sync("alice"), OK),
        ("alice", sync(""), OK),
        ("alice", sync("bob"), FORBIDDEN),
        ("alice", sync("nobody"), FORBIDDEN),
        (SERVICE, sync("bob"), OK),
        // They read the conversations they are in.
        ("alice", single_history("alice", "bob"), OK),
        ("alice", single_history("bob", "alice"), OK),
        ("carol", single_history("alice", "bob"), FORBIDDEN),
        ("carol", single_history("alice", "alice"), FORBIDDEN),
        (SERVICE, single_history("alice", "bob"), OK),
    ]
}

fn about_inboxes() -> Vec<Row> {
    vec![
        // They watch and free their own inbox, and say how far they have come.
        ("alice", watch_of("alice"), OK),
        ("alice", watch_of(""), OK),
        ("alice", watch_of("bob"), FORBIDDEN),
        (SERVICE, watch_of("bob"), OK),
        (SERVICE, watch_of(""), INVALID),
        ("alice", ack("", 1), OK),
        ("alice", ack("alice", 0), OK),
        ("alice", ack("alice", 1_000), INVALID),
        ("alice", ack("alice", -1), INVALID),
        ("alice", ack("bob", 1), FORBIDDEN),
        (SERVICE, ack("bob", 1), OK),
        ("alice", received("", 1), OK),
        ("alice", received("alice", 1_000), INVALID),
        ("alice", received("bob", 1), FORBIDDEN),
        (SERVICE, received("bob", 1), OK),
        // How far somebody has come, everybody may ask.
        ("alice", received_of("bob"), OK),
        ("carol", received_of("bob"), OK),
        ("carol", received_of(""), OK),
        (SERVICE, received_of("bob"), OK),
        // Each send of a batch is judged by itself.
        ("alice", batch("", &["bob", "carol"]), OK),
        ("alice", batch("bob", &["carol"]), OK),
        ("alice", batch("", &[]), OK),
    ]
}

fn to_groups() -> Vec<Row> {
    vec![
        // They read the groups they are in.
        ("alice", group_history("tea"), OK),
        ("bob", group_history("tea"), OK),
        ("carol", group_history("tea"), FORBIDDEN),
        ("carol", group_history("club"), FORBIDDEN),
        ("carol", group_history("old"), FORBIDDEN),
        ("carol", group_history("none"), FORBIDDEN),
        (SERVICE, group_history("old"), OK),
        // They send to the groups they are in, and to members of them.
        ("bob", send_group("", "tea", &[]), OK),
        ("bob", send_group("bob", "tea", &["alice"]), OK),
        ("bob", send_group("alice", "tea", &[]), FORBIDDEN),
        ("bob", send_group("bob", "tea", &["alice", "carol"]), FORBIDDEN),
        ("carol", send_group("carol", "tea", &[]), FORBIDDEN),
        ("carol", send_group("carol", "tea", &["carol"]), FORBIDDEN),
        ("carol", send_group("carol", "club", &[]), FORBIDDEN),
        ("carol", send_group("carol", "old", &["carol"]), FORBIDDEN),
        (SERVICE, send_group("carol", "tea", &[]), OK),
        (SERVICE, send_group("", "tea", &["carol"]), OK),
        (SERVICE, send_group("", "none", &[]), INVALID),
    ]
}

fn about_groups() -> Vec<Row> {
    vec![
        // They see the groups they are in, and those that are open.
        ("bob", get("tea"), OK),
        ("carol", get("tea"), FORBIDDEN),
        ("carol", get("club"), OK),
        ("carol", get("none"), FORBIDDEN),
        (SERVICE, get("tea"), OK),
        (SERVICE, get("none"), NOT_FOUND),
        ("bob", list(""), OK),
        ("bob", list("bob"), OK),
        ("bob", list("alice"), FORBIDDEN),
        (SERVICE, list("bob"), OK),
        // They own what they create.
        ("carol", create("hers", "", &["dave"]), OK),
        ("carol", create("hers", "", &[]), "TIMELINE_CONFLICT"),
        ("carol", create("his", "dave", &["carol"]), FORBIDDEN),
        ("carol", create("old", "", &[]), FORBIDDEN),
        (SERVICE, create("his", "dave", &[]), OK),
    ]
}

fn changes_of_groups() -> Vec<Row> {
    vec![
        // Owners change groups; members leave; everybody joins one that is open.
        ("bob", join("tea", &["carol"]), FORBIDDEN),
        ("carol", join("tea", &["carol"]), FORBIDDEN),
        ("carol", join("none", &["carol"]), FORBIDDEN),
        ("carol", join("club", &["carol", "dave"]), FORBIDDEN),
        ("carol", join("club", &[]), OK),
        ("alice", join("tea", &["carol"]), OK),
        ("carol", group_history("tea"), OK),
        ("carol", leave("tea", &["bob"]), FORBIDDEN),
        ("carol", leave("tea", &[]), OK),
        ("carol", leave("tea", &[]), FORBIDDEN),
        ("carol", leave("none", &[]), FORBIDDEN),
        ("carol", group_history("tea"), FORBIDDEN),
        ("bob", rename("tea", "Tea"), FORBIDDEN),
        ("alice", rename("tea", "Tea"), OK),
        ("bob", set_role("tea", "bob", Role::Owner), FORBIDDEN),
        ("dave", set_role("none", "dave", Role::Owner), FORBIDDEN),
        ("alice", set_role("tea", "bob", Role::Unspecified), INVALID),
        ("alice", set_role("tea", "bob", Role::Owner), OK),
        ("bob", leave("tea", &["alice"]), OK),
        ("alice", send_group("alice", "tea", &["bob"]), FORBIDDEN),
        (SERVICE, join("none", &["bob"]), NOT_FOUND),
        (SERVICE, join("tea", &[]), INVALID),
        (SERVICE, leave("tea", &["bob"]), OK),
    ]
}

/// A timeline with a group `tea` of the owner `alice` and the member `bob`, an open group `club` of
/// `olga`, and a history `old` of a group that the store does not know.
async fn scene() -> Doors {
    let doors = Doors::open().await;
    doors.given(create("tea", "alice", &["bob"])).await;
    doors.given(create_open("club", "olga")).await;
    doors.given(send_group("", "old", &["alice", "carol"])).await;
    doors
}

#[tokio::test]
async fn each_call_is_answered_by_the_same_rules_through_both_doors() {
    let mut told = Vec::new();
    for door in Door::BOTH {
        let doors = scene().await;
        let mut refusals = Vec::new();
        for (caller, call, expected) in table() {
            let answer = doors.call(door, caller, call.clone()).await;
            assert_eq!(reason(&answer), expected, "{door:?}: {caller} calls {call:?}: {answer:?}");
            refusals.push(answer.err());
        }
        told.push(refusals);
    }
    assert_eq!(told[0], told[1]);
}

#[tokio::test]
async fn a_call_of_nobody_is_refused_whatever_it_is() {
    let doors = scene().await;
    for door in Door::BOTH {
        for call in one_of_each() {
            for (caller, expected) in [
                (NOBODY, "UNAUTHENTICATED"),
                (BANNED, FORBIDDEN),
                (HASTY, "TOO_MANY_REQUESTS"),
                (UNKNOWABLE, "UNAVAILABLE"),
            ] {
                let answer = doors.call(door, caller, call.clone()).await;
                assert_eq!(reason(&answer), expected, "{door:?}: {caller} calls {call:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_stranger_is_told_the_same_of_a_group_that_there_is_not() {
    let doors = scene().await;
    for door in Door::BOTH {
        let about = |group: &str| {
            [
                send_group("carol", group, &["carol"]),
                group_history(group),
                get(group),
                join(group, &[]),
                leave(group, &[]),
                rename(group, "x"),
                set_role(group, "alice", Role::Member),
            ]
        };
        // Of the first it is known that there are messages, of the second that there are members.
        for (unknown, known) in about("old").into_iter().zip(about("tea")) {
            let unknown = doors.call(door, "carol", unknown).await.unwrap_err();
            let known = doors.call(door, "carol", known).await.unwrap_err();
            assert_eq!(unknown.text.replace("old", "tea"), known.text);
            assert_eq!(unknown.reason, known.reason);
        }
    }
}

#[tokio::test]
async fn a_refusal_has_the_status_of_its_kind_and_says_when_to_call_again() {
    let doors = Doors::open().await;
    for (caller, http, grpc, retry) in [
        (NOBODY, StatusCode::UNAUTHORIZED, Code::Unauthenticated, false),
        (BANNED, StatusCode::FORBIDDEN, Code::PermissionDenied, false),
        (HASTY, StatusCode::TOO_MANY_REQUESTS, Code::ResourceExhausted, true),
        (UNKNOWABLE, StatusCode::SERVICE_UNAVAILABLE, Code::Unavailable, false),
        // Refused by a rule, and not by the program.
        ("alice", StatusCode::FORBIDDEN, Code::PermissionDenied, false),
    ] {
        let request = doors.request(caller, Method::GET, "/timeline/sync?member=bob");
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), http, "{caller}");
        let header =
            |name: header::HeaderName| response.headers().get(name).map(|value| value.to_str().unwrap());
        assert_eq!(header(header::RETRY_AFTER), retry.then_some("2"), "{caller}");
        assert_eq!(header(header::WWW_AUTHENTICATE).is_some(), http == StatusCode::UNAUTHORIZED, "{caller}");

        let request = v1::SyncMessageRequest { member: "bob".to_owned(), ..Default::default() };
        let status = doors.grpc.clone().get_sync_message(made_by(caller, request)).await.unwrap_err();
        assert_eq!(status.code(), grpc, "{caller}");
        let delay = status.get_details_retry_info().and_then(|info| info.retry_delay);
        assert_eq!(delay, retry.then_some(Duration::from_millis(1_500)), "{caller}");
    }
}

#[tokio::test]
async fn a_refused_call_has_the_shape_of_every_error() {
    let doors = Doors::open().await;
    let request = doors.request("alice", Method::GET, "/timeline/sync?member=bob");
    let answer: Value = request.send().await.unwrap().json().await.unwrap();
    let message = "alice may not read the inbox of bob; a user reads their own inbox only";
    let expected = json!({"code": 403, "reason": FORBIDDEN, "message": message, "metadata": {}});
    assert_eq!(answer, expected);
}

#[tokio::test]
async fn who_calls_is_asked_before_a_request_is_decoded() {
    let doors = Doors::open().await;
    let unreadable = async |caller: &str| {
        let request = doors.request(caller, Method::POST, "/timeline/send").body("no JSON");
        request.send().await.unwrap().status()
    };
    assert_eq!(unreadable("alice").await, StatusCode::BAD_REQUEST);
    assert_eq!(unreadable(NOBODY).await, StatusCode::UNAUTHORIZED);

    let too_large = async |caller: &str| {
        let message = "x".repeat(REQUEST_BYTES_MAX);
        let request = v1::SendMessageRequest { message, ..Default::default() };
        doors.grpc.clone().send(made_by(caller, request)).await.unwrap_err().code()
    };
    assert_eq!(too_large("alice").await, Code::OutOfRange);
    assert_eq!(too_large(NOBODY).await, Code::Unauthenticated);
}

#[tokio::test]
async fn a_refused_call_leaves_no_trace() {
    for door in Door::BOTH {
        let doors = scene().await;
        let seen = async || {
            let mut seen = Vec::new();
            for member in ["alice", "bob", "carol"] {
                seen.push(doors.given(sync(member)).await);
                seen.push(doors.given(list(member)).await);
            }
            for group in ["tea", "old"] {
                seen.push(doors.given(group_history(group)).await);
            }
            seen.push(doors.given(single_history("alice", "bob")).await);
            seen.push(doors.given(get("tea")).await);
            seen
        };
        let before = seen().await;
        for call in [
            send("alice", "bob"),
            ack("alice", 1),
            received("alice", 1),
            send_group("alice", "tea", &[]),
            send_group("carol", "tea", &["carol"]),
            send_group("carol", "old", &["carol"]),
            create("old", "carol", &[]),
            create("new", "alice", &["carol"]),
            join("tea", &["carol"]),
            leave("tea", &["bob"]),
            rename("tea", "hers"),
            set_role("tea", "alice", Role::Member),
        ] {
            let answer = doors.call(door, "carol", call.clone()).await;
            assert_eq!(reason(&answer), FORBIDDEN, "{call:?}");
        }
        assert_eq!(seen().await, before);
        for group in ["old", "new"] {
            assert_eq!(reason(&doors.call(door, SERVICE, get(group)).await), NOT_FOUND);
        }
    }
}

#[tokio::test]
async fn a_user_who_names_nobody_is_the_one_who_sends_and_reads() {
    for door in Door::BOTH {
        let doors = Doors::open().await;
        doors.call(door, "alice", send("", "bob")).await.unwrap();
        let inbox = doors.call(door, "bob", sync("")).await.unwrap();
        assert_eq!(inbox["entrySet"][0]["from"], "alice");
        assert_eq!(inbox["entrySet"][0]["to"], "bob");
        assert_eq!(inbox, doors.given(sync("bob")).await);
    }
}

#[tokio::test]
async fn where_callers_are_not_known_a_group_is_whoever_a_send_names() {
    let no_members = "the request must name a group in group_name and its members in group_members";
    for door in Door::BOTH {
        let doors = scene().await;
        let refusal = doors.call(door, ANYBODY, send_group("carol", "tea", &[])).await.unwrap_err();
        assert_eq!((refusal.reason.as_str(), refusal.text.as_str()), (INVALID, no_members));
        let reply = doors.call(door, ANYBODY, send_group("", "tea", &["carol", "dave"])).await.unwrap();
        assert_eq!(reply, json!({"failedMembers": [], "place": "1"}));
        assert_eq!(doors.given(sync("dave")).await["latestSeq"], "1");
        assert_eq!(doors.given(sync("bob")).await["latestSeq"], "0");
        // Nor does such a send make a group.
        doors.call(door, ANYBODY, send_group("dave", "new", &["dave"])).await.unwrap();
        assert_eq!(reason(&doors.call(door, SERVICE, get("new")).await), NOT_FOUND);
        assert_eq!(doors.given(get("tea")).await["members"].as_array().unwrap().len(), 2);
    }
}
