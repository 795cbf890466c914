//! Redis goes away, comes back, stands still and refuses.

use std::fs;
use std::net::TcpListener;
use std::sync::{Mutex, mpsc as blocking};
use std::time::Duration;

use mpx::{Config, ErrorKind, Event, Handler, Multiplexer, Policy, Unfulfilled};
use redis::cmd;
use test_support::{Redis, RedisOptions, RedisUser, require};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};

use crate::direct::Direct;
use crate::listener::{Listener, error_of, soon, start, until};

const LONG: Duration = Duration::from_secs(60);

#[tokio::test]
async fn a_killed_connection_is_told_once_with_all_names_and_so_is_the_next() {
    let Some(redis) = require(Redis::private().await) else { return };
    let (multiplexer, mut publisher) = (start(redis.url()), Direct::open(redis.url()).await);
    let (_one, mut one) = Listener::open(&multiplexer, &["c", "a", "b"]).await;
    let (_two, mut two) = Listener::open(&multiplexer, &["b"]).await;
    let (_pattern, events) = multiplexer.pattern("x*").unwrap();
    let mut three = Listener::new(events);
    three.activated(&["x*"]).await;
    for round in ["1", "2", "3"] {
        assert_eq!(publisher.kill_subscribers().await, 1);
        one.disconnected(&["a", "b", "c"]).await;
        two.disconnected(&["b"]).await;
        three.disconnected(&["x*"]).await;
        one.activated(&["a", "b", "c"]).await;
        two.activated(&["b"]).await;
        three.activated(&["x*"]).await;
        assert!(multiplexer.error().is_none());
        publisher.publish("b", round).await;
        one.message("b", round).await;
        two.message("b", round).await;
        publisher.publish("xyz", round).await;
        three.message("xyz", round).await;
    }
}

#[tokio::test]
async fn a_redis_that_was_killed_is_found_again() {
    let Some(redis) = require(Redis::private().await) else { return };
    let multiplexer = start(redis.url());
    let (subscription, mut listener) = Listener::open(&multiplexer, &["a", "b"]).await;
    let promises = multiplexer.promises("p:").unwrap();
    let promise = soon(promises.wait_for_promise("1", LONG)).await.unwrap();
    redis.kill().unwrap();
    listener.disconnected(&["a", "b"]).await;
    assert!(matches!(soon(promise).await, Err(Unfulfilled::Disconnected(_))));
    assert_eq!(promises.promise("1", LONG).unwrap_err().kind(), ErrorKind::Unavailable);
    assert_eq!(error_of(&multiplexer).await.kind(), ErrorKind::Unavailable);
    // Changes while there is nobody to tell.
    subscription.remove("a");
    subscription.add("c").unwrap();
    redis.start_again().await.unwrap();
    listener.activated(&["b", "c"]).await;
    let mut publisher = Direct::open(redis.url()).await;
    assert_eq!(publisher.publish("a", "m").await, 0);
    publisher.publish("c", "m").await;
    listener.message("c", "m").await;
    let promise = soon(promises.wait_for_promise("1", LONG)).await.unwrap();
    publisher.publish("p:1", "value").await;
    assert_eq!(soon(promise).await.unwrap(), "value");
}

#[tokio::test]
async fn a_redis_that_stands_still_is_noticed_and_gone_on_with() {
    let Some(redis) = require(Redis::private().await) else { return };
    // An answer of a busy machine comes in time.
    let config = Config::new(redis.url()).ping_timeout(Duration::from_secs(4));
    let multiplexer = Multiplexer::start(config).unwrap();
    let (_subscription, mut listener) = Listener::open(&multiplexer, &["a"]).await;
    redis.freeze().await.unwrap();
    let frozen = Instant::now();
    listener.disconnected(&["a"]).await;
    assert!(frozen.elapsed() < LONG, "noticed after {:?}", frozen.elapsed());
    redis.thaw().await.unwrap();
    listener.activated(&["a"]).await;
    let mut publisher = Direct::open(redis.url()).await;
    publisher.publish("a", "m").await;
    listener.message("a", "m").await;
}

#[tokio::test]
async fn a_silent_connection_is_asked_and_kept() {
    let Some(redis) = require(Redis::private().await) else { return };
    for protocol in ["", "?protocol=resp3"] {
        // A busy machine may answer too late: one attempt in time is enough.
        let mut attempts = 0;
        while !is_asked_and_kept(&redis, &format!("{}/{protocol}", redis.url())).await {
            attempts += 1;
            assert!(attempts < 20, "the connection was given up, {attempts} times");
        }
    }
}

