//! What a shard in Redis is yet to hear from this process, in order. Pure.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use parking_lot::Mutex;
use presence_core::beings::Millis;

use super::space::Space;

/// Counts the steps of one outbox.
pub(super) type Ticket = u64;

/// One step about one name.
#[derive(Debug, Clone)]
pub(super) struct Step<S: Space> {
    pub(super) name: S::Name,
    pub(super) what: What<S>,
    ticket: Ticket,
    /// Whether it, or an opposite step that it took the place of, may have been heard already.
    doubtful: bool,
}

/// What Redis is to be told or asked.
#[derive(Debug, Clone)]
pub(super) enum What<S: Space> {
    /// It came to this process.
    Arrive { held: bool, shown: S::Shown },
    /// It left this process.
    Depart { ended: bool, seen: Millis },
    /// It is to leave every process.
    Explicit(Reply),
    /// Wherever it is, it shows this.
    Show { shown: S::Shown, reply: Option<Reply> },
    /// Is it still at this process? If not it is forgotten here.
    Check,
}

/// Where the answer to a step goes.
#[derive(Debug, Clone)]
pub(super) struct Reply {
    /// The place of the name in the call.
    pub(super) place: usize,
    pub(super) answers: Arc<Mutex<Vec<(usize, Answer)>>>,
}

/// What there is to say about a step beyond that it was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Answer {
    /// Other processes held it and have to hear of it.
    Others(Vec<String>),
    /// Nobody holds it who could show something.
    Nobody,
    /// Nobody can know who holds it.
    Recovering,
}

/// The steps that were not taken yet.
///
/// While Redis is away it is kept small: of a name that came and went nothing remains to be said. So there are never many more steps
/// than four times the names concerned.
#[derive(Debug)]
pub(super) struct Outbox<S: Space> {
    steps: VecDeque<Step<S>>,
    last: Ticket,
    /// How many steps there were when it was last folded.
    folded: usize,
}

impl<S: Space> Outbox<S> {
    pub(super) fn push(&mut self, name: S::Name, what: What<S>) -> Ticket {
        self.last += 1;
        self.steps.push_back(Step { name, what, ticket: self.last, doubtful: false });
        if self.steps.len() > 2 * self.folded + FOLD_MIN {
            self.fold();
        }
        self.last
    }

    /// Takes the first steps out, to be tried.
    pub(super) fn take(&mut self, limit: usize) -> Vec<Step<S>> {
        let count = limit.min(self.steps.len());
        self.steps.drain(..count).collect()
    }

    /// Puts steps back that were taken and may not have been heard.
    pub(super) fn put_back(&mut self, steps: Vec<Step<S>>) {
        for mut step in steps.into_iter().rev() {
            step.doubtful = true;
            self.steps.push_front(step);
        }
        self.fold();
    }

    pub(super) fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    pub(super) fn has(&self, name: &S::Name) -> bool {
        self.steps.iter().any(|step| step.name == *name)
    }

    /// The ticket of the latest step ever pushed.
    pub(super) fn last(&self) -> Ticket {
        self.last
    }

    /// The ticket up to which nothing remains to be done.
    pub(super) fn done(&self) -> Ticket {
        self.steps.front().map_or(self.last, |step| step.ticket - 1)
    }

    /// Drops what later steps made pointless.
    pub(super) fn fold(&mut self) {
        let mut kept: Vec<Option<Step<S>>> = Vec::with_capacity(self.steps.len());
        // The places of the steps of each name that are still there: at most an explicit one and one of each other kind.
        let mut places: HashMap<S::Name, Vec<usize>> = HashMap::new();
        for mut step in self.steps.drain(..) {
            let before = places.entry(step.name.clone()).or_default();
            match &step.what {
                What::Explicit(_) => before.drain(..).for_each(|place| kept[place] = None),
                What::Arrive { .. } | What::Depart { .. } => {
                    if let Some(doubtful) = cancel(&mut kept, before, &step.what) {
                        // The first may have been heard: the second has to be.
                        step.doubtful = doubtful;
                        // Who left and came back never was away, but may show something else, and may have been made to leave
                        // elsewhere meanwhile: an arrival that is said again makes it true in any case.
                        if matches!(step.what, What::Arrive { .. }) {
                            step.doubtful = true;
                        } else if !doubtful {
                            continue;
                        }
                    }
                }
                What::Show { .. } => {
                    let is_show =
                        |place: &usize| matches!(&kept[*place], Some(Step { what: What::Show { .. }, .. }));
                    if let Some(place) = before.pop_if(|place| is_show(place)) {
                        kept[place] = None;
                    }
                }
                What::Check => {
                    let is_check =
                        |place: &usize| matches!(&kept[*place], Some(Step { what: What::Check, .. }));
                    if before.iter().any(is_check) {
                        continue;
                    }
                }
            }
            before.push(kept.len());
            kept.push(Some(step));
        }
        self.steps = kept.into_iter().flatten().collect();
        self.folded = self.steps.len();
    }
}

