//! What is published comes, as it was published.

use std::path::Path;
use std::time::Duration;

use mpx::{Config, ErrorKind, Event, Multiplexer};
use test_support::{Redis, RedisOptions, require, unique};

use crate::direct::Direct;
use crate::listener::{Listener, settle, soon, start};

async fn in_order(url: &str, publisher: &mut Direct) {
    let config = Config::new(url).queue_max(30_000);
    let multiplexer = Multiplexer::start(config).unwrap();
    let (_subscription, mut listener) = Listener::open(&multiplexer, &["a"]).await;
    let (_pattern, events) = multiplexer.pattern("?").unwrap();
    let mut fits = Listener::new(events);
    fits.activated(&["?"]).await;
    publisher.publish_numbers("a", 20_000).await;
    for number in 0..20_000 {
        listener.message("a", number.to_string()).await;
        fits.message("a", number.to_string()).await;
    }
    for payload in [&b""[..], b"\r\n", b"\0\xff*3\r\n$7\r\nmessage\r\n", &[b'x'; 3_000_000]] {
        publisher.publish("a", payload).await;
        listener.message("a", payload).await;
        fits.message("a", payload).await;
    }
    assert!(soon(multiplexer.shutdown(Duration::from_secs(60))).await);
}

#[tokio::test]
async fn messages_come_in_order_whatever_the_protocol_and_the_socket() {
    // Short, as the kernel wants it.
    let socket = Path::new("/tmp").join(unique("mpx"));
    let arguments = vec!["--unixsocket".to_owned(), socket.to_str().unwrap().to_owned()];
    let options = RedisOptions { arguments, ..RedisOptions::default() };
    let Some(redis) = require(Redis::with(&options).await) else { return };
    let mut publisher = Direct::open(redis.url()).await;
    in_order(redis.url(), &mut publisher).await;
    in_order(&format!("{}/?protocol=resp3", redis.url()), &mut publisher).await;
    in_order(&format!("redis+unix://{}", socket.display()), &mut publisher).await;
    in_order(&format!("redis+unix://{}?protocol=resp3", socket.display()), &mut publisher).await;
    drop(redis);
    drop(std::fs::remove_file(socket));
}

#[tokio::test]
async fn a_reader_that_is_ready_misses_nothing_of_a_burst() {
    const MESSAGES: u32 = 100_000;
    let Some(redis) = require(Redis::private().await) else { return };
    // A few reads of the connection have more.
    let config = Config::new(redis.url()).queue_max(5_000);
    let multiplexer = Multiplexer::start(config).unwrap();
    let (_subscription, mut listener) = Listener::open(&multiplexer, &["a"]).await;
    // The one thread does nothing else meanwhile.
    let mut connection = redis::Client::open(redis.url()).unwrap().get_connection().unwrap();
    for first in (0..MESSAGES).step_by(1_000) {
        let mut pipe = redis::pipe();
        for number in first..first + 1_000 {
            pipe.cmd("PUBLISH").arg("a").arg(number).ignore();
        }
        let () = pipe.query(&mut connection).unwrap();
    }
    for number in 0..MESSAGES {
        listener.message("a", number.to_string()).await;
    }
}

#[tokio::test]
async fn names_may_be_any_bytes() {
    let Some(redis) = require(Redis::private().await) else { return };
    let (multiplexer, mut publisher) = (start(redis.url()), Direct::open(redis.url()).await);
    let (subscription, events) = multiplexer.channels().unwrap();
    let mut listener = Listener::new(events);
    for name in [&b"\0"[..], b"\r\n", b" ", b"\xff\xfe", b"*", &[b'n'; 100_000]] {
        subscription.add(name).unwrap();
        let next = listener.next().await;
        assert!(matches!(&next, Event::Activated { name: active } if active == name), "{next:?}");
        publisher.publish(name, "m").await;
        listener.message(name, "m").await;
    }
}

