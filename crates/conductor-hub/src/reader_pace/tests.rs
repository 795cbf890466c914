use proptest::prelude::*;

use super::*;

const KIB: usize = 1024;

/// Has a reader take so much each tenth of a second; returns when it is found too slow.
fn judged(load: impl Fn(u32) -> OutboxLoad, bytes: impl Fn(u32) -> usize) -> Option<u32> {
    judged_by(ReaderPace::default(), load, bytes)
}

fn judged_by(
    mut pace: ReaderPace,
    load: impl Fn(u32) -> OutboxLoad,
    bytes: impl Fn(u32) -> usize,
) -> Option<u32> {
    let start = Instant::now();
    (0..300).find(|&tenth| {
        let now = start + Duration::from_millis(100) * tenth;
        pace.note(load(tenth), bytes(tenth), || now);
        pace.is_too_slow(now)
    })
}

const fn over(_tenth: u32) -> OutboxLoad {
    OutboxLoad::OverHalf
}

#[test]
fn who_takes_too_little_for_five_seconds_is_too_slow() {
    assert_eq!(judged(over, |_| 0), Some(50));
    for kib in [33, 40, 54, 57] {
        assert_eq!(judged(over, |_| kib * KIB / 10), Some(50), "{kib} KiB a second");
    }
    // Nine tenths of what it has to take.
    let nearly = judged(over, |_| 58 * KIB / 10);
    assert!(nearly.is_some_and(|tenth| tenth <= 60), "{nearly:?}");
    for kib in [65, 70, 100] {
        assert_eq!(judged(over, |_| kib * KIB / 10), None, "{kib} KiB a second");
    }
    // It was fast for long, and then stands still.
    let stops = judged(over, |tenth| if tenth < 100 { 10 * KIB } else { 0 });
    assert!(stops.is_some_and(|tenth| (110..=150).contains(&tenth)), "{stops:?}");
}

#[test]
fn a_lump_lasts_as_long_as_the_least_pace_makes_it_last() {
    // As a socket takes it: 73, 67 and 66 KiB a second.
    assert_eq!(judged(over, |tenth| if tenth % 20 == 5 { 150_000 } else { 0 }), None);
    assert_eq!(judged(over, |tenth| if tenth % 38 == 25 { 261_932 } else { 0 }), None);
    assert_eq!(judged(over, |tenth| if tenth % 58 == 25 { 392_898 } else { 0 }), None);
    // 55 and 32 KiB a second.
    let slow = judged(over, |tenth| if tenth % 46 == 25 { 261_932 } else { 0 });
    assert!(slow.is_some_and(|tenth| (75..=125).contains(&tenth)), "{slow:?}");
    let drip = judged(over, |tenth| if tenth % 80 == 25 { 261_932 } else { 0 });
    assert!(drip.is_some_and(|tenth| (75..=105).contains(&tenth)), "{drip:?}");
}

#[test]
fn what_the_socket_holds_when_the_time_begins_lasts_as_long_as_the_least_pace_makes_it_last() {
    let full = || {
        let mut pace = ReaderPace::default();
        // As a socket takes it that has room, while hardly anything waits.
        (0..10).for_each(|_| pace.note(OutboxLoad::Light, 250_000, Instant::now));
        pace
    };
    // 66 KiB a second, of which the socket takes the first just before it has read a whole lump.
    let lumps = |tenth| if tenth % 58 == 57 { 392_898 } else { 0 };
    assert_eq!(judged_by(full(), over, lumps), None);
    let still = judged_by(full(), over, |_| 0);
    assert!(still.is_some_and(|tenth| (70..=75).contains(&tenth)), "{still:?}");
    let drip = judged_by(full(), over, |_| 100);
    assert!(drip.is_some_and(|tenth| (50..=60).contains(&tenth)), "{drip:?}");
}

#[test]
fn the_time_for_which_the_hub_is_late_counts_for_nobody() {
    let (start, mut pace) = (Instant::now(), ReaderPace::default());
    // 100 KiB a second, but for a minute in which the whole machine stands still.
    for milli in (0..3_000).chain(63_000..80_000).step_by(100) {
        let now = start + Duration::from_millis(milli);
        pace.note(OutboxLoad::OverHalf, 10 * KIB, || now);
        assert!(!pace.is_too_slow(now), "at {milli} ms");
    }
    // Then it takes nothing more.
    let closed = (80_000..100_000).step_by(100).find(|&milli| {
        let now = start + Duration::from_millis(milli);
        pace.is_too_slow(now)
    });
    assert!(closed.is_some_and(|milli| milli <= 85_500), "{closed:?}");
}

#[test]
fn who_has_little_to_read_is_not_judged() {
    assert_eq!(judged(|_| OutboxLoad::Light, |_| 0), None);
    assert_eq!(judged(|_| OutboxLoad::Behind, |_| 0), None);
    let caught_up = |tenth| if tenth % 40 == 39 { OutboxLoad::Light } else { OutboxLoad::OverHalf };
    assert_eq!(judged(caught_up, |_| 0), None);
}