/// Says whether a silent connection was kept.
async fn is_asked_and_kept(redis: &Redis, address: &str) -> bool {
    let config = Config::new(address).ping_timeout(Duration::from_millis(500));
    let multiplexer = Multiplexer::start(config).unwrap();
    let (subscription, events) = multiplexer.channels().unwrap();
    let mut listener = Listener::new(events);
    subscription.add("a").unwrap();
    let mut monitor = redis.monitor().await.unwrap();
    let mut pings = 0;
    until(async || {
        let commands = monitor.commands().await.unwrap();
        pings += commands.iter().filter(|command| command.as_str() == "PING").count();
        (pings >= 3).then_some(())
    })
    .await;
    soon(subscription.wait_for_activation("a")).await.unwrap();
    let mut publisher = Direct::open(redis.url()).await;
    publisher.publish("a", "m").await;
    let (first, second) = (listener.next().await, listener.next().await);
    matches!(first, Event::Activated { .. }) && matches!(second, Event::Message(_))
}

#[tokio::test]
async fn a_port_without_a_server_is_reported_and_waited_for_no_longer_than_wanted() {
    // Nobody takes this port meanwhile.
    let config = Config::new("redis://127.0.0.1:1")
        .backoff_min(Duration::from_secs(10 * 60))
        .backoff_max(Duration::from_secs(10 * 60));
    let multiplexer = Multiplexer::start(config).unwrap();
    let (subscription, events) = multiplexer.channels().unwrap();
    let mut listener = Listener::new(events);
    subscription.add("a").unwrap();
    let promises = multiplexer.promises("p:").unwrap();
    let short = Duration::from_millis(20);
    assert!(timeout(short, promises.wait_for_promise("1", LONG)).await.is_err());
    assert_eq!(error_of(&multiplexer).await.kind(), ErrorKind::Unavailable);
    // Another attempt is minutes away.
    let before = Instant::now();
    multiplexer.stop();
    assert!(multiplexer.shutdown(LONG).await);
    assert!(before.elapsed() < LONG, "it took {:?}", before.elapsed());
    listener.ended(None).await;
    assert_eq!(subscription.wait_for_activation("a").await.unwrap_err().kind(), ErrorKind::Closed);
}

#[tokio::test]
async fn a_server_that_takes_connections_and_says_nothing_is_given_up_in_time() {
    // Its backlog takes the connection.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap();
    let config =
        Config::new(format!("redis://{address}/?protocol=resp3")).connect_timeout(Duration::from_millis(50));
    let multiplexer = Multiplexer::start(config).unwrap();
    assert_eq!(error_of(&multiplexer).await.kind(), ErrorKind::Unavailable);
    assert!(soon(multiplexer.shutdown(LONG)).await);
}

#[tokio::test]
async fn a_wrong_password_is_an_error_of_the_settings() {
    let options = RedisOptions { password: Some("right".to_owned()), ..RedisOptions::default() };
    let Some(redis) = require(Redis::with(&options).await) else { return };
    for address in [
        redis.url().replace("right", "wrong"),
        format!("{}/?protocol=resp3", redis.url().replace("right", "wrong")),
        // None at all is noticed with the first command.
        redis.url().replace(":right@", ""),
        format!("{}/?protocol=resp3", redis.url().replace(":right@", "")),
    ] {
        let multiplexer = start(&address);
        let (subscription, _events) = multiplexer.channels().unwrap();
        subscription.add("a").unwrap();
        let error = until(async || multiplexer.error().filter(|error| error.kind() == ErrorKind::Config));
        assert!(!error.await.to_string().contains("wrong"), "{address}");
    }
    for address in [redis.url().to_owned(), format!("{}/?protocol=resp3", redis.url())] {
        let multiplexer = start(&address);
        Listener::open(&multiplexer, &["a"]).await;
        assert!(multiplexer.error().is_none());
    }
}

