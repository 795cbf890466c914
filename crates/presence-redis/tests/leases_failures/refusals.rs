//! Wrong settings, and right ones of every kind.

use std::error::Error as _;

use presence_core::{ErrorKind, Status};
use presence_redis::keyspace::Notifications;
use presence_redis::leases::{Config, Leases};
use test_support::{Redis, RedisOptions, RedisUser};

use super::{PATIENCE, config, config_under, link, process, tell};

async fn refused(config: Config) -> presence_core::Error {
    Leases::start(config).await.expect_err("it is refused")
}

#[tokio::test]
async fn redis_that_is_not_there_is_named() {
    let link = link("redis://user:secret@127.0.0.1:1").timeout(PATIENCE).connect_timeout(PATIENCE);
    let error = refused(Config::new(link)).await;
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert_eq!(
        error.to_string(),
        "no usable redis was found at redis://127.0.0.1:1; check that it runs and that the address is right"
    );
    assert!(error.source().is_some_and(|source| source.to_string().contains("refused")), "{error:?}");
}

#[tokio::test]
async fn users_and_passwords_are_those_of_the_address() {
    let user = RedisUser {
        name: "tidings".to_owned(),
        password: "p@ss/word".to_owned(),
        rules: ["~*", "&*", "+@all", "-flushall"].map(str::to_owned).to_vec(),
    };
    let options = RedisOptions {
        password: Some("default".to_owned()),
        users: vec![user.clone()],
        ..RedisOptions::default()
    };
    let Some(redis) = test_support::require(Redis::with(&options).await) else { return };
    for url in [redis.url().to_owned(), redis.user_url(&user)] {
        let presence = process(&config(&url)).await;
        presence.online(["a"]).await.unwrap();
        assert_eq!(presence.status(["a"]).await.unwrap(), [Status::Online]);
    }
    let open = format!("redis://127.0.0.1:{}", redis.port());
    assert_eq!(refused(config(&open)).await.kind(), ErrorKind::Config);
    let wrong = format!("redis://tidings:wrong@127.0.0.1:{}", redis.port());
    let error = refused(config(&wrong)).await;
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(!error.to_string().contains("wrong@"), "{error}");
}

#[tokio::test]
async fn user_who_may_not_ask_for_the_version_is_told_what_is_missing() {
    let user = RedisUser {
        name: "limited".to_owned(),
        password: "word".to_owned(),
        rules: ["~*", "&*", "+@all", "-info"].map(str::to_owned).to_vec(),
    };
    let options = RedisOptions { users: vec![user.clone()], ..RedisOptions::default() };
    let Some(redis) = test_support::require(Redis::with(&options).await) else { return };
    let url = redis.user_url(&user);
    let keys = presence_redis::keyspace::Config::new(link(&url)).notifications(Notifications::Set);
    let keyspace = presence_redis::Keyspace::start(keys).await.expect_err("it is refused");
    for error in [refused(config(&url)).await, keyspace] {
        assert_eq!(error.kind(), ErrorKind::Config);
        let text = error.to_string();
        assert!(text.contains("+info") && text.contains(&redis.port().to_string()), "{text}");
    }
}

#[tokio::test]
async fn tls_trusts_whom_it_is_told_to() {
    let options = RedisOptions { tls: true, ..RedisOptions::default() };
    let Some(redis) = test_support::require(Redis::with(&options).await) else { return };
    let config = config(redis.url());
    assert_eq!(refused(config.clone()).await.kind(), ErrorKind::Unavailable, "a stranger's certificate");
    let authority = redis.ca_file().expect("it has one");
    let trusts = link(redis.url()).authorities(std::fs::read(authority).unwrap());
    let presence = process(&config.link(trusts)).await;
    presence.online(["a"]).await.unwrap();
    assert_eq!(presence.status(["a"]).await.unwrap(), [Status::Online]);
    assert_eq!(super::follower::Follower::start(&presence).await.online(), ["a"]);
}

#[tokio::test]
async fn other_number_of_shards_is_refused() {
    let Some(redis) = test_support::require(Redis::start().await) else { return };
    let config = config(redis.url());
    let _first = process(&config).await;
    let error = refused(config.shards(8)).await;
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.to_string().contains("shards"), "{error}");
}

#[tokio::test]
async fn layout_of_an_earlier_version_is_taken_over_or_refused() {
    let Some(redis) = test_support::require(Redis::private().await) else { return };
    let prefix = test_support::unique("failures");
    let config = config_under(&prefix, redis.url());
    let key = format!("{prefix}:layout");
    tell(&redis, &["SET", &key, "leases 1 8"]).await;
    let error = refused(config.clone()).await;
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.to_string().contains("leases 1 8"), "{error}");
    let config = config.shards(8);
    drop(process(&config).await);
    assert_eq!(exists(&redis, &key).await, 0, "it is not where a user could be");
    // Of another, later version of the keys nothing is touched.
    tell(&redis, &["HSET", &format!("{{{prefix}:3}}:life"), "layout", "leases 2 8"]).await;
    let error = refused(config).await;
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.to_string().contains("leases 2 8"), "{error}");
}

/// Both layouts of this crate on one Redis with one prefix, as a migration comes to have it.
#[tokio::test]
async fn user_called_layout_is_a_user_and_nobody_else_is_one() {
    let Some(redis) = test_support::require(Redis::private().await) else { return };
    let keys = presence_redis::keyspace::Config::new(link(redis.url())).notifications(Notifications::Set);
    let old = presence_core::Presence::new(presence_redis::Keyspace::start(keys).await.unwrap());
    // The default of the other layout.
    let config = config_under("presence", redis.url());
    let new = process(&config).await;
    new.online(["alice"]).await.unwrap();
    assert_eq!(old.count().await.unwrap(), 0, "keys of the one are nobody in the other");
    old.online(["layout"]).await.unwrap();
    assert_eq!(old.status(["layout"]).await.unwrap(), [Status::Online]);
    let again = process(&config).await;
    assert_eq!(again.status(["alice", "layout"]).await.unwrap(), [Status::Online, Status::Offline]);
    assert_eq!(old.status(["layout"]).await.unwrap(), [Status::Online]);
}

async fn exists(redis: &Redis, key: &str) -> usize {
    let mut connection = test_support::redis_connection(redis.url()).await.unwrap();
    redis::cmd("EXISTS").arg(key).query_async(&mut connection).await.unwrap()
}

#[tokio::test]
async fn foreign_keys_are_nobody() {
    let Some(redis) = test_support::require(Redis::start().await) else { return };
    let prefix = test_support::unique("failures");
    let config = config_under(&prefix, redis.url());
    let presence = process(&config).await;
    let mut follower = super::follower::Follower::start(&presence).await;
    for key in ["otherapp:session:42", &prefix, &format!("{prefix}:a"), &format!("{{{prefix}:99}}:held")] {
        tell(&redis, &["SET", key, "a", "PX", "50"]).await;
    }
    // The same server in another product.
    process(&config.prefix(format!("{prefix}2"))).await.online(["stranger"]).await.unwrap();
    follower.silent(std::time::Duration::from_millis(500)).await;
    assert_eq!(presence.count().await.unwrap(), 0);
}
