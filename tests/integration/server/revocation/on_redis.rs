//! Servers that share a Redis share what is revoked.

use std::time::{Duration, SystemTime};

use test_support::{Redis, RedisCluster, RedisSentinel, redis_connection, require};
use tests::Tidings;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::scene::{AT_ONCE, LIMIT, LONG, REVOKED, connect, refused, revoke, until_ready};
use crate::issuer::{Issuer, wall_time};

fn on(url: &str) -> [String; 2] {
    ["--presence=redis".to_owned(), format!("--redis-url={url}")]
}

fn start(url: &str, issuer: &Issuer, flags: &[&str]) -> Tidings {
    let (keys, [presence, url]) = (issuer.flag(), on(url));
    Tidings::start_with(&[&[&*keys, &presence, &url], flags].concat())
}

#[tokio::test]
async fn one_command_reaches_every_server_of_a_redis_and_those_that_start_later() {
    let Some(redis) = require(Redis::private().await) else { return };
    let issuer = Issuer::new();
    let patient = ["--redis-timeout=30s"];
    let mut servers = [start(redis.url(), &issuer, &patient), start(redis.url(), &issuer, &patient)];
    let (alice, bob) = (issuer.token("alice", LONG), issuer.token("bob", LONG));
    let mut alices = connect(&servers[0], &alice).await;
    let mut bobs = [connect(&servers[0], &bob).await, connect(&servers[1], &bob).await];
    let [presence, url] = on(redis.url());
    let said = revoke(&[&presence, &url, "--user=bob"]).await;
    assert!(said.contains("2 servers have heard it"), "{said}");
    for socket in &mut bobs {
        assert_eq!(socket.closed_within(AT_ONCE).await, REVOKED);
    }
    alices.assert_open().await;

    // A Redis that has lost its data gets it again from the servers, and a new server from there.
    let mut connection = redis_connection(redis.url()).await.unwrap();
    redis::cmd("DEL").arg("{tidings:revocations}").exec_async(&mut connection).await.unwrap();
    let restored = async {
        loop {
            let mut count = redis::cmd("ZCARD");
            count.arg("{tidings:revocations}");
            if count.query_async::<u64>(&mut connection).await.unwrap() == 1 {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    timeout(LIMIT, restored).await.expect("the servers write what redis lost");
    servers[1].kill();
    servers[1].start_again();
    assert_eq!(refused(&servers[1], &bob).await, Some(401));
    connect(&servers[1], &alice).await;
}

#[tokio::test]
async fn while_redis_is_frozen_the_last_list_counts_and_what_is_revoked_then_arrives_afterwards() {
    let Some(redis) = require(Redis::private().await) else { return };
    let issuer = Issuer::new();
    // Longer than a busy machine keeps a Redis that is well from answering.
    let server = start(redis.url(), &issuer, &["--redis-timeout=3s"]);
    let [presence, url] = on(redis.url());
    revoke(&[&presence, &url, "--user=bob"]).await;
    let mut carol = connect(&server, &issuer.token("carol", LONG)).await;
    let mut dave = connect(&server, &issuer.token("dave", LONG)).await;
    until_ready(&server, 200).await;

    redis.freeze().await.unwrap();
    let silent = async {
        loop {
            // Presence may be the first to say so.
            let part = until_ready(&server, 503).await;
            if part["state"] != "well" {
                return part;
            }
        }
    };
    let part = timeout(LIMIT, silent).await.expect("revocations are not well");
    assert!(part["reason"].as_str().unwrap().contains("the last known revocations count"), "{part}");
    assert_eq!(refused(&server, &issuer.token("bob", LONG)).await, Some(401));
    carol.assert_open().await;
    // The command waits for Redis.
    let mut command = JoinSet::new();
    let flags = [&*presence, &url, "--redis-timeout=60s", "--user=carol"].map(str::to_owned);
    command.spawn(async move { revoke(&flags.each_ref().map(String::as_str)).await });

    redis.thaw().await.unwrap();
    command.join_next().await.unwrap().unwrap();
    assert_eq!(carol.closed().await, REVOKED);
    assert_eq!(until_ready(&server, 200).await["state"], "well");
    // What nobody publishes is read at the latest after 10 s.
    let until = wall_time() + Duration::from_secs(3_600);
    let until = until.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    let member = format!(r#"{{"user":"dave","until":{until}}}"#);
    let mut connection = redis_connection(redis.url()).await.unwrap();
    let mut add = redis::cmd("ZADD");
    add.arg("{tidings:revocations}").arg(until * 1_000).arg(member);
    add.exec_async(&mut connection).await.unwrap();
    assert_eq!(dave.closed().await, REVOKED);
}

#[tokio::test]
async fn one_command_reaches_every_server_of_a_cluster() {
    let Some(cluster) = require(RedisCluster::start(3).await) else { return };
    let (issuer, patient) = (Issuer::new(), ["--redis-timeout=30s"]);
    let servers = [(); 2].map(|()| start(&cluster.url(), &issuer, &patient));
    let bob = issuer.token("bob", LONG);
    let mut bobs = [connect(&servers[0], &bob).await, connect(&servers[1], &bob).await];
    let [presence, url] = on(&cluster.url());
    let said = revoke(&[&presence, &url, "--user=bob"]).await;
    assert!(said.contains("2 servers have heard it"), "{said}");
    for socket in &mut bobs {
        assert_eq!(socket.closed_within(AT_ONCE).await, REVOKED);
    }
}

#[tokio::test]
async fn after_a_failover_the_servers_hear_the_new_master() {
    let Some(redis) = require(RedisSentinel::start().await) else { return };
    let (issuer, patient) = (Issuer::new(), ["--redis-timeout=3s"]);
    let server = start(&redis.url(), &issuer, &patient);
    let [presence, url] = on(&redis.url());
    let mut carol = connect(&server, &issuer.token("carol", LONG)).await;
    revoke(&[&presence, &url, "--user=bob"]).await;
    let old = redis.master().await.unwrap();
    old.kill().unwrap();
    redis.failed_over(old).await.unwrap();
    revoke(&[&presence, &url, "--redis-timeout=30s", "--user=carol"]).await;
    assert_eq!(carol.closed().await, REVOKED);
    assert_eq!(until_ready(&server, 200).await["state"], "well");
    assert_eq!(refused(&server, &issuer.token("bob", LONG)).await, Some(401));
}

#[tokio::test]
async fn what_was_revoked_in_a_data_directory_counts_also_when_its_server_comes_to_a_redis() {
    let Some(redis) = require(Redis::private().await) else { return };
    let (issuer, patient) = (Issuer::new(), ["--redis-timeout=30s"]);
    let mut server = start(redis.url(), &issuer, &patient);
    let other = start(redis.url(), &issuer, &patient);
    let mut bobs = connect(&other, &issuer.token("bob", LONG)).await;
    server.kill();
    let data_dir = format!("--data-dir={}", server.data_dir().display());
    let said = revoke(&[&data_dir, "--user=bob"]).await;
    assert!(said.contains("it counts from the next start"), "{said}");
    server.start_again();
    assert_eq!(refused(&server, &issuer.token("bob", LONG)).await, Some(401));
    connect(&server, &issuer.token("alice", LONG)).await;
    // The others have it from Redis, at the latest after 10 s.
    assert_eq!(bobs.closed().await, REVOKED);
}
