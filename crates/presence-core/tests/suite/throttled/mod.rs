//! The throttle: what it lets through, when, and what it does with failures.

mod panics;
mod silence;
mod spy;

use std::time::Duration;

use futures_util::FutureExt;
use presence_core::throttled::{Config, Throttled};
use presence_core::{Backend, Device, ErrorKind, Failure, Id, Since, Status, Update};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use self::spy::Spy;

const TTL: Duration = Duration::from_secs(10);

fn config() -> Config {
    Config::default().ttl(TTL)
}

async fn start(config: Config) -> (Spy, Throttled) {
    let spy = Spy::start(TTL, 65_536);
    let throttled = Throttled::start(config, spy.backend()).await.expect("good settings");
    (spy, throttled)
}

fn id(name: &str) -> Id {
    Id::new(name).expect("a good name")
}

fn ids(count: usize) -> Vec<Id> {
    (0..count).map(|number| id(&format!("user {number}"))).collect()
}

fn device(name: &str) -> Device {
    Device::new(name).expect("a good name")
}

/// Lets the tasks of the throttle do what there is to do.
async fn others() {
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(start_paused = true)]
async fn heartbeats_far_from_the_deadline_are_answered_here() {
    let (spy, throttled) = start(config()).await;
    let alice = [id("alice")];
    for _ in 0..1_000 {
        throttled.online(&alice).await.unwrap();
        sleep(Duration::from_millis(100)).await;
    }
    let sent: Vec<_> = spy.calls().iter().map(|call| call.at).collect();
    for pair in sent.windows(2) {
        let apart = pair[1] - pair[0];
        // A refresh is due after 4 to 6 s, and goes with the next heartbeat.
        assert!(apart >= Duration::from_secs(4) && apart <= Duration::from_millis(6_100), "{apart:?}");
    }
    assert!((16..=25).contains(&sent.len()), "{} of 1,000 went through", sent.len());
}