/// Drops the step that `next` undoes, with what was shown since, and says whether it may have been heard; `None` if there is none.
fn cancel<S: Space>(kept: &mut [Option<Step<S>>], before: &mut Vec<usize>, next: &What<S>) -> Option<bool> {
    let what = |place: usize| kept[place].as_ref().map(|step| &step.what);
    let is_transition = |place: &usize| !matches!(what(*place), Some(What::Show { .. } | What::Check));
    let latest = before.iter().rposition(is_transition)?;
    let opposite = matches!(
        (what(before[latest]), next),
        (Some(What::Arrive { .. }), What::Depart { .. }) | (Some(What::Depart { .. }), What::Arrive { .. })
    );
    if !opposite {
        return None;
    }
    let doubtful = kept[before[latest]].as_ref().is_some_and(|step| step.doubtful);
    let pointless = |place: usize, step: &Option<Step<S>>| {
        place == latest || matches!(step, Some(Step { what: What::Show { .. }, .. }))
    };
    let mut place = 0;
    before.retain(|kept_at| {
        let drops = place >= latest && pointless(place, &kept[*kept_at]);
        place += 1;
        if drops {
            kept[*kept_at] = None;
        }
        !drops
    });
    Some(doubtful)
}

impl<S: Space> Default for Outbox<S> {
    fn default() -> Self {
        Self { steps: VecDeque::new(), last: 0, folded: 0 }
    }
}

/// Below so many steps folding is not worth it.
const FOLD_MIN: usize = 4096;

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use presence_core::Id;

    use super::*;
    use crate::leases::space::Ids;

    fn id(number: u8) -> Id {
        Id::new(&number.to_string()).unwrap()
    }

    fn explicit() -> What<Ids> {
        What::Explicit(Reply { place: 0, answers: Arc::default() })
    }

    /// What Redis knows of an id after the steps it heard: whether it is here, and whether others hold it, as they did first.
    fn hear(known: &mut BTreeMap<Id, (bool, bool)>, step: &Step<Ids>) {
        let (mine, others) = known.entry(step.name.clone()).or_insert((false, true));
        match step.what {
            What::Arrive { .. } => *mine = true,
            What::Depart { .. } => *mine = false,
            What::Explicit(_) => (*mine, *others) = (false, false),
            What::Show { .. } | What::Check => {}
        }
    }

    proptest! {
        #[test]
        fn in_the_end_redis_knows_who_is_here(
            moves in prop::collection::vec((0..3_u8, 0..8_u8, 0..6_usize), 0..80),
        ) {
            let mut outbox = Outbox::<Ids>::default();
            let (mut here, mut expected, mut known) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
            for (number, kind, count) in moves {
                let online = here.entry(number).or_insert(false);
                // As the table of beings tells it: arrivals and departures alternate.
                let what = match kind {
                    0 => { *online = false; explicit() }
                    1 => What::Check,
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
                    _ if *online => { *online = false; What::Depart { ended: false, seen: 0 } }
                    _ => { *online = true; What::Arrive { held: false, shown: () } }
                };
                let ticket = outbox.push(id(number), what.clone());
                hear(&mut expected, &Step { name: id(number), what, ticket, doubtful: false });
            }
            let left = outbox.take(usize::MAX);
            prop_assert!(left.is_sorted_by_key(|step| step.ticket));
            prop_assert!(!left.iter().any(|step| matches!(step.what, What::Show { .. })), "ids show nothing");
            left.iter().for_each(|step| hear(&mut known, step));
            for (id, state) in expected {
                prop_assert_eq!(known.get(&id).copied().unwrap_or((false, true)), state);
            }
            prop_assert_eq!(outbox.done(), outbox.last());
        }
    }

    #[test]
    fn steps_that_were_not_heard_come_again_first() {
        let mut outbox = Outbox::<Ids>::default();
        for number in 0..4 {
            outbox.push(id(number), What::Check);
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
    fn outbox_stays_small_while_nobody_takes() {
        let mut outbox = Outbox::<Ids>::default();
        for turn in 0..100_000_u32 {
            let arrive = turn % 2 == 0;
            let what = if arrive {
                What::Arrive { held: true, shown: () }
            } else {
                What::Depart { ended: true, seen: 0 }
            };
            outbox.push(id((turn / 2 % 100) as u8), what);
        }
        assert!(outbox.steps.len() <= 2 * FOLD_MIN, "{} steps", outbox.steps.len());
    }
}
