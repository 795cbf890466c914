//! Redis says no, to a question that is nobody's or for a while.

use std::time::Duration;

use mpx::{Config, ErrorKind, Event, Multiplexer, Publisher};
use redis::{Value, cmd};
use test_support::{Redis, RedisOptions, RedisUser, require};

use crate::direct::Direct;
use crate::listener::{Listener, settle, soon, start, until};

/// A Redis with a user of these rights, and a connection of somebody who may all.
async fn with_user(rules: &[&str]) -> Option<(Redis, String, Direct)> {
    let rules = rules.iter().map(|rule| (*rule).to_owned()).collect();
    let user = RedisUser { name: "limited".to_owned(), password: "secret".to_owned(), rules };
    let options = RedisOptions { users: vec![user.clone()], ..RedisOptions::default() };
    let redis = require(Redis::with(&options).await)?;
    let (url, direct) = (redis.user_url(&user), Direct::open(redis.url()).await);
    Some((redis, url, direct))
}

/// Waits until Redis has refused `PING` so often.
async fn refused_pings(direct: &mut Direct, count: usize) {
    let log = cmd("ACL").arg("LOG").arg(100).to_owned();
    until(async || {
        // Entries that repeat each other are counted in one.
        let entries: Vec<std::collections::BTreeMap<String, Value>> = direct.ask(&log).await;
        let pings = entries.iter().filter(|entry| entry["object"] == Value::BulkString(b"ping".to_vec()));
        let counts = pings.map(|entry| if let Value::Int(count) = entry["count"] { count } else { 0 });
        (counts.sum::<i64>() >= i64::try_from(count).unwrap()).then_some(())
    })
    .await;
}

