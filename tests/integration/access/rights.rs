//! Every route, for everybody who may come: the table of docs/security.md.

use std::fs;
use std::path::Path;

use identity::Scope;
use serde_json::{Value, json};
use tests::Tidings;
use tidings::timeline::grpc::TimelineClient;
use tidings::timeline::proto::v1;
use tonic::metadata::MetadataValue;
use tonic::transport::Channel;
use tonic::{Code, Request};

use super::scene::{Scene, outcome};

/// Who asks, in the order of the columns.
const ROLES: [&str; 5] = ["anonymous", "alice", "presence", "timelines", "admin"];

/// What each of them gets. 1 stands for "may".
const ROUTES: &[(&str, &str, [u16; 5])] = &[
    ("GET", "/", [1, 1, 1, 1, 1]),
    ("GET", "/assets/app.js", [1, 1, 1, 1, 1]),
    ("GET", "/healthz", [1, 1, 1, 1, 1]),
    ("GET", "/readyz", [1, 1, 1, 1, 1]),
    ("GET", "/login", [1, 1, 1, 1, 1]),
    ("GET", "/metrics", [401, 403, 403, 403, 1]),
    ("GET", "/export", [401, 403, 403, 1, 403]),
    ("GET", "/presence?id=bob", [401, 1, 1, 403, 403]),
    ("GET", "/presence/bob", [401, 1, 1, 403, 403]),
    ("GET", "/rooms/garden", [401, 1, 403, 403, 403]),
    ("POST", "/ticket", [401, 1, 1, 1, 1]),
    ("GET", "/timeline/sync?member=alice", [401, 1, 403, 1, 403]),
    ("GET", "/timeline/sync?member=bob", [401, 403, 403, 1, 403]),
    ("GET", "/timeline/received?member=bob", [401, 1, 403, 1, 403]),
    ("GET", "/timeline/history/single/alice/bob", [401, 1, 403, 1, 403]),
    ("GET", "/timeline/history/single/bob/alice", [401, 1, 403, 1, 403]),
    ("GET", "/timeline/history/single/bob/carol", [401, 403, 403, 1, 403]),
    ("GET", "/timeline/history/group/bobs", [401, 403, 403, 1, 403]),
    ("GET", "/timeline/read?member=alice&with=bob", [401, 1, 403, 1, 403]),
    ("GET", "/timeline/read?member=bob&with=carol", [401, 403, 403, 1, 403]),
    ("GET", "/timeline/read?member=alice&group=bobs", [401, 403, 403, 1, 403]),
    ("GET", "/timeline/unread?member=alice&with=bob", [401, 1, 403, 1, 403]),
    ("GET", "/timeline/unread?member=bob&with=alice", [401, 403, 403, 1, 403]),
    ("GET", "/timeline/unread/all?member=alice", [401, 1, 403, 1, 403]),
    ("GET", "/timeline/unread/all?member=bob", [401, 403, 403, 1, 403]),
    ("GET", "/timeline/conversations?member=alice", [401, 1, 403, 1, 403]),
    ("GET", "/timeline/conversations?member=bob", [401, 403, 403, 1, 403]),
    ("GET", "/timeline/groups?member=bob", [401, 403, 403, 1, 403]),
    ("GET", "/timeline/groups?member=alice", [401, 1, 403, 1, 403]),
    ("GET", "/timeline/groups/bobs", [401, 403, 403, 1, 403]),
];

fn scope(role: &str) -> Option<Scope> {
    Scope::ALL.iter().copied().find(|scope| scope.name() == role)
}

fn token(scene: &Scene, role: &str) -> Option<String> {
    match scope(role) {
        Some(scope) => Some(scene.service(&[scope])),
        None => (role != "anonymous").then(|| scene.token(role)),
    }
}

/// A group that bob made, of which alice is no member.
async fn bobs(scene: &Scene) {
    let group = json!({ "group": "bobs", "members": ["carol"] });
    let made = scene.post("/timeline/groups", Some(&scene.token("bob")), &group);
    assert_eq!(outcome(made).await.0, 200);
}

