//! What a ledger is told, and when an arrival is settled.

use std::time::Duration;

use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

use super::{Beat, Beings, Ended, Ledger, Millis, PLACES, Timing, Transition};
use crate::event::Cause;
use crate::name::{Device, Id};

/// Writes down what it is told, and settles nothing itself.
#[derive(Debug, Default)]
struct Notes(Mutex<Vec<(Id, Cause, Millis)>>);

impl Ledger for Notes {
    type Name = Id;

    fn place(&self, name: &Id, _: u64) -> usize {
        // More than there are, which is allowed.
        usize::from(name.as_bytes()[0])
    }

    fn record(&self, transition: Transition<'_, Id>) -> bool {
        self.0.lock().push((transition.name.clone(), transition.cause, transition.seen));
        false
    }
}

fn beings(grace: u64) -> Beings<Notes> {
    let timing = Timing::new(Duration::from_secs(1), Duration::from_millis(grace)).unwrap();
    Beings::new(timing, 0, Notes::default())
}

fn notes(beings: &Beings<Notes>) -> Vec<(String, Cause, Millis)> {
    let notes = std::mem::take(&mut *beings.ledger().0.lock());
    notes.into_iter().map(|(id, cause, seen)| (id.to_string(), cause, seen)).collect()
}

fn id(name: &str) -> Id {
    Id::new(name).unwrap()
}

fn device(name: &str) -> Device {
    Device::new(name).unwrap()
}

/// The unsettled ones of a heartbeat for `ids`.
fn beat(beings: &Beings<Notes>, ids: &[Id]) -> Vec<usize> {
    let mut unsettled = Vec::new();
    beings.beat(ids, &mut unsettled);
    unsettled
}

#[tokio::test(start_paused = true)]
async fn heartbeats_name_those_who_are_not_settled_in_input_order() {
    let beings = beings(0);
    let ids: Vec<_> = (0..200).map(|number| id(&format!("{number}"))).collect();
    for (count, settled) in [(3, 1), (200, 77), (200, 150)] {
        assert_eq!(beat(&beings, &ids[..count]).len(), count);
        beings.settle(&ids[settled]);
        let left: Vec<_> = (0..count).filter(|number| *number != settled).collect();
        assert_eq!(beat(&beings, &ids[..count]), left);
        ids.iter().for_each(|id| beings.settle(id));
        assert_eq!(beat(&beings, &ids[..count]), []);
        (0..PLACES).for_each(|place| beings.unsettle(place));
    }
    assert_eq!(notes(&beings).len(), 200, "each arrived once");
}

#[tokio::test(start_paused = true)]
async fn who_left_and_came_back_is_not_settled() {
    let beings = beings(0);
    let (a, tab) = (id("a"), device("tab"));
    assert_eq!(beings.hold_device(&a, &tab), Beat { arrived: true, settled: false });
    beings.settle(&a);
    assert_eq!(beings.hold_device(&a, &tab), Beat { arrived: false, settled: true });
    assert_eq!(beings.end(std::slice::from_ref(&a)), 1);
    assert!(!beings.settle_if(&a, || panic!("nobody is there")));
    assert_eq!(beings.beat_device(&a, &tab), Beat { arrived: true, settled: false });
    assert!(beings.settle_if(&a, || false));
    assert_eq!(beat(&beings, &[a]), [0]);
}

#[tokio::test(start_paused = true)]
async fn ledger_is_told_who_when_and_why() {
    let beings = beings(0);
    let stop = CancellationToken::new();
    let sleep = async {
        tokio::time::sleep(Duration::from_millis(5)).await;
        beings.beat(&[id("a")], &mut Vec::new());
        beings.hold_device(&id("b"), &device("tab"));
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        assert_eq!(beings.end_device(&id("b"), &device("tab")), Ended::Held);
        assert_eq!(beings.end_device(&id("b"), &device("tab")), Ended::Unknown);
        beings.beat_device(&id("c"), &device("tab"));
        assert_eq!(beings.end_device(&id("c"), &device("tab")), Ended::Beating);
        stop.cancel();
    };
    tokio::join!(sleep, beings.sweep(&stop));
    let told = notes(&beings);
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
        let beings = beings(0);
        tokio::time::advance(Duration::from_micros(begin)).await;
        let (a, b, tab, phone) = (id("a"), id("b"), device("tab"), device("phone"));
        beat(&beings, std::slice::from_ref(&a));
        beings.beat_device(&b, &tab);
        tokio::time::advance(Duration::from_micros(999_999)).await;
        beings.expire(beings.place(&a));
        assert!(beings.is_online(&a), "{begin} µs");
        // It ends alone, in the millisecond in which the other's time is over.
        beings.hold_device(&b, &phone);
        beings.end_device(&b, &phone);
        assert!(beings.is_online(&b), "{begin} µs");
        tokio::time::advance(super::LATENESS + Duration::from_micros(1)).await;
        for gone in [&a, &b] {
            beings.expire(beings.place(gone));
            assert!(!beings.is_online(gone), "{begin} µs");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn forgotten_name_goes_without_a_word() {
    let beings = beings(100);
    let a = id("a");
    assert!(!beings.forget_if(&a, |online| !online), "it was not online");
    beat(&beings, std::slice::from_ref(&a));
    assert!(!beings.forget_if(&a, |online| !online));
    assert!(beings.is_online(&a));
    assert!(beings.forget_if(&a, |online| online));
    assert!(!beings.is_online(&a));
    assert_eq!(beings.seen(&a), None, "nobody is to be remembered");
    assert_eq!(notes(&beings).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn place_is_listed_in_pages() {
    let beings = beings(100);
    let ids: Vec<_> = (0..10).map(|number| id(&format!("a{number}"))).collect();
    beat(&beings, &ids);
    beings.hold_device(&ids[7], &device("tab"));
    let place = beings.place(&ids[0]);
    assert_eq!(beings.online(place), 10);
    let (mut all, mut from) = (Vec::new(), Some(0));
    while let Some(next) = from {
        let mut page = Vec::new();
        from = beings.list(place, next, 3, &mut page);
        assert!(page.len() <= 3);
        all.append(&mut page);
    }
    let held: Vec<_> = all.iter().filter(|kept| kept.held).map(|kept| &kept.name).collect();
    assert_eq!((all.len(), held), (10, vec![&ids[7]]));
}
