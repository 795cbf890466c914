//! Over what time a shutdown closes connections.

use std::time::Duration;

use conductor_hub::{Config, Disconnect, Hooks, Hub};
use futures_util::future::join_all;
use tokio::time::{Instant, sleep, timeout};

use crate::support::Client;

const DRAIN_TIME: Duration = Duration::from_secs(10);
/// More than twice of it, so that there is time for the whole.
const GRACE: Duration = Duration::from_secs(30);
/// How late a close may be, by the clock of a runtime that stands still while anybody works.
const LATE: Duration = Duration::from_millis(100);

/// Starts a hub, and connects five clients.
async fn crowd() -> (Hub, Vec<Client>) {
    let config = Config::default().drain_time(DRAIN_TIME);
    let hub = Hub::start(config, Hooks::default()).expect("configuration is valid");
    let mut clients = Vec::new();
    for _ in 0..5 {
        clients.push(Client::bound(&hub, "hello").await);
    }
    (hub, clients)
}

/// Returns after what time each client was closed with 1012, the first one first; they leave then.
async fn closes_of(clients: Vec<Client>) -> Vec<Duration> {
    let begun = Instant::now();
    let closes = clients.into_iter().map(|mut client| async move {
        assert_eq!(client.close_code().await, Disconnect::Restart.code());
        begun.elapsed()
    });
    let mut closes = join_all(closes).await;
    closes.sort_unstable();
    closes
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_spreads_its_closes_evenly_over_the_drain_time() {
    let (hub, clients) = crowd().await;
    let (ended, closes) = tokio::join!(hub.shutdown(GRACE), closes_of(clients));
    assert!(ended);
    for (number, at) in (0_u32..).zip(&closes) {
        let due = DRAIN_TIME * number / 5;
        assert!((due..due + LATE).contains(at), "{closes:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_drain_is_over_when_everybody_has_left_by_themselves() {
    let (hub, clients) = crowd().await;
    let begun = Instant::now();
    let leaving = async {
        sleep(Duration::from_secs(1)).await;
        drop(clients);
    };
    let (ended, ()) = tokio::join!(hub.shutdown(GRACE), leaving);
    assert!(ended && begun.elapsed() < Duration::from_secs(1) + LATE, "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_drain_has_half_of_the_grace_and_without_grace_all_are_closed_at_once() {
    for grace in [Duration::from_secs(4), Duration::ZERO] {
        let (hub, clients) = crowd().await;
        let (_, closes) = tokio::join!(hub.shutdown(grace), closes_of(clients));
        assert!(closes.iter().all(|at| *at < grace / 2 + LATE), "{closes:?} of {grace:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_second_shutdown_without_grace_closes_the_rest_at_once() {
    let (hub, clients) = crowd().await;
    let hurry = async {
        sleep(Duration::from_secs(3)).await;
        hub.shutdown(Duration::ZERO).await
    };
    let (ended, _, closes) = tokio::join!(hub.shutdown(GRACE), hurry, closes_of(clients));
    assert!(ended);
    // Those at 0 s and 2 s came by the drain.
    assert!(closes[1] < Duration::from_secs(3) && closes[4] < Duration::from_secs(3) + LATE, "{closes:?}");
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_that_is_given_up_in_its_drain_closes_the_rest_at_once() {
    let (hub, clients) = crowd().await;
    let shutdown = timeout(Duration::from_secs(3), hub.shutdown(GRACE));
    let (given_up, closes) = tokio::join!(shutdown, closes_of(clients));
    assert!(given_up.is_err());
    assert!(closes[1] < Duration::from_secs(3) && closes[4] < Duration::from_secs(3) + LATE, "{closes:?}");
}
