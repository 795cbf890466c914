//! The webhook: every transition, in order, until the receiver has it, whatever becomes of either
//! side.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::time::Duration;

use futures_util::future::join_all;
use serde_json::json;
use tempfile::TempDir;
use tests::Tidings;
use tokio::time::timeout;

use super::listener::{User, until_status};
use super::receiver::{Answer, Receiver};

const PROMPT: &str = "--presence-grace=10ms";
const SECRET: &str = "--webhook-secret=whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

#[tokio::test]
async fn a_post_tells_who_came_how_and_when_and_who_says_so() {
    let mut receiver = Receiver::start(&[]).await;
    let server = Tidings::start_with(&[PROMPT, SECRET, &receiver.flag()]);
    let alice = User::connect(&server, "alice").await;
    let post = receiver.next().await;
    let body = post.body();
    let event = &body["events"][0];
    assert_eq!((&body["lagged"], body["events"].as_array().unwrap().len()), (&json!(null), 1), "{body}");
    assert_eq!(event["id"], "alice");
    assert_eq!((&event["status"], &event["cause"]), (&json!("ONLINE"), &json!("HELD")));
    assert!(event["at"].as_u64().unwrap() > 1_700_000_000_000);
    assert_eq!(post.headers["content-type"], "application/json");
    // The text of signatures is checked beside their code.
    let signature = &post.headers["webhook-signature"];
    assert!(signature.starts_with("v1,") && signature.len() == 47, "{signature}");
    let timestamp: u64 = post.headers["webhook-timestamp"].parse().unwrap();
    assert!(event["at"].as_u64().unwrap() / 1_000 <= timestamp + 1);

    // A stream goes on from where an event of the webhook says.
    let position = event["position"].as_str().unwrap();
    drop(alice);
    assert_eq!(receiver.events(1).await, ["alice OFFLINE"]);
    let mut listener = super::listener::Listener::open(&server, "", Some(position)).await;
    listener.snapshot().await;
    assert_eq!(listener.change().await.0, "alice OFFLINE");
}

#[tokio::test]
async fn a_post_goes_over_tls_to_whom_the_authorities_vouch_for() {
    let (mut receiver, authority) = Receiver::start_with_tls().await;
    let directory = TempDir::new().unwrap();
    let file = directory.path().join("authority.pem");
    fs::write(&file, authority).unwrap();
    let server = Tidings::start_in(&[PROMPT, &receiver.flag()], &[("SSL_CERT_FILE", file.to_str().unwrap())]);
    let alice = User::connect(&server, "alice").await;
    assert_eq!(receiver.events(1).await, ["alice ONLINE"]);

    // Whom nobody vouches for hears nothing.
    let (stranger, _) = Receiver::start_with_tls().await;
    let wary = Tidings::start_in(&[PROMPT, &stranger.flag()], &[("SSL_CERT_FILE", file.to_str().unwrap())]);
    let bob = User::connect(&wary, "bob").await;
    let failed = |text: &str| {
        let count = text
            .lines()
            .find_map(|line| line.strip_prefix("tidings_webhook_posts_total{outcome=\"failed\"} "));
        count.is_some_and(|count| count != "0")
    };
    let refused =
        async { while !failed(&reqwest::get(wary.url("/metrics")).await.unwrap().text().await.unwrap()) {} };
    timeout(Duration::from_secs(60), refused).await.unwrap();
    drop((alice, bob));
}

#[tokio::test]
async fn a_batch_is_posted_until_it_is_taken_and_nothing_overtakes_it() {
    let failures = [
        Answer::Status(500),
        Answer::Hang,
        Answer::Cut,
        Answer::Status(404),
        // Nobody is followed elsewhere.
        Answer::Status(307),
        Answer::Status(200),
    ];
    let mut receiver = Receiver::start(&failures).await;
    // Longer than a busy machine keeps an answer on its way, as that is posted again.
    let server = Tidings::start_with(&[PROMPT, SECRET, "--webhook-timeout=5s", &receiver.flag()]);
    let alice = User::connect(&server, "alice").await;
    let mut posts = vec![receiver.next().await];
    // Now that the batch is on its way: before, he would be part of it.
    let bob = User::connect(&server, "bob").await;
    for _ in &failures[1..] {
        posts.push(receiver.next().await);
    }
    let answers: Vec<Answer> = posts.iter().map(|post| post.answer).collect();
    assert_eq!(answers, failures);
    let first = &posts[0];
    for post in &posts {
        assert_eq!(post.events(), ["alice ONLINE"]);
        assert_eq!((&post.text, &post.headers["webhook-id"]), (&first.text, &first.headers["webhook-id"]));
    }
    let next = receiver.next().await;
    assert_eq!(next.events(), ["bob ONLINE"]);
    assert_ne!(next.headers["webhook-id"], first.headers["webhook-id"]);
    let metrics = reqwest::get(server.url("/metrics")).await.unwrap().text().await.unwrap();
    assert!(metrics.contains("tidings_webhook_posts_total{outcome=\"failed\"} 5"), "{metrics}");
    drop((alice, bob));
}

