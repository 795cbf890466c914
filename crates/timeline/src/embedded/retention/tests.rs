//! What is as old as it is kept goes, and nothing earlier.

use super::*;
use crate::embedded::sample::{Put, Sample, group, member, pair, seq};

fn keep(ms: u64) -> Keep {
    Keep::everything().age(Duration::from_millis(ms))
}

/// What a whole sweep finds.
fn sweep(sample: &Sample, retention: Retention, now_ms: u64) -> Vec<ExpiredBox> {
    let (mut sweep, mut expired) = (Sweep::new(retention), Vec::new());
    while sweep.is_due(Instant::now()) {
        expired.extend(sweep.next(sample.tables(), now_ms).unwrap());
    }
    expired
}

fn expired(prefix: Vec<u8>, floor: u64) -> ExpiredBox {
    ExpiredBox { prefix, floor: seq(floor) }
}

#[test]
fn entries_go_when_they_are_as_old_as_they_are_kept() {
    let directory = tempfile::tempdir().unwrap();
    let mut sample = Sample::open(directory.path());
    for at_ms in [1_000, 2_000, 2_000, 3_000] {
        sample.put(&Put::pair("a", "b", "{}", at_ms));
    }
    let history = || keys::history(&pair("a", "b"));
    let found = |now_ms| sweep(&sample, Retention::new().pairs(keep(10_000)), now_ms);
    assert_eq!(found(5), []);
    assert_eq!(found(10_999), []);
    assert_eq!(found(11_000), [expired(history(), 1)]);
    assert_eq!(found(12_000), [expired(history(), 3)]);
    assert_eq!(found(99_000), [expired(history(), 4)]);
    let extent = Extent { floor: seq(3), ..sample.extent(&history()) };
    sample.set_extent(&history(), extent);
    let found = |now_ms| sweep(&sample, Retention::new().pairs(keep(10_000)), now_ms);
    assert_eq!(found(12_999), []);
    assert_eq!(found(13_000), [expired(history(), 4)]);
}

#[test]
fn a_copy_that_is_ahead_of_the_clock_keeps_no_other_back() {
    let directory = tempfile::tempdir().unwrap();
    let mut sample = Sample::open(directory.path());
    // The history with `b` is ahead, as the clock was set back after its first entry.
    for (from, at_ms) in [("b", 9_000_000), ("c", 1_000), ("b", 9_000_000), ("c", 2_000), ("c", 3_000)] {
        sample.put(&Put::pair(from, "a", "{}", at_ms));
    }
    let found = |now_ms| sweep(&sample, Retention::new().inboxes(keep(10_000)), now_ms);
    let inbox = |id| keys::inbox(&member(id));
    assert_eq!(found(10_999), []);
    assert_eq!(found(11_000), [expired(inbox("a"), 2), expired(inbox("c"), 1)]);
    assert_eq!(found(12_000), [expired(inbox("a"), 4), expired(inbox("c"), 2)]);
    // When each of `b` was taken nobody knows before the clock is there.
    assert_eq!(found(13_000), [expired(inbox("a"), 5), expired(inbox("c"), 3)]);
    assert_eq!(found(9_010_000).len(), 3);
}

#[test]
fn too_many_entries_go_also_from_a_box_that_gets_nothing_more() {
    let directory = tempfile::tempdir().unwrap();
    let mut sample = Sample::open(directory.path());
    for at_ms in 1..=12 {
        sample.put(&Put::pair("a", "b", "{}", at_ms * 1_000));
    }
    let history = || keys::history(&pair("a", "b"));
    let found = |keep: Keep, now_ms| sweep(&sample, Retention::new().pairs(keep), now_ms);
    let newest = |entries| Keep::everything().entries(entries);
    assert_eq!(found(newest(10), 0), [expired(history(), 2)]);
    assert_eq!(found(newest(11), 0), [], "a tenth more may stay");
    // Of both, what goes further counts.
    assert_eq!(found(keep(10_000).entries(10), 11_000), [expired(history(), 2)]);
    assert_eq!(found(keep(10_000).entries(10), 13_000), [expired(history(), 3)]);
}

