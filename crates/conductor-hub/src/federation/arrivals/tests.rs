use super::*;
use crate::federation::node_id::NodeId;
use crate::federation::parcel::ParcelBody;

const ORIGIN: NodeId = NodeId::from_bytes([1; 16]);

fn arrival(number: u64, before: u64, channel: u64) -> Arrival {
    let parcel = Parcel { origin: ORIGIN, number, before, body: ParcelBody::default() };
    Arrival { parcel, link: 1, channel: Some(channel) }
}

/// What was settled, in short: `t3` for taken, `l4-5` for lost, `d4-5` for doubted, `-` for late.
fn said(settled: &mut Vec<Settled>) -> String {
    let words: Vec<_> = settled
        .drain(..)
        .map(|settled| match settled {
            Settled::Taken { arrival, .. } => format!("t{}", arrival.parcel.number),
            Settled::Lost(gap) => format!("l{}-{}", gap.start(), gap.end()),
            Settled::Doubted(gap) => format!("d{}-{}", gap.start(), gap.end()),
            Settled::Late => "-".to_owned(),
        })
        .collect();
    words.join(" ")
}

#[test]
fn a_later_parcel_waits_for_an_earlier_one_and_no_longer_than_200_ms() {
    let (now, mut settled) = (Instant::now(), Vec::new());
    let mut arrivals = Arrivals::new(1, now);
    arrivals.parcel(1, arrival(1, 0, 7), true, now, &mut settled);
    arrivals.parcel(4, arrival(4, 1, 8), true, now, &mut settled);
    assert_eq!(said(&mut settled), "t1");
    arrivals.parcel(2, arrival(3, 1, 7), true, now + WAIT / 2, &mut settled);
    assert_eq!(said(&mut settled), "t3 t4", "2 is not for us");
    arrivals.parcel(6, arrival(6, 0, 9), true, now, &mut settled);
    arrivals.expire(now + WAIT - Duration::from_millis(1), &mut settled);
    assert_eq!(said(&mut settled), "");
    arrivals.expire(now + WAIT, &mut settled);
    assert_eq!(said(&mut settled), "l5-5 t6");
    arrivals.parcel(5, arrival(5, 3, 7), true, now + WAIT, &mut settled);
    arrivals.parcel(6, arrival(6, 0, 9), true, now + WAIT, &mut settled);
    assert_eq!(said(&mut settled), "- -", "one comes too late and one twice");
    assert_eq!((arrivals.deadline(), arrivals.waiting_bytes()), (None, 0));
}

#[test]
fn what_one_link_denies_another_may_bring() {
    let (now, mut settled) = (Instant::now(), Vec::new());
    let mut arrivals = Arrivals::new(1, now);
    arrivals.parcel(1, arrival(1, 0, 7), true, now, &mut settled);
    arrivals.parcel(2, arrival(3, 0, 8), false, now, &mut settled);
    assert_eq!(said(&mut settled), "t1", "the link is young");
    arrivals.parcel(2, arrival(2, 1, 7), true, now, &mut settled);
    assert_eq!(said(&mut settled), "t2 t3");
    arrivals.parcel(4, arrival(5, 0, 8), false, now, &mut settled);
    arrivals.expire(now + WAIT, &mut settled);
    assert_eq!(said(&mut settled), "d4-4 t5", "nobody brings 4, or says as well that it is not for us");
    arrivals.parcel(6, arrival(7, 0, 8), false, now, &mut settled);
    arrivals.deny(6, 6, true, now, &mut settled);
    assert_eq!(said(&mut settled), "t7");
}

#[test]
fn a_wrong_denial_is_found_by_the_next_parcel_of_the_channel() {
    let (now, mut settled) = (Instant::now(), Vec::new());
    let mut arrivals = Arrivals::new(1, now);
    arrivals.parcel(1, arrival(1, 0, 7), true, now, &mut settled);
    arrivals.parcel(2, arrival(3, 0, 8), true, now, &mut settled);
    arrivals.parcel(4, arrival(4, 2, 7), true, now, &mut settled);
    assert_eq!(said(&mut settled), "t1 t3 l2-2 t4", "2 was in a channel that we have taken 1 of");
    arrivals.parcel(2, arrival(2, 1, 7), true, now, &mut settled);
    assert_eq!(said(&mut settled), "-", "it was told");
    // Known before anything else is taken: then it is waited for.
    arrivals.parcel(5, arrival(6, 5, 7), true, now, &mut settled);
    assert_eq!(said(&mut settled), "");
    arrivals.parcel(5, arrival(5, 4, 7), true, now, &mut settled);
    assert_eq!(said(&mut settled), "t5 t6");
}