/// Beats at 0 and 0.55 TTL, which is answered here or not, and then just before the heartbeat's
/// deadline.
#[tokio::test(start_paused = true)]
async fn who_beats_within_the_ttl_never_goes_offline() {
    let (spy, throttled) = start(config()).await;
    let (ids, phone) = (ids(100), device("phone"));
    let beat = async || {
        throttled.online(&ids[1..]).await.unwrap();
        throttled.beat_device(&ids[0], &phone).await.unwrap();
    };
    let mut events = throttled.events(Since::Now).await.unwrap();
    beat().await;
    for _ in 0..20 {
        sleep(TTL.mul_f64(0.55)).await;
        beat().await;
        let (calls, devices) = (spy.calls().len(), spy.devices());
        sleep(TTL - Duration::from_millis(1)).await;
        // Batched, and once each.
        assert!(spy.calls().len() <= calls + 8 && spy.devices() <= devices + 1);
        beat().await;
    }
    while let Some(Some(update)) = events.next().now_or_never() {
        let update = update.unwrap();
        assert!(!matches!(&update, Update::Change(event) if event.status == Status::Offline), "{update:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn silent_id_is_offline_no_later_than_the_config_says() {
    let config = config();
    let (_spy, throttled) = start(config.clone()).await;
    let mut events = throttled.events(Since::Now).await.unwrap();
    let ids = ids(200);
    throttled.online(&ids).await.unwrap();
    // Answered here: the deadline is 12 s, of some 10 s from when they went through.
    sleep(Duration::from_secs(2)).await;
    throttled.online(&ids).await.unwrap();
    let (deadline, mut last, mut left) = (Instant::now() + TTL, Duration::ZERO, ids.len());
    while left > 0 {
        let Some(Ok(update)) = events.next().await else { panic!("the events ended") };
        if matches!(&update, Update::Change(event) if event.status == Status::Offline) {
            last = Instant::now().checked_duration_since(deadline).expect("no earlier than the deadline");
            left -= 1;
        }
    }
    let bound = config.lateness() - Duration::from_secs(2) + Duration::from_millis(110);
    assert!(last > bound - Duration::from_millis(300) && last <= bound, "{last:?}");
}

#[tokio::test(start_paused = true)]
async fn heartbeat_that_is_owed_is_tried_until_it_goes_through() {
    let (spy, throttled) = start(config()).await;
    let alice = [id("alice")];
    throttled.online(&alice).await.unwrap();
    sleep(Duration::from_secs(3)).await;
    throttled.online(&alice).await.unwrap();
    // Past the end of the answers, before the deadline.
    sleep(Duration::from_secs(1)).await;
    spy.fail(Some("alice"));
    sleep(Duration::from_secs(5)).await;
    spy.fail(None);
    sleep(Duration::from_millis(3_900)).await;
    assert_eq!(throttled.status(&alice).await.unwrap(), [Status::Online]);
}

#[tokio::test(start_paused = true)]
async fn who_is_ended_while_a_heartbeat_is_owed_stays_offline() {
    let (spy, throttled) = start(config()).await;
    let alice = [id("alice")];
    for elsewhere in [false, true] {
        throttled.online(&alice).await.unwrap();
        sleep(Duration::from_secs(3)).await;
        throttled.online(&alice).await.unwrap();
        let backend = spy.backend();
        let by: &dyn Backend = if elsewhere { &*backend } else { &throttled };
        by.offline(&alice).await.unwrap();
        sleep(Duration::from_secs(5)).await;
        assert_eq!(throttled.status(&alice).await.unwrap(), [Status::Offline]);
    }
    // The same, while it is on its way: the end waits for it.
    throttled.online(&alice).await.unwrap();
    sleep(Duration::from_secs(3)).await;
    throttled.online(&alice).await.unwrap();
    let before = spy.calls().len();
    spy.freeze();
    sleep(Duration::from_secs(4)).await;
    assert_eq!(spy.calls().len(), before + 1);
    let (end, ()) = tokio::join!(throttled.offline(&alice), async {
        others().await;
        assert_eq!(spy.backend().status(&alice).await.unwrap(), [Status::Online]);
        spy.thaw();
    });
    end.unwrap();
    assert_eq!(throttled.status(&alice).await.unwrap(), [Status::Offline]);
}

#[tokio::test(start_paused = true)]
async fn events_that_lag_neither_silence_nor_revive_who_is_owed_a_heartbeat() {
    let spy = Spy::start(TTL, 50);
    let throttled = Throttled::start(config(), spy.backend()).await.expect("good settings");
    let both = [id("alice"), id("bob")];
    throttled.online(&both).await.unwrap();
    sleep(Duration::from_secs(3)).await;
    throttled.online(&both).await.unwrap();
    spy.backend().offline(&both[1..]).now_or_never().expect("memory does not wait").unwrap();
    spy.backend().online(&ids(100)).now_or_never().expect("memory does not wait").unwrap();
    sleep(TTL - Duration::from_millis(1)).await;
    assert_eq!(throttled.status(&both).await.unwrap(), [Status::Online, Status::Offline]);
}

#[tokio::test(start_paused = true)]
async fn those_who_came_together_are_not_refreshed_together() {
    let (spy, throttled) = start(config()).await;
    let (ids, begin) = (ids(1_000), Instant::now());
    while begin.elapsed() < Duration::from_secs(7) {
        throttled.online(&ids).await.unwrap();
        sleep(Duration::from_millis(50)).await;
    }
    // By tenths of the 2 s in which they are due.
    let mut tenths = [0; 10];
    for call in &spy.calls()[1..] {
        let after = (call.at - begin).saturating_sub(Duration::from_secs(4)).as_millis();
        tenths[usize::try_from(after / 200).expect("small").min(9)] += call.ids.len();
    }
    assert_eq!(tenths.iter().sum::<usize>(), ids.len());
    assert!(tenths.iter().all(|tenth| (50..200).contains(tenth)), "{tenths:?}");
}

#[tokio::test(start_paused = true)]
async fn callers_that_wait_for_a_call_go_together_after_it() {
    let (spy, throttled) = start(config()).await;
    let throttled = std::sync::Arc::new(throttled);
    spy.freeze();
    let mut callers = JoinSet::new();
    for number in 0..100 {
        let throttled = std::sync::Arc::clone(&throttled);
        // Half of them have one id in common.
        let both = [id(&format!("user {number}")), id(if number % 2 == 0 { "common" } else { "x" })];
        callers.spawn(async move { throttled.online(&both).await });
        others().await;
    }
    assert_eq!(spy.calls().len(), 1);
    spy.thaw();
    for result in callers.join_all().await {
        result.unwrap();
    }
    let mut sizes: Vec<_> = spy.calls().iter().map(|call| call.ids.len()).collect();
    sizes.sort_unstable();
    // The first caller alone; then the other 99, "x" and "common", which went through meanwhile and
    // needs no call.
    assert_eq!(sizes, [2, 100]);
    let all: std::collections::HashSet<_> = spy.calls().into_iter().flat_map(|call| call.ids).collect();
    assert_eq!(all.len(), 102);
}

#[tokio::test(start_paused = true)]
async fn callers_within_the_window_go_together() {
    let (spy, throttled) = start(config().window(Duration::from_millis(5))).await;
    let (a, b, c) = ([id("a")], [id("b")], [id("c")]);
    let later = async |millis, ids| {
        sleep(Duration::from_millis(millis)).await;
        throttled.online(ids).await.unwrap();
    };
    tokio::join!(later(0, &a), later(4, &b), later(6, &c));
    assert_eq!(spy.calls().iter().map(|call| call.ids.len()).collect::<Vec<_>>(), [2, 1]);
}

#[tokio::test(start_paused = true)]
async fn large_call_is_split() {
    let (spy, throttled) = start(config().batch_max(100).waiting_max(1)).await;
    throttled.online(&ids(950)).await.unwrap();
    assert!(spy.calls().iter().all(|call| call.ids.len() <= 100));
    assert_eq!(spy.calls().iter().map(|call| call.ids.len()).sum::<usize>(), 950);
    assert_eq!(throttled.count().await.unwrap(), 950);
}

#[tokio::test(start_paused = true)]
async fn failure_reaches_every_caller_concerned_and_nobody_else() {
    let (spy, throttled) = start(config()).await;
    spy.fail(Some("bad"));
    let (first, second, third) = ([id("a"), id("bad"), id("b"), id("bad")], [id("bad"), id("c")], [id("d")]);
    let (first, second, third) =
        tokio::join!(throttled.online(&first), throttled.online(&second), throttled.online(&third));
    let places = |error: &presence_core::BatchError| error.iter().map(Failure::index).collect::<Vec<_>>();
    let error = first.unwrap_err();
    assert_eq!((places(&error), error.kind(), error.has("bad")), (vec![1, 3], ErrorKind::Unavailable, true));
    assert_eq!(places(&second.unwrap_err()), [0]);
    third.unwrap();

    // What failed is not remembered, what did not is.
    spy.fail(None);
    let before = spy.calls().len();
    throttled.online(&[id("a"), id("b"), id("c"), id("d")]).await.unwrap();
    assert_eq!(spy.calls().len(), before);
    throttled.online(&[id("a"), id("bad")]).await.unwrap();
    assert_eq!(spy.calls()[before..].iter().flat_map(|call| call.ids.clone()).collect::<Vec<_>>(), ["bad"]);
}

#[tokio::test(start_paused = true)]
async fn failed_refresh_is_tried_again_at_once() {
    let (spy, throttled) = start(config()).await;
    let alice = [id("alice")];
    throttled.online(&alice).await.unwrap();
    sleep(Duration::from_secs(7)).await;
    spy.fail(Some("alice"));
    assert!(throttled.online(&alice).await.is_err());
    assert!(throttled.online(&alice).await.is_err());
    spy.fail(None);
    throttled.online(&alice).await.unwrap();
    assert_eq!(spy.calls().len(), 4);
}

#[tokio::test(start_paused = true)]
async fn who_was_ended_here_is_not_answered_for() {
    let (spy, throttled) = start(config()).await;
    let alice = [id("alice")];
    throttled.online(&alice).await.unwrap();
    throttled.offline(&alice).await.unwrap();
    throttled.online(&alice).await.unwrap();
    assert_eq!(spy.calls().len(), 2);
    assert_eq!(throttled.status(&alice).await.unwrap(), [Status::Online]);
}

#[tokio::test(start_paused = true)]
async fn who_was_ended_elsewhere_is_not_answered_for() {
    let (spy, throttled) = start(config()).await;
    let alice = [id("alice")];
    throttled.online(&alice).await.unwrap();
    throttled.beat_device(&alice[0], &device("phone")).await.unwrap();
    spy.backend().offline(&alice).await.unwrap();
    others().await;
    throttled.online(&alice).await.unwrap();
    throttled.beat_device(&alice[0], &device("phone")).await.unwrap();
    assert_eq!((spy.calls().len(), spy.devices()), (2, 2));
    assert_eq!(throttled.status(&alice).await.unwrap(), [Status::Online]);
}

#[tokio::test(start_paused = true)]
async fn refresh_that_an_offline_overtakes_is_not_remembered() {
    let (spy, throttled) = start(config()).await;
    let alice = [id("alice")];
    spy.freeze();
    let (beat, end) = tokio::join!(throttled.online(&alice), async {
        others().await;
        let end = throttled.offline(&alice).await;
        spy.thaw();
        end
    });
    beat.unwrap();
    end.unwrap();
    throttled.online(&alice).await.unwrap();
    assert_eq!(spy.calls().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn events_that_lag_let_everything_through_once() {
    let spy = Spy::start(TTL, 50);
    let throttled = Throttled::start(config(), spy.backend()).await.expect("good settings");
    let alice = [id("alice")];
    throttled.online(&alice).await.unwrap();
    // More than the inner backend keeps, without a pause for the throttle to read them.
    spy.backend().online(&ids(100)).now_or_never().expect("memory does not wait").unwrap();
    others().await;
    throttled.online(&alice).await.unwrap();
    throttled.online(&alice).await.unwrap();
    assert_eq!(spy.calls().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn heartbeats_of_devices_are_answered_here_too() {
    let (spy, throttled) = start(config()).await;
    let alice = id("alice");
    for _ in 0..30 {
        throttled.beat_device(&alice, &device("phone")).await.unwrap();
        throttled.beat_device(&alice, &device("watch")).await.unwrap();
        sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(spy.devices(), 2);
    throttled.end_device(&alice, &device("phone")).await.unwrap();
    throttled.beat_device(&alice, &device("watch")).await.unwrap();
    assert_eq!(spy.devices(), 2);
    throttled.beat_device(&alice, &device("phone")).await.unwrap();
    assert_eq!(spy.devices(), 3);
    spy.fail(Some("alice"));
    // Until what is owed is not tried any more.
    sleep(TTL * 2).await;
    let before = spy.devices();
    for _ in 0..2 {
        let error = throttled.beat_device(&alice, &device("watch")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
    }
    assert_eq!(spy.devices(), before + 2);
}

#[tokio::test(start_paused = true)]
async fn heartbeat_that_nobody_waited_for_is_not_remembered() {
    let (spy, throttled) = start(config()).await;
    let alice = id("alice");
    spy.freeze();
    assert!(throttled.beat_device(&alice, &device("phone")).now_or_never().is_none());
    spy.thaw();
    throttled.beat_device(&alice, &device("phone")).await.unwrap();
    assert_eq!(spy.devices(), 2);
}

#[tokio::test(start_paused = true)]
async fn heartbeat_waits_no_longer_than_it_may() {
    let config = config().waiting_max(1).wait_max(Duration::from_millis(300));
    let (spy, throttled) = start(config).await;
    spy.freeze();
    let begin = Instant::now();
    let (first, second, third) = ([id("a")], [id("b")], [id("c")]);
    let impatient = async |ids| {
        let result = throttled.online(ids).await;
        (result.map_err(|error| error.kind()), begin.elapsed())
    };
    let (first, second, third, ()) = tokio::join!(
        // On its way, waiting in the queue, and waiting for room there.
        impatient(&first),
        impatient(&second),
        impatient(&third),
        async {
            sleep(Duration::from_secs(1)).await;
            spy.thaw();
        }
    );
    assert_eq!(first, (Ok(()), Duration::from_secs(1)));
    assert_eq!(second, (Err(ErrorKind::Unavailable), Duration::from_secs(1)));
    assert_eq!(third, (Err(ErrorKind::Unavailable), Duration::from_millis(300)));
    assert_eq!(spy.calls().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn last_seen_counts_what_was_answered_here() {
    let (_spy, throttled) = start(config()).await;
    let alice = [id("alice")];
    throttled.online(&alice).await.unwrap();
    let first = throttled.last_seen(&alice).await.unwrap()[0].expect("was seen");
    sleep(Duration::from_secs(3)).await;
    throttled.online(&alice).await.unwrap();
    let later = throttled.last_seen(&alice).await.unwrap()[0].expect("was seen");
    // Paused time does not move the wall's: seen from now, the first heartbeat was 3 s before
    // `first`.
    assert!(later >= first, "{first:?}, then {later:?}");
}

#[tokio::test(start_paused = true)]
async fn closed_backend_answers_nobody() {
    let (spy, throttled) = start(config()).await;
    let alice = [id("alice")];
    throttled.online(&alice).await.unwrap();
    assert!(spy.backend().shutdown(TTL).await);
    others().await;
    assert_eq!(throttled.online(&alice).await.unwrap_err().kind(), ErrorKind::Closed);
    assert!(throttled.shutdown(TTL).await);
    assert!(throttled.shutdown(Duration::ZERO).await);
    assert_eq!(throttled.online(&alice).await.unwrap_err().kind(), ErrorKind::Closed);
}

#[tokio::test(start_paused = true)]
async fn shutdown_finishes_the_heartbeats_that_wait() {
    let (spy, throttled) = start(config()).await;
    spy.freeze();
    let (first, second) = ([id("a")], [id("b")]);
    let (first, second, ()) = tokio::join!(throttled.online(&first), throttled.online(&second), async {
        others().await;
        let (ended, ()) = tokio::join!(throttled.shutdown(TTL), async {
            others().await;
            let refused = throttled.online(&[id("c")]).await.unwrap_err();
            assert_eq!(refused.kind(), ErrorKind::Closed);
            spy.thaw();
        });
        assert!(ended);
    });
    first.unwrap();
    second.unwrap();
    let ids: Vec<_> = spy.calls().into_iter().flat_map(|call| call.ids).collect();
    assert_eq!(ids, ["a", "b"]);
}

#[tokio::test(start_paused = true)]
async fn shutdown_waits_for_a_slow_store_no_longer_than_its_grace_time() {
    let (spy, throttled) = start(config()).await;
    spy.freeze();
    let (first, second) = ([id("a")], [id("b")]);
    let begun = Instant::now();
    let (first, second, ()) = tokio::join!(throttled.online(&first), throttled.online(&second), async {
        others().await;
        assert!(!throttled.shutdown(Duration::from_millis(300)).await);
        assert_eq!(begun.elapsed(), Duration::from_millis(300));
        spy.thaw();
        assert!(throttled.shutdown(TTL).await, "a second one waits for the same end");
    });
    assert_eq!(first.unwrap_err().kind(), ErrorKind::Closed);
    assert_eq!(second.unwrap_err().kind(), ErrorKind::Closed);
}

#[tokio::test]
async fn settings_are_checked_at_the_start() {
    let config = config().fraction(0.1);
    let error = Throttled::start(config, Spy::start(TTL, 1).backend()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
}