/// Redis repeats the arguments of a command that it does not know, as one that was renamed.
#[tokio::test]
async fn a_password_is_in_no_error() {
    let arguments = ["--rename-command", "HELLO", ""].map(str::to_owned).to_vec();
    let options = RedisOptions { arguments, ..RedisOptions::default() };
    let Some(redis) = require(Redis::with(&options).await) else { return };
    let address = format!("redis://user:QXZJKVQX@127.0.0.1:{}?protocol=resp3", redis.port());
    let multiplexer = Multiplexer::start(Config::new(&address)).unwrap();
    let error = until(async || multiplexer.error()).await;
    assert!(error.to_string().contains("HELLO"), "{error}");
    assert!(!format!("{error} {error:?}").contains("QXZJ"), "{error:?}");
    for address in
        ["redis://user:12?QXZJ@127.0.0.1", "redis://user:12#QXZJ@127.0.0.1", "redis://u:1/QXZJ@host"]
    {
        let error = Multiplexer::start(Config::new(address)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(!format!("{error} {error:?}").contains("QXZJ"), "{error:?}");
    }
    assert!(Multiplexer::start(Config::new("redis+unix:///run/redis.sock?pass=p@ss")).is_ok());
}

#[tokio::test]
async fn a_user_who_may_not_ping_keeps_the_subscriptions() {
    let Some((_redis, url, mut direct)) = with_user(&["+@pubsub", "&*"]).await else { return };
    // An answer of a busy machine comes in time.
    let config = Config::new(&url).ping_timeout(Duration::from_secs(4));
    let multiplexer = Multiplexer::start(config).unwrap();
    let (_subscription, mut listener) = Listener::open(&multiplexer, &["a"]).await;
    refused_pings(&mut direct, 3).await;
    direct.publish("a", "m").await;
    listener.message("a", "m").await;
    assert!(multiplexer.error().is_none());
}

#[tokio::test]
async fn a_user_who_may_not_ping_publishes_each_message_once() {
    let Some((redis, url, mut direct)) = with_user(&["+publish", "&*"]).await else { return };
    let multiplexer = start(redis.url());
    // A busy machine may answer too late: one attempt in time is enough.
    for attempt in 0..20 {
        let channel = format!("a{attempt}");
        let (_subscription, mut listener) = Listener::open(&multiplexer, &[&*channel]).await;
        if publishes_each_once(&url, &mut direct, &mut listener, &channel).await {
            return;
        }
    }
    panic!("the connection was given up, 20 times");
}

/// Publishes beside refused `PING`s, and says whether the connection remained the same.
async fn publishes_each_once(url: &str, direct: &mut Direct, listener: &mut Listener, channel: &str) -> bool {
    let config = Config::new(url).ping_timeout(Duration::from_millis(50));
    let publisher = Publisher::start(config).unwrap();
    let () = direct.ask(cmd("ACL").arg("LOG").arg("RESET")).await;
    let connections = cmd("INFO").arg("stats").to_owned();
    let made = async |direct: &mut Direct| -> String {
        let stats: String = direct.ask(&connections).await;
        stats.lines().find(|line| line.starts_with("total_connections_received")).unwrap().to_owned()
    };
    let mut before = String::new();
    for number in 0..10 {
        refused_pings(direct, number).await;
        // While questions for a sign of life are on their way, perhaps.
        match soon(publisher.publish(channel, number.to_string())).await {
            Ok(count) => assert_eq!(count, 1),
            Err(error) => {
                let kinds = [ErrorKind::Uncertain, ErrorKind::Unavailable];
                assert!(kinds.contains(&error.kind()), "{error}");
                return false;
            }
        }
        if number == 0 {
            before = made(direct).await;
        }
    }
    for number in 0..10 {
        listener.message(channel, number.to_string()).await;
    }
    made(direct).await == before
}

#[tokio::test]
async fn a_busy_redis_puts_a_name_off_and_takes_none_away() {
    let Some(redis) = require(Redis::private().await) else { return };
    let (multiplexer, mut direct) = (start(redis.url()), Direct::open(redis.url()).await);
    let (subscription, mut listener) = Listener::open(&multiplexer, &["a"]).await;
    let () = direct.ask(cmd("CONFIG").arg("SET").arg("busy-reply-threshold").arg(1)).await;
    let mut blocking = Direct::open(redis.url()).await;
    let script = cmd("EVAL").arg("while true do end").arg(0).to_owned();
    let mut running = Box::pin(script.query_async::<Value>(blocking.raw()));
    until(async || {
        assert!(futures_util::poll!(&mut running).is_pending());
        let answer = cmd("GET").arg("x").query_async::<Value>(direct.raw()).await;
        answer.err().filter(|error| error.code() == Some("BUSY"))
    })
    .await;
    let refused = cmd("INFO").arg("errorstats").to_owned();
    subscription.add("b").unwrap();
    // It is refused more than once, as are the questions of this test.
    let () = until(async || {
        assert!(futures_util::poll!(&mut running).is_pending());
        let () = direct.ask::<()>(cmd("SCRIPT").arg("KILL")).await;
        Some(())
    })
    .await;
    assert!(soon(running).await.is_err(), "it was killed");
    listener.activated(&["b"]).await;
    for name in ["a", "b"] {
        direct.publish(name, "m").await;
        listener.message(name, "m").await;
    }
    let errors: String = direct.ask(&refused).await;
    assert!(errors.contains("errorstat_BUSY"), "{errors}");
}

#[tokio::test]
async fn who_waits_for_a_name_that_is_refused_again_is_told() {
    let Some((_redis, url, _)) = with_user(&["+@pubsub", "+ping", "&ok:*", "&settled"]).await else { return };
    let multiplexer = start(&url);
    let (first, events) = multiplexer.channels().unwrap();
    let mut listener = Listener::new(events);
    first.add("hidden").unwrap();
    let refused = listener.next().await;
    assert!(matches!(refused, Event::Refused { .. }), "{refused:?}");
    // Somebody else wants it, so that it is asked for again, and nobody has said no yet.
    let (second, _events) = multiplexer.channels().unwrap();
    second.add("hidden").unwrap();
    let error = soon(first.wait_for_activation("hidden")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused);
    settle(&multiplexer).await;
    // It knew that already.
    first.add("ok:1").unwrap();
    listener.activated(&["ok:1"]).await;
    let promises = multiplexer.promises("hidden:").unwrap();
    let error = soon(promises.wait_for_activation()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert_eq!(promises.promise("1", Duration::ZERO).unwrap_err().kind(), ErrorKind::Refused);
}

#[tokio::test]
async fn a_password_that_is_asked_for_later_is_no_fault_of_the_names() {
    let Some(redis) = require(Redis::private().await) else { return };
    let (multiplexer, mut direct) = (start(redis.url()), Direct::open(redis.url()).await);
    // More than Redis reads of somebody who is not logged in.
    let names: Vec<String> = (10..40).map(|number| format!("name:{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let (subscription, mut listener) = Listener::open(&multiplexer, &names).await;
    let () = direct.ask(cmd("CONFIG").arg("SET").arg("requirepass").arg("secret")).await;
    assert_eq!(direct.kill_subscribers().await, 1);
    listener.disconnected(&names).await;
    until(async || multiplexer.error().filter(|error| error.kind() == ErrorKind::Config)).await;
    let () = direct.ask(cmd("CONFIG").arg("SET").arg("requirepass").arg("")).await;
    listener.activated(&names).await;
    subscription.add("another").unwrap();
    listener.activated(&["another"]).await;
}
