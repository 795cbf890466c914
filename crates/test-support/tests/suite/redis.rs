//! The private Redis themselves: what they are asked to be, and how they fail.

use std::fs;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncCommands, AsyncConnectionConfig, Client, RedisResult, TlsCertificates};
use test_support::{Origin, Redis, RedisCluster, RedisOptions, RedisSentinel, RedisUser, require};

#[tokio::test]
async fn a_private_server_is_ours_whatever_the_environment_says() {
    let Some(redis) = require(Redis::private().await) else { return };
    assert!(matches!(redis.origin(), Origin::Binary(_)));
    assert!(redis.process_id().is_some());
    connect(redis.url()).await.unwrap();
}

#[tokio::test]
async fn a_frozen_server_keeps_its_connections_and_answers_nobody_until_it_is_thawed() {
    let Some(redis) = require(Redis::private().await) else { return };
    let mut connection = connect(redis.url()).await.unwrap();
    redis.freeze().await.unwrap();
    redis.freeze().await.unwrap();
    let answer = connection.set::<_, _, ()>("a", 1).await;
    assert!(answer.unwrap_err().is_timeout());
    redis.thaw().await.unwrap();
    assert_eq!(connection.get::<_, u32>("a").await.unwrap(), 1);
}

#[tokio::test]
async fn a_killed_server_is_back_at_its_address_without_its_data() {
    let Some(redis) = require(Redis::private().await) else { return };
    let mut connection = connect(redis.url()).await.unwrap();
    connection.set::<_, _, ()>("a", 1).await.unwrap();
    redis.freeze().await.unwrap();
    redis.kill().unwrap();
    redis.kill().unwrap();
    assert_eq!(redis.process_id(), None);
    assert!(connect(redis.url()).await.is_err());
    assert!(redis.freeze().await.is_err() && redis.thaw().await.is_err());
    redis.start_again().await.unwrap();
    let mut connection = connect(redis.url()).await.unwrap();
    assert_eq!(connection.get::<_, Option<u32>>("a").await.unwrap(), None);
}

#[tokio::test]
async fn an_append_only_server_is_back_with_its_data() {
    let options = RedisOptions { append_only: true, ..RedisOptions::default() };
    let Some(redis) = require(Redis::with(&options).await) else { return };
    let mut connection = connect(redis.url()).await.unwrap();
    for life in 0..3 {
        connection.incr::<_, _, ()>("a", 1).await.unwrap();
        redis.kill().unwrap();
        redis.start_again().await.unwrap();
        connection = connect(redis.url()).await.unwrap();
        assert_eq!(connection.get::<_, u32>("a").await.unwrap(), life + 1);
    }
}

#[tokio::test]
async fn passwords_and_users_are_asked_for() {
    let user = |name: &str, rule: &str| RedisUser {
        name: name.to_owned(),
        password: format!("{name}: 1@é"),
        rules: ["~presence:*", "+@all", rule].map(str::to_owned).into(),
    };
    let users = vec![user("alice", "+get"), user("bob", "-@dangerous")];
    let options = RedisOptions { password: Some("p@ss/word".to_owned()), users, ..RedisOptions::default() };
    let Some(redis) = require(Redis::with(&options).await) else { return };
    let bare = format!("redis://127.0.0.1:{}", redis.port());
    let mut stranger = connect(&bare).await.unwrap();
    assert_eq!(stranger.get::<_, Option<u32>>("a").await.unwrap_err().code(), Some("NOAUTH"));
    connect(redis.url()).await.unwrap().set::<_, _, ()>("a", 1).await.unwrap();
    for user in &options.users {
        let mut connection = connect(&redis.user_url(user)).await.unwrap();
        connection.set::<_, _, ()>("presence:a", 1).await.unwrap();
        assert_eq!(connection.get::<_, u32>("a").await.unwrap_err().code(), Some("NOPERM"));
        let flushed: RedisResult<()> = redis::cmd("FLUSHALL").query_async(&mut connection).await;
        assert_eq!(flushed.is_err(), user.name == "bob");
    }
    redis.start_again().await.unwrap();
    connect(redis.url()).await.unwrap();
}

#[tokio::test]
async fn a_server_with_tls_is_trusted_by_who_trusts_its_ca() {
    // Whoever asks first, installs it for all.
    drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
    let options = RedisOptions { tls: true, password: Some("secret".to_owned()), ..RedisOptions::default() };
    let Some(redis) = require(Redis::with(&options).await) else { return };
    assert!(redis.url().starts_with("rediss://:secret@127.0.0.1:"));
    let root_cert = Some(fs::read(redis.ca_file().unwrap()).unwrap());
    let trusting = TlsCertificates { client_tls: None, root_cert };
    let client = Client::build_with_tls(redis.url(), trusting).unwrap();
    let patient = AsyncConnectionConfig::new().set_connection_timeout(None).set_response_timeout(None);
    let mut connection = client.get_multiplexed_async_connection_with_config(&patient).await.unwrap();
    connection.set::<_, _, ()>("a", 1).await.unwrap();
    let doubting = Client::build_with_tls(redis.url(), TlsCertificates { client_tls: None, root_cert: None });
    assert!(doubting.unwrap().get_multiplexed_async_connection().await.is_err());
}