#[tokio::test]
async fn a_name_that_the_user_may_not_have_is_refused_alone() {
    let rules = ["+@all", "~*", "resetchannels", "&ok:*"].map(str::to_owned).into();
    let user = RedisUser { name: "reader".to_owned(), password: "secret".to_owned(), rules };
    let options = RedisOptions { users: vec![user.clone()], ..RedisOptions::default() };
    let Some(redis) = require(Redis::with(&options).await) else { return };
    let (multiplexer, mut publisher) = (start(&redis.user_url(&user)), Direct::open(redis.url()).await);
    let (subscription, events) = multiplexer.channels().unwrap();
    let mut listener = Listener::new(events);
    for name in ["ok:1", "hidden", "ok:2"] {
        subscription.add(name).unwrap();
    }
    let (mut active, mut refused) = (Vec::new(), Vec::new());
    while active.len() < 2 || refused.is_empty() {
        match listener.next().await {
            Event::Activated { name } => active.push(name),
            Event::Refused { name, error } => {
                assert_eq!(error.kind(), ErrorKind::Refused);
                refused.push(name);
            }
            other => panic!("{other:?}"),
        }
    }
    active.sort();
    assert_eq!(active, ["ok:1", "ok:2"]);
    assert_eq!(refused, ["hidden"]);
    let error = soon(subscription.wait_for_activation("hidden")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused);
    soon(subscription.wait_for_activation("ok:1")).await.unwrap();
    publisher.publish("ok:1", "m").await;
    listener.message("ok:1", "m").await;

    let promises = multiplexer.promises("hidden:").unwrap();
    let error = soon(promises.wait_for_promise("1", LONG)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused);
    let promises = multiplexer.promises("ok:").unwrap();
    // Patterns have to be in the rules as they are: this one is.
    let promise = soon(promises.wait_for_promise("1", LONG)).await.unwrap();
    publisher.publish("ok:1", "value").await;
    assert_eq!(soon(promise).await.unwrap(), "value");
    listener.message("ok:1", "value").await;

    // Once the user may have it, the next who wants it gets it for all.
    let () = publisher.ask(cmd("ACL").arg("SETUSER").arg("reader").arg("&hidden")).await;
    let (_second, mut second) = Listener::open(&multiplexer, &["hidden"]).await;
    listener.activated(&["hidden"]).await;
    publisher.publish("hidden", "m").await;
    listener.message("hidden", "m").await;
    second.message("hidden", "m").await;
}

#[tokio::test]
async fn a_certificate_of_nobody_we_trust_is_refused() {
    let options = RedisOptions { tls: true, ..RedisOptions::default() };
    let Some(redis) = require(Redis::with(&options).await) else { return };
    let Some(other) = require(Redis::with(&options).await) else { return };
    let config = |authority: &Redis| {
        Config::new(redis.url()).authorities(fs::read(authority.ca_file().unwrap()).unwrap())
    };
    let multiplexer = Multiplexer::start(config(&other)).unwrap();
    assert_eq!(error_of(&multiplexer).await.kind(), ErrorKind::Unavailable);

    let multiplexer = Multiplexer::start(config(&redis)).unwrap();
    let (_subscription, mut listener) = Listener::open(&multiplexer, &["a"]).await;
    let mut publisher = Direct::open(&format!("redis://127.0.0.1:{}", redis.port())).await;
    publisher.publish("a", "m").await;
    listener.message("a", "m").await;
    publisher.publish("a", vec![b'x'; 1 << 20]).await;
    listener.message("a", vec![b'x'; 1 << 20]).await;

    let broken = config(&redis).authorities("no certificate");
    assert_eq!(Multiplexer::start(broken).unwrap_err().kind(), ErrorKind::Config);
}

/// Has a subscription that does not read and one that does, on the same channel, and publishes a
/// thousand messages.
async fn with_a_slow_subscriber(redis: &Redis, policy: Policy) -> (Multiplexer, Listener) {
    let config = Config::new(redis.url()).queue_max(10).policy(policy);
    let multiplexer = Multiplexer::start(config).unwrap();
    let (slow, events) = multiplexer.channels().unwrap();
    slow.add("a").unwrap();
    soon(slow.wait_for_activation("a")).await.unwrap();
    let (sender, mut receiver) = mpsc::channel(1_000);
    let handler = move |_: &[u8], payload: &[u8]| sender.try_send(payload.to_vec()).unwrap();
    let fast = multiplexer.channels_to(handler).unwrap();
    fast.add("a").unwrap();
    soon(fast.wait_for_activation("a")).await.unwrap();
    Direct::open(redis.url()).await.publish_numbers("a", 1_000).await;
    for number in 0..1_000 {
        assert_eq!(soon(receiver.recv()).await.unwrap(), number.to_string().as_bytes());
    }
    (multiplexer, Listener::new(events))
}

#[tokio::test]
async fn a_slow_subscriber_learns_how_many_it_missed_and_delays_nobody() {
    let Some(redis) = require(Redis::private().await) else { return };
    let (_multiplexer, mut slow) = with_a_slow_subscriber(&redis, Policy::DropOldest).await;
    slow.activated(&["a"]).await;
    slow.lagged(990).await;
    for number in 990..1_000 {
        slow.message("a", number.to_string()).await;
    }
    Direct::open(redis.url()).await.publish("a", "next").await;
    slow.message("a", "next").await;
}

#[tokio::test]
async fn a_slow_subscriber_is_closed_if_the_policy_says_so() {
    let Some(redis) = require(Redis::private().await) else { return };
    let (_multiplexer, mut slow) = with_a_slow_subscriber(&redis, Policy::Close).await;
    slow.activated(&["a"]).await;
    for number in 0..10 {
        slow.message("a", number.to_string()).await;
    }
    slow.ended(Some(ErrorKind::Overflow)).await;
}

