//! What broke in the ancestor.

use std::time::Duration;

use mpx::{Config, ErrorKind, Event, Multiplexer, Unfulfilled};
use test_support::{Redis, require};
use tokio::sync::mpsc;

use crate::direct::Direct;
use crate::listener::{Listener, settle, soon, start, until};

const LONG: Duration = Duration::from_secs(60);

#[tokio::test]
async fn a_channel_removed_and_added_at_once_ends_subscribed() {
    let Some(redis) = require(Redis::private().await) else { return };
    let (multiplexer, mut publisher) = (start(redis.url()), Direct::open(redis.url()).await);
    let (subscription, mut listener) = Listener::open(&multiplexer, &["c"]).await;
    for round in 0..200 {
        for _ in 0..=round % 3 {
            assert_eq!(subscription.remove("c"), 1);
            subscription.add("c").unwrap();
        }
        soon(subscription.wait_for_activation("c")).await.unwrap();
        assert_eq!(publisher.publish("c", round.to_string()).await, 1);
        assert_eq!(listener.any_message().await, round.to_string());
    }
    // The other way round.
    subscription.add("c").unwrap();
    subscription.remove("c");
    settle(&multiplexer).await;
    assert_eq!(publisher.subscribers("c").await, 0);
}

#[tokio::test]
async fn the_second_subscriber_of_a_name_that_lives_is_activated() {
    let Some(redis) = require(Redis::private().await) else { return };
    let (multiplexer, mut publisher) = (start(redis.url()), Direct::open(redis.url()).await);
    let (_first, mut one) = Listener::open(&multiplexer, &["c"]).await;
    let (_second, mut two) = Listener::open(&multiplexer, &["c"]).await;

    let (first, events) = multiplexer.pattern("c*").unwrap();
    let mut three = Listener::new(events);
    three.activated(&["c*"]).await;
    let (second, events) = multiplexer.pattern("c*").unwrap();
    let mut four = Listener::new(events);
    four.activated(&["c*"]).await;
    soon(first.wait_for_activation()).await.unwrap();
    soon(second.wait_for_activation()).await.unwrap();

    let promises = [multiplexer.promises("p:").unwrap(), multiplexer.promises("p:").unwrap()];
    for promises in &promises {
        soon(promises.wait_for_activation()).await.unwrap();
    }
    let late = multiplexer.promises("p:").unwrap();
    soon(late.wait_for_activation()).await.unwrap();

    publisher.publish("c", "m").await;
    for listener in [&mut one, &mut two, &mut three, &mut four] {
        listener.message("c", "m").await;
    }
}

#[tokio::test]
async fn a_closed_pattern_is_unsubscribed_and_can_be_opened_again() {
    let Some(redis) = require(Redis::private().await) else { return };
    let (multiplexer, mut publisher) = (start(redis.url()), Direct::open(redis.url()).await);
    for round in ["1", "2", "3"] {
        let (pattern, events) = multiplexer.pattern("p*").unwrap();
        let mut listener = Listener::new(events);
        listener.activated(&["p*"]).await;
        assert_eq!(publisher.patterns().await, 1);
        publisher.publish("place", round).await;
        listener.message("place", round).await;
        pattern.close();
        listener.ended(None).await;
        assert_eq!(pattern.wait_for_activation().await.unwrap_err().kind(), ErrorKind::Closed);
        settle(&multiplexer).await;
        assert_eq!(publisher.patterns().await, 0);
    }
    // And with a new connection it does not come back.
    let (_channels, mut listener) = Listener::open(&multiplexer, &["c"]).await;
    assert_eq!(publisher.kill_subscribers().await, 1);
    listener.disconnected(&["c"]).await;
    listener.activated(&["c"]).await;
    settle(&multiplexer).await;
    assert_eq!(publisher.patterns().await, 0);
}

