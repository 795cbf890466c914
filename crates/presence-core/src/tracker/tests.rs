//! What a ledger is told, and when an arrival is settled.

use std::time::Duration;

use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

use super::{Beat, EndedDevice, Ledger, Millis, STRIPES, Timing, Tracker, Transition};
use crate::event::Cause;
use crate::name::{Device, Id};

/// Writes down what it is told, and settles nothing itself.
#[derive(Debug, Default)]
struct Notes(Mutex<Vec<(Id, Cause, Millis)>>);

impl Ledger for Notes {
    type Name = Id;

    fn stripe(&self, name: &Id, _: u64) -> usize {
        // More than there are, which is allowed.
        usize::from(name.as_bytes()[0])
    }

    fn record(&self, transition: Transition<'_, Id>) -> bool {
        self.0.lock().push((transition.name.clone(), transition.cause, transition.seen));
        false
    }
}

fn tracker(grace: u64) -> Tracker<Notes> {
    let timing = Timing::new(Duration::from_secs(1), Duration::from_millis(grace)).unwrap();
    Tracker::new(timing, 0, Notes::default())
}

fn notes(tracker: &Tracker<Notes>) -> Vec<(String, Cause, Millis)> {
    let notes = std::mem::take(&mut *tracker.ledger().0.lock());
    notes.into_iter().map(|(id, cause, seen)| (id.to_string(), cause, seen)).collect()
}

fn id(name: &str) -> Id {
    Id::new(name).unwrap()
}

fn device(name: &str) -> Device {
    Device::new(name).unwrap()
}

/// The unsettled ones of a heartbeat for `ids`.
fn beat(tracker: &Tracker<Notes>, ids: &[Id]) -> Vec<usize> {
    let mut unsettled = Vec::new();
    tracker.beat(ids, &mut unsettled);
    unsettled
}

#[tokio::test(start_paused = true)]
async fn heartbeats_name_those_who_are_not_settled_in_input_order() {
    let tracker = tracker(0);
    let ids: Vec<_> = (0..200).map(|number| id(&format!("{number}"))).collect();
    for (count, settled) in [(3, 1), (200, 77), (200, 150)] {
        assert_eq!(beat(&tracker, &ids[..count]).len(), count);
        tracker.settle(&ids[settled]);
        let left: Vec<_> = (0..count).filter(|number| *number != settled).collect();
        assert_eq!(beat(&tracker, &ids[..count]), left);
        ids.iter().for_each(|id| tracker.settle(id));
        assert_eq!(beat(&tracker, &ids[..count]), []);
        (0..STRIPES).for_each(|stripe| tracker.unsettle(stripe));
    }
    assert_eq!(notes(&tracker).len(), 200, "each arrived once");
}

#[tokio::test(start_paused = true)]
async fn who_left_and_came_back_is_not_settled() {
    let tracker = tracker(0);
    let (a, tab) = (id("a"), device("tab"));
    assert_eq!(tracker.hold_device(&a, &tab), Beat { arrived: true, settled: false });
    tracker.settle(&a);
    assert_eq!(tracker.hold_device(&a, &tab), Beat { arrived: false, settled: true });
    assert_eq!(tracker.end_all(std::slice::from_ref(&a)), 1);
    assert!(!tracker.settle_if(&a, || panic!("nobody is there")));
    assert_eq!(tracker.beat_device(&a, &tab), Beat { arrived: true, settled: false });
    assert!(tracker.settle_if(&a, || false));
    assert_eq!(beat(&tracker, &[a]), [0]);
}

#[tokio::test(start_paused = true)]
async fn ledger_is_told_who_when_and_why() {
    let tracker = tracker(0);
    let stop = CancellationToken::new();
    let sleep = async {
        tokio::time::sleep(Duration::from_millis(5)).await;
        tracker.beat(&[id("a")], &mut Vec::new());
        tracker.hold_device(&id("b"), &device("tab"));
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        assert_eq!(tracker.end_device(&id("b"), &device("tab")), EndedDevice::Held);
        assert_eq!(tracker.end_device(&id("b"), &device("tab")), EndedDevice::Unknown);
        tracker.beat_device(&id("c"), &device("tab"));
        assert_eq!(tracker.end_device(&id("c"), &device("tab")), EndedDevice::Beating);
        stop.cancel();
    };
    tokio::join!(sleep, tracker.sweep(&stop));
    let told = notes(&tracker);
    let told: Vec<_> = told.iter().map(|(id, cause, seen)| (id.as_str(), *cause, *seen)).collect();
    assert_eq!(
        told,
        [
            ("a", Cause::Heartbeat, 5),
            ("b", Cause::Held, 5),
            ("a", Cause::Expired, 5),
            ("b", Cause::Ended, 1_505),
            ("c", Cause::Heartbeat, 1_505),
            ("c", Cause::Ended, 1_505),
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn name_stays_for_all_of_its_time_even_from_within_a_millisecond() {
    for begin in [0, 1, 500, 999] {
        let tracker = tracker(0);
        tokio::time::advance(Duration::from_micros(begin)).await;
        let (a, b, tab, phone) = (id("a"), id("b"), device("tab"), device("phone"));
        beat(&tracker, std::slice::from_ref(&a));
        tracker.beat_device(&b, &tab);
        tokio::time::advance(Duration::from_micros(999_999)).await;
        tracker.expire(tracker.stripe(&a));
        assert!(tracker.is_online(&a), "{begin} µs");
        // It ends alone, in the millisecond in which the other's time is over.
        tracker.hold_device(&b, &phone);
        tracker.end_device(&b, &phone);
        assert!(tracker.is_online(&b), "{begin} µs");
        tokio::time::advance(super::LATENESS + Duration::from_micros(1)).await;
        for gone in [&a, &b] {
            tracker.expire(tracker.stripe(gone));
            assert!(!tracker.is_online(gone), "{begin} µs");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn forgotten_name_goes_without_a_word() {
    let tracker = tracker(100);
    let a = id("a");
    assert!(!tracker.forget_if(&a, |online| !online), "it was not online");
    beat(&tracker, std::slice::from_ref(&a));
    assert!(!tracker.forget_if(&a, |online| !online));
    assert!(tracker.is_online(&a));
    assert!(tracker.forget_if(&a, |online| online));
    assert!(!tracker.is_online(&a));
    assert_eq!(tracker.seen(&a), None, "nobody is to be remembered");
    assert_eq!(notes(&tracker).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn place_is_listed_in_pages() {
    let tracker = tracker(100);
    let ids: Vec<_> = (0..10).map(|number| id(&format!("a{number}"))).collect();
    beat(&tracker, &ids);
    tracker.hold_device(&ids[7], &device("tab"));
    let stripe = tracker.stripe(&ids[0]);
    assert_eq!(tracker.online(stripe), 10);
    let (mut all, mut from) = (Vec::new(), Some(0));
    while let Some(next) = from {
        let mut page = Vec::new();
        from = tracker.list(stripe, next, 3, &mut page);
        assert!(page.len() <= 3);
        all.append(&mut page);
    }
    let held: Vec<_> = all.iter().filter(|kept| kept.held).map(|kept| &kept.name).collect();
    assert_eq!((all.len(), held), (10, vec![&ids[7]]));
}
