//! What is written when, without a database.

use std::time::Duration;

use tokio::sync::oneshot;

use super::*;

const PERIOD: u32 = 10;

fn local_beings() -> LocalBeings {
    LocalBeings::new(Period::new(PERIOD))
}

fn slot(number: i64) -> TimeSlot {
    TimeSlot::new(number * i64::from(PERIOD))
}

fn sequence(number: i64) -> Sequence {
    Sequence::new(number).unwrap()
}

fn set(numbers: &[i64]) -> Words {
    numbers.iter().map(|number| sequence(*number)).collect()
}

fn later() -> Instant {
    Instant::now() + Duration::from_secs(60)
}

/// Starts a being that has its number already.
fn join(beings: &LocalBeings, number: i64, at: TimeSlot) -> oneshot::Receiver<Result<Sequence, Error>> {
    let (reply, outcome) = oneshot::channel();
    let newcomer = Newcomer { key: Arc::from("key"), purpose: Purpose::Start(reply), until: later() };
    beings.numbered(vec![(sequence(number), newcomer)], at);
    outcome
}

fn write(beings: &LocalBeings, at: TimeSlot) -> Vec<(TimeSlot, SlotBits)> {
    let flush = beings.flush(at);
    beings.written(&flush);
    flush.writes
}

fn alive(numbers: &[i64]) -> SlotBits {
    SlotBits { alive: set(numbers), dead: Words::default() }
}

#[test]
fn bits_that_were_acknowledged_in_a_slot_are_not_sent_again() {
    let beings = local_beings();
    let mut first = join(&beings, 1, slot(1));
    assert_eq!(write(&beings, slot(1)), [(slot(1), alive(&[1]))]);
    assert_eq!(first.try_recv().unwrap().unwrap(), sequence(1));
    let second = join(&beings, 2, slot(1));
    assert_eq!(write(&beings, slot(1)), [(slot(1), alive(&[2]))]);
    assert_eq!(beings.due(slot(1)), Due { is_urgent: false, is_complete: true });
    assert_eq!(write(&beings, slot(2)), [(slot(2), alive(&[1, 2]))], "one update for all in the next");
    drop(second);
}

#[test]
fn what_failed_is_sent_again_with_what_came_meanwhile() {
    let beings = local_beings();
    let first = join(&beings, 1, slot(1));
    let flush = beings.flush(slot(1));
    assert_eq!(flush.writes, [(slot(1), alive(&[1]))]);
    beings.failed(Instant::now(), &lost());
    assert_eq!(beings.error().unwrap().kind(), ErrorKind::Unavailable);
    let second = join(&beings, 2, slot(1));
    assert_eq!(write(&beings, slot(1)), [(slot(1), alive(&[1, 2]))]);
    assert!(beings.error().is_none());
    drop((first, second));
}

#[test]
fn a_kill_goes_where_the_last_bit_is_and_one_that_never_pinged_gets_both_bits() {
    let beings = local_beings();
    let joined = join(&beings, 1, slot(1));
    write(&beings, slot(1));
    let (reply, mut killed) = oneshot::channel();
    beings.kill(sequence(1), later(), reply).unwrap();
    let dead = SlotBits { alive: Words::default(), dead: set(&[1]) };
    assert_eq!(write(&beings, slot(2)), [(slot(1), dead)], "the next slot has begun meanwhile");
    killed.try_recv().unwrap().unwrap();
    assert!(beings.due(slot(2)).is_complete, "it pings no more");

    let (reply, mut killed) = oneshot::channel();
    let newcomer = Newcomer { key: Arc::from("key"), purpose: Purpose::Kill(reply), until: later() };
    beings.numbered(vec![(sequence(2), newcomer)], slot(2));
    let both = SlotBits { alive: set(&[2]), dead: set(&[2]) };
    assert_eq!(write(&beings, slot(2)), [(slot(2), both)]);
    killed.try_recv().unwrap().unwrap();
    drop(joined);
}