#[tokio::test]
async fn waiting_for_what_is_active_already_succeeds() {
    let Some(redis) = require(Redis::private().await) else { return };
    let multiplexer = start(redis.url());
    let (channels, _listener) = Listener::open(&multiplexer, &["c"]).await;
    let (pattern, _events) = multiplexer.pattern("p*").unwrap();
    let promises = multiplexer.promises("q").unwrap();
    for _ in 0..3 {
        soon(channels.wait_for_activation("c")).await.unwrap();
        soon(pattern.wait_for_activation()).await.unwrap();
        soon(promises.wait_for_activation()).await.unwrap();
    }
    assert_eq!(soon(channels.wait_for_activation("d")).await.unwrap_err().kind(), ErrorKind::Closed);
}

#[tokio::test]
async fn a_promise_subscription_closes_at_once_and_ends_its_promises() {
    let Some(redis) = require(Redis::private().await) else { return };
    let (multiplexer, mut publisher) = (start(redis.url()), Direct::open(redis.url()).await);
    let promises = multiplexer.promises("p:").unwrap();
    let one = soon(promises.wait_for_promise("1", LONG)).await.unwrap();
    let two = promises.promise("2", LONG).unwrap();
    promises.close();
    promises.close();
    assert!(matches!(soon(one).await, Err(Unfulfilled::Closed)));
    assert!(matches!(soon(two).await, Err(Unfulfilled::Closed)));
    assert_eq!(promises.promise("3", LONG).unwrap_err().kind(), ErrorKind::Closed);
    assert_eq!(soon(promises.wait_for_promise("3", LONG)).await.unwrap_err().kind(), ErrorKind::Closed);
    settle(&multiplexer).await;
    assert_eq!(publisher.patterns().await, 0);
}

#[tokio::test]
async fn all_promises_on_a_channel_are_fulfilled() {
    let Some(redis) = require(Redis::private().await) else { return };
    let (multiplexer, mut publisher) = (start(redis.url()), Direct::open(redis.url()).await);
    let [here, there] = [multiplexer.promises("p:").unwrap(), multiplexer.promises("p:").unwrap()];
    let mut all = vec![soon(here.wait_for_promise("1", LONG)).await.unwrap()];
    all.push(soon(there.wait_for_promise("1", LONG)).await.unwrap());
    all.push(here.promise("1", LONG).unwrap());
    let other = here.promise("2", LONG).unwrap();
    let cancelled = here.promise("1", LONG).unwrap();
    cancelled.canceller().cancel();
    assert!(matches!(soon(cancelled).await, Err(Unfulfilled::Cancelled)));
    publisher.publish("p:1", "value").await;
    for promise in all {
        assert_eq!(promise.channel(), "p:1");
        assert_eq!(soon(promise).await.unwrap(), "value");
    }
    // And all are failed, when the connection is lost.
    let another = here.promise("2", LONG).unwrap();
    publisher.kill_subscribers().await;
    for promise in [other, another] {
        assert!(matches!(soon(promise).await, Err(Unfulfilled::Disconnected(_))));
    }
}

#[tokio::test]
async fn a_promise_that_is_not_kept_in_time_fails_alone() {
    let Some(redis) = require(Redis::private().await) else { return };
    let (multiplexer, mut publisher) = (start(redis.url()), Direct::open(redis.url()).await);
    let promises = multiplexer.promises("p:").unwrap();
    let kept = soon(promises.wait_for_promise("1", LONG)).await.unwrap();
    let late = promises.promise("1", Duration::from_millis(10)).unwrap();
    assert!(matches!(soon(late).await, Err(Unfulfilled::TimedOut)));
    publisher.publish("p:1", "value").await;
    assert_eq!(soon(kept).await.unwrap(), "value");
}

