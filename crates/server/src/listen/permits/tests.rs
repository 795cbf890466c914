use axum::body::{Body, Bytes};
use http_body_util::BodyExt as _;

use super::*;

const PATIENCE: Timeouts =
    Timeouts { handshake: Some(Duration::from_secs(10)), answer: Duration::from_secs(30) };

fn is_closed(permit: &ConnectionPermit) -> bool {
    permit.closed().is_cancelled()
}

#[tokio::test(start_paused = true)]
async fn the_one_that_was_idle_longest_goes_and_the_busy_stay() {
    let permits = ConnectionPermits::new(3, PATIENCE, BodyMemory::new(1024), Gauge::noop());
    let [first, second, third] = [(), (), ()].map(|()| permits.take().unwrap());
    let busy = first.handle().busy();
    tokio::time::advance(Duration::from_secs(1)).await;
    drop(second.handle().busy());
    let fourth = permits.take().unwrap();
    assert_eq!([&first, &second, &third, &fourth].map(is_closed), [false, false, true, false]);
    // A place that was given away is not given back by its former owner.
    drop(third);
    assert_eq!(permits.shared.table.lock().taken.len(), 3);
    tokio::time::advance(Duration::from_secs(1)).await;
    drop(busy);
    let fifth = permits.take().unwrap();
    assert_eq!([&first, &second, &fourth, &fifth].map(is_closed), [false, true, false, false]);
}

#[tokio::test(start_paused = true)]
async fn answers_without_an_end_keep_nobody_out_and_nothing_else_from_being_busy() {
    let permits = ConnectionPermits::new(3, PATIENCE, BodyMemory::new(1024), Gauge::noop());
    let [first, second, both] = [(), (), ()].map(|()| permits.take().unwrap());
    let endless = [&first, &second, &both].map(|permit| permit.handle().resting());
    let busy = both.handle().busy();
    let _whole = busy.arriving(Body::empty());
    tokio::time::advance(Duration::from_secs(1)).await;
    // A question beside it is an activity of its own.
    drop(first.handle().busy());
    let third = permits.take().unwrap();
    assert_eq!([&first, &second, &both].map(is_closed), [false, true, false]);
    tokio::time::advance(Duration::from_secs(1)).await;
    let _busy = third.handle().busy();
    let fourth = permits.take().unwrap();
    assert_eq!([&first, &third, &both].map(is_closed), [true, false, false]);
    let _busy_too = fourth.handle().busy();
    assert!(permits.take().unwrap().state.is_reserved());
    drop(busy);
    assert!(!permits.take().unwrap().state.is_reserved() && is_closed(&both));
    drop(endless);
}

#[tokio::test(start_paused = true)]
async fn when_all_are_busy_there_are_seats_for_health() {
    let permits = ConnectionPermits::new(2, PATIENCE, BodyMemory::new(1024), Gauge::noop());
    let ordinary = [(), ()].map(|()| permits.take().unwrap());
    let busy = ordinary.each_ref().map(|permit| permit.handle().busy());
    let reserved: Vec<_> = (0..RESERVED).map(|_| permits.take().unwrap()).collect();
    assert!(reserved.iter().all(|permit| permit.state.is_reserved()));
    // Somebody silent on a reserved place goes first.
    let probe = permits.take().unwrap();
    assert!(probe.state.is_reserved() && is_closed(&reserved[0]));
    assert!(!ordinary.iter().any(is_closed));
    drop(busy);
    assert!(!permits.take().unwrap().state.is_reserved());
}

#[tokio::test(start_paused = true)]
async fn a_client_on_a_reserved_seat_gets_the_next_place_that_is_free() {
    let permits = ConnectionPermits::new(1, PATIENCE, BodyMemory::new(1024), Gauge::noop());
    let first = permits.take().unwrap();
    let busy = first.handle().busy();
    let second = permits.take().unwrap();
    let _asks = second.handle().busy();
    assert!(!second.handle().has_place() && !is_closed(&first));
    drop(busy);
    assert!(second.handle().has_place() && is_closed(&first));
    assert_eq!(permits.shared.table.lock().reserved, 0);
    // It is one of the ordinary ones now.
    assert!(permits.take().unwrap().state.is_reserved());
}