#[test]
fn a_kill_that_was_tried_for_long_goes_where_it_is_read() {
    let beings = local_beings();
    let joined = join(&beings, 1, slot(1));
    write(&beings, slot(1));
    let (reply, killed) = oneshot::channel();
    beings.kill(sequence(1), later(), reply).unwrap();
    beings.flush(slot(1));
    beings.failed(Instant::now(), &lost());
    let dead = SlotBits { alive: Words::default(), dead: set(&[1]) };
    assert_eq!(write(&beings, slot(5)), [(slot(4), dead)]);
    drop((joined, killed));
}

/// Its bit in the slot ahead outlasted its death, and it was alive again.
#[test]
fn a_kill_after_the_clock_was_set_back_goes_where_bits_lie_ahead_too() {
    let beings = local_beings();
    let joined = [join(&beings, 1, slot(5)), join(&beings, 2, slot(5))];
    write(&beings, slot(5));
    let kill = |number| {
        let (reply, killed) = oneshot::channel();
        beings.kill(sequence(number), later(), reply).unwrap();
        killed
    };
    let dead = |number: i64, at| (slot(at), SlotBits { alive: Words::default(), dead: set(&[number]) });
    let sorted = |at| {
        let mut writes = write(&beings, at);
        writes.sort_by_key(|(at, _)| *at);
        writes
    };
    let mut killed = kill(1);
    assert_eq!(
        sorted(slot(3)),
        [(slot(3), SlotBits { alive: set(&[2]), dead: set(&[1]) }), dead(1, 4), dead(1, 5)]
    );
    killed.try_recv().unwrap().unwrap();
    let _other = kill(2);
    assert_eq!(sorted(slot(5)), [dead(2, 4), dead(2, 5)], "its old bit is in the slot that has begun");
    drop(joined);
}

/// After a clock that had been wrong for a minute each kill wrote seven slots for ever.
#[test]
fn a_kill_goes_to_no_slot_ahead_that_was_removed() {
    let beings = local_beings();
    let joined = [join(&beings, 1, slot(1_000)), join(&beings, 2, slot(1_000))];
    write(&beings, slot(1_000));
    write(&beings, slot(3));
    let (reply, first) = oneshot::channel();
    beings.kill(sequence(1), later(), reply).unwrap();
    assert_eq!(write(&beings, slot(3)).len(), 7, "the current one and six ahead");
    beings.nothing_after(slot(4));
    let (reply, second) = oneshot::channel();
    beings.kill(sequence(2), later(), reply).unwrap();
    let dead = SlotBits { alive: Words::default(), dead: set(&[2]) };
    let mut writes = write(&beings, slot(3));
    writes.sort_by_key(|(at, _)| *at);
    assert_eq!(writes, [(slot(3), dead.clone()), (slot(4), dead)], "the next one stays");
    drop((joined, first, second));
}

#[test]
fn a_kill_that_is_tried_again_in_the_next_slot_goes_to_no_other() {
    let beings = local_beings();
    let joined = join(&beings, 1, slot(1));
    write(&beings, slot(1));
    let (reply, killed) = oneshot::channel();
    beings.kill(sequence(1), later(), reply).unwrap();
    for _ in 0..2 {
        let dead = SlotBits { alive: Words::default(), dead: set(&[1]) };
        assert_eq!(beings.flush(slot(2)).writes, [(slot(1), dead)]);
        beings.failed(Instant::now(), &lost());
    }
    drop((joined, killed));
}

#[test]
fn a_start_that_is_given_up_pings_no_more() {
    let beings = local_beings();
    drop(join(&beings, 1, slot(1)));
    assert!(write(&beings, slot(1)).is_empty());
    let outcome = join(&beings, 2, slot(1));
    let flush = beings.flush(slot(1));
    drop(outcome);
    beings.written(&flush);
    assert!(write(&beings, slot(2)).is_empty(), "the write was on its way");
    assert_eq!(beings.living(), 0);
}