#[tokio::test]
async fn a_burst_of_200_000_messages_below_a_promise_prefix_stops_nothing() {
    let Some(redis) = require(Redis::private().await) else { return };
    let (multiplexer, mut publisher) = (start(redis.url()), Direct::open(redis.url()).await);
    let promises = multiplexer.promises("p:").unwrap();
    let first = soon(promises.wait_for_promise("burst", LONG)).await.unwrap();
    let last = promises.promise("last", LONG).unwrap();
    publisher.publish_numbers("p:burst", 200_000).await;
    publisher.publish("p:last", "end").await;
    assert_eq!(soon(first).await.unwrap(), "0");
    assert_eq!(soon(last).await.unwrap(), "end");
    let (_channels, mut listener) = Listener::open(&multiplexer, &["c"]).await;
    publisher.publish("c", "m").await;
    listener.message("c", "m").await;
}

#[tokio::test]
async fn a_message_that_fits_a_channel_and_a_pattern_is_given_to_each_once() {
    let Some(redis) = require(Redis::private().await) else { return };
    let (multiplexer, mut publisher) = (start(redis.url()), Direct::open(redis.url()).await);
    let (_channels, mut one) = Listener::open(&multiplexer, &["c"]).await;
    let (_pattern, events) = multiplexer.pattern("c*").unwrap();
    let mut two = Listener::new(events);
    two.activated(&["c*"]).await;
    // A pattern whose text is that of the channel.
    let (_pattern, events) = multiplexer.pattern("c").unwrap();
    let mut three = Listener::new(events);
    three.activated(&["c"]).await;
    for round in ["1", "2", "3"] {
        publisher.publish("c", round).await;
        for listener in [&mut one, &mut two, &mut three] {
            listener.message("c", round).await;
        }
    }
}

#[tokio::test]
async fn thousands_of_channels_are_added_from_within_a_handler() {
    let Some(redis) = require(Redis::private().await) else { return };
    let (multiplexer, mut publisher) = (start(redis.url()), Direct::open(redis.url()).await);
    let (many, events) = multiplexer.channels().unwrap();
    let mut listener = Listener::new(events);
    let names: Vec<String> = (0..5_000).map(|number| format!("many:{number}")).collect();
    let (adder, added) = (many.clone(), names.clone());
    let handler = move |_: &[u8], _: &[u8]| added.iter().for_each(|name| adder.add(name).unwrap());
    let trigger = multiplexer.channels_to(handler).unwrap();
    trigger.add("go").unwrap();
    soon(trigger.wait_for_activation("go")).await.unwrap();
    publisher.publish("go", "").await;
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    listener.activated(&names).await;
    for name in [names[0], names[2_500], names[4_999]] {
        publisher.publish(name, "m").await;
        listener.message(name, "m").await;
    }
}

#[tokio::test]
async fn handlers_open_and_close_subscriptions() {
    let Some(redis) = require(Redis::private().await) else { return };
    let (multiplexer, mut publisher) = (start(redis.url()), Direct::open(redis.url()).await);
    let (told, mut tells) = mpsc::channel(10);
    let inner = multiplexer.clone();
    let handler = move |_: &[u8], _: &[u8]| {
        let (pattern, _) = inner.pattern("x*").unwrap();
        pattern.close();
        let promises = inner.promises("y").unwrap();
        promises.close();
        told.try_send(()).unwrap();
    };
    let trigger = multiplexer.channels_to(handler).unwrap();
    trigger.add("go").unwrap();
    soon(trigger.wait_for_activation("go")).await.unwrap();
    publisher.publish("go", "").await;
    soon(tells.recv()).await.unwrap();
    settle(&multiplexer).await;
    assert_eq!(publisher.patterns().await, 0);
}

#[tokio::test]
async fn prefixes_with_glob_characters_are_taken_as_they_are() {
    let Some(redis) = require(Redis::private().await) else { return };
    let (multiplexer, mut publisher) = (start(redis.url()), Direct::open(redis.url()).await);
    for (prefix, fits_the_glob) in
        [("a*:", "aaa:1"), ("b?:", "bb:1"), ("c[x]:", "cx:1"), ("d\\x:", "dx:1"), ("e[^f]:", "eg:1")]
    {
        let promises = multiplexer.promises(prefix).unwrap();
        let promise = soon(promises.wait_for_promise("1", LONG)).await.unwrap();
        assert_eq!(publisher.publish(fits_the_glob, "wrong").await, 0, "{prefix}");
        assert_eq!(publisher.publish(format!("{prefix}1"), "right").await, 1, "{prefix}");
        assert_eq!(soon(promise).await.unwrap(), "right");
    }
}

