//! What a publisher was given is published once, or the giver is told.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::future::join_all;
use futures_util::poll;
use mpx::{Config, ErrorKind, Multiplexer, Publisher, Receipt};
use redis::cmd;
use test_support::{Redis, RedisOptions, RedisUser, require};
use tokio::task::JoinSet;

use crate::direct::Direct;
use crate::listener::{Listener, soon, start, until};

const LONG: Duration = Duration::from_secs(60);

fn publisher(url: &str) -> Publisher {
    Publisher::start(Config::new(url)).unwrap()
}

fn number(payload: &[u8]) -> usize {
    std::str::from_utf8(payload).unwrap().parse().unwrap()
}

/// Publishes again and again until it works, as after Redis was away.
async fn works(publisher: &Publisher) {
    until(async || publisher.publish("nobody", "m").await.ok()).await;
}

#[tokio::test]
async fn the_count_is_of_the_connections_that_received_it() {
    let Some(redis) = require(Redis::private().await) else { return };
    let (one, other) = (start(redis.url()), start(redis.url()));
    let (_a, mut a) = Listener::open(&one, &["a", "b"]).await;
    let (_b, mut b) = Listener::open(&one, &["b"]).await;
    let (_c, mut c) = Listener::open(&other, &["b"]).await;
    for address in [redis.url().to_owned(), format!("{}/?protocol=resp3", redis.url())] {
        let publisher = publisher(&address);
        for payload in [&b""[..], b"\r\n\xff", &[b'x'; 1_000_000]] {
            assert_eq!(soon(publisher.publish("a", payload)).await.unwrap(), 1);
            a.message("a", payload).await;
            assert_eq!(soon(publisher.publish("b", payload)).await.unwrap(), 2);
            for listener in [&mut a, &mut b, &mut c] {
                listener.message("b", payload).await;
            }
            assert_eq!(soon(publisher.publish("\0", payload)).await.unwrap(), 0);
        }
    }
}

#[tokio::test]
async fn messages_of_a_task_keep_their_order_and_nobody_waits_for_an_answer() {
    const TASKS: usize = 8;
    const EACH: usize = 2_000;
    let Some(redis) = require(Redis::private().await) else { return };
    // A few hundred messages: tasks wait for room.
    let config = Config::new(redis.url()).queue_max(TASKS * EACH).pending_max(64 * 1024);
    let multiplexer = Multiplexer::start(config.clone()).unwrap();
    let publisher = Publisher::start(config).unwrap();
    let (_subscription, mut listener) = Listener::open(&multiplexer, &["a"]).await;
    let mut monitor = redis.monitor().await.unwrap();
    let mut tasks = JoinSet::new();
    for task in 0..TASKS {
        let publisher = publisher.clone();
        tasks.spawn(async move {
            let mut receipts = Vec::new();
            for number in 0..EACH {
                let number = task * EACH + number;
                receipts.push(publisher.send("a", number.to_string()).await.unwrap());
            }
            for receipt in receipts {
                assert_eq!(receipt.await.unwrap(), 1);
            }
        });
    }
    let mut next = [0; TASKS];
    for _ in 0..TASKS * EACH {
        let number = number(&listener.any_message().await);
        let task = number / EACH;
        assert_eq!(number % EACH, next[task]);
        next[task] += 1;
    }
    soon(tasks.join_all()).await;
    let published = soon(monitor.commands()).await.unwrap();
    assert_eq!(published.iter().filter(|command| command.starts_with("PUBLISH a ")).count(), TASKS * EACH);
}

#[tokio::test]
async fn nothing_is_published_twice_and_nothing_said_to_be_published_is_lost() {
    const ALL: usize = 1_000_000;
    let Some(redis) = require(Redis::private().await) else { return };
    let config = Config::new(redis.url()).queue_max(ALL).pending_max(64 * 1024);
    let multiplexer = Multiplexer::start(config.clone()).unwrap();
    let publisher = Publisher::start(config).unwrap();
    let (_subscription, mut listener) = Listener::open(&multiplexer, &["a"]).await;
    let mut direct = Direct::open(redis.url()).await;
    let over = Cell::new(false);
    // For as long as there are kills, so that each comes while something is on its way.
    let sending = async {
        let mut receipts: Vec<Receipt> = Vec::new();
        while !over.get() && receipts.len() < ALL {
            receipts.push(publisher.send("a", receipts.len().to_string()).await.unwrap());
        }
        join_all(receipts).await
    };
    let killing = async {
        for _ in 0..10 {
            // Of those that do not subscribe, but for itself.
            let kill = cmd("CLIENT").arg("KILL").arg("TYPE").arg("normal").to_owned();
            until(async || (direct.ask::<u64>(&kill).await > 0).then_some(())).await;
        }
        over.set(true);
    };
    let (outcomes, ()) = soon(async { tokio::join!(sending, killing) }).await;
    works(&publisher).await;
    soon(publisher.publish("a", ALL.to_string())).await.unwrap();
    let mut received = BTreeMap::new();
    let mut last = None;
    loop {
        let number = number(&listener.any_message().await);
        if number == ALL {
            break;
        }
        assert!(last.is_none_or(|last| last < number), "{number} after {last:?}");
        last = Some(number);
        received.insert(number, ());
    }
    let mut kinds = BTreeMap::<_, usize>::new();
    for (number, outcome) in outcomes.iter().enumerate() {
        let came = received.contains_key(&number);
        match outcome {
            Ok(count) => assert!(came && *count == 1, "{number} was published and did not come"),
            Err(error) if error.kind() == ErrorKind::Unavailable => assert!(!came, "{number}: {error}"),
            Err(error) => assert_eq!(error.kind(), ErrorKind::Uncertain, "{error}"),
        }
        *kinds.entry(outcome.as_ref().map_err(|error| format!("{:?}", error.kind())).err()).or_default() += 1;
    }
    assert!(kinds.contains_key(&None) && kinds.contains_key(&Some("Uncertain".to_owned())), "{kinds:?}");
}

