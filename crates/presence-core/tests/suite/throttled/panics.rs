//! What becomes of the throttle when a call or the events of the inner backend panic.

use std::time::Duration;

use presence_core::throttled::Throttled;
use presence_core::{Backend, ErrorKind, State, Status};
use tokio::time::{sleep, timeout};

use super::{TTL, config, device, id, start};

/// Longer than any pause before a task is started again.
const SOON: Duration = Duration::from_secs(2);

/// Waits for the state in which a task does not run, and then for the end of that.
async fn down_and_well(throttled: &Throttled) {
    let mut state = throttled.state();
    let down = timeout(TTL, state.wait_for(|state| !state.is_well())).await.expect("it is told");
    let down = down.expect("the throttle is there").clone();
    assert!(matches!(&down, State::Down { .. }) && down.to_string().contains("panicked"), "{down}");
    let well = timeout(SOON, state.wait_for(State::is_well)).await;
    well.expect("it is started again").expect("the throttle is there");
}

#[tokio::test(start_paused = true)]
async fn call_that_panics_fails_its_callers_and_the_next_goes_through() {
    let (spy, throttled) = start(config()).await;
    let (alice, bob) = ([id("alice")], [id("bob")]);
    spy.panic();
    let error = timeout(SOON, throttled.online(&alice)).await.expect("in time").unwrap_err();
    let kinds: Vec<_> = error.iter().map(|failure| failure.error().kind()).collect();
    assert_eq!(kinds, [ErrorKind::Unavailable]);
    let (next, ()) = tokio::join!(timeout(SOON, throttled.online(&bob)), down_and_well(&throttled));
    next.expect("in time").unwrap();
    throttled.online(&alice).await.unwrap();
    assert_eq!(throttled.status(&[id("alice"), id("bob")]).await.unwrap(), [Status::Online; 2]);
    assert!(throttled.shutdown(SOON).await);
    assert_eq!(*throttled.state().borrow(), State::closed());
}

#[tokio::test(start_paused = true)]
async fn heartbeat_that_is_owed_is_passed_on_after_a_panic() {
    let (spy, throttled) = start(config()).await;
    let alice = [id("alice")];
    throttled.online(&alice).await.unwrap();
    sleep(Duration::from_secs(3)).await;
    // Answered here, and owed from 4 to 6 s on.
    throttled.online(&alice).await.unwrap();
    assert_eq!(spy.calls().len(), 1);
    spy.panic();
    down_and_well(&throttled).await;
    assert_eq!(spy.calls().len(), 2);
    // Who is ended waits for nothing that a panic has left on its way.
    timeout(SOON, throttled.offline(&alice)).await.expect("in time").unwrap();
    assert_eq!(throttled.status(&alice).await.unwrap(), [Status::Offline]);
}

#[tokio::test(start_paused = true)]
async fn nobody_is_answered_by_events_that_panic() {
    let (spy, throttled) = start(config()).await;
    let (alice, phone) = ([id("alice")], device("phone"));
    throttled.online(&alice).await.unwrap();
    super::others().await;
    spy.panic();
    // Ended elsewhere, which is what nobody hears.
    spy.backend().offline(&alice).await.unwrap();
    super::others().await;
    assert_eq!(spy.calls().len(), 1);
    throttled.online(&alice).await.unwrap();
    assert_eq!((spy.calls().len(), throttled.status(&alice).await.unwrap()), (2, vec![Status::Online]));
    throttled.beat_device(&alice[0], &phone).await.unwrap();
    down_and_well(&throttled).await;
    // Heard again: the first goes through, the second is answered here, and the third not.
    throttled.online(&alice).await.unwrap();
    throttled.online(&alice).await.unwrap();
    assert_eq!(spy.calls().len(), 3);
    spy.backend().offline(&alice).await.unwrap();
    super::others().await;
    throttled.online(&alice).await.unwrap();
    assert_eq!((spy.calls().len(), throttled.status(&alice).await.unwrap()), (4, vec![Status::Online]));
}
