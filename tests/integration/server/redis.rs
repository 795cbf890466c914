//! Presence on Redis: several servers that are one, and what becomes of them when Redis or one of them goes.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;
use test_support::{Redis, require};
use tests::Tidings;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::client::Client;
use super::listener::{Listener, User, status, until_status};
use super::receiver::Receiver;

/// How long anything may take on a busy machine.
const LIMIT: Duration = Duration::from_secs(30);

const GRACE: Duration = Duration::from_millis(200);
const TTL: Duration = Duration::from_secs(1);

/// A server on this Redis that takes a dead one's users for gone after `TTL` and `GRACE`.
fn start_prompt(redis: &Redis, flags: &[&str]) -> Tidings {
    let ttl = format!("--presence-ttl={}ms", TTL.as_millis());
    start(redis, &[&[&*ttl], flags].concat())
}

/// One that waits for a dead one longer than any test takes.
fn start(redis: &Redis, flags: &[&str]) -> Tidings {
    let url = format!("--redis-url={}", redis.url());
    let grace = format!("--presence-grace={}ms", GRACE.as_millis());
    Tidings::start_with(&[&["--presence=redis", &url, &grace], flags].concat())
}

async fn get(server: &Tidings, path: &str) -> (u16, String) {
    let answer = reqwest::get(server.url(path)).await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

/// Asks again until the answer has this status.
async fn until(server: &Tidings, path: &str, status: u16) -> String {
    let started = Instant::now();
    loop {
        let (got, text) = get(server, path).await;
        if got == status {
            return text;
        }
        assert!(started.elapsed() < LIMIT, "{path} goes on answering {got} {text}");
        tokio::task::yield_now().await;
    }
}

/// Asks who is online until all of these are.
async fn until_listed(client: &mut Client, ids: &[&str]) {
    let asked = async { while client.call("", json!({ "call": "who" })).await["ids"] != json!(ids) {} };
    timeout(LIMIT, asked).await.unwrap_or_else(|_| panic!("the page does not show {ids:?}"));
}

/// Waits until every server has renewed its leases, from which it learns what others there are.
async fn until_acquainted(redis: &Redis) {
    let before = leases(redis).await;
    let asked = async { while leases(redis).await.iter().zip(&before).any(|(now, before)| now == before) {} };
    timeout(LIMIT, asked).await.expect("leases are renewed");
}

/// Each lease in each shard, with its end.
async fn leases(redis: &Redis) -> Vec<String> {
    let mut socket = BufReader::new(TcpStream::connect(("127.0.0.1", redis.port())).await.unwrap());
    let mut leases = Vec::new();
    for shard in 0..16 {
        let question = format!("ZRANGE {{tidings:{shard}}}:leases 0 -1 WITHSCORES\r\n");
        socket.write_all(question.as_bytes()).await.unwrap();
        let mut line = String::new();
        socket.read_line(&mut line).await.unwrap();
        // Two texts a lease, a line with its length before each.
        for _ in 0..line.trim_start_matches('*').trim().parse().unwrap() {
            line.clear();
            socket.read_line(&mut line).await.unwrap();
            socket.read_line(&mut line).await.unwrap();
            leases.push(line.clone());
        }
    }
    // The names stay; of each two the second one moves.
    leases.into_iter().skip(1).step_by(2).collect()
}

#[tokio::test]
async fn users_of_one_server_are_online_on_every_other() {
    let Some(redis) = require(Redis::private().await) else { return };
    let (one, other) = (start(&redis, &[]), start(&redis, &[]));
    let mut listener = Listener::open(&other, "", None).await;
    assert_eq!(listener.snapshot().await.0, [""; 0]);
    let mut bob = Client::connect(&other, "?user=bob").await;
    assert_eq!(listener.change().await.0, "bob ONLINE");
    bob.bind("$presence").await;

    let alice = User::connect(&one, "alice").await;
    let (heard, position) = listener.change().await;
    assert_eq!(heard, "alice ONLINE");
    for server in [&one, &other] {
        assert_eq!([status(server, "alice").await, status(server, "bob").await], ["ONLINE", "ONLINE"]);
    }
    // As the page does it.
    until_listed(&mut bob, &["alice", "bob"]).await;

    // A second tab, on the other server: she is gone when both are.
    let second = User::connect(&other, "alice").await;
    drop(alice);
    let carol = User::connect(&one, "carol").await;
    assert_eq!(listener.change().await.0, "carol ONLINE");
    drop(second);
    assert_eq!(listener.change().await.0, "alice OFFLINE");
    let heard = async { while bob.heard("$presence").await["id"] != "alice" {} };
    timeout(LIMIT, heard).await.unwrap();
    assert_eq!(status(&one, "alice").await, "OFFLINE");

    // The stream of one server goes on at another.
    let mut resumed = Listener::open(&one, "", Some(&position)).await;
    resumed.snapshot().await;
    let mut missed = [resumed.change().await.0, resumed.change().await.0];
    missed.sort_unstable();
    assert_eq!(missed, ["alice OFFLINE", "carol ONLINE"]);
    drop(carol);
}

#[tokio::test]
async fn users_of_a_killed_server_are_let_go_once_and_those_with_another_connection_stay() {
    let Some(redis) = require(Redis::private().await) else { return };
    let (mut one, other) = (start_prompt(&redis, &[]), start_prompt(&redis, &[]));
    let alice = User::connect(&one, "alice").await;
    let bobs = [User::connect(&one, "bob").await, User::connect(&other, "bob").await];
    let mut listener = Listener::open(&other, "?since=now", None).await;
    listener.snapshot().await;
    for id in ["alice", "bob"] {
        until_status(&other, id, "ONLINE").await;
    }
    let killed = Instant::now();
    one.kill();
    let gone = loop {
        let heard = listener.next().await.unwrap();
        // What was on its way when the stream began.
        if heard.data["status"] == "OFFLINE" {
            break heard;
        }
    };
    let taken = killed.elapsed();
    assert_eq!(gone.data["id"], "alice");
    assert!(taken >= TTL && taken < TTL + GRACE + Duration::from_secs(4), "after {taken:?}");
    assert_eq!([status(&other, "alice").await, status(&other, "bob").await], ["OFFLINE", "ONLINE"]);
    // Nothing of it comes twice, and she can come back.
    one.start_again();
    let again = User::connect(&one, "alice").await;
    assert_eq!(listener.change().await.0, "alice ONLINE");
    drop((alice, bobs, again));
}

#[tokio::test]
async fn while_redis_is_frozen_presence_is_unavailable_and_everything_else_goes_on() {
    let Some(redis) = require(Redis::private().await) else { return };
    let server = start(&redis, &["--redis-timeout=300ms"]);
    let mut alice = Client::connect(&server, "?user=alice").await;
    until_listed(&mut alice, &["alice"]).await;
    let mut listener = Listener::open(&server, "", None).await;
    assert_eq!(listener.snapshot().await.0, ["alice"]);
    until(&server, "/readyz", 200).await;

    redis.freeze().await.unwrap();
    let text = until(&server, "/presence/alice", 503).await;
    assert_eq!(serde_json::from_str::<Value>(&text).unwrap()["reason"], "UNAVAILABLE");
    let (code, text) = get(&server, "/presence?id=alice").await;
    let body: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((code, &body["statuses"][0]["status"]), (503, &json!("UNKNOWN")));
    assert_eq!(get(&server, "/readyz").await, (503, "presence is unavailable\n".to_owned()));
    assert_eq!(get(&server, "/healthz").await.0, 200);
    assert_eq!(get(&server, "/presence/events").await.0, 503);
    assert_eq!(listener.next().await.unwrap().event, "unavailable");
    // The page goes on: who was online is shown as online, and messages arrive.
    until_listed(&mut alice, &["alice"]).await;
    let mut bob = Client::connect(&server, "?user=bob").await;
    let message = json!({ "from": "alice", "to": "bob", "message": "{\"text\":\"hi\"}" });
    let sent = reqwest::Client::new().post(server.url("/timeline/send")).json(&message).send().await.unwrap();
    assert_eq!(sent.status(), 200);
    assert_eq!(bob.heard("$inbox:bob").await["sequence"], "1");

    redis.thaw().await.unwrap();
    until(&server, "/readyz", 200).await;
    // Alice was never gone, and bob, who came meanwhile, is online without doing anything.
    assert_eq!(listener.change().await.0, "bob ONLINE");
    until_listed(&mut alice, &["alice", "bob"]).await;
    assert_eq!([status(&server, "alice").await, status(&server, "bob").await], ["ONLINE", "ONLINE"]);
}

#[tokio::test]
async fn a_redis_that_comes_back_empty_learns_who_is_online_and_nobody_was_ever_offline() {
    let Some(redis) = require(Redis::private().await) else { return };
    let servers = [start(&redis, &[]), start(&redis, &[])];
    let mut alice = Client::connect(&servers[0], "?user=alice").await;
    let mut bob = Client::connect(&servers[1], "?user=bob").await;
    for client in [&mut alice, &mut bob] {
        until_listed(client, &["alice", "bob"]).await;
    }
    let mut listener = Listener::open(&servers[0], "?since=now", None).await;
    listener.snapshot().await;

    // A server that nobody knows yet is not waited for.
    until_acquainted(&redis).await;
    redis.kill().unwrap();
    until(&servers[0], "/presence/bob", 503).await;
    redis.start_again().await.unwrap();
    for (number, server) in servers.iter().enumerate() {
        for id in ["alice", "bob"] {
            // Until then every answer is an error, never "offline".
            let started = Instant::now();
            loop {
                let (code, text) = get(server, &format!("/presence/{id}")).await;
                if code == 200 {
                    assert_eq!(
                        serde_json::from_str::<Value>(&text).unwrap()["status"],
                        "ONLINE",
                        "{id} at {number}"
                    );
                    break;
                }
                assert!(started.elapsed() < LIMIT, "{id} cannot be read again: {text}");
            }
        }
        until(server, "/readyz", 200).await;
    }
    // Whoever follows is told that events may be missing, and of nobody that they left.
    let carol = User::connect(&servers[1], "carol").await;
    let mut heard = Vec::new();
    loop {
        let next = listener.next().await.unwrap();
        assert_ne!(next.data["status"], "OFFLINE", "{next:?}");
        let end = next.data["id"] == "carol";
        heard.push(next.event);
        if end {
            break;
        }
    }
    assert!(heard.contains(&"unavailable".to_owned()) && heard.contains(&"lagged".to_owned()), "{heard:?}");
    for client in [&mut alice, &mut bob] {
        until_listed(client, &["alice", "bob", "carol"]).await;
    }
    drop(carol);
}

#[tokio::test]
async fn the_webhook_of_a_server_that_was_away_tells_what_happened_on_the_others() {
    let Some(redis) = require(Redis::private().await) else { return };
    let mut receiver = Receiver::start(&[]).await;
    let (mut one, other) = (start_prompt(&redis, &[&receiver.flag()]), start_prompt(&redis, &[]));
    let alice = User::connect(&one, "alice").await;
    assert_eq!(receiver.events(1).await, ["alice ONLINE"]);
    let bob = User::connect(&other, "bob").await;
    assert_eq!(receiver.events(1).await, ["bob ONLINE"]);
    one.kill();
    let carol = User::connect(&other, "carol").await;
    until_status(&other, "alice", "OFFLINE").await;
    one.start_again();
    let mut events = Vec::new();
    while events.len() < 2 {
        let post = receiver.taken().await;
        assert_eq!(post.body()["lagged"], json!(null));
        // What was taken shortly before the kill may come again.
        events.extend(post.events().into_iter().filter(|event| event != "bob ONLINE"));
    }
    events.sort_unstable();
    assert_eq!(events, ["alice OFFLINE", "carol ONLINE"]);
    drop((alice, bob, carol));
}

#[tokio::test]
async fn servers_of_the_layout_of_the_go_package_show_each_others_users_too() {
    let Some(redis) = require(Redis::private().await) else { return };
    let flags = ["--presence-layout=keyspace", "--presence-notifications=set"];
    let (one, other) = (start_prompt(&redis, &flags), start_prompt(&redis, &flags));
    let mut listener = Listener::open(&other, "", None).await;
    listener.snapshot().await;
    let alice = User::connect(&one, "alice").await;
    assert_eq!(listener.change().await.0, "alice ONLINE");
    assert_eq!([status(&one, "alice").await, status(&other, "alice").await], ["ONLINE", "ONLINE"]);
    drop(alice);
    assert_eq!(listener.change().await.0, "alice OFFLINE");
}

#[tokio::test]
async fn a_redis_that_cannot_be_used_is_named_without_its_password() {
    let Some(redis) = require(Redis::private().await) else { return };
    let directory = TempDir::new().unwrap();
    let nobody = redis.url().replace("redis://", "redis://me:hidden@");
    let checked = redis.url().to_owned();
    let cases = [
        (
            vec!["--redis-url=redis://:hidden@127.0.0.1:1"],
            "--redis-url: redis://:…@127.0.0.1:1 cannot be used",
            1,
        ),
        (vec![&*format!("--redis-url={nobody}")], "--redis-url: redis://me:…@", 1),
        (vec![&*format!("--redis-url={checked}"), "--presence-layout=keyspace"], "notify-keyspace-events", 1),
        (vec![], "--presence: \"redis\" needs to know which", 2),
        (vec!["--redis-url=http://me:hidden@x"], "is not the address of a Redis", 2),
        (vec!["--redis-url=redis://x", "--presence=memory"], "--redis-url: \"redis://x\" is for nothing", 2),
        (vec!["--presence=mongo"], "--presence: \"mongo\" is not a store", 2),
        (
            vec!["--redis-url=redis://x", "--redis-prefix={}"],
            "--redis-prefix: \"{}\" is not 1 to 64 bytes",
            2,
        ),
        (
            vec!["--redis-url=redis://x", "--presence-notifications=set"],
            "is for --presence-layout keyspace alone",
            2,
        ),
    ]
    .map(|(flags, expected, code)| {
        (flags.into_iter().map(str::to_owned).collect::<Vec<_>>(), expected, code)
    });
    let run = move || {
        for (flags, expected, code) in cases {
            let mut all = vec!["--http=127.0.0.1:0", "--grpc=127.0.0.1:0", "--data-dir=data", "--log=off"];
            if !flags.iter().any(|flag| flag.starts_with("--presence=")) {
                all.push("--presence=redis");
            }
            all.extend(flags.iter().map(String::as_str));
            let output = Tidings::run(directory.path(), &all, &[]);
            let error = String::from_utf8(output.stderr).unwrap();
            assert_eq!((output.status.code(), error.lines().count()), (Some(code), 1), "{error}");
            assert!(error.contains(expected) && !error.contains("hidden"), "{error}");
        }
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
        let check = |url: &str| {
            let url = format!("--redis-url={url}");
            let flags = [
                "check",
                "--http=127.0.0.1:0",
                "--grpc=127.0.0.1:0",
                "--data-dir=data",
                "--presence=redis",
                &url,
            ];
            let output = Tidings::run(directory.path(), &flags, &[]);
            (output.status.success(), String::from_utf8(output.stdout).unwrap())
        };
        let (well, text) = check(&checked);
        assert!(well && text.contains("ok      --redis-url redis://"), "{text}");
        let (well, text) = check("redis://:hidden@127.0.0.1:1");
        assert!(
            !well && text.contains("problem --redis-url: redis://:…@") && !text.contains("hidden"),
            "{text}"
        );
    };
    tokio::task::spawn_blocking(run).await.unwrap();
}