#[tokio::test]
async fn many_names_come_and_go_in_one_call() {
    let Some(redis) = require(Redis::private().await) else { return };
    let (multiplexer, mut publisher) = (start(redis.url()), Direct::open(redis.url()).await);
    let (subscription, events) = multiplexer.channels().unwrap();
    let mut listener = Listener::new(events);
    subscription.add(["a", "b", "c"]).unwrap();
    assert!(subscription.contains("a") && !subscription.contains("d"));
    listener.activated(&["a", "b", "c"]).await;
    // All or none.
    let error = subscription.add(vec!["d".to_owned(), String::new()]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(!subscription.contains("d"));
    assert_eq!(subscription.remove(["a", "b", "d"]), 2);
    assert_eq!(subscription.channels(), ["c"]);
    settle(&multiplexer).await;
    assert_eq!(publisher.publish("a", "m").await + publisher.publish("b", "m").await, 0);
    publisher.publish("c", "m").await;
    listener.message("c", "m").await;
}

#[tokio::test]
async fn bad_input_and_closed_subscriptions_are_errors() {
    let Some(redis) = require(Redis::private().await) else { return };
    let multiplexer = start(redis.url());
    let (subscription, events) = multiplexer.channels().unwrap();
    assert_eq!(subscription.add("").unwrap_err().kind(), ErrorKind::InvalidInput);
    assert_eq!(multiplexer.pattern("").unwrap_err().kind(), ErrorKind::InvalidInput);
    // What Redis takes, and one more.
    let long = vec![0; 512 * 1024 * 1024 + 1];
    assert_eq!(multiplexer.pattern(&long).unwrap_err().kind(), ErrorKind::InvalidInput);
    assert_eq!(subscription.add(long).unwrap_err().kind(), ErrorKind::InvalidInput);
    assert_eq!(subscription.remove(["", "never added"]), 0);
    subscription.add("a").unwrap();
    drop(events);
    assert_eq!(subscription.add("b").unwrap_err().kind(), ErrorKind::Closed);
    assert_eq!(soon(subscription.wait_for_activation("a")).await.unwrap_err().kind(), ErrorKind::Closed);
    assert_eq!(subscription.remove("a"), 0);
    subscription.clear();
    subscription.close();
    assert!(subscription.channels().is_empty());
    for address in ["", "nothing", "http://127.0.0.1"] {
        assert_eq!(
            Multiplexer::start(Config::new(address)).unwrap_err().kind(),
            ErrorKind::Config,
            "{address}"
        );
    }
}

#[tokio::test]
async fn what_is_removed_is_unsubscribed_with_the_last_who_had_it() {
    let Some(redis) = require(Redis::private().await) else { return };
    let (multiplexer, mut publisher) = (start(redis.url()), Direct::open(redis.url()).await);
    let (one, mut first) = Listener::open(&multiplexer, &["a", "b", "c"]).await;
    let (two, mut second) = Listener::open(&multiplexer, &["a"]).await;
    one.add("a").unwrap();
    assert_eq!([one.remove("a"), one.remove("a")], [1, 0]);
    settle(&multiplexer).await;
    assert_eq!(publisher.publish("a", "m").await, 1);
    second.message("a", "m").await;
    let mut left = one.channels();
    left.sort();
    assert_eq!(left, ["b", "c"]);
    one.clear();
    two.close();
    second.ended(None).await;
    settle(&multiplexer).await;
    for name in ["a", "b", "c"] {
        assert_eq!(publisher.publish(name, "m").await, 0);
    }
    // It is open as before.
    one.add("b").unwrap();
    first.activated(&["b"]).await;
    publisher.publish("b", "m").await;
    first.message("b", "m").await;
}

#[tokio::test]
async fn one_channel_of_many_subscriptions_is_one_subscription_in_redis() {
    let Some(redis) = require(Redis::private().await) else { return };
    let (multiplexer, mut publisher) = (start(redis.url()), Direct::open(redis.url()).await);
    let mut monitor = redis.monitor().await.unwrap();
    let mut all = Vec::new();
    for _ in 0..50 {
        all.push(Listener::open(&multiplexer, &["a"]).await);
    }
    assert_eq!(publisher.publish("a", "m").await, 1);
    for (_, listener) in &mut all {
        listener.message("a", "m").await;
    }
    drop(all);
    settle(&multiplexer).await;
    let commands = monitor.commands().await.unwrap();
    let about_a: Vec<_> = commands.iter().filter(|command| command.ends_with("SUBSCRIBE a")).collect();
    assert_eq!(about_a, ["SUBSCRIBE a", "UNSUBSCRIBE a"]);
}