#[tokio::test]
async fn what_cannot_be_published_is_told_and_then_it_goes_on() {
    let Some(redis) = require(Redis::private().await) else { return };
    let publisher = publisher(redis.url());
    assert_eq!(soon(publisher.publish("a", "m")).await.unwrap(), 0);
    redis.kill().unwrap();
    let lost = until(async || publisher.publish("a", "m").await.err()).await;
    assert!(matches!(lost.kind(), ErrorKind::Uncertain | ErrorKind::Unavailable), "{lost}");
    let refused = until(async || {
        publisher.publish("a", "m").await.err().filter(|error| error.kind() == ErrorKind::Unavailable)
    });
    assert!(std::error::Error::source(&refused.await).is_some(), "it says why");
    redis.start_again().await.unwrap();
    works(&publisher).await;
}

#[tokio::test]
async fn redis_that_stands_still_fills_no_memory_and_is_given_up() {
    let Some(redis) = require(Redis::private().await) else { return };
    // Not given up before this test has looked, however busy the machine is.
    let config = Config::new(redis.url()).ping_timeout(Duration::from_secs(4)).pending_max(1_024);
    let publisher = Publisher::start(config).unwrap();
    works(&publisher).await;
    redis.freeze().await.unwrap();
    let first = soon(publisher.send("a", [b'x'; 600])).await.unwrap();
    let mut second = Box::pin(publisher.send("a", [b'x'; 600]));
    assert!(poll!(&mut second).is_pending(), "there is no room for it");
    assert_eq!(soon(first).await.unwrap_err().kind(), ErrorKind::Uncertain);
    let second = soon(second).await.unwrap();
    // Nobody but the kernel answers to the next attempt.
    assert_eq!(soon(second).await.unwrap_err().kind(), ErrorKind::Uncertain);
    redis.thaw().await.unwrap();
    works(&publisher).await;
    // Larger than all the room there is: alone.
    assert_eq!(soon(publisher.publish("a", vec![b'x'; 100_000])).await.unwrap(), 0);
}

#[tokio::test]
async fn what_redis_refuses_is_refused_alone() {
    let user = RedisUser {
        name: "writer".to_owned(),
        password: "secret".to_owned(),
        rules: ["&news*", "+publish", "+ping"].map(str::to_owned).to_vec(),
    };
    let options = RedisOptions { users: vec![user.clone()], ..RedisOptions::default() };
    let Some(redis) = require(Redis::with(&options).await) else { return };
    let allowed = publisher(&redis.user_url(&user));
    let (one, two, three) =
        (allowed.publish("news", "m"), allowed.publish("secrets", "m"), allowed.publish("news:2", "m"));
    let (one, two, three) = soon(async { tokio::join!(one, two, three) }).await;
    assert_eq!((one.unwrap(), three.unwrap()), (0, 0));
    assert_eq!(two.unwrap_err().kind(), ErrorKind::Refused);
    let stranger = redis.user_url(&user).replace("secret", "wrong");
    let error = soon(publisher(&stranger).publish("news", "m")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config, "{error}");
}

#[tokio::test]
async fn what_was_taken_is_published_before_the_end() {
    let Some(redis) = require(Redis::private().await) else { return };
    let (publisher, dropped) = (publisher(redis.url()), publisher(redis.url()));
    let mut receipts = Vec::new();
    for number in 0..1_000 {
        receipts.push(publisher.send("a", number.to_string()).await.unwrap());
        receipts.push(dropped.clone().send("a", number.to_string()).await.unwrap());
    }
    drop(dropped);
    assert!(soon(publisher.shutdown(LONG)).await);
    for receipt in receipts {
        assert_eq!(soon(receipt).await.unwrap(), 0);
    }
    assert_eq!(soon(publisher.publish("a", "m")).await.unwrap_err().kind(), ErrorKind::Closed);
    assert!(soon(publisher.shutdown(LONG)).await, "a second time");
}

#[tokio::test]
async fn the_end_does_not_wait_for_a_redis_that_is_not_there() {
    let config = Config::new("redis://127.0.0.1:1")
        .backoff_min(Duration::from_secs(10 * 60))
        .backoff_max(Duration::from_secs(10 * 60))
        .jitter_seed(1);
    let publisher = Publisher::start(config).unwrap();
    let error = soon(publisher.publish("a", "m")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    // The next attempt is far away, but not for what waits for it now.
    let waits = soon(publisher.send("a", "m")).await.unwrap();
    assert!(soon(publisher.shutdown(LONG)).await);
    assert_eq!(soon(waits).await.unwrap_err().kind(), ErrorKind::Unavailable);
}

#[tokio::test]
async fn a_text_that_redis_never_takes_is_refused_here() {
    let publisher = publisher("redis://127.0.0.1:1");
    let long = vec![0; 512 * 1024 * 1024 + 1];
    for (channel, payload) in [(&long[..], &b""[..]), (b"a", &long)] {
        assert_eq!(soon(publisher.send(channel, payload)).await.unwrap_err().kind(), ErrorKind::InvalidInput);
    }
}
