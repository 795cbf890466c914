//! Names and messages that are too long for this Redis, which ends the connection of whoever sends
//! them.

use mpx::{Config, ErrorKind, Event, Publisher};
use redis::cmd;
use test_support::{Redis, require};

use crate::direct::Direct;
use crate::listener::{Listener, soon, start};

/// Twice what [`short`] allows.
const LONG: usize = 2 * 1024 * 1024;

/// A Redis that takes texts of at most 1 MiB, and not of 512.
async fn short() -> Option<(Redis, Direct)> {
    let redis = require(Redis::private().await)?;
    let mut direct = Direct::open(redis.url()).await;
    let () = direct.ask(cmd("CONFIG").arg("SET").arg("proto-max-bulk-len").arg("1mb")).await;
    Some((redis, direct))
}

#[tokio::test]
async fn a_name_that_is_too_long_for_this_redis_is_refused_and_costs_the_others_one_loss() {
    let Some((redis, mut direct)) = short().await else { return };
    let multiplexer = start(redis.url());
    let (_subscription, mut listener) = Listener::open(&multiplexer, &["a"]).await;
    let (long, events) = multiplexer.channels().unwrap();
    let mut refused = Listener::new(events);
    for letter in ["x", "y"] {
        long.add(letter.repeat(LONG)).unwrap();
    }
    for _ in ["x", "y"] {
        let event = refused.next().await;
        assert!(
            matches!(&event, Event::Refused { name, error }
            if name.len() == LONG && error.kind() == ErrorKind::Refused),
            "{:?}",
            error_of(&event)
        );
    }
    listener.disconnected(&["a"]).await;
    listener.activated(&["a"]).await;
    let error = soon(long.wait_for_activation("x".repeat(LONG))).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused);

    // It is known now, and costs nobody anything.
    assert_eq!(long.add("z".repeat(LONG)).unwrap_err().kind(), ErrorKind::InvalidInput);
    assert_eq!(multiplexer.pattern("z".repeat(LONG)).err().unwrap().kind(), ErrorKind::InvalidInput);
    assert_eq!(long.remove("x".repeat(LONG)), 1);
    long.add("b").unwrap();
    refused.activated(&["b"]).await;
    for _ in 0..3 {
        direct.publish("a", "m").await;
        listener.message("a", "m").await;
    }
    assert_eq!(direct.kill_subscribers().await, 1);
    listener.disconnected(&["a"]).await;
    listener.activated(&["a"]).await;
    refused.disconnected(&["b"]).await;
    // `y`, which it still has.
    assert!(matches!(refused.next().await, Event::Refused { .. }));
    refused.activated(&["b"]).await;
    direct.publish("a", "m").await;
    listener.message("a", "m").await;
}

#[tokio::test]
async fn a_message_that_is_too_long_for_this_redis_is_refused_and_the_next_goes_out() {
    let Some((redis, _)) = short().await else { return };
    let publisher = Publisher::start(Config::new(redis.url())).unwrap();
    for _ in 0..5 {
        let error = soon(publisher.publish("a", vec![b'x'; LONG])).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Refused, "{error}");
        assert_eq!(soon(publisher.publish("a", "short")).await.unwrap(), 0);
    }
}

/// An event without its name, which is long.
fn error_of(event: &Event) -> String {
    if let Event::Refused { error, .. } = event { error.to_string() } else { format!("{event:.300?}") }
}