#[test]
fn a_channel_says_itself_whether_a_doubtful_gap_took_something_of_it() {
    fn follow(settled: &mut Vec<Settled>) -> Vec<(u64, bool)> {
        let taken = settled.drain(..).filter_map(|settled| match settled {
            Settled::Taken { arrival, is_next } => Some((arrival.parcel.number, is_next)),
            _ => None,
        });
        taken.collect()
    }

    let (now, mut settled) = (Instant::now(), Vec::new());
    let mut arrivals = Arrivals::new(1, now);
    arrivals.parcel(1, arrival(1, 0, 7), true, now, &mut settled);
    arrivals.parcel(2, arrival(3, 1, 7), false, now, &mut settled);
    arrivals.expire(now + WAIT, &mut settled);
    assert_eq!(follow(&mut settled), [(1, false), (3, true)], "2 was of another channel");
    arrivals.parcel(4, arrival(6, 0, 8), false, now, &mut settled);
    arrivals.expire(now + WAIT * 2, &mut settled);
    assert!(matches!(&settled[0], Settled::Doubted(gap) if *gap == (4..=5)));
    arrivals.parcel(7, arrival(7, 5, 7), true, now, &mut settled);
    arrivals.parcel(8, arrival(8, 7, 7), true, now, &mut settled);
    assert_eq!(follow(&mut settled), [(6, false), (7, false), (8, true)], "5 was of this one");
    // What is denied in part only may be lost.
    arrivals.parcel(10, arrival(11, 8, 7), false, now, &mut settled);
    arrivals.expire(now + WAIT * 3, &mut settled);
    assert_eq!(said(&mut settled), "l9-10 t11");
}

#[test]
fn nothing_is_missing_of_a_channel_that_came_while_it_was_not_wanted() {
    let (now, mut settled) = (Instant::now(), Vec::new());
    let mut arrivals = Arrivals::new(1, now);
    arrivals.parcel(1, arrival(1, 0, 7), true, now, &mut settled);
    arrivals.note_unwanted(7);
    arrivals.parcel(2, Arrival { channel: None, ..arrival(2, 1, 7) }, true, now, &mut settled);
    arrivals.parcel(3, arrival(3, 2, 7), true, now, &mut settled);
    assert_eq!(said(&mut settled), "t1 t2 t3");
}

#[test]
fn nothing_is_missing_of_a_channel_that_waited_when_it_was_not_wanted() {
    let (now, mut settled) = (Instant::now(), Vec::new());
    let mut arrivals = Arrivals::new(1, now);
    arrivals.parcel(1, arrival(1, 0, 7), true, now, &mut settled);
    arrivals.parcel(3, arrival(3, 1, 7), true, now, &mut settled);
    // The last member leaves, and one comes again before 2 is known.
    arrivals.note_unwanted(7);
    arrivals.parcel(4, Arrival { channel: None, ..arrival(4, 3, 7) }, true, now, &mut settled);
    arrivals.parcel(5, arrival(5, 4, 7), true, now, &mut settled);
    assert_eq!(said(&mut settled), "t1", "2 may still come");
    arrivals.deny(2, 2, true, now, &mut settled);
    assert_eq!(said(&mut settled), "t3 t4 t5", "4 was taken for nobody");
}

#[test]
fn a_wrong_denial_is_found_by_the_parcel_that_comes_late() {
    let (now, mut settled) = (Instant::now(), Vec::new());
    let mut arrivals = Arrivals::new(1, now);
    arrivals.parcel(1, arrival(1, 0, 7), true, now, &mut settled);
    arrivals.parcel(2, arrival(3, 0, 8), true, now, &mut settled);
    arrivals.parcel(2, arrival(2, 1, 7), true, now, &mut settled);
    assert_eq!(said(&mut settled), "t1 t3 l2-2 -");
    arrivals.parcel(4, arrival(4, 2, 7), true, now, &mut settled);
    assert_eq!(said(&mut settled), "t4", "it is told once");
}

