//! What histories lose is erased in steps, whatever comes between them.

use super::*;
use crate::embedded::sample::{Put, Sample, group, member, pair, seq};
use crate::{EntryKind, EntryStatus};

/// Takes the next step, and returns how many entries it erased.
fn step(sample: &mut Sample, erasures: &mut Erasures) -> Option<u64> {
    let erasure = erasures.next(sample.tables(), sample.next_number()).unwrap()?;
    sample.commit(erasure.batch);
    erasures.erased(erasure.entries, erasure.keys);
    Some(erasure.entries)
}

fn erase_all(sample: &mut Sample, erasures: &mut Erasures) -> u64 {
    let mut entries = 0;
    while let Some(erased) = step(sample, erasures) {
        entries += erased;
    }
    entries
}

/// The kinds and states of the entries of an inbox, as they are written.
fn inbox(sample: &Sample, id: &str, entries: u64) -> Vec<Option<(EntryKind, EntryStatus)>> {
    let prefix = keys::inbox(&member(id));
    let entry = |sequence| sample.written(&prefix, sequence).map(|entry| (entry.kind, entry.status));
    (1..=entries).map(entry).collect()
}

const GONE: Option<(EntryKind, EntryStatus)> = Some((EntryKind::Tombstone, EntryStatus::Expired));
const THERE: Option<(EntryKind, EntryStatus)> = Some((EntryKind::Message, EntryStatus::Original));

#[test]
fn copies_become_tombstones_and_keep_what_they_say_about_their_message() {
    let directory = tempfile::tempdir().unwrap();
    let mut sample = Sample::open(directory.path());
    for number in 1..=6 {
        sample.put(&Put { message_id: Some("x"), ..Put::pair("b", "a", "{\"secret\":1}", number) });
    }
    sample.take_away(&pair("a", "b"), 4);
    let mut erasures = Erasures::stored();
    assert_eq!(erase_all(&mut sample, &mut erasures), 4);
    assert!(!erasures.is_due() && erasures.entries == 0);
    for id in ["a", "b"] {
        assert_eq!(inbox(&sample, id, 6), [GONE, GONE, GONE, GONE, THERE, THERE]);
    }
    let copy = sample.written(&keys::inbox(&member("a")), 2).unwrap();
    assert_eq!((copy.message.as_str(), copy.at_ms, copy.place), ("{}", 2, seq(2)));
    assert_eq!((copy.from, copy.tag.unwrap().get()), (Some(member("b")), 2));
    let history = keys::history(&pair("a", "b"));
    assert!((1..=4).all(|place| sample.written(&history, place).is_none()));
    assert!((5..=6).all(|place| sample.written(&history, place).is_some()));
    // The answer is that of the last send with this id, whose entry is there.
    assert_eq!(sample.keys_of(&sample.tables().sends).len(), 1);
    assert!(sample.tables().erased_at().unwrap().is_some(), "the files still have the texts");
}

#[test]
fn a_message_with_more_copies_than_a_batch_has_keys_goes_with_all_that_belongs_to_it() {
    let directory = tempfile::tempdir().unwrap();
    let mut sample = Sample::open(directory.path());
    let ids: Vec<_> = (0..30).map(|number| format!("m{number:02}")).collect();
    let members: Vec<_> = ids.iter().map(String::as_str).collect();
    sample.put(&Put { message_id: Some("x"), ..Put::group("m00", "g", &members, "{\"a\":1}", 1) });
    let recall = Put { kind: EntryKind::Recall, target: 1, ..Put::group("m00", "g", &members, "{}", 2) };
    sample.put(&recall);
    sample.put(&Put::group("m00", "g", &members, "{\"a\":2}", 3));
    sample.take_away(&group("g"), 2);
    let mut erasures = Erasures::stored();
    assert_eq!(step(&mut sample, &mut erasures), Some(0), "copies come first");
    let history = keys::history(&group("g"));
    assert!(sample.written(&history, 1).is_some(), "which says where they are");
    let overwritten = ids.iter().filter(|id| inbox(&sample, id, 1) == [GONE]).count();
    assert!(overwritten > 0 && overwritten < 30, "{overwritten}");
    assert_eq!(erase_all(&mut sample, &mut erasures), 2);
    let recalled = Some((EntryKind::Recall, EntryStatus::Original));
    assert!(ids.iter().all(|id| inbox(&sample, id, 3) == [GONE, recalled, THERE]));
    // What is left is of the third entry.
    let tables = sample.tables();
    assert_eq!((sample.keys_of(&tables.bodies).len(), sample.keys_of(&tables.sends).len()), (1, 1));
    let state = sample.keys_of(&tables.state);
    assert!(!state.iter().any(|key| matches!(key.first(), Some(b'd' | b'e'))), "{state:?}");
}

#[test]
fn what_a_crash_leaves_is_found_by_the_next_start() {
    for steps in 0..8 {
        let directory = tempfile::tempdir().unwrap();
        {
            let mut sample = Sample::open(directory.path());
            sample.put(&Put::group("a", "g", &["a", "b", "c", "d", "e", "f", "g", "h", "i"], "{\"a\":1}", 1));
            sample.put(&Put::pair("a", "b", "{\"a\":2}", 2));
            sample.put(&Put::pair("a", "b", "{\"a\":3}", 3));
            sample.take_away(&group("g"), 1);
            sample.take_away(&pair("a", "b"), 1);
            let mut erasures = Erasures::stored();
            for _ in 0..steps {
                step(&mut sample, &mut erasures);
            }
        }
        let mut sample = Sample::open(directory.path());
        let mut erasures = Erasures::stored();
        assert!(erasures.is_pressing(), "nobody knows yet how much there is");
        erase_all(&mut sample, &mut erasures);
        assert_eq!(inbox(&sample, "a", 3), [GONE, GONE, THERE], "after {steps} steps");
        assert_eq!(inbox(&sample, "i", 1), [GONE]);
        assert!(sample.keys_of(&sample.tables().bodies).is_empty());
        assert!(!erasures.is_due() && !erasures.is_pressing());
    }
}