#[tokio::test]
async fn every_transition_is_told_in_the_order_of_its_id_by_a_receiver_that_fails_at_times() {
    let mut receiver = Receiver::start(&[]).await;
    let server = Tidings::start_with(&[PROMPT, "--webhook-timeout=300ms", &receiver.flag()]);
    for round in 0..20 {
        receiver
            .will(&[[Answer::Status(503)], [Answer::Cut], [Answer::Hang], [Answer::Status(204)]][round % 4]);
        let users =
            join_all((0..30).map(async |user| User::connect(&server, &format!("user{user}")).await)).await;
        let came = join_all((0..30).map(async |user| {
            until_status(&server, &format!("user{user}"), "ONLINE").await;
        }));
        came.await;
        drop(users);
        let left = join_all((0..30).map(async |user| {
            until_status(&server, &format!("user{user}"), "OFFLINE").await;
        }));
        left.await;
    }
    let mut told: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let (mut positions, mut posts) = (HashSet::new(), HashSet::new());
    while told.values().map(Vec::len).sum::<usize>() < 30 * 40 {
        let post = receiver.taken().await;
        // A post whose answer took too long on a busy machine comes again as it was.
        if !posts.insert(post.text.clone()) {
            continue;
        }
        let body = post.body();
        assert_eq!(body["lagged"], json!(null));
        for event in body["events"].as_array().unwrap() {
            assert!(positions.insert(event["position"].as_str().unwrap().to_owned()), "told twice: {event}");
            let id = event["id"].as_str().unwrap().to_owned();
            told.entry(id).or_default().push(event["status"].as_str().unwrap().to_owned());
        }
    }
    assert_eq!(told.len(), 30);
    for (id, statuses) in told {
        assert_eq!(statuses.len(), 40, "{id}");
        assert!(statuses.chunks(2).all(|pair| pair == ["ONLINE", "OFFLINE"]), "{id}: {statuses:?}");
    }
}

#[tokio::test]
async fn a_receiver_that_was_away_hears_all_that_happened_meanwhile() {
    let mut receiver = Receiver::start(&[]).await;
    let server = Tidings::start_with(&[PROMPT, "--webhook-timeout=30s", &receiver.flag()]);
    let alice = User::connect(&server, "alice").await;
    assert_eq!(receiver.events(1).await, ["alice ONLINE"]);
    let away = receiver.go_away().await;
    drop(alice);
    until_status(&server, "alice", "OFFLINE").await;
    let bob = User::connect(&server, "bob").await;
    until_status(&server, "bob", "ONLINE").await;
    let mut receiver = away.come_back();
    assert_eq!(receiver.events(2).await, ["alice OFFLINE", "bob ONLINE"]);
    drop(bob);
}

/// A status of 2xx means that it has the post, whatever becomes of the rest of the answer.
#[tokio::test]
async fn an_answer_whose_body_never_ends_is_an_answer() {
    let mut receiver = Receiver::start(&[Answer::Endless, Answer::Endless]).await;
    let server = Tidings::start_with(&[PROMPT, "--webhook-timeout=10m", &receiver.flag()]);
    let mut users = Vec::new();
    for user in ["first", "second", "third"] {
        users.push(User::connect(&server, user).await);
        assert_eq!(receiver.next().await.events(), [format!("{user} ONLINE")]);
    }
}

#[tokio::test]
async fn a_receiver_that_hangs_for_too_long_is_told_how_much_it_lost() {
    let mut receiver = Receiver::start(&[Answer::Hang]).await;
    let server =
        Tidings::start_with(&[PROMPT, "--webhook-timeout=10m", "--presence-events=3", &receiver.flag()]);
    let first = User::connect(&server, "first").await;
    assert_eq!(receiver.next().await.events(), ["first ONLINE"]);
    // Presence does not wait for it.
    let mut users = Vec::new();
    for user in 0..10 {
        users.push(User::connect(&server, &format!("user{user}")).await);
        until_status(&server, &format!("user{user}"), "ONLINE").await;
    }
    // It is over when all has happened, however long that took: the connection is cut.
    let mut receiver = receiver.go_away().await.come_back();
    assert_eq!(receiver.taken().await.events(), ["first ONLINE"]);
    let post = receiver.taken().await;
    assert_eq!(post.body()["lagged"], json!({ "missed": 7 }));
    assert_eq!(post.events(), ["user7 ONLINE", "user8 ONLINE", "user9 ONLINE"]);
    drop((first, users));
}

