//! One server that is killed, frozen, or not there.

use std::time::Duration;

use futures_util::FutureExt;
use redis_link::{ErrorKind, Link, LinkConfig};
use test_support::{Redis, require};
use tokio::time::Instant;

use crate::{PATIENCE, SLACK, connect, get, set, set_again};

#[tokio::test]
async fn server_that_is_not_there_is_named() {
    let error = Link::start(connect("redis://user:secret@127.0.0.1:1")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.to_string().contains("127.0.0.1:1") && !error.to_string().contains("secret"), "{error}");
}

#[tokio::test]
async fn settings_out_of_bounds_are_refused() {
    let config = LinkConfig::default;
    let (short, long) = (Duration::from_millis(9), Duration::from_secs(61));
    for (name, config) in [
        ("timeout", config().timeout(short)),
        ("connect_timeout", config().connect_timeout(long)),
        ("retry_max", config().retry_max(short)),
    ] {
        let error = Link::start(config).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.to_string().starts_with(name), "{error}");
    }
}

#[test]
fn a_start_outside_a_runtime_is_refused() {
    let start = Link::start(LinkConfig::default());
    let error = start.now_or_never().expect("it does not get as far as a server").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
}

#[tokio::test(flavor = "multi_thread")]
async fn shutdown_finishes_the_calls_under_way_and_refuses_others() {
    let Some(redis) = require(Redis::private().await) else { return };
    let link = Link::start(connect(redis.url())).await.unwrap();
    set(&link, "a").await.unwrap();
    redis.freeze().await.unwrap();
    let (answer, ended) = tokio::join!(get(&link, "a"), async {
        assert!(!link.shutdown(Duration::from_millis(50)).await, "a call is under way");
        assert_eq!(set(&link, "a").await.unwrap_err().kind(), ErrorKind::Closed);
        redis.thaw().await.unwrap();
        link.clone().shutdown(PATIENCE).await
    });
    assert_eq!(answer.unwrap().as_deref(), Some("x"));
    assert!(ended);
    let ping = redis::cmd("PING");
    let answers = link.each_master(&ping).await;
    assert!(answers.iter().all(|(_, answer)| answer.as_ref().is_err_and(|e| e.kind() == ErrorKind::Closed)));
    let error = link.dedicated("a", Duration::ZERO).await.map(drop).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Closed);
}

#[tokio::test(flavor = "multi_thread")]
async fn server_that_comes_back_is_found_by_a_task() {
    let Some(redis) = require(Redis::private().await) else { return };
    let link = Link::start(connect(redis.url())).await.unwrap();
    set(&link, "a").await.unwrap();
    redis.kill().unwrap();
    assert_eq!(set(&link, "a").await.unwrap_err().kind(), ErrorKind::Unavailable);
    redis.start_again().await.unwrap();
    set_again(&link, "a").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_are_counted_when_they_are_made_anew() {
    let Some(redis) = require(Redis::private().await) else { return };
    let link = Link::start(connect(redis.url())).await.unwrap();
    for _ in 0..10 {
        set(&link, "a").await.unwrap();
    }
    assert_eq!((link.connections(), link.clone().connections()), (1, 1));
    redis.kill().unwrap();
    set(&link, "a").await.unwrap_err();
    redis.start_again().await.unwrap();
    set_again(&link, "a").await;
    assert!(link.connections() > 1, "it was connected to {} times", link.connections());
    let made = link.connections();
    drop(link.dedicated("a", Duration::ZERO).await.unwrap());
    assert_eq!(link.connections(), made);
}

#[tokio::test(flavor = "multi_thread")]
async fn server_that_hangs_fails_calls_in_time_and_then_at_once() {
    let Some(redis) = require(Redis::private().await) else { return };
    let link = Link::start(connect(redis.url())).await.unwrap();
    redis.freeze().await.unwrap();
    let error = get(&link, "a").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.to_string().contains(&link.server("a")), "{error}");
    let begun = Instant::now();
    // The first attempt to connect anew is waited for; then there is an answer at hand.
    for _ in 0..100 {
        get(&link, "a").await.unwrap_err();
    }
    assert!(begun.elapsed() < 2 * link.timeout() + SLACK, "100 calls took {:?}", begun.elapsed());
    redis.thaw().await.unwrap();
    set_again(&link, "a").await;
}

#[tokio::test]
async fn refused_write_is_told_from_an_outage() {
    let Some(redis) = require(Redis::private().await) else { return };
    let link = Link::start(connect(redis.url())).await.unwrap();
    let mut refuse = redis::cmd("CONFIG");
    refuse.arg("SET").arg("min-replicas-to-write").arg(1);
    link.query("", &refuse).await.unwrap();
    let error = set(&link, "a").await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Refused, Some("NOREPLICAS")));
    assert_eq!(get(&link, "a").await.unwrap(), None);
}
