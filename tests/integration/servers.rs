//! The private servers of `test-support` themselves: there when started, gone when they should be.

use std::io::{BufRead, BufReader};
use std::panic::AssertUnwindSafe;
use std::process::{Command, Stdio};
use std::{env, io, panic};

use test_support::{Etcd, Mongo, Origin, Redis, require};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Set for the process that a test starts and kills.
const ROLE: &str = "TIDINGS_TESTS_SERVERS_ROLE";

#[tokio::test]
async fn a_redis_stores_and_is_gone_when_dropped() {
    let Some(redis) = require(Redis::start().await) else { return };
    let key = test_support::unique("key");
    let set = talk(redis.url(), &format!("SET {key} v EX 60\r\n")).await.unwrap();
    assert_eq!(set, "+OK\r\n");
    assert_eq!(talk(redis.url(), &format!("GET {key}\r\n")).await.unwrap(), "$1\r\nv\r\n");
    if *redis.origin() != Origin::Environment {
        let url = redis.url().to_owned();
        drop(redis);
        assert!(talk(&url, "PING\r\n").await.is_err());
    }
}

#[tokio::test]
async fn two_servers_of_a_kind_run_beside_each_other() {
    let Some(one) = require(Redis::start().await) else { return };
    let Some(other) = require(Redis::start().await) else { return };
    assert!(*one.origin() == Origin::Environment || one.url() != other.url());
}

#[tokio::test]
async fn a_mongo_is_the_primary_of_a_replica_set() {
    // `start` itself waits for it; a second one shows that nothing of the first is in its way.
    let Some(one) = require(Mongo::start().await) else { return };
    let Some(other) = require(Mongo::start().await) else { return };
    assert!(one.url().starts_with("mongodb://"));
    assert!(*one.origin() == Origin::Environment || one.url() != other.url());
}

#[tokio::test]
async fn an_etcd_stores() {
    let Some(etcd) = require(Etcd::start().await) else { return };
    // The key and the value are base64: "foo", "bar".
    let body = r#"{"key":"Zm9v","value":"YmFy"}"#;
    let put = format!(
        "POST /v3/kv/put HTTP/1.1\r\nHost: etcd\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let answer = talk(etcd.url(), &put).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[tokio::test]
async fn a_server_is_gone_after_a_panic() {
    let Some(redis) = require(Redis::start().await) else { return };
    let url = redis.url().to_owned();
    let private = *redis.origin() != Origin::Environment;
    let panicked = panic::catch_unwind(AssertUnwindSafe(move || {
        let _redis = redis;
        panic::resume_unwind(Box::new("a test failed"));
    }));
    assert!(panicked.is_err());
    assert!(!private || talk(&url, "PING\r\n").await.is_err());
}

/// Does nothing by itself: the test below starts it in a process of its own, and kills that.
#[tokio::test]
async fn role_of_a_process_that_is_killed() {
    if env::var_os(ROLE).is_none() {
        return;
    }
    let redis = Redis::start().await.unwrap();
    println!("\nurl {}", redis.url());
    std::future::pending::<()>().await;
}

#[tokio::test]
async fn a_server_is_gone_when_its_test_process_is_killed() {
    let Some(redis) = require(Redis::start().await) else { return };
    if !matches!(redis.origin(), Origin::Binary(_)) || test_support::binary(&["setpriv"]).is_none() {
        // Containers and other people's servers outlive us, and so does a process without setpriv.
        return;
    }
    let mut child = Command::new(env::current_exe().unwrap())
        .args(["--exact", "servers::role_of_a_process_that_is_killed", "--nocapture"])
        .env(ROLE, "1")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let output = BufReader::new(child.stdout.take().unwrap());
    let lines = output.lines().map_while(io::Result::ok);
    let url = lines.filter_map(|line| line.strip_prefix("url ").map(str::to_owned)).next().unwrap();
    let mut socket = TcpStream::connect(host(&url)).await.unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    // The kernel closes the connection when the server dies: nobody else would.
    let mut end = Vec::new();
    drop(socket.read_to_end(&mut end).await);
    assert!(talk(&url, "PING\r\n").await.is_err());
}

/// Sends one request and returns what came back in the first piece, or up to the end.
async fn talk(url: &str, request: &str) -> io::Result<String> {
    let mut socket = TcpStream::connect(host(url)).await?;
    socket.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    socket.read_buf(&mut answer).await?;
    if url.starts_with("http:") {
        socket.read_to_end(&mut answer).await?;
    }
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

/// Returns the host and port of a URL of ours.
fn host(url: &str) -> &str {
    let (_, rest) = url.split_once("://").unwrap();
    rest.split('/').next().unwrap()
}
