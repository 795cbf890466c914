//! A Redis that takes connections, says something, and ends them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use mpx::{Config, Event, Multiplexer, Publisher};
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
use tokio::time::sleep;
use tokio_util::task::TaskTracker;

/// Answers the first that comes on each connection with `answer`, ends it some time later, and
/// counts connections.
fn flapping(answer: &'static [u8], life: Duration) -> (Config, Arc<AtomicU32>) {
    let (tasks, count) = (TaskTracker::new(), Arc::<AtomicU32>::default());
    let counted = Arc::clone(&count);
    let config = Config::from_connect(move || {
        let (ours, mut theirs) = duplex(1_000);
        counted.fetch_add(1, Ordering::Relaxed);
        tasks.spawn(async move {
            let mut question = [0; 1_000];
            if theirs.read(&mut question).await.is_ok_and(|count| count > 0) {
                theirs.write_all(answer).await.ok();
                sleep(life).await;
            }
        });
        async move { Ok(ours) }
    });
    (config.jitter_seed(7), count)
}

/// Twice as many as in the mean, when each waits for a random part of half a second.
const CONNECTIONS_MAX: u32 = 2 * 60 * 4;

#[tokio::test(start_paused = true)]
async fn connections_that_end_at_once_are_made_less_and_less_often() {
    let (config, connections) = flapping(SUBSCRIBED, Duration::ZERO);
    let multiplexer = Multiplexer::start(config).unwrap();
    let (subscription, mut events) = multiplexer.channels().unwrap();
    subscription.add("a").unwrap();
    sleep(Duration::from_secs(60)).await;
    assert!((100..CONNECTIONS_MAX).contains(&connections.load(Ordering::Relaxed)), "{connections:?}");
    // Each was a return and a loss.
    for _ in 0..10 {
        let [come, gone] = [events.next().await, events.next().await].map(|event| event.unwrap().unwrap());
        assert!(matches!(come, Event::Activated { .. }), "{come:?}");
        assert!(matches!(gone, Event::Disconnected { .. }), "{gone:?}");
    }
}

/// How many connections there are in a minute, each of which is ended after `life`.
async fn connections_of(life: Duration) -> u32 {
    let (config, connections) = flapping(SUBSCRIBED, life);
    let multiplexer = Multiplexer::start(config).unwrap();
    let (subscription, _events) = multiplexer.channels().unwrap();
    subscription.add("a").unwrap();
    sleep(Duration::from_secs(60)).await;
    connections.load(Ordering::Relaxed)
}

#[tokio::test(start_paused = true)]
async fn after_a_connection_that_was_of_use_nobody_waits_however_often_it_is_lost() {
    for life in [300, 600, 5_000] {
        let (count, without_waits) = (connections_of(Duration::from_millis(life)).await, 60_000 / life);
        assert!(u64::from(count) >= without_waits, "{count} connections of {life} ms");
    }
}

#[tokio::test(start_paused = true)]
async fn connections_that_live_a_little_are_no_more_than_those_that_end_at_once() {
    for life in [1, 5, 20, 50, 100, 200, 255] {
        let count = connections_of(Duration::from_millis(life)).await;
        assert!((100..CONNECTIONS_MAX).contains(&count), "{count} connections of {life} ms");
    }
}

const SUBSCRIBED: &[u8] = b"*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n";

#[tokio::test(start_paused = true)]
async fn a_publisher_has_no_more_patience() {
    let (config, connections) = flapping(b":1\r\n", Duration::ZERO);
    let publisher = Publisher::start(config).unwrap();
    for _ in 0..100 {
        assert_eq!(publisher.publish("a", "m").await.unwrap(), 1);
    }
    sleep(Duration::from_secs(60)).await;
    assert!(connections.load(Ordering::Relaxed) < CONNECTIONS_MAX, "{connections:?}");
}
