//! Servers on one Redis, and what they answer.

use std::time::{Duration, Instant};

use serde_json::json;
use test_support::Redis;
use tests::Tidings;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::super::client::Client;

/// How long anything may take on a busy machine.
pub(super) const LIMIT: Duration = Duration::from_secs(60);

pub(super) const GRACE: Duration = Duration::from_millis(200);
/// Longer than a busy machine keeps a server that is well from renewing its leases.
pub(super) const TTL: Duration = Duration::from_secs(5);

/// A server on this Redis that takes a dead one's users for gone after `TTL` and `GRACE`.
pub(super) fn start_prompt(redis: &Redis, flags: &[&str]) -> Tidings {
    start_with(redis, TTL, flags)
}

/// One that waits for a dead one longer than any test takes.
pub(super) fn start(redis: &Redis, flags: &[&str]) -> Tidings {
    start_with(redis, 10 * LIMIT, flags)
}

fn start_with(redis: &Redis, ttl: Duration, flags: &[&str]) -> Tidings {
    let url = format!("--redis-url={}", redis.url());
    let ttl = format!("--presence-ttl={}ms", ttl.as_millis());
    let grace = format!("--presence-grace={}ms", GRACE.as_millis());
    Tidings::start_with(&[&["--presence=redis", &url, &ttl, &grace], flags].concat())
}

pub(super) async fn get(server: &Tidings, path: &str) -> (u16, String) {
    let answer = reqwest::get(server.url(path)).await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

/// Asks again until the answer has this status.
pub(super) async fn until(server: &Tidings, path: &str, status: u16) -> String {
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
pub(super) async fn until_listed(client: &mut Client, ids: &[&str]) {
    let asked = async { while client.call("", json!({ "call": "who" })).await["ids"] != json!(ids) {} };
    timeout(LIMIT, asked).await.unwrap_or_else(|_| panic!("the page does not show {ids:?}"));
}

/// Waits until every server has renewed its leases, from which it learns what others there are.
pub(super) async fn until_acquainted(redis: &Redis) {
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