#[tokio::test]
async fn a_killed_server_says_after_its_restart_that_events_are_lost() {
    let mut receiver = Receiver::start(&[]).await;
    let mut server = Tidings::start_with(&[PROMPT, &receiver.flag()]);
    let alice = User::connect(&server, "alice").await;
    assert_eq!(receiver.events(1).await, ["alice ONLINE"]);
    // Told again with its position on record: a later event was taken, so the one before is.
    let bob = User::connect(&server, "bob").await;
    assert_eq!(receiver.events(1).await, ["bob ONLINE"]);
    server.kill();
    server.start_again();
    // What presence kept in memory died with it: alice is offline and no event says so.
    let post = receiver.taken().await;
    assert_eq!(post.body()["lagged"], json!({ "missed": null }));
    let bob_again = User::connect(&server, "bob").await;
    let mut events = post.events();
    if events.is_empty() {
        events = receiver.events(1).await;
    }
    assert_eq!(events, ["bob ONLINE"]);
    drop((alice, bob, bob_again));
}

#[tokio::test]
async fn progress_that_is_missing_or_damaged_is_told_to_the_receiver_and_by_check() {
    let mut receiver = Receiver::start(&[]).await;
    let mut server = Tidings::start_with(&[PROMPT, &receiver.flag()]);
    let alice = User::connect(&server, "alice").await;
    assert_eq!(receiver.events(1).await, ["alice ONLINE"]);
    server.kill();
    let progress = server.data_dir().join("webhook");
    fs::remove_file(&progress).ok();
    server.start_again();
    // Missing is not new: alice is offline and no event says so.
    assert_eq!(receiver.taken().await.body()["lagged"], json!({ "missed": null }));
    server.signal("TERM");
    assert_eq!(server.wait().code(), Some(0));

    fs::write(&progress, "no position").unwrap();
    let data = format!("--data-dir={}", server.data_dir().display());
    let (directory, flag) = (TempDir::new().unwrap(), receiver.flag());
    let check = move || {
        let flags = ["check", "--http=127.0.0.1:0", "--grpc=127.0.0.1:0", &data, &flag];
        Tidings::run(directory.path(), &flags, &[])
    };
    let output = tokio::task::spawn_blocking(check).await.unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}");
    let note = text.lines().find(|line| line.starts_with("note ")).unwrap_or_default();
    assert!(note.contains("--webhook-url: ") && note.contains("does not hold a position"), "{text}");
    drop(alice);
}

#[tokio::test]
async fn a_hanging_receiver_does_not_hold_up_a_stop() {
    let mut receiver = Receiver::start(&[Answer::Hang]).await;
    let flags = ["--webhook-timeout=10m", "--shutdown-time=10m", &receiver.flag()];
    let mut server = Tidings::start_with(&flags);
    let alice = User::connect(&server, "alice").await;
    receiver.next().await;
    drop(alice);
    server.signal("TERM");
    assert_eq!(server.wait().code(), Some(0));
}

#[tokio::test]
async fn check_says_whether_somebody_listens() {
    let receiver = Receiver::start(&[]).await;
    let directory = TempDir::new().unwrap();
    let check = async |flag: String| {
        let directory = directory.path().to_owned();
        let flags = ["check", "--http=127.0.0.1:0", "--grpc=127.0.0.1:0", "--data-dir=data"];
        let run = move || Tidings::run(&directory, &[&flags[..], &[&flag]].concat(), &[]);
        let output = tokio::task::spawn_blocking(run).await.unwrap();
        (output.status.success(), String::from_utf8(output.stdout).unwrap())
    };
    let (well, text) = check(receiver.flag()).await;
    assert!(well && text.contains("ok      --webhook-url http://"), "{text}");
    let flag = receiver.flag();
    drop(receiver);
    let (well, text) = check(flag).await;
    assert!(!well && text.contains("problem --webhook-url: http://"), "{text}");
}

#[test]
fn wrong_webhooks_are_refused_and_secrets_are_not_repeated() {
    let directory = TempDir::new().unwrap();
    for (flags, expected) in [
        (
            ["--webhook-url=ftp://example.org/x", ""],
            "--webhook-url: \"ftp://example.org/…\" is not a web address",
        ),
        (["--webhook-url=example.org", ""], "--webhook-url: \"…\" is not a web address"),
        (
            ["--webhook-url=http://me:hidden@example.org", ""],
            "--webhook-url: \"http://…@example.org\" is not",
        ),
        (
            ["--webhook-url=http://example.org", "--webhook-secret=hidden"],
            "--webhook-secret: \"…\" is not base64",
        ),
        (
            ["--webhook-secret=aGlkZGVuaGlkZGVuaGlkZGVuaGlkZGVu", ""],
            "--webhook-secret: \"…\" has nothing to sign",
        ),
        (["--webhook-timeout=0s", ""], "--webhook-timeout: \"0s\" is not a duration"),
    ] {
        let flags: Vec<&str> = flags.into_iter().filter(|flag| !flag.is_empty()).collect();
        let output = Tidings::run(directory.path(), &flags, &[]);
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{error}");
        assert!(error.contains(expected), "{error}");
        assert!(!error.contains("hidden") && !error.contains("aGlkZGVu"), "{error}");
    }
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
}
