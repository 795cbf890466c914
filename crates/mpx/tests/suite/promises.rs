//! Promises, and when their time begins.

use std::pin::pin;
use std::time::Duration;

use mpx::Unfulfilled;
use test_support::{Redis, require};
use tokio::time::{Instant, timeout};

use crate::listener::{soon, start};

#[tokio::test]
async fn the_time_of_a_promise_begins_when_its_subscription_is_active() {
    const SHORT: Duration = Duration::from_millis(100);
    let Some(redis) = require(Redis::private().await) else { return };
    let multiplexer = start(redis.url());
    multiplexer.stop();
    let promises = multiplexer.promises("p:").unwrap();
    let mut waiting = pin!(promises.wait_for_promise("1", SHORT));
    // Longer than the promise has: how long it is waited for is the caller's matter.
    assert!(timeout(3 * SHORT, waiting.as_mut()).await.is_err());
    let before = Instant::now();
    multiplexer.restart();
    let promise = soon(waiting).await.unwrap();
    assert!(matches!(soon(promise).await, Err(Unfulfilled::TimedOut)));
    assert!(before.elapsed() >= SHORT);
}