#[tokio::test]
async fn a_server_out_of_memory_refuses_writes() {
    let options = RedisOptions { memory_max: Some((1, "noeviction")), ..RedisOptions::default() };
    let Some(redis) = require(Redis::with(&options).await) else { return };
    let mut connection = connect(redis.url()).await.unwrap();
    assert_eq!(connection.set::<_, _, ()>("a", 1).await.unwrap_err().code(), Some("OOM"));
}

#[tokio::test]
async fn a_slot_of_a_cluster_moves_with_its_keys_and_back() {
    let Some(cluster) = require(RedisCluster::start(3).await) else { return };
    let client = cluster_client(&cluster.url());
    let mut connection = client.get_async_connection().await.unwrap();
    // More than are moved at once, all in the slot of the tag.
    for number in 0..250 {
        connection.set::<_, _, ()>(format!("{{a}}{number}"), number).await.unwrap();
    }
    let slot: u16 = redis::cmd("CLUSTER")
        .arg("KEYSLOT")
        .arg("{a}")
        .query_async(&mut connect(&format!("redis://127.0.0.1:{}", cluster.node(0).port())).await.unwrap())
        .await
        .unwrap();
    let from = cluster.holder(slot).await.unwrap();
    let to = (from + 1) % 3;
    for (from, to) in [(from, to), (to, from)] {
        cluster.move_slot(slot, from, to).await.unwrap();
        assert_eq!(cluster.holder(slot).await.unwrap(), to);
        for number in [0, 100, 249] {
            assert_eq!(connection.get::<_, u32>(format!("{{a}}{number}")).await.unwrap(), number);
        }
    }
    cluster.is_well().await.unwrap();
}

#[tokio::test]
async fn a_cluster_is_well_again_after_a_node_was_killed() {
    let Some(cluster) = require(RedisCluster::start(3).await) else { return };
    assert_eq!(cluster.nodes().len(), 3);
    cluster.node(1).kill().unwrap();
    cluster.node(1).start_again().await.unwrap();
    cluster.is_well().await.unwrap();
    let client = cluster_client(&cluster.url());
    client.get_async_connection().await.unwrap().set::<_, _, ()>("a", 1).await.unwrap();
}

#[tokio::test]
async fn sentinels_make_the_replica_a_master() {
    let Some(redis) = require(RedisSentinel::start().await) else { return };
    assert_eq!((redis.url().matches(',').count(), redis.sentinels().len()), (2, 3));
    assert!(redis.url().ends_with("/mymaster"));
    let old = redis.master().await.unwrap();
    assert_eq!(old.port(), redis.servers()[0].port());
    let mut connection = connect(old.url()).await.unwrap();
    connection.set::<_, _, ()>("a", 1).await.unwrap();
    redis::cmd("WAIT").arg(1).arg(0).query_async::<()>(&mut connection).await.unwrap();
    old.kill().unwrap();
    let new = redis.failed_over(old).await.unwrap();
    assert_eq!(redis.master().await.unwrap().port(), new.port());
    let mut connection = connect(new.url()).await.unwrap();
    assert_eq!(connection.get::<_, u32>("a").await.unwrap(), 1);
    // The old one comes back as a master, and the sentinels make it the replica.
    old.start_again().await.unwrap();
    assert_eq!(redis.whole().await.unwrap().port(), new.port());
    assert_eq!(redis.other(new).port(), old.port());
}

/// Connects, and gives up on an answer after so long as a busy machine may need.
async fn connect(url: &str) -> RedisResult<MultiplexedConnection> {
    let config =
        AsyncConnectionConfig::new().set_connection_timeout(Some(LIMIT)).set_response_timeout(Some(LIMIT));
    Client::open(url)?.get_multiplexed_async_connection_with_config(&config).await
}

/// A client of a cluster, as patient as [`connect`].
fn cluster_client(cluster: &str) -> redis::cluster::ClusterClient {
    let builder = redis::cluster::ClusterClient::builder(urls(cluster));
    builder.connection_timeout(LIMIT).response_timeout(LIMIT).build().unwrap()
}

const LIMIT: Duration = Duration::from_secs(10);

/// Returns the address of each node.
fn urls(cluster: &str) -> Vec<String> {
    let hosts = cluster.strip_prefix("redis-cluster://").unwrap();
    hosts.split(',').map(|host| format!("redis://{host}")).collect()
}