#[tokio::test(start_paused = true)]
async fn when_nobody_is_idle_the_slowest_request_that_is_not_here_yet_goes() {
    let permits = ConnectionPermits::new(3, PATIENCE, BodyMemory::new(1024), Gauge::noop());
    let [still, dripping, whole] = [(), (), ()].map(|()| permits.take().unwrap());
    let busy = [&still, &dripping, &whole].map(|permit| permit.handle().busy());
    let (sender, receiver) = tokio::sync::mpsc::channel::<Result<Bytes, std::io::Error>>(4);
    let stream = futures_util::stream::unfold(receiver, async |mut receiver| {
        let next = receiver.recv().await?;
        Some((next, receiver))
    });
    let _nothing =
        busy[0].arriving(Body::from_stream(futures_util::stream::pending::<std::io::Result<Bytes>>()));
    let mut drips = busy[1].arriving(Body::from_stream(stream));
    let _whole = busy[2].arriving(Body::empty());
    // Just begun, none is slow.
    assert!(permits.take().unwrap().state.is_reserved());
    tokio::time::advance(Duration::from_secs(1)).await;
    sender.send(Ok(Bytes::from_static(b"x"))).await.unwrap();
    drips.frame().await.unwrap().unwrap();
    let fourth = permits.take().unwrap();
    assert!(is_closed(&still) && !is_closed(&dripping) && !fourth.state.is_reserved());
    let _busy = fourth.handle().busy();
    let fifth = permits.take().unwrap();
    assert!(is_closed(&dripping) && !is_closed(&whole) && !fifth.state.is_reserved());
}

#[tokio::test(start_paused = true)]
async fn when_nobody_is_idle_the_slowest_answer_goes_and_one_that_we_make_stays() {
    let permits = ConnectionPermits::new(3, PATIENCE, BodyMemory::new(1024), Gauge::noop());
    let [unread, read, ours] = [(), (), ()].map(|()| permits.take().unwrap());
    let [first, second, _making] = [&unread, &read, &ours].map(|permit| {
        let busy = permit.handle().busy();
        drop(busy.arriving(Body::empty()));
        busy
    });
    let [mut first, mut second] = [first, second].map(|busy| busy.follow(Body::from(vec![7; 100 * 1024])));
    let _held = first.frame().await.unwrap().unwrap();
    let taken = second.frame().await.unwrap().unwrap();
    // Just begun, neither is slow.
    assert!(permits.take().unwrap().state.is_reserved());
    tokio::time::advance(Duration::from_secs(1)).await;
    drop(taken);
    let fourth = permits.take().unwrap();
    assert!(is_closed(&unread) && !is_closed(&read) && !fourth.state.is_reserved());
    let busy = fourth.handle().busy();
    drop(busy.arriving(Body::empty()));
    assert!(permits.take().unwrap().state.is_reserved());
    // The rest of its answer is asked for, and not taken.
    let _rest = second.frame().await.unwrap().unwrap();
    tokio::time::advance(Duration::from_secs(1)).await;
    assert!(!permits.take().unwrap().state.is_reserved());
    assert!(is_closed(&read) && !is_closed(&ours) && !is_closed(&fourth));
    drop(busy);
}

#[tokio::test(start_paused = true)]
async fn whoever_does_not_finish_the_handshake_has_to_go() {
    let permits = ConnectionPermits::new(2, PATIENCE, BodyMemory::new(1024), Gauge::noop());
    let [silent, well] = [(), ()].map(|()| permits.take().unwrap());
    well.handshake_done();
    let stop = CancellationToken::new();
    let watch = permits.watch(stop.clone());
    tokio::pin!(watch);
    assert!(tokio::time::timeout(Duration::from_secs(9), watch.as_mut()).await.is_err());
    assert!(!is_closed(&silent));
    assert!(tokio::time::timeout(Duration::from_secs(3), watch.as_mut()).await.is_err());
    assert!(is_closed(&silent) && !is_closed(&well));
    stop.cancel();
    watch.await;
}
