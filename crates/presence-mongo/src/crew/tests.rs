//! What is written when, without a database.

use std::time::Duration;

use super::*;

const PERIOD: u32 = 10;

fn crew() -> Crew {
    Crew::new(Period::new(PERIOD))
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
fn join(crew: &Crew, number: i64, at: TimeSlot) -> oneshot::Receiver<Result<Sequence, Error>> {
    let (reply, outcome) = oneshot::channel();
    let newcomer = Newcomer { key: Arc::from("key"), purpose: Purpose::Start(reply), until: later() };
    crew.numbered(vec![(sequence(number), newcomer)], at);
    outcome
}

fn write(crew: &Crew, at: TimeSlot) -> Vec<(TimeSlot, SlotBits)> {
    let flush = crew.flush(at);
    crew.written(&flush);
    flush.writes
}

fn alive(numbers: &[i64]) -> SlotBits {
    SlotBits { alive: set(numbers), dead: Words::default() }
}

#[test]
fn bits_that_were_acknowledged_in_a_slot_are_not_sent_again() {
    let crew = crew();
    let mut first = join(&crew, 1, slot(1));
    assert_eq!(write(&crew, slot(1)), [(slot(1), alive(&[1]))]);
    assert_eq!(first.try_recv().unwrap().unwrap(), sequence(1));
    let second = join(&crew, 2, slot(1));
    assert_eq!(write(&crew, slot(1)), [(slot(1), alive(&[2]))]);
    assert_eq!(crew.due(slot(1)), Due { is_urgent: false, is_complete: true });
    assert_eq!(write(&crew, slot(2)), [(slot(2), alive(&[1, 2]))], "one update for all in the next");
    drop(second);
}

#[test]
fn what_failed_is_sent_again_with_what_came_meanwhile() {
    let crew = crew();
    let first = join(&crew, 1, slot(1));
    let flush = crew.flush(slot(1));
    assert_eq!(flush.writes, [(slot(1), alive(&[1]))]);
    crew.failed(Instant::now(), &lost());
    assert_eq!(crew.error().unwrap().kind(), ErrorKind::Unavailable);
    let second = join(&crew, 2, slot(1));
    assert_eq!(write(&crew, slot(1)), [(slot(1), alive(&[1, 2]))]);
    assert!(crew.error().is_none());
    drop((first, second));
}

#[test]
fn a_kill_goes_where_the_last_bit_is_and_one_that_never_pinged_gets_both_bits() {
    let crew = crew();
    let joined = join(&crew, 1, slot(1));
    write(&crew, slot(1));
    let (reply, mut killed) = oneshot::channel();
    crew.kill(sequence(1), later(), reply).unwrap();
    let dead = SlotBits { alive: Words::default(), dead: set(&[1]) };
    assert_eq!(write(&crew, slot(2)), [(slot(1), dead)], "the next slot has begun meanwhile");
    killed.try_recv().unwrap().unwrap();
    assert!(crew.due(slot(2)).is_complete, "it pings no more");

    let (reply, mut killed) = oneshot::channel();
    let newcomer = Newcomer { key: Arc::from("key"), purpose: Purpose::Kill(reply), until: later() };
    crew.numbered(vec![(sequence(2), newcomer)], slot(2));
    let both = SlotBits { alive: set(&[2]), dead: set(&[2]) };
    assert_eq!(write(&crew, slot(2)), [(slot(2), both)]);
    killed.try_recv().unwrap().unwrap();
    drop(joined);
}

#[test]
fn a_kill_that_was_tried_for_long_goes_where_it_is_read() {
    let crew = crew();
    let joined = join(&crew, 1, slot(1));
    write(&crew, slot(1));
    let (reply, killed) = oneshot::channel();
    crew.kill(sequence(1), later(), reply).unwrap();
    crew.flush(slot(1));
    crew.failed(Instant::now(), &lost());
    let dead = SlotBits { alive: Words::default(), dead: set(&[1]) };
    assert_eq!(write(&crew, slot(5)), [(slot(4), dead)]);
    drop((joined, killed));
}

#[test]
fn a_start_that_is_given_up_pings_no_more() {
    let crew = crew();
    drop(join(&crew, 1, slot(1)));
    assert!(write(&crew, slot(1)).is_empty());
    let outcome = join(&crew, 2, slot(1));
    let flush = crew.flush(slot(1));
    drop(outcome);
    crew.written(&flush);
    assert!(write(&crew, slot(2)).is_empty(), "the write was on its way");
    assert_eq!(crew.living(), 0);
}

#[test]
fn after_slots_without_a_write_the_documents_are_written_again() {
    let crew = crew();
    let joined = join(&crew, 1, slot(1));
    write(&crew, slot(1));
    assert!(crew.flush(slot(3)).beings.is_empty());
    let flush = crew.flush(slot(4));
    assert_eq!(flush.beings, [(sequence(1), Arc::<str>::from("key"))], "a pruner may have removed it");
    crew.written(&flush);
    assert!(crew.flush(slot(4)).beings.is_empty());
    let flush = crew.flush(slot(5));
    assert_eq!(flush.beings.len(), 1, "it may have done so after it was written again");
    crew.written(&flush);
    assert!(crew.flush(slot(6)).beings.is_empty());
    drop(joined);
}

#[test]
fn who_waited_too_long_is_told_and_pings_no_more() {
    let crew = crew();
    let (reply, mut outcome) = oneshot::channel();
    let newcomer = Newcomer { key: Arc::from("key"), purpose: Purpose::Start(reply), until: Instant::now() };
    crew.enter(newcomer).unwrap();
    let newcomers = crew.waiting(10);
    crew.put_back(newcomers, Instant::now(), &lost());
    assert_eq!(outcome.try_recv().unwrap().unwrap_err().kind(), ErrorKind::Unavailable);
    crew.close();
    assert!(crew.is_left());
    let (reply, _outcome) = oneshot::channel();
    let newcomer = Newcomer { key: Arc::from("key"), purpose: Purpose::Start(reply), until: later() };
    assert_eq!(crew.enter(newcomer).unwrap_err().kind(), ErrorKind::Closed);
}

#[test]
fn nobody_waits_for_tasks_that_have_been_ended() {
    let crew = crew();
    let newcomer = |purpose| Newcomer { key: Arc::from("key"), purpose, until: later() };
    let mut joining = join(&crew, 1, slot(1));
    let flush = crew.flush(slot(1));
    let (reply, mut numbered) = oneshot::channel();
    crew.enter(newcomer(Purpose::Start(reply))).unwrap();
    let newcomers = crew.waiting(10);
    let (reply, mut waiting) = oneshot::channel();
    crew.enter(newcomer(Purpose::Kill(reply))).unwrap();
    let (reply, mut killed) = oneshot::channel();
    crew.kill(sequence(1), later(), reply).unwrap();

    crew.abandon();
    // A task may be a step further before it sees that it has ended.
    crew.written(&flush);
    crew.put_back(newcomers, Instant::now(), &lost());
    let gone = oneshot::error::TryRecvError::Closed;
    assert_eq!(joining.try_recv().unwrap_err(), gone);
    assert_eq!(numbered.try_recv().unwrap_err(), gone);
    assert_eq!(waiting.try_recv().unwrap_err(), gone);
    assert_eq!(killed.try_recv().unwrap_err(), gone);
    assert!(crew.is_left());
}

#[test]
fn a_first_start_after_a_long_silence_writes_no_document_again() {
    let crew = crew();
    let first = join(&crew, 1, slot(1));
    write(&crew, slot(1));
    crew.stop(sequence(1));
    let second = join(&crew, 2, slot(9));
    assert!(crew.flush(slot(9)).beings.is_empty());
    drop((first, second));
}

#[test]
fn a_crew_that_was_closed_is_not_left_while_somebody_is_being_numbered() {
    let crew = crew();
    let (reply, mut outcome) = oneshot::channel();
    let newcomer = Newcomer { key: Arc::from("key"), purpose: Purpose::Start(reply), until: later() };
    crew.enter(newcomer).unwrap();
    crew.close();
    let newcomers = crew.waiting(10);
    assert!(crew.is_over() && !crew.is_left());
    crew.numbered(newcomers.into_iter().map(|newcomer| (sequence(1), newcomer)).collect(), slot(1));
    assert!(!crew.is_left());
    write(&crew, slot(1));
    assert_eq!(outcome.try_recv().unwrap().unwrap(), sequence(1));
    assert!(crew.is_left());
}
