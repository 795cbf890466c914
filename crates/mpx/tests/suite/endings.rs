//! What ends otherwise than by `shutdown`, and what is called from elsewhere.

use std::time::Duration;

use mpx::{Config, ErrorKind, Multiplexer, Publisher, Unfulfilled};
use test_support::{Redis, require};
use tokio::runtime::Runtime;

use crate::direct::Direct;
use crate::listener::{Listener, soon, start};

const LONG: Duration = Duration::from_secs(60);

#[tokio::test]
async fn with_its_runtime_everything_ends_and_says_so() {
    let Some(redis) = require(Redis::private().await) else { return };
    let runtime = Runtime::new().unwrap();
    let config = Config::new(redis.url());
    let (multiplexer, publisher) = {
        let _entered = runtime.enter();
        (Multiplexer::start(config.clone()).unwrap(), Publisher::start(config).unwrap())
    };
    let (subscription, mut listener) = Listener::open(&multiplexer, &["a"]).await;
    let promises = multiplexer.promises("p:").unwrap();
    let promise = soon(promises.wait_for_promise("1", LONG)).await.unwrap();
    assert_eq!(soon(publisher.publish("a", "m")).await.unwrap(), 1);
    listener.message("a", "m").await;
    redis.freeze().await.unwrap();
    let asked = soon(publisher.send("a", "m")).await.unwrap();
    runtime.shutdown_background();
    listener.ended(None).await;
    assert_eq!(soon(subscription.wait_for_activation("b")).await.unwrap_err().kind(), ErrorKind::Closed);
    assert_eq!(subscription.add("b").unwrap_err().kind(), ErrorKind::Closed);
    assert!(matches!(soon(promise).await, Err(Unfulfilled::Closed)));
    let kind = soon(asked).await.unwrap_err().kind();
    assert!(matches!(kind, ErrorKind::Uncertain | ErrorKind::Closed), "{kind:?}");
    assert_eq!(soon(publisher.publish("a", "m")).await.unwrap_err().kind(), ErrorKind::Closed);
    assert!(soon(multiplexer.shutdown(LONG)).await && soon(publisher.shutdown(LONG)).await);
    redis.thaw().await.unwrap();
}

#[tokio::test]
async fn handles_work_on_threads_without_a_runtime() {
    let Some(redis) = require(Redis::private().await) else { return };
    let (multiplexer, mut direct) = (start(redis.url()), Direct::open(redis.url()).await);
    let promises = multiplexer.promises("p:").unwrap();
    soon(promises.wait_for_activation()).await.unwrap();
    let elsewhere = multiplexer.clone();
    let made = std::thread::spawn(move || {
        let (subscription, events) = elsewhere.channels().unwrap();
        subscription.add("a").unwrap();
        (subscription, events, promises.promise("1", LONG).unwrap(), promises)
    });
    let (_subscription, events, promise, _promises) = made.join().unwrap();
    let mut listener = Listener::new(events);
    listener.activated(&["a"]).await;
    direct.publish("p:1", "value").await;
    assert_eq!(soon(promise).await.unwrap(), "value");
}
