//! Servers that share a Redis share what is revoked.

use std::time::{Duration, SystemTime};

use redis::aio::MultiplexedConnection;
use test_support::{Redis, RedisCluster, RedisOptions, RedisSentinel, RedisUser, redis_connection, require};
use tests::Tidings;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::scene::{AT_ONCE, LIMIT, LONG, REVOKED, connect, outcome, refused, revoke, until_ready};
use crate::issuer::{Issuer, wall_time};

fn on(url: &str) -> [String; 2] {
    ["--presence=redis".to_owned(), format!("--redis-url={url}")]
}

/// Revokes while no server may listen, but all read it later.
async fn write(flags: &[&str]) {
    let (code, said) = outcome(flags).await;
    assert!(code == Some(0) || code == Some(3), "{code:?} {said}");
}

/// How many connections this Redis has had.
async fn connections(connection: &mut MultiplexedConnection) -> u64 {
    let info: String = redis::cmd("INFO").arg("stats").query_async(connection).await.unwrap();
    let count = info.lines().find_map(|line| line.strip_prefix("total_connections_received:"));
    count.unwrap().trim().parse().unwrap()
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
    assert!(said.contains("it was sent to 2 servers that listen"), "{said}");
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
    command.spawn(async move { write(&flags.each_ref().map(String::as_str)).await });

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
    assert!(said.contains("it was sent to 2 servers that listen"), "{said}");
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
    write(&[&presence, &url, "--redis-timeout=30s", "--user=carol"]).await;
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

#[tokio::test]
async fn a_list_that_cannot_be_read_costs_no_connections_and_what_is_told_counts_all_the_same() {
    let Some(redis) = require(Redis::private().await) else { return };
    let issuer = Issuer::new();
    let server = start(redis.url(), &issuer, &["--redis-timeout=30s"]);
    let mut carol = connect(&server, &issuer.token("carol", LONG)).await;
    let mut connection = redis_connection(redis.url()).await.unwrap();
    redis::cmd("SET").arg("{tidings:revocations}").arg("junk").exec_async(&mut connection).await.unwrap();
    // What is no revocation has the list read at once.
    let mut publish = redis::cmd("PUBLISH");
    publish.arg("{tidings:revoked}").arg("junk").exec_async(&mut connection).await.unwrap();
    let part = until_ready(&server, 503).await;
    assert_eq!(part["state"], "down", "{part}");
    let before = connections(&mut connection).await;

    let until = wall_time() + Duration::from_secs(3_600);
    let until = until.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    let mut publish = redis::cmd("PUBLISH");
    publish.arg("{tidings:revoked}").arg(format!(r#"{{"user":"carol","until":{until}}}"#));
    publish.exec_async(&mut connection).await.unwrap();
    assert_eq!(carol.closed().await, REVOKED);
    redis::cmd("DEL").arg("{tidings:revocations}").exec_async(&mut connection).await.unwrap();
    assert_eq!(until_ready(&server, 200).await["state"], "well");
    let made = connections(&mut connection).await - before;
    assert!(made <= 2, "{made} connections while the list could not be read");
}

#[tokio::test]
async fn what_is_written_where_no_server_listens_or_not_told_is_no_success() {
    let clerk = RedisUser {
        name: "clerk".to_owned(),
        password: "secret".to_owned(),
        rules: ["~*", "&*", "+@all", "-publish"].map(str::to_owned).to_vec(),
    };
    let options = RedisOptions { users: vec![clerk.clone()], ..RedisOptions::default() };
    let Some(redis) = require(Redis::with(&options).await) else { return };
    let (issuer, patient) = (Issuer::new(), ["--redis-timeout=30s"]);
    let server = start(redis.url(), &issuer, &patient);
    let mut bobs = connect(&server, &issuer.token("bob", LONG)).await;

    let [presence, url] = on(redis.url());
    let (code, said) = outcome(&[&presence, &url, "--redis-prefix=other", "--user=bob"]).await;
    assert!(code == Some(3) && said.contains("under the prefix \"other\""), "{code:?} {said}");
    assert!(said.contains("no server listens there") && said.contains("every 10 s"), "{said}");
    bobs.assert_open().await;

    let [presence, url] = on(&redis.user_url(&clerk));
    let (code, said) = outcome(&[&presence, &url, "--user=bob"]).await;
    assert!(code == Some(3) && said.contains("could not be told at once"), "{code:?} {said}");
    assert!(said.contains("NOPERM") && !said.contains("Pipeline") && !said.contains("secret"), "{said}");
    // They read it by themselves.
    assert_eq!(bobs.closed().await, REVOKED);
}
