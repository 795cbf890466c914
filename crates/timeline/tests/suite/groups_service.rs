//! The calls about groups, and sends to groups by users, over HTTP and gRPC.

use std::sync::Arc;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use timeline::http::ROUTES;
use timeline::proto::v1;
use timeline::proto::v1::group_member::Role;
use tokio::task::JoinSet;

use crate::doors::{
    Call, Door, Doors, SERVICE, create, create_open, get, group_history, join, leave, list, reason, rename,
    send_group, set_role, sync,
};

/// The members of a group with their roles, in order.
async fn members(doors: &Doors, group: &str) -> Vec<(String, String)> {
    let group = doors.given(get(group)).await;
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let members = group["members"].as_array().unwrap().iter();
    members.map(|of| (text(&of["member"]), text(&of["role"]))).collect()
}

fn pairs(members: &[(&str, &str)]) -> Vec<(String, String)> {
    members.iter().map(|&(member, role)| (member.to_owned(), role.to_owned())).collect()
}

/// How many messages a member has in the inbox.
async fn received(doors: &Doors, member: &str) -> String {
    doors.given(sync(member)).await["latestSeq"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_group_lives_through_every_call_about_it() {
    for door in Door::BOTH {
        let doors = Doors::open().await;
        let call = async |caller: &str, call| doors.call(door, caller, call).await.unwrap();
        let created = call("alice", create("tea", "", &["bob"])).await;
        assert_eq!(
            (&created["name"], &created["title"], &created["open"], &created["members"]),
            (&json!("tea"), &json!(""), &json!(false), &json!(2))
        );
        assert_ne!(created["createdAtMs"], "0");
        let joined = call("alice", join("tea", &["carol", "bob"])).await;
        assert_eq!(joined["members"], 3);
        assert_eq!(call("alice", rename("tea", "Tea at five")).await["title"], "Tea at five");
        call("alice", set_role("tea", "carol", Role::Owner)).await;
        let seen = call("bob", get("tea")).await;
        assert_eq!(
            seen["members"],
            json!([
                {"member": "alice", "role": "OWNER"},
                {"member": "bob", "role": "MEMBER"},
                {"member": "carol", "role": "OWNER"},
            ])
        );
        assert_eq!((&seen["title"], &seen["createdAtMs"]), (&json!("Tea at five"), &created["createdAtMs"]));
        assert_eq!(call("alice", leave("tea", &[])).await["members"], 2);
        let left = call("carol", leave("tea", &["carol"])).await;
        assert_eq!(left["members"], 1);
        let listed = json!([{"name": "tea", "title": "Tea at five", "role": "OWNER", "members": 1}]);
        assert_eq!(call("bob", list("")).await, json!({"groups": listed, "more": false}));
        assert_eq!(call("alice", list("")).await, json!({"groups": [], "more": false}));
    }
}

#[tokio::test]
async fn the_groups_of_a_member_come_in_pages_by_name() {
    for door in Door::BOTH {
        let doors = Doors::open().await;
        for group in ["c", "a", "b"] {
            doors.given(create(group, "alice", &[])).await;
        }
        let page = async |after: &str| {
            let request = v1::ListGroupsRequest { after: after.to_owned(), count: 2, ..Default::default() };
            let page = doors.call(door, "alice", Call::List(request)).await.unwrap();
            let groups = page["groups"].as_array().unwrap().iter();
            (groups.map(|group| group["name"].clone()).collect::<Vec<_>>(), page["more"].clone())
        };
        assert_eq!(page("").await, (vec![json!("a"), json!("b")], json!(true)));
        assert_eq!(page("b").await, (vec![json!("c")], json!(false)));
    }
}

#[tokio::test]
async fn a_first_send_creates_its_group_with_the_sender_as_the_owner() {
    for door in Door::BOTH {
        let doors = Doors::open().await;
        doors.call(door, "alice", send_group("", "tea", &["bob", "carol"])).await.unwrap();
        let expected = pairs(&[("alice", "OWNER"), ("bob", "MEMBER"), ("carol", "MEMBER")]);
        assert_eq!(members(&doors, "tea").await, expected);
        // The message goes to those who are named, as ever.
        assert_eq!(received(&doors, "bob").await, "1");
        assert_eq!(received(&doors, "alice").await, "0");
        let history = doors.call(door, "carol", group_history("tea")).await.unwrap();
        assert_eq!(history["entrySet"][0]["from"], "alice");

        doors.call(door, "dave", send_group("dave", "notes", &[])).await.unwrap();
        assert_eq!(members(&doors, "notes").await, pairs(&[("dave", "OWNER")]));
        assert_eq!(received(&doors, "dave").await, "1");
    }
}

#[tokio::test]
async fn a_first_send_that_is_refused_leaves_no_group_behind() {
    let send = |message: &str, members: &[&str]| {
        Call::SendGroup(v1::SendGroupRequest {
            group_name: "tea".to_owned(),
            group_members: members.iter().map(|&member| member.to_owned()).collect(),
            message: message.to_owned(),
            ..Default::default()
        })
    };
    let many: Vec<String> = (0..1_001).map(|number| number.to_string()).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    for door in Door::BOTH {
        let doors = Doors::open().await;
        for call in [send("no JSON", &["bob"]), send("{}", &["bob", ""]), send("{}", &many)] {
            let answer = doors.call(door, "alice", call.clone()).await;
            assert_eq!(reason(&answer), "TIMELINE_INVALID_PARAM", "{call:?}");
        }
        assert_eq!(
            reason(&doors.call(door, "alice", send_group("bob", "tea", &[])).await),
            "TIMELINE_FORBIDDEN"
        );
        assert_eq!(reason(&doors.call(door, SERVICE, get("tea")).await), "TIMELINE_NOT_FOUND");
    }
}

#[tokio::test]
async fn first_sends_at_the_same_time_share_one_group() {
    const SENDERS: usize = 16;
    let names: Vec<String> = (0..SENDERS).map(|number| format!("user_{number}")).collect();
    for door in Door::BOTH {
        let doors = Arc::new(Doors::open().await);
        let mut sends = JoinSet::new();
        for name in names.clone() {
            let (doors, names) = (Arc::clone(&doors), names.clone());
            sends.spawn(async move {
                let names: Vec<&str> = names.iter().map(String::as_str).collect();
                doors.call(door, &name, send_group("", "tea", &names)).await
            });
        }
        for answer in sends.join_all().await {
            answer.unwrap();
        }
        let members = members(&doors, "tea").await;
        assert_eq!(members.len(), SENDERS);
        assert_eq!(members.iter().filter(|(_, role)| role == "OWNER").count(), 1);
        assert_eq!(received(&doors, "user_0").await, SENDERS.to_string());
    }
}

#[tokio::test]
async fn whoever_creates_a_group_by_a_first_send_finds_nothing_older_in_it() {
    let number = |value: &Value| value.as_str().unwrap().parse::<u64>().unwrap();
    for door in Door::BOTH {
        let doors = Doors::open().await;
        for round in 0..20 {
            let group = format!("g{round}");
            let by_service = doors.call(door, SERVICE, send_group("", &group, &["bob"]));
            let by_user = doors.call(door, "alice", send_group("", &group, &[]));
            let (by_service, by_user) = tokio::join!(by_service, by_user);
            by_service.unwrap();
            if by_user.is_err() {
                assert_eq!(reason(&by_user), "TIMELINE_FORBIDDEN");
                assert_eq!(reason(&doors.call(door, SERVICE, get(&group)).await), "TIMELINE_NOT_FOUND");
                continue;
            }
            let created = number(&doors.given(get(&group)).await["createdAtMs"]);
            let history = doors.given(group_history(&group)).await;
            let entries = history["entrySet"].as_array().unwrap();
            assert_eq!(entries.len(), 2);
            assert!(entries.iter().all(|entry| number(&entry["atMs"]) >= created), "{created}: {history}");
        }
    }
}

#[tokio::test]
async fn a_history_from_before_there_were_members_is_handed_over_by_a_service() {
    for door in Door::BOTH {
        let doors = Doors::open().await;
        doors.given(send_group("", "old", &["alice", "bob"])).await;
        for call in [send_group("", "old", &["alice"]), create("old", "", &[]), group_history("old")] {
            let answer = doors.call(door, "alice", call.clone()).await;
            assert_eq!(reason(&answer), "TIMELINE_FORBIDDEN", "{call:?}");
        }
        doors.given(create("old", "", &["alice", "bob"])).await;
        doors.call(door, "alice", send_group("", "old", &[])).await.unwrap();
        let history = doors.call(door, "bob", group_history("old")).await.unwrap();
        assert_eq!(history["entrySet"].as_array().unwrap().len(), 2);
    }
}

#[tokio::test]
async fn a_send_that_names_nobody_goes_to_all_members_of_the_group() {
    for door in Door::BOTH {
        let doors = Doors::open().await;
        doors.given(create("tea", "alice", &["bob", "carol"])).await;
        doors.call(door, "bob", send_group("", "tea", &[])).await.unwrap();
        doors.call(door, "bob", send_group("", "tea", &["alice"])).await.unwrap();
        doors.call(door, SERVICE, send_group("bot", "tea", &[])).await.unwrap();
        for (member, messages) in [("alice", "3"), ("bob", "2"), ("carol", "2"), ("bot", "0")] {
            assert_eq!(received(&doors, member).await, messages, "{member}");
        }
        // Who has left gets nothing, and who has joined does.
        doors.call(door, "carol", leave("tea", &[])).await.unwrap();
        doors.call(door, "alice", join("tea", &["dave"])).await.unwrap();
        doors.call(door, "bob", send_group("", "tea", &[])).await.unwrap();
        assert_eq!(
            (received(&doors, "carol").await, received(&doors, "dave").await),
            ("2".into(), "1".into())
        );
    }
}

#[tokio::test]
async fn a_repeated_first_send_is_one_message() {
    let send = Call::SendGroup(v1::SendGroupRequest {
        group_name: "tea".to_owned(),
        group_members: vec!["bob".to_owned()],
        message: "{}".to_owned(),
        message_id: "1".to_owned(),
        ..Default::default()
    });
    for door in Door::BOTH {
        let doors = Doors::open().await;
        for _ in 0..2 {
            doors.call(door, "alice", send.clone()).await.unwrap();
        }
        assert_eq!(received(&doors, "bob").await, "1");
    }
}

#[tokio::test]
async fn an_open_group_is_joined_by_whoever_likes() {
    for door in Door::BOTH {
        let doors = Doors::open().await;
        doors.given(create_open("club", "olga")).await;
        assert_eq!(doors.call(door, "carol", join("club", &[])).await.unwrap()["open"], true);
        doors.call(door, "carol", send_group("", "club", &[])).await.unwrap();
        assert_eq!(members(&doors, "club").await, pairs(&[("olga", "OWNER"), ("carol", "MEMBER")]));
    }
}

#[tokio::test]
async fn a_role_that_there_is_not_is_refused() {
    let doors = Doors::open().await;
    doors.given(create("tea", "alice", &["bob"])).await;
    for (body, reason) in [
        (json!({"member": "bob"}), "TIMELINE_INVALID_PARAM"),
        (json!({"member": "bob", "role": "KING"}), "CODEC"),
        (json!({"member": "carol", "role": "OWNER"}), "TIMELINE_NOT_FOUND"),
    ] {
        let request = doors.request("alice", Method::POST, "/timeline/groups/tea/roles").json(&body);
        let answer: Value = request.send().await.unwrap().json().await.unwrap();
        assert_eq!(answer["reason"], reason, "{body}");
    }
    let request = v1::SetGroupRoleRequest { group: "tea".to_owned(), member: "bob".to_owned(), role: 7 };
    let answer = doors.call(Door::Grpc, "alice", Call::SetRole(request)).await;
    assert_eq!(reason(&answer), "TIMELINE_INVALID_PARAM");
}

#[tokio::test]
async fn the_group_of_the_path_counts_more_than_that_of_the_body() {
    let doors = Doors::open().await;
    doors.given(create("tea", "alice", &[])).await;
    doors.given(create("club", "olga", &[])).await;
    let body = json!({"group": "club", "title": "Tea"});
    let request = doors.request("alice", Method::POST, "/timeline/groups/tea/rename").json(&body);
    let answer: Value = request.send().await.unwrap().json().await.unwrap();
    assert_eq!((&answer["name"], &answer["title"]), (&json!("tea"), &json!("Tea")));
}

#[tokio::test]
async fn every_route_of_the_list_is_there_and_no_other() {
    let doors = Doors::open().await;
    let answer = async |method: &str, path: &str| {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let response = doors.request(SERVICE, method, path).send().await.unwrap();
        (response.status(), response.json::<Value>().await.unwrap())
    };
    for &(method, path) in ROUTES {
        let named = path.replace(['{', '}'], "");
        let (_, told) = answer(method, &named).await;
        for absent in ["NOT_FOUND", "METHOD_NOT_ALLOWED"] {
            assert_ne!(told["reason"], absent, "{method} {path}");
        }
        let others = ["GET", "POST", "PUT", "DELETE", "PATCH"].into_iter();
        for other in others.filter(|other| !ROUTES.contains(&(*other, path))) {
            assert_eq!(answer(other, &named).await.0, StatusCode::METHOD_NOT_ALLOWED, "{other} {path}");
        }
    }
    let not_found = (StatusCode::NOT_FOUND, json!("NOT_FOUND"));
    for path in ["/timeline/groups/tea/rule", "/timeline/groups/", "/timeline/group/tea"] {
        let (status, told) = answer("POST", path).await;
        assert_eq!((status, told["reason"].clone()), not_found, "{path}");
    }
}
