//! A login that is revoked: its connections are closed, and it does not come back, also after a
//! restart and on every server of one Redis.

mod on_redis;
mod scene;

use std::fs;
use std::time::{Duration, SystemTime};

use identity::{NewToken, RevocationFile, Revocations, RevocationsConfig, Scope};
use tempfile::TempDir;
use tests::Tidings;
use tokio::time::timeout;

use self::scene::{AT_ONCE, LIMIT, LONG, REVOKED, connect, outcome, refused, revoke, run, until_ready};
use crate::issuer::{Issuer, new_token, wall_time};

fn data_dir(server: &Tidings) -> String {
    format!("--data-dir={}", server.data_dir().display())
}

async fn revocations(server: &Tidings, issuer: &Issuer) -> String {
    let admin = issuer.sign(&new_token("operator", LONG).scopes([Scope::Admin].into_iter().collect()));
    let asked = reqwest::Client::new().get(server.url("/metrics")).bearer_auth(admin);
    let text = asked.send().await.unwrap().text().await.unwrap();
    let value = text.lines().find_map(|line| line.strip_prefix("tidings_revocations "));
    value.unwrap_or_else(|| panic!("there is no such figure in\n{text}")).to_owned()
}

#[tokio::test]
async fn a_revoked_user_is_gone_at_once_and_stays_out_over_a_restart() {
    let issuer = Issuer::new();
    let mut server = issuer.start(&[]);
    let (alice, bob) = (issuer.token("alice", LONG), issuer.token("bob", LONG));
    let mut alices = connect(&server, &alice).await;
    let mut bobs = [connect(&server, &bob).await, connect(&server, &bob).await];

    let said = revoke(&[&data_dir(&server), "--user=bob"]).await;
    assert!(said.contains("\"bob\"; the running server has taken it"), "{said}");
    for socket in &mut bobs {
        assert_eq!(socket.closed_within(AT_ONCE).await, REVOKED);
    }
    assert_eq!(refused(&server, &bob).await, Some(401));
    // Nor does a new token help: it is the user who was revoked.
    assert_eq!(refused(&server, &issuer.token("bob", LONG)).await, Some(401));
    let asked = reqwest::Client::new().get(server.url("/presence/alice")).bearer_auth(&bob);
    assert_eq!(asked.send().await.unwrap().status(), 401);
    alices.assert_open().await;
    assert_eq!(fs::read_dir(server.data_dir().join("revoke")).unwrap().count(), 0);
    assert_eq!(revocations(&server, &issuer).await, "1");

    server.kill();
    server.start_again();
    assert_eq!(refused(&server, &bob).await, Some(401));
    connect(&server, &alice).await;
}

/// Reads a stream of events until it says this.
async fn told(events: &mut reqwest::Response, expected: &str) {
    let mut read = String::new();
    while !read.contains(expected) {
        let chunk = events.chunk().await.unwrap().expect("the stream goes on");
        read.push_str(&String::from_utf8_lossy(&chunk));
    }
}