#[test]
fn copies_that_were_acknowledged_do_not_come_back() {
    let directory = tempfile::tempdir().unwrap();
    let mut sample = Sample::open(directory.path());
    for number in 1..=3 {
        sample.put(&Put::pair("a", "b", "{\"a\":1}", number));
    }
    let b = keys::inbox(&member("b"));
    let extent = Extent { floor: seq(2), ..sample.extent(&b) };
    sample.set_extent(&b, extent);
    sample.write(|batch, tables| {
        (1..=2).for_each(|number| batch.remove(&tables.entries, keys::entry(&b, seq(number))));
    });
    sample.take_away(&pair("a", "b"), 3);
    erase_all(&mut sample, &mut Erasures::stored());
    assert_eq!(inbox(&sample, "b", 3), [None, None, GONE]);
    assert_eq!(inbox(&sample, "a", 3), [GONE, GONE, GONE]);
}

#[test]
fn what_is_noted_meanwhile_adds_to_what_is_left() {
    let directory = tempfile::tempdir().unwrap();
    let mut sample = Sample::open(directory.path());
    let mut erasures = Erasures::stored();
    assert_eq!(step(&mut sample, &mut erasures), None);
    for number in 1..=10 {
        sample.put(&Put::pair("a", "b", "{\"a\":1}", number));
    }
    let history = keys::history(&pair("a", "b"));
    sample.take_away(&pair("a", "b"), 5);
    erasures.note([(history.clone(), 5)]);
    let first = step(&mut sample, &mut erasures).unwrap();
    assert!(first > 0 && first < 5, "{first}");
    sample.take_away(&pair("a", "b"), 8);
    erasures.note([(history, 3)]);
    assert_eq!(erase_all(&mut sample, &mut erasures), 8 - first);
    assert_eq!((erasures.entries, erasures.is_due()), (0, false));
}

#[test]
fn more_histories_than_are_kept_at_hand_are_erased_as_well() {
    let directory = tempfile::tempdir().unwrap();
    let mut sample = Sample::open(directory.path());
    let mut erasures = Erasures::stored();
    assert_eq!(step(&mut sample, &mut erasures), None);
    let ids: Vec<_> = (0..=2 * HISTORIES_MAX).map(|number| format!("m{number}")).collect();
    for id in &ids {
        sample.put(&Put::pair(id, id, "{\"a\":1}", 1));
        sample.take_away(&pair(id, id), 1);
        erasures.note([(keys::history(&pair(id, id)), 1)]);
        assert!(erasures.histories.len() <= HISTORIES_MAX);
    }
    assert_eq!(erase_all(&mut sample, &mut erasures), ids.len() as u64);
    assert!(ids.iter().all(|id| inbox(&sample, id, 1) == [GONE]));
}

#[test]
fn a_batch_that_was_not_committed_is_made_again() {
    let directory = tempfile::tempdir().unwrap();
    let mut sample = Sample::open(directory.path());
    sample.put(&Put::pair("a", "b", "{\"a\":1}", 1));
    sample.take_away(&pair("a", "b"), 1);
    let mut erasures = Erasures::stored();
    drop(erasures.next(sample.tables(), sample.next_number()).unwrap().unwrap());
    erasures.put_off();
    erasures.begin_anew();
    assert!(!erasures.is_due(), "not at once, though the store was opened again");
    assert_eq!(erase_all(&mut sample, &mut erasures), 1);
    assert_eq!(inbox(&sample, "b", 1), [GONE]);
}

#[test]
fn what_is_left_counts_with_its_copies_and_the_more_it_is_the_more_is_done_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let mut sample = Sample::open(directory.path());
    let mut erasures = Erasures::stored();
    assert_eq!(step(&mut sample, &mut erasures), None);
    let ids: Vec<_> = (0..30).map(|number| format!("m{number:02}")).collect();
    let members: Vec<_> = ids.iter().map(String::as_str).collect();
    for number in 1..=40 {
        sample.put(&Put::group("m00", "g", &members, "{\"a\":1}", number));
    }
    sample.take_away(&group("g"), 40);
    erasures.note([(keys::history(&group("g")), 40)]);
    assert_eq!(erasures.entries, 40, "before anybody has looked");
    // 40 entries are little, of which nobody knows yet how many copies they have.
    assert!(!erasures.is_behind());
    step(&mut sample, &mut erasures);
    assert!(erasures.is_pressing() && erasures.is_behind());
    let mut steps = 0;
    while erasures.is_behind() {
        // As between the batches of sends, which never pause.
        assert!(erasures.is_pressing());
        step(&mut sample, &mut erasures).unwrap();
        steps += 1;
    }
    // With 7 keys a step it would be more than 150.
    assert!(steps < 100 && erasures.entries < 10, "{steps} steps, {} entries", erasures.entries);
    erase_all(&mut sample, &mut erasures);
    assert!(ids.iter().all(|id| inbox(&sample, id, 40) == [GONE; 40]));
    assert_eq!((erasures.entries, erasures.is_pressing()), (0, false));
}