/// Stands still at its first message, until it is let go.
struct Blocking {
    go: Mutex<blocking::Receiver<()>>,
    notices: mpsc::Sender<Event>,
}

impl Handler for Blocking {
    fn message(&self, _channel: &[u8], payload: &[u8]) {
        if payload == b"block" {
            // Or tokio waits for this thread to look at the sockets of the test.
            tokio::task::block_in_place(|| self.go.lock().unwrap().recv()).unwrap();
        }
    }

    fn notice(&self, notice: &Event) {
        self.notices.try_send(notice.clone()).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_redis_ends_since_it_is_not_read_is_a_loss() {
    let Some(redis) = require(Redis::private().await) else { return };
    let (multiplexer, mut publisher) = (start(redis.url()), Direct::open(redis.url()).await);
    let mut set = cmd("CONFIG");
    let () = publisher.ask(set.arg("SET").arg("client-output-buffer-limit").arg("pubsub 1mb 1mb 1")).await;
    let (go, waits) = blocking::channel();
    let (notices, mut told) = mpsc::channel(10);
    let handler = Blocking { go: Mutex::new(waits), notices };
    let subscription = multiplexer.channels_to(handler).unwrap();
    subscription.add("a").unwrap();
    assert!(matches!(soon(told.recv()).await, Some(Event::Activated { .. })));
    publisher.publish("a", "block").await;
    // More than the limit and all buffers in between.
    until(async || (publisher.publish("a", vec![b'x'; 1 << 20]).await == 0).then_some(())).await;
    go.send(()).unwrap();
    let next = soon(told.recv()).await;
    assert!(matches!(next, Some(Event::Disconnected { .. })), "{next:?}");
    let next = soon(told.recv()).await;
    assert!(matches!(next, Some(Event::Activated { .. })), "{next:?}");
}

#[tokio::test]
async fn a_handler_that_panics_is_closed_alone() {
    let Some(redis) = require(Redis::private().await) else { return };
    let (multiplexer, mut publisher) = (start(redis.url()), Direct::open(redis.url()).await);
    let (_subscription, mut listener) = Listener::open(&multiplexer, &["a"]).await;
    let panics = multiplexer.channels_to(|_: &[u8], _: &[u8]| panic!("as the test wants it")).unwrap();
    panics.add("a").unwrap();
    soon(panics.wait_for_activation("a")).await.unwrap();
    for round in ["1", "2"] {
        publisher.publish("a", round).await;
        listener.message("a", round).await;
    }
    assert_eq!(panics.add("b").unwrap_err().kind(), ErrorKind::Closed);
}

#[tokio::test]
async fn a_message_that_is_too_long_ends_the_connection() {
    let Some(redis) = require(Redis::private().await) else { return };
    let config = Config::new(redis.url()).message_max(1_000);
    let multiplexer = Multiplexer::start(config).unwrap();
    let mut publisher = Direct::open(redis.url()).await;
    let (_subscription, mut listener) = Listener::open(&multiplexer, &["a"]).await;
    publisher.publish("a", [b'x'; 900]).await;
    listener.message("a", [b'x'; 900]).await;
    publisher.publish("a", [b'x'; 1_100]).await;
    let next = listener.next().await;
    assert!(matches!(next, Event::Disconnected { .. }), "{next:?}");
    listener.activated(&["a"]).await;
    publisher.publish("a", "m").await;
    listener.message("a", "m").await;
}

#[tokio::test]
async fn after_many_losses_in_a_row_everything_is_active() {
    let Some(redis) = require(Redis::private().await) else { return };
    let (multiplexer, mut publisher) = (start(redis.url()), Direct::open(redis.url()).await);
    let names: Vec<String> = (0..100).map(|number| format!("c{number}")).collect();
    let all: Vec<&str> = names.iter().map(String::as_str).collect();
    let (subscription, mut listener) = Listener::open(&multiplexer, &all).await;
    let mut ticks = tokio::time::interval(Duration::from_millis(50));
    let mut killed = 0;
    for _ in 0..40 {
        ticks.tick().await;
        killed += publisher.kill_subscribers().await;
        subscription.remove("c7");
        subscription.add("c7").unwrap();
    }
    assert!(killed > 1);
    for name in all {
        // From the next connection that Redis has, to this subscription.
        until(async || (publisher.publish(name, name).await == 1).then_some(())).await;
        assert_eq!(listener.any_message().await, name);
        soon(subscription.wait_for_activation(name)).await.unwrap();
    }
}