#[test]
fn after_slots_without_a_write_the_documents_are_written_again() {
    let beings = local_beings();
    let joined = join(&beings, 1, slot(1));
    write(&beings, slot(1));
    assert!(beings.flush(slot(3)).beings.is_empty());
    let flush = beings.flush(slot(4));
    assert_eq!(flush.beings, [(sequence(1), Arc::<str>::from("key"))], "a pruner may have removed it");
    beings.written(&flush);
    assert!(beings.flush(slot(4)).beings.is_empty());
    assert!(beings.flush(slot(5)).beings.is_empty(), "it may be at it still");
    let flush = beings.flush(slot(6));
    assert_eq!(flush.beings.len(), 1, "it may have done so after it was written again");
    beings.written(&flush);
    assert!(beings.flush(slot(7)).beings.is_empty());
    drop(joined);
}

#[test]
fn who_waited_too_long_is_told_and_pings_no_more() {
    let beings = local_beings();
    let (reply, mut outcome) = oneshot::channel();
    let newcomer = Newcomer { key: Arc::from("key"), purpose: Purpose::Start(reply), until: Instant::now() };
    beings.enter(newcomer).unwrap();
    let newcomers = beings.waiting(10);
    beings.put_back(newcomers, Instant::now(), &lost());
    assert_eq!(outcome.try_recv().unwrap().unwrap_err().kind(), ErrorKind::Unavailable);
    assert!(beings.last_failure().is_some() && beings.error().is_none(), "nobody's pings failed");
    assert!(beings.waiting(10).is_empty() && beings.last_failure().is_none(), "that is over");
    beings.close();
    assert!(beings.is_left());
    let (reply, _outcome) = oneshot::channel();
    let newcomer = Newcomer { key: Arc::from("key"), purpose: Purpose::Start(reply), until: later() };
    assert_eq!(beings.enter(newcomer).unwrap_err().kind(), ErrorKind::Closed);
}

#[test]
fn nobody_waits_for_tasks_that_have_been_ended() {
    let beings = local_beings();
    let newcomer = |purpose| Newcomer { key: Arc::from("key"), purpose, until: later() };
    let mut joining = join(&beings, 1, slot(1));
    let flush = beings.flush(slot(1));
    let (reply, mut numbered) = oneshot::channel();
    beings.enter(newcomer(Purpose::Start(reply))).unwrap();
    let newcomers = beings.waiting(10);
    let (reply, mut waiting) = oneshot::channel();
    beings.enter(newcomer(Purpose::Kill(reply))).unwrap();
    let (reply, mut killed) = oneshot::channel();
    beings.kill(sequence(1), later(), reply).unwrap();

    beings.abandon();
    // A task may be a step further before it sees that it has ended.
    beings.written(&flush);
    beings.put_back(newcomers, Instant::now(), &lost());
    let gone = oneshot::error::TryRecvError::Closed;
    assert_eq!(joining.try_recv().unwrap_err(), gone);
    assert_eq!(numbered.try_recv().unwrap_err(), gone);
    assert_eq!(waiting.try_recv().unwrap_err(), gone);
    assert_eq!(killed.try_recv().unwrap_err(), gone);
    assert!(beings.is_left());
}

#[test]
fn a_first_start_after_a_long_silence_writes_no_document_again() {
    let beings = local_beings();
    let first = join(&beings, 1, slot(1));
    write(&beings, slot(1));
    beings.stop(sequence(1));
    let second = join(&beings, 2, slot(9));
    assert!(beings.flush(slot(9)).beings.is_empty());
    drop((first, second));
}

#[test]
fn a_closed_base_is_not_left_while_somebody_is_being_numbered() {
    let beings = local_beings();
    let (reply, mut outcome) = oneshot::channel();
    let newcomer = Newcomer { key: Arc::from("key"), purpose: Purpose::Start(reply), until: later() };
    beings.enter(newcomer).unwrap();
    beings.close();
    let newcomers = beings.waiting(10);
    assert!(beings.is_over() && !beings.is_left());
    beings.numbered(newcomers.into_iter().map(|newcomer| (sequence(1), newcomer)).collect(), slot(1));
    assert!(!beings.is_left());
    write(&beings, slot(1));
    assert_eq!(outcome.try_recv().unwrap().unwrap(), sequence(1));
    assert!(beings.is_left());
}