#[test]
fn who_is_over_half_again_and_again_is_judged_by_that_time_alone() {
    // Senders who wait bring it just above half again and again.
    let at_the_mark = |tenth| if tenth % 10 == 9 { OutboxLoad::Behind } else { OutboxLoad::OverHalf };
    let closed = judged(at_the_mark, |_| 3_200);
    assert!(closed.is_some_and(|tenth| (50..=60).contains(&tenth)), "{closed:?}");
    // It falls to half, where it may take its time, and stays there.
    let falls = |tenth| if tenth < 20 { OutboxLoad::OverHalf } else { OutboxLoad::Behind };
    assert_eq!(judged(falls, |_| 5_000), None);
    // It has had two of its seconds when it comes above half again.
    let between = |tenth| if (20..70).contains(&tenth) { OutboxLoad::Behind } else { OutboxLoad::OverHalf };
    assert_eq!(judged(between, |tenth| if (21..70).contains(&tenth) { 0 } else { 3_200 }), Some(100));
    // The rest of a lump that brought it to half counts: 70 KiB a second.
    let lumps = |tenth| if tenth % 40 == 39 { OutboxLoad::Behind } else { OutboxLoad::OverHalf };
    let takes = |tenth| if tenth % 40 == 39 || tenth % 40 == 0 { 140 * KIB } else { 0 };
    assert_eq!(judged(lumps, takes), None);
}

/// Has a reader take what comes at these times, in milliseconds, for a minute; returns when it is
/// found too slow, as its timer asks.
fn closed_at(takes: impl IntoIterator<Item = (u64, usize)>) -> Option<u64> {
    let (start, mut pace) = (Instant::now(), ReaderPace::default());
    let mut takes = takes.into_iter().peekable();
    (0..60_000).find(|&milli| {
        let now = start + Duration::from_millis(milli);
        while let Some((_, bytes)) = takes.next_if(|&(at, _)| at <= milli) {
            pace.note(OutboxLoad::OverHalf, bytes, || now);
        }
        pace.judged_at().is_some_and(|at| at <= now) && pace.is_too_slow(now)
    })
}

/// Takes lump after lump; each lasts as long as the pace makes it last.
fn lumps(lumps: impl IntoIterator<Item = usize>, kib: usize) -> impl Iterator<Item = (u64, usize)> {
    let mut at = 0;
    lumps.into_iter().map(move |bytes| {
        let now = at;
        // Rounded down: a reader is a little faster than it is said, never slower.
        at += (bytes * 1_000 / (kib * KIB)) as u64;
        (now, bytes)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whoever keeps the pace stays, in pieces or lumps of any size.
    #[test]
    fn who_keeps_the_pace_in_equal_lumps_stays(kib in 64_usize..200, lump in 1_usize..400) {
        prop_assert_eq!(closed_at(lumps(std::iter::repeat(lump * KIB), kib)), None);
    }

    /// Whoever takes less than nine tenths of it does not.
    #[test]
    fn who_is_slower_by_a_tenth_is_found_in_pieces(kib in 4_usize..58, milli in 10_usize..250) {
        let piece = kib * KIB * milli / 1_000;
        let closed = closed_at((0..).map(|number: usize| ((number * milli) as u64, piece)));
        prop_assert!(closed.is_some_and(|at| (5_000..=6_000).contains(&at)), "{:?}", closed);
    }

    #[test]
    fn who_is_slower_by_a_tenth_is_found_in_lumps(kib in 20_usize..58, lump in 32_usize..400) {
        let closed = closed_at(lumps(std::iter::repeat(lump * KIB), kib));
        let latest = 7_000 + 2 * lump as u64 * 1_000 / 64;
        prop_assert!(closed.is_some_and(|at| (5_000..=latest).contains(&at)), "{:?}", closed);
    }

    /// Lumps that differ by a fifth make nobody too slow who takes 80 KiB a second.
    #[test]
    fn who_takes_more_than_enough_in_bursts_stays(
        lump in 1_usize..300,
        parts in prop::collection::vec(80_usize..=120, 500),
    ) {
        let bursts = parts.into_iter().cycle().map(move |part| lump * KIB * part / 100);
        prop_assert_eq!(closed_at(lumps(bursts, 80)), None);
    }

    /// A fast reader may stand still for three seconds, and not for six.
    #[test]
    fn who_is_fast_may_stand_still_for_a_while(begin in 1_000_u64..20_000, still in 0_u64..3_000) {
        let fast = |stall: u64| (0..600_u64).map(move |tenth| {
            (if tenth * 100 < begin { tenth * 100 } else { tenth * 100 + stall }, 30 * KIB)
        });
        prop_assert_eq!(closed_at(fast(still)), None);
        let closed = closed_at(fast(still + 6_000));
        prop_assert!(closed.is_some_and(|at| (begin + 2_000..=begin + 6_000).contains(&at)), "{:?}", closed);
    }
}