#[test]
fn what_was_not_wanted_for_a_while_is_not_missed() {
    let (now, mut settled) = (Instant::now(), Vec::new());
    let mut arrivals = Arrivals::new(1, now);
    arrivals.parcel(1, arrival(1, 0, 7), true, now, &mut settled);
    arrivals.parcel(3, arrival(3, 1, 7), true, now, &mut settled);
    arrivals.forget(7);
    arrivals.deny(2, 2, true, now, &mut settled);
    arrivals.parcel(4, arrival(9, 8, 7), true, now, &mut settled);
    assert_eq!(said(&mut settled), "t1 t3 t9");
}

#[test]
fn what_is_wanted_again_is_missed_again_although_something_of_before_still_waits() {
    let (now, mut settled) = (Instant::now(), Vec::new());
    let mut arrivals = Arrivals::new(1, now);
    arrivals.parcel(1, arrival(1, 0, 7), true, now, &mut settled);
    arrivals.parcel(3, arrival(3, 1, 7), true, now, &mut settled);
    arrivals.forget(7);
    arrivals.parcel(4, arrival(4, 3, 7), true, now, &mut settled);
    arrivals.deny(2, 2, true, now, &mut settled);
    assert_eq!(said(&mut settled), "t1 t3 t4");
    // The link denies 5 as well, which was in the channel that we have taken 4 of.
    arrivals.parcel(5, arrival(6, 5, 7), true, now, &mut settled);
    assert_eq!(said(&mut settled), "", "5 is waited for");
    arrivals.expire(now + WAIT, &mut settled);
    assert_eq!(said(&mut settled), "l5-5 t6");
}

#[test]
fn claims_are_bounded() {
    let (now, mut settled) = (Instant::now(), Vec::new());
    let mut arrivals = Arrivals::new(1, now);
    for number in 1..10_000 {
        arrivals.deny(number * 2, number * 2, true, now, &mut settled);
        assert!(arrivals.denied.len() <= CLAIMS_MAX + 1);
    }
    assert!(said(&mut settled).starts_with("l1-1 "), "the gaps are told");
}

/// Many parcels come behind a gap, forwards or backwards, and wait until it is told.
fn behind_a_gap(numbers: impl Iterator<Item = u64>) -> usize {
    let (now, mut settled) = (Instant::now(), Vec::new());
    let mut arrivals = Arrivals::new(1, now);
    for number in numbers {
        let at = now + Duration::from_micros(number);
        arrivals.parcel(number, arrival(number, 0, number % 7), true, at, &mut settled);
        assert_eq!(arrivals.by_time.len(), arrivals.waiting.len());
    }
    assert!(settled.is_empty(), "1 has not come");
    let first = now + Duration::from_micros(2);
    assert_eq!(arrivals.deadline(), Some(first + WAIT), "the one that came first counts");
    arrivals.expire(first + WAIT, &mut settled);
    assert!(matches!(&settled[0], Settled::Lost(gap) if *gap == (1..=1)));
    assert!(arrivals.by_time.is_empty() && arrivals.waiting.is_empty());
    assert_eq!((arrivals.deadline(), arrivals.waiting_bytes()), (None, 0));
    settled.len() - 1
}

#[test]
fn a_hundred_thousand_parcels_behind_a_gap_take_little_time() {
    let begun = std::time::Instant::now();
    assert_eq!(behind_a_gap(2..=100_001), 100_000);
    assert_eq!(behind_a_gap((2..=100_001).rev()), 100_000);
    // A look at all that waits for each arrival takes minutes.
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
}

#[test]
fn a_hundred_thousand_channels_are_forgotten_in_little_time_while_as_many_parcels_wait() {
    let begun = std::time::Instant::now();
    let (now, mut settled) = (Instant::now(), Vec::new());
    let mut arrivals = Arrivals::new(1, now);
    for number in 2..=100_001 {
        arrivals.parcel(number, arrival(number, number - 1, number), true, now, &mut settled);
    }
    for channel in 2..=100_001 {
        arrivals.forget(channel);
        assert!(arrivals.forgotten.len() <= FORGOTTEN_MAX);
    }
    arrivals.expire(now + WAIT, &mut settled);
    assert_eq!(settled.len(), 1 + 100_000, "a gap, and all that waited");
    assert!(arrivals.forgotten.is_empty() && arrivals.last.is_empty(), "no channel is wanted any more");
    // A look at all that waits for each channel takes minutes.
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
}
