use std::collections::BTreeMap;

use proptest::prelude::*;

use presence_core::{ErrorKind, Id};

use super::*;
use crate::leases::ids::IdSpace;

fn id(number: u8) -> Id {
    Id::new(&number.to_string()).unwrap()
}

fn explicit() -> StepKind<IdSpace> {
    StepKind::Explicit(Reply { index: 0, answers: Arc::default() })
}

/// What Redis knows of an id after the steps it heard: whether it is here, and whether others
/// hold it, as they did first.
fn hear(known: &mut BTreeMap<Id, (bool, bool)>, step: &Step<IdSpace>) {
    let (mine, others) = known.entry(step.name.clone()).or_insert((false, true));
    match step.what {
        StepKind::Arrive { .. } => *mine = true,
        StepKind::Depart { .. } => *mine = false,
        StepKind::Explicit(_) => (*mine, *others) = (false, false),
        StepKind::Show { .. } | StepKind::Check => {}
    }
}

proptest! {
    #[test]
    fn in_the_end_redis_knows_who_is_here(
        moves in prop::collection::vec((0..3_u8, 0..8_u8, 0..6_usize), 0..80),
    ) {
        let mut outbox = Outbox::<IdSpace>::default();
        let (mut here, mut expected, mut known) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        for (number, kind, count) in moves {
            let online = here.entry(number).or_insert(false);
            // As the table of tracker tells it: arrivals and departures alternate.
            let what = match kind {
                0 => { *online = false; explicit() }
                1 => StepKind::Check,
                2 => {
                    // An attempt that fails, of which Redis heard all or nothing.
                    let taken = outbox.take(count);
                    if number == 0 {
                        taken.iter().for_each(|step| hear(&mut known, step));
                    }
                    outbox.put_back(taken);
                    prop_assert!(outbox.steps.len() <= 3 * 4);
                    continue;
                }
                3 => {
                    outbox.take(count).iter().for_each(|step| hear(&mut known, step));
                    continue;
                }
                _ if *online => { *online = false; StepKind::Depart { ended: false, seen: 0 } }
                _ => { *online = true; StepKind::Arrive { held: false, shown: () } }
            };
            let ticket = outbox.push(id(number), what.clone());
            hear(&mut expected, &Step { name: id(number), what, ticket, doubtful: false });
        }
        let left = outbox.take(usize::MAX);
        prop_assert!(left.is_sorted_by_key(|step| step.ticket));
        prop_assert!(!left.iter().any(|step| matches!(step.what, StepKind::Show { .. })), "ids show nothing");
        left.iter().for_each(|step| hear(&mut known, step));
        for (id, state) in expected {
            prop_assert_eq!(known.get(&id).copied().unwrap_or((false, true)), state);
        }
        prop_assert_eq!(outbox.done(), outbox.last());
    }
}

#[test]
fn steps_that_were_not_heard_come_again_first() {
    let mut outbox = Outbox::<IdSpace>::default();
    for number in 0..4 {
        outbox.push(id(number), StepKind::Check);
    }
    let taken = outbox.take(2);
    assert_eq!(outbox.done(), 2);
    outbox.put_back(taken);
    assert_eq!(outbox.done(), 0);
    let again: Vec<_> = outbox.take(9).into_iter().map(|step| step.name).collect();
    assert_eq!(again, [id(0), id(1), id(2), id(3)]);
    assert!(outbox.is_empty() && !outbox.has(&id(0)));
}

#[test]
fn who_leaves_passes_those_for_whom_there_is_no_memory() {
    let mut outbox = Outbox::<IdSpace>::default();
    let arrive = || StepKind::Arrive { held: false, shown: () };
    let depart = || StepKind::Depart { ended: false, seen: 0 };
    outbox.push(id(1), arrive());
    outbox.push(id(2), depart());
    outbox.push(id(3), arrive());
    outbox.push(id(3), StepKind::Check);
    assert!(!outbox.set_full(Some(Error::new(ErrorKind::Unavailable, "no memory"))));
    let names = |steps: Vec<Step<IdSpace>>| steps.into_iter().map(|step| step.name).collect::<Vec<_>>();
    assert_eq!(names(outbox.take(9)), [id(2)]);
    assert!(outbox.why_kept(&id(1)).is_some() && outbox.why_kept(&id(2)).is_none());
    // Who comes is kept; who was kept and leaves leaves no trace; who is told to leave is
    // written at once.
    outbox.push(id(4), arrive());
    outbox.push(id(1), depart());
    outbox.push(id(3), explicit());
    assert_eq!(names(outbox.take(9)), [id(3)]);
    assert_eq!(outbox.done(), outbox.last());
    assert!(outbox.has(&id(4)) && !outbox.has(&id(1)) && !outbox.is_empty());
    // What was sent and not heard is sorted in again.
    outbox.push(id(5), explicit());
    let taken = outbox.take(9);
    outbox.put_back(taken);
    assert_eq!(names(outbox.take(9)), [id(5)]);
    assert!(outbox.set_full(None));
    assert_eq!(names(outbox.take(9)), [id(4)]);
    assert!(outbox.is_empty());
}

#[test]
fn outbox_stays_small_while_nobody_takes() {
    let mut outbox = Outbox::<IdSpace>::default();
    for turn in 0..100_000_u32 {
        let arrive = turn % 2 == 0;
        let what = if arrive {
            StepKind::Arrive { held: true, shown: () }
        } else {
            StepKind::Depart { ended: true, seen: 0 }
        };
        outbox.push(id((turn / 2 % 100) as u8), what);
    }
    assert!(outbox.steps.len() <= 2 * FOLD_MIN, "{} steps", outbox.steps.len());
}