#[tokio::test]
async fn settings_out_of_bounds_are_errors() {
    let config = || Config::new("redis://127.0.0.1:1");
    for config in [
        config().batch_max(0),
        config().queue_max(0),
        config().ping_timeout(Duration::ZERO),
        config().backoff_min(Duration::from_secs(1)),
    ] {
        assert_eq!(Multiplexer::start(config).unwrap_err().kind(), ErrorKind::Config);
    }
}

#[tokio::test]
async fn the_bound_of_a_queue_holds_after_a_restart() {
    let Some(redis) = require(Redis::private().await) else { return };
    let config = Config::new(redis.url()).queue_max(300);
    let multiplexer = Multiplexer::start(config).unwrap();
    let mut direct = Direct::open(redis.url()).await;
    let (_subscription, mut listener) = Listener::open(&multiplexer, &["a"]).await;
    multiplexer.stop();
    multiplexer.restart();
    soon(async { while !matches!(listener.next().await, Event::Activated { .. }) {} }).await;
    direct.publish_numbers("a", 1_000).await;
    settle(&multiplexer).await;
    listener.lagged(700).await;
    for number in 700..1_000 {
        listener.message("a", number.to_string()).await;
    }
}

#[tokio::test]
async fn stop_and_restart_any_number_of_times_connect_once() {
    let Some(redis) = require(Redis::private().await) else { return };
    let (multiplexer, mut publisher) = (start(redis.url()), Direct::open(redis.url()).await);
    let (subscription, mut listener) = Listener::open(&multiplexer, &["a"]).await;
    let promises = multiplexer.promises("p:").unwrap();
    let promise = soon(promises.wait_for_promise("1", LONG)).await.unwrap();
    multiplexer.stop();
    multiplexer.stop();
    assert!(matches!(soon(promise).await, Err(Unfulfilled::Disconnected(_))));
    assert_eq!(promises.promise("1", LONG).unwrap_err().kind(), ErrorKind::Unavailable);
    until(async || (publisher.publish("a", "lost").await == 0).then_some(())).await;
    // What changes meanwhile counts.
    subscription.add("b").unwrap();
    subscription.remove("a");
    multiplexer.restart();
    multiplexer.restart();
    // Nobody was told of a loss.
    listener.activated(&["b"]).await;
    assert_eq!(publisher.publish("b", "m").await, 1);
    listener.message("b", "m").await;
    assert_eq!(publisher.subscribers("a").await, 0);
    assert!(soon(multiplexer.shutdown(LONG)).await);
    listener.ended(None).await;
    assert_eq!(multiplexer.channels().unwrap_err().kind(), ErrorKind::Closed);
    assert_eq!(subscription.add("c").unwrap_err().kind(), ErrorKind::Closed);
    multiplexer.stop();
    multiplexer.restart();
    assert!(soon(multiplexer.shutdown(LONG)).await);
}

#[tokio::test]
async fn a_second_loss_after_a_restart_is_one_loss() {
    let Some(redis) = require(Redis::private().await) else { return };
    let (multiplexer, mut publisher) = (start(redis.url()), Direct::open(redis.url()).await);
    let (_subscription, mut listener) = Listener::open(&multiplexer, &["a"]).await;
    multiplexer.stop();
    multiplexer.restart();
    soon(async { while !matches!(listener.next().await, Event::Activated { .. }) {} }).await;
    for _ in 0..3 {
        assert_eq!(publisher.kill_subscribers().await, 1);
        listener.disconnected(&["a"]).await;
        listener.activated(&["a"]).await;
        publisher.publish("a", "m").await;
        listener.message("a", "m").await;
    }
}