#[tokio::test]
async fn everybody_gets_what_the_table_says() {
    let scene = Scene::start(&[]);
    bobs(&scene).await;
    for (method, path, expected) in ROUTES {
        for (role, expected) in ROLES.into_iter().zip(expected) {
            let token = token(&scene, role);
            let request = match *method {
                "GET" => scene.get(path, token.as_deref()),
                _ => scene.post(path, token.as_deref(), &Value::Null),
            };
            let (status, _) = outcome(request).await;
            let may = if *expected == 1 { 200 } else { *expected };
            assert_eq!(status, may, "{role}: {method} {path}");
        }
    }
}

#[tokio::test]
async fn a_user_acts_as_nobody_else() {
    let scene = Scene::start(&[]);
    bobs(&scene).await;
    let alice = scene.token("alice");
    let forbidden = (403, "TIMELINE_FORBIDDEN".to_owned());
    let send = |from: &str| json!({ "from": from, "to": "bob", "message": "{\"text\":\"hi\"}" });
    assert_eq!(outcome(scene.post("/timeline/send", Some(&alice), &send("carol"))).await, forbidden);
    for from in ["alice", ""] {
        assert_eq!(outcome(scene.post("/timeline/send", Some(&alice), &send(from))).await.0, 200);
    }
    let group = |from: &str, name: &str| json!({ "from": from, "group_name": name, "group_members": [], "message": "{\"text\":\"hi\"}" });
    for (path, body) in [
        ("/timeline/sendGroup", group("alice", "bobs")),
        ("/timeline/sendGroup", group("bob", "bobs")),
        ("/timeline/edit", json!({ "member": "bob", "with": "alice", "place": 1, "message": "{}" })),
        ("/timeline/recall", json!({ "group": "bobs", "place": 1 })),
        ("/timeline/delete", json!({ "group": "bobs", "place": 1 })),
        ("/timeline/read", json!({ "member": "bob", "with": "carol", "sequence": 1 })),
        ("/timeline/clear", json!({ "member": "bob", "with": "carol" })),
        ("/timeline/groups/bobs/join", json!({ "members": ["alice"] })),
        ("/timeline/groups/bobs/leave", json!({ "members": ["carol"] })),
        ("/timeline/groups/bobs/rename", json!({ "title": "mine" })),
        ("/timeline/groups/bobs/roles", json!({ "member": "carol", "role": "OWNER" })),
        ("/timeline/groups", json!({ "group": "new", "owner": "bob" })),
    ] {
        assert_eq!(outcome(scene.post(path, Some(&alice), &body)).await, forbidden, "{path} {body}");
    }
    // Nothing of it has left a trace.
    let service = scene.service(&[Scope::Timelines]);
    let carol: Value = json_of(&scene, "/timeline/sync?member=carol", &service).await;
    assert_eq!(carol["latestSeq"], "0");
    let bobs: Value = json_of(&scene, "/timeline/groups/bobs", &service).await;
    assert_eq!(bobs["members"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn whatever_is_written_to_timelines_takes_a_login_or_the_scope() {
    let scene = Scene::start(&[]);
    bobs(&scene).await;
    for (path, body) in [
        ("/timeline/send", json!({ "from": "bob", "to": "carol", "message": "{}" })),
        ("/timeline/sendGroup", json!({ "from": "bob", "group_name": "bobs", "message": "{}" })),
        (
            "/timeline/edit",
            json!({ "member": "bob", "with": "carol", "place": 1, "message": "{\"edited\":true}" }),
        ),
        ("/timeline/recall", json!({ "member": "bob", "with": "carol", "place": 1 })),
        ("/timeline/delete", json!({ "member": "bob", "with": "carol", "place": 1 })),
        ("/timeline/read", json!({ "member": "carol", "with": "bob", "sequence": 1 })),
        ("/timeline/clear", json!({ "member": "carol", "with": "bob" })),
        ("/timeline/purge", json!({ "member": "carol", "with": "bob" })),
        ("/timeline/deleteMember", json!({ "member": "dave" })),
        ("/timeline/groups", json!({ "group": "new", "owner": "bob" })),
        ("/timeline/groups/bobs/join", json!({ "members": ["alice"] })),
        ("/timeline/groups/bobs/rename", json!({ "title": "Theirs" })),
        ("/timeline/groups/bobs/roles", json!({ "member": "carol", "role": "OWNER" })),
        ("/timeline/groups/bobs/leave", json!({ "members": ["alice"] })),
    ] {
        // Whoever may comes last: some of it can be done once.
        for (role, expected) in [("anonymous", 401), ("presence", 403), ("admin", 403), ("timelines", 200)] {
            let token = token(&scene, role);
            let (status, _) = outcome(scene.post(path, token.as_deref(), &body)).await;
            assert_eq!(status, expected, "{role}: POST {path}");
        }
    }
}

async fn json_of(scene: &Scene, path: &str, token: &str) -> Value {
    scene.get(path, Some(token)).send().await.unwrap().json().await.unwrap()
}

#[tokio::test]
async fn the_first_send_to_a_group_makes_it_and_its_members_alone_read_it() {
    let scene = Scene::start(&[]);
    let (alice, bob, carol) = (scene.token("alice"), scene.token("bob"), scene.token("carol"));
    let send = |members: &[&str]| json!({ "group_name": "club", "group_members": members, "message": "{\"text\":\"hi\"}" });
    let post = |token: &str, members: &[&str]| scene.post("/timeline/sendGroup", Some(token), &send(members));
    assert_eq!(outcome(post(&alice, &["bob"])).await.0, 200);
    // Everybody that the store knows, a part of them, and somebody who is no member.
    assert_eq!(outcome(post(&bob, &[])).await.0, 200);
    assert_eq!(outcome(post(&bob, &["alice"])).await.0, 200);
    assert_eq!(outcome(post(&bob, &["alice", "carol"])).await.0, 403);
    assert_eq!(outcome(post(&carol, &["alice", "bob"])).await.0, 403);
    let group = json_of(&scene, "/timeline/groups/club", &alice).await;
    assert_eq!(group["members"][0]["member"], "alice");
    assert_eq!(group["members"][0]["role"], "OWNER");
    assert_eq!(group["members"][1]["role"], "MEMBER");
    let history = |token: &str| scene.get("/timeline/history/group/club", Some(token));
    assert_eq!(outcome(history(&bob)).await.0, 200);
    assert_eq!(outcome(history(&carol)).await.0, 403);
    // Whoever leaves reads no more.
    let leave = scene.post("/timeline/groups/club/leave", Some(&bob), &json!({ "members": ["bob"] }));
    assert_eq!(outcome(leave).await.0, 200);
    assert_eq!(outcome(history(&bob)).await.0, 403);
    assert_eq!(outcome(post(&bob, &[])).await.0, 403);
}

#[tokio::test]
async fn grpc_asks_the_same_questions() {
    let scene = Scene::start(&[]);
    let channel = Channel::from_shared(format!("http://{}", scene.server.grpc())).unwrap();
    let mut client = TimelineClient::new(channel.connect().await.unwrap());
    for (role, member, expected) in [
        ("anonymous", "alice", Code::Unauthenticated),
        ("alice", "alice", Code::Ok),
        ("alice", "bob", Code::PermissionDenied),
        ("presence", "alice", Code::PermissionDenied),
        ("timelines", "bob", Code::Ok),
        ("admin", "alice", Code::PermissionDenied),
    ] {
        let mut request =
            Request::new(v1::SyncMessageRequest { member: member.to_owned(), ..Default::default() });
        if let Some(token) = token(&scene, role) {
            let value = MetadataValue::try_from(format!("Bearer {token}")).unwrap();
            request.metadata_mut().insert("authorization", value);
        }
        let code = client.get_sync_message(request).await.map_or_else(|status| status.code(), |_| Code::Ok);
        assert_eq!(code, expected, "{role} reads the inbox of {member}");
    }
}

#[tokio::test]
async fn a_server_open_to_others_needs_logins_or_the_word_insecure() {
    let place = tempfile::tempdir().unwrap();
    let check =
        |flags: &[&str]| Tidings::run(place.path(), &[&["check", "--http=0.0.0.0:0"], flags].concat(), &[]);
    assert_eq!(check(&[]).status.code(), Some(2));
    let key = identity::NewKey::ed25519().unwrap();
    write(&place.path().join("key.pem"), key.verifying().unwrap());
    assert_eq!(check(&["--token-keys=key.pem"]).status.code(), Some(0));
    assert_eq!(check(&["--insecure"]).status.code(), Some(0));
}

fn write(file: &Path, text: &str) {
    fs::write(file, text).unwrap();
}