#[test]
fn every_kind_of_box_is_kept_as_it_is_said() {
    let directory = tempfile::tempdir().unwrap();
    let mut sample = Sample::open(directory.path());
    sample.put(&Put::pair("a", "a", "{}", 1_000));
    sample.put(&Put::group("a", "news:1", &["a"], "{}", 1_000));
    sample.put(&Put::group("a", "tea", &["a"], "{}", 1_000));
    let of = |retention: Retention| sweep(&sample, retention, 100_000);
    let inbox = || expired(keys::inbox(&member("a")), 3);
    let (news, tea) =
        (|| expired(keys::history(&group("news:1")), 1), || expired(keys::history(&group("tea")), 1));
    assert_eq!(of(Retention::new()), []);
    assert_eq!(of(Retention::new().inboxes(keep(1_000))), [inbox()]);
    assert_eq!(of(Retention::new().groups(keep(1_000))), [news(), tea()]);
    assert_eq!(of(Retention::new().groups_named("news:", keep(1_000))), [news()]);
    let other = Retention::new().groups(keep(1_000)).groups_named("news:", Keep::everything());
    assert_eq!(of(other), [tea()]);
}

#[test]
fn a_sweep_looks_at_a_few_boxes_at_a_time_and_rests_when_it_has_seen_all() {
    let directory = tempfile::tempdir().unwrap();
    let mut sample = Sample::open(directory.path());
    let ids: Vec<_> = (0..3 * AT_ONCE).map(|number| format!("m{number}")).collect();
    for id in &ids {
        sample.put(&Put::pair(id, id, "{}", 1_000));
    }
    let mut sweep = Sweep::new(Retention::new().inboxes(keep(3_600_000)));
    let mut found = Vec::new();
    while sweep.is_due(Instant::now()) {
        let next = sweep.next(sample.tables(), 99_000_000).unwrap();
        assert!(next.len() <= AT_ONCE);
        found.extend(next);
    }
    assert_eq!(found.len(), ids.len());
    assert!(!sweep.is_due(Instant::now() + Duration::from_secs(300)));
    assert!(sweep.is_due(Instant::now() + Duration::from_secs(361)), "a tenth of the age after it began");
    assert!(!Sweep::new(Retention::new()).is_due(Instant::now() + Duration::from_secs(100_000)));
    assert_eq!(Sweep::new(Retention::new()).next_at(), None);
}

#[test]
fn a_sweep_that_takes_longer_than_the_time_between_two_rests_as_long() {
    let sweep = Sweep::new(Retention::new().inboxes(keep(1_000)));
    let rest = |took_ms| {
        let took = Duration::from_millis(took_ms);
        sweep.rest(Duration::from_millis(100), sweep.began_at + took).as_millis()
    };
    assert_eq!([rest(0), rest(30), rest(50), rest(80), rest(5_000)], [100, 70, 50, 80, 5_000]);
}

#[test]
fn a_sweep_on_a_slow_disk_goes_on_one_box_at_a_time() {
    let directory = tempfile::tempdir().unwrap();
    let mut sample = Sample::open(directory.path());
    sample.put(&Put::pair("a", "b", "{}", 1_000));
    let mut sweep = Sweep::new(Retention::new().inboxes(keep(1_000)));
    let (mut found, mut looks, past) = (Vec::new(), 0, Instant::now());
    loop {
        let (expired, last) = sweep.look(sample.tables(), 100_000, past).unwrap();
        found.extend(expired);
        looks += 1;
        if last.is_none() {
            break;
        }
        sweep.after = last;
    }
    assert_eq!(found, [expired(keys::inbox(&member("a")), 1), expired(keys::inbox(&member("b")), 1)]);
    assert_eq!(looks, 4, "two inboxes, a history, and the end");
}