#[tokio::test]
async fn others_see_a_revoked_user_go_at_once_and_not_after_the_grace_time() {
    let issuer = Issuer::new();
    let server = issuer.start(&["--presence-grace=10m"]);
    let _bob = connect(&server, &issuer.token("bob", LONG)).await;
    let events =
        reqwest::Client::new().get(server.url("/presence/events")).bearer_auth(issuer.token("alice", LONG));
    let mut events = events.send().await.unwrap();
    told(&mut events, r#""id":"bob","status":"ONLINE""#).await;
    revoke(&[&data_dir(&server), "--user=bob"]).await;
    let gone = told(&mut events, r#""id":"bob","status":"OFFLINE""#);
    timeout(AT_ONCE, gone).await.expect("nobody waits for somebody who was sent away");
}

#[tokio::test]
async fn a_token_is_revoked_by_its_name_and_no_other_token_of_its_user() {
    let issuer = Issuer::new();
    let server = issuer.start(&[]);
    let [one, other] = ["one", "other"].map(|jti| {
        let token = new_token("bob", LONG).jti(jti);
        issuer.sign(&token)
    });
    let mut sockets = [connect(&server, &one).await, connect(&server, &other).await];
    revoke(&[&data_dir(&server), "--token=one"]).await;
    assert_eq!(sockets[0].closed_within(AT_ONCE).await, REVOKED);
    assert_eq!(refused(&server, &one).await, Some(401));
    sockets[1].assert_open().await;
    connect(&server, &other).await;
}

#[tokio::test]
async fn what_was_issued_before_a_time_is_revoked_and_what_came_later_counts() {
    let issuer = Issuer::new();
    let server = issuer.start(&[]);
    let now = wall_time();
    let issued =
        |user: &str, ago: u64| issuer.sign(&NewToken::new(user, now - Duration::from_secs(ago), LIMIT * 100));
    let mut old_bob = connect(&server, &issued("bob", 1_000)).await;
    let mut old_carol = connect(&server, &issued("carol", 1_000)).await;
    let mut new_bob = connect(&server, &issued("bob", 100)).await;
    let before = now - Duration::from_secs(500);
    let before = before.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    let before = format!("--issued-before={before}");

    revoke(&[&data_dir(&server), "--user=bob", &before]).await;
    assert_eq!(old_bob.closed_within(AT_ONCE).await, REVOKED);
    old_carol.assert_open().await;
    new_bob.assert_open().await;

    revoke(&[&data_dir(&server), &before]).await;
    assert_eq!(old_carol.closed_within(AT_ONCE).await, REVOKED);
    new_bob.assert_open().await;
    assert_eq!(refused(&server, &issued("dave", 600)).await, Some(401));
    connect(&server, &issued("dave", 400)).await;
}

#[tokio::test]
async fn what_is_revoked_while_no_server_runs_counts_from_the_next_start() {
    let issuer = Issuer::new();
    let mut server = issuer.start(&[]);
    let data_dir = data_dir(&server);
    server.kill();
    let said = revoke(&[&data_dir, "--user=bob"]).await;
    assert!(said.contains("it counts from the next start") && said.contains("--token-keys"), "{said}");
    server.start_again();
    assert_eq!(refused(&server, &issuer.token("bob", LONG)).await, Some(401));
    connect(&server, &issuer.token("alice", LONG)).await;
    // A directory of no server is a slip, and nothing is made there.
    let parent = TempDir::new().unwrap();
    let nowhere = parent.path().join("nowhere");
    let output = run(&["revoke", &format!("--data-dir={}", nowhere.display()), "--user=bob"]).await;
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{errors}");
    assert!(errors.contains("is no data directory of a server") && !nowhere.exists(), "{errors}");
}

#[tokio::test]
async fn while_drops_cannot_be_read_the_server_is_not_ready_and_goes_on_with_what_it_knows() {
    let issuer = Issuer::new();
    let server = issuer.start(&[]);
    revoke(&[&data_dir(&server), "--user=bob"]).await;
    let (place, aside) = (server.data_dir().join("revoke"), server.data_dir().join("aside"));
    fs::rename(&place, &aside).unwrap();
    fs::write(&place, "").unwrap();
    let part = until_ready(&server, 503).await;
    assert_eq!(part["state"], "down");
    assert!(part["reason"].as_str().unwrap().contains("cannot be read"), "{part}");
    assert_eq!(refused(&server, &issuer.token("bob", LONG)).await, Some(401));
    connect(&server, &issuer.token("alice", LONG)).await;
    fs::remove_file(&place).unwrap();
    fs::rename(&aside, &place).unwrap();
    assert_eq!(until_ready(&server, 200).await["state"], "well");
}

#[tokio::test]
async fn a_full_list_keeps_the_server_ready_and_what_has_no_place_is_not_said_to_be_revoked() {
    let issuer = Issuer::new();
    let mut server = issuer.start(&[]);
    let flag = data_dir(&server);
    server.kill();
    let list = Revocations::new(RevocationsConfig::new(LIMIT * 1_000)).unwrap();
    let mut number = 0;
    while !list.is_full(wall_time()) {
        list.revoke_token(&number.to_string(), wall_time()).unwrap();
        number += 1;
    }
    RevocationFile::new(server.data_dir()).save(&list, wall_time()).unwrap();
    server.start_again();
    let mut bobs = connect(&server, &issuer.token("bob", LONG)).await;

    let (code, said) = outcome(&[&flag, "--user=bob"]).await;
    assert!(code == Some(1) && said.contains("is full, and nothing is revoked"), "{code:?} {said}");
    assert_eq!(fs::read_dir(server.data_dir().join("revoke")).unwrap().count(), 0);
    bobs.assert_open().await;
    assert_eq!(until_ready(&server, 200).await["state"], "well");
    // What holds for everybody has its place.
    revoke(&[&flag, "--issued-before=now"]).await;
    assert_eq!(bobs.closed().await, REVOKED);
    assert_eq!(until_ready(&server, 200).await["state"], "well");
}

#[tokio::test]
async fn a_server_that_is_frozen_is_not_said_to_have_taken_it() {
    let issuer = Issuer::new();
    let server = issuer.start(&[]);
    let mut bobs = connect(&server, &issuer.token("bob", LONG)).await;
    server.signal("STOP");
    let (code, said) = outcome(&[&data_dir(&server), "--user=bob"]).await;
    server.signal("CONT");
    assert!(code == Some(3) && said.starts_with("wrote the revocation of"), "{code:?} {said}");
    assert!(said.contains("/readyz"), "{said}");
    // It is written, and counts when the server goes on.
    assert_eq!(bobs.closed().await, REVOKED);
}

#[tokio::test]
async fn a_damaged_list_keeps_the_server_from_starting_and_check_says_the_same() {
    let issuer = Issuer::new();
    let mut server = issuer.start(&[]);
    let (keys, data_dir) = (issuer.flag(), data_dir(&server));
    server.kill();
    fs::write(server.data_dir().join("revocations"), "half").unwrap();
    let run =
        async |command| run(&[command, "--http=127.0.0.1:0", "--grpc=127.0.0.1:0", &keys, &data_dir]).await;
    let serve = run("serve").await;
    let errors = String::from_utf8(serve.stderr).unwrap();
    assert_eq!(serve.status.code(), Some(1), "{errors}");
    let said = errors.lines().find_map(|line| line.strip_prefix("tidings: ")).unwrap();
    assert!(said.starts_with("--data-dir: ") && said.contains("revocations is damaged"), "{said}");
    let check = run("check").await;
    let lines = String::from_utf8(check.stdout).unwrap();
    assert_eq!(check.status.code(), Some(1), "{lines}");
    assert!(lines.lines().any(|line| line == format!("problem {said}")), "{lines}");
}
