//! What a shard in Redis is yet to hear from this process, in order.
//!
//! This module is pure.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use parking_lot::Mutex;
use presence_core::Error;
use presence_core::tracker::Millis;

use super::space::Space;

/// Counts the steps of one outbox.
pub(super) type StepNumber = u64;

/// One step about one name.
#[derive(Debug, Clone)]
pub(super) struct Step<S: Space> {
    pub(super) name: S::Name,
    pub(super) what: StepKind<S>,
    ticket: StepNumber,
    /// Whether it, or an opposite step that it took the place of, may have been heard already.
    doubtful: bool,
}

/// What Redis is to be told or asked.
#[derive(Debug, Clone)]
pub(super) enum StepKind<S: Space> {
    /// It came to this process.
    Arrive { held: bool, shown: S::Payload },
    /// It left this process.
    Depart { ended: bool, seen: Millis },
    /// It is to leave every process.
    Explicit(Reply),
    /// Wherever it is, it shows this.
    Show { shown: S::Payload, reply: Option<Reply> },
    /// Is it still at this process? If not it is forgotten here.
    Check,
}

/// Where the answer to a step goes.
#[derive(Debug, Clone)]
pub(super) struct Reply {
    /// The index of the name in the call.
    pub(super) index: usize,
    pub(super) answers: Arc<Mutex<Vec<(usize, StepAnswer)>>>,
}

/// What there is to say about a step beyond that it was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum StepAnswer {
    /// Other processes held it and have to hear of it.
    Others(Vec<String>),
    /// Nobody holds it who could show something.
    Nobody,
    /// Nobody can know who holds it.
    Recovering,
}

/// The steps that were not taken yet.
///
/// While Redis is away it is kept small: of a name that came and went nothing remains to be said.
/// So there are never many more steps than four times the names concerned.
///
/// While Redis is out of memory those that need some are *kept* apart, by name, with all that
/// follows of the same name: they fail for now, and hold up nobody who leaves, which is what frees
/// memory.
///
/// ```text
///   push ──► a name that is kept, or a step that needs memory? ── yes ──► kept ── memory again ──► steps
///                 │ no                                                      │ undone by a later step: gone
///                 ▼                                                         │ a later step says that it leaves: steps
///               steps ──► taken
/// ```
#[derive(Debug)]
pub(super) struct Outbox<S: Space> {
    steps: VecDeque<Step<S>>,
    last: StepNumber,
    /// How many steps there were when it was last folded.
    folded: usize,
    /// Why nothing is taken that needs memory.
    full: Option<Error>,
    kept: HashMap<S::Name, Vec<Step<S>>>,
}

impl<S: Space> Outbox<S> {
    pub(super) fn push(&mut self, name: S::Name, what: StepKind<S>) -> StepNumber {
        self.last += 1;
        let step = Step { name, what, ticket: self.last, doubtful: false };
        if self.full.is_some() {
            self.sort_in(step);
        } else {
            self.steps.push_back(step);
        }
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
        self.sort();
    }

    /// Notes that Redis takes nothing that needs memory, and why, or that it does again; says
    /// whether there is more to write now.
    pub(super) fn set_full(&mut self, full: Option<Error>) -> bool {
        self.full = full;
        if self.full.is_some() {
            self.fold();
            self.sort();
            return false;
        }
        let any = !self.kept.is_empty();
        for mut step in std::mem::take(&mut self.kept).into_values().flatten() {
            self.last += 1;
            step.ticket = self.last;
            self.steps.push_back(step);
        }
        any
    }

    /// Whether Redis takes nothing that needs memory.
    pub(super) fn is_full(&self) -> bool {
        self.full.is_some()
    }

    /// Why what was last pushed of a name is not written, if it is kept.
    pub(super) fn why_kept(&self, name: &S::Name) -> Option<Error> {
        self.full.as_ref().filter(|_| self.kept.contains_key(name)).cloned()
    }

    /// Parts what needs memory from what does not.
    fn sort(&mut self) {
        if self.full.is_some() {
            for step in std::mem::take(&mut self.steps) {
                self.sort_in(step);
            }
        }
    }

    fn sort_in(&mut self, step: Step<S>) {
        if !self.kept.contains_key(&step.name) && !step.what.needs_memory() {
            self.steps.push_back(step);
            return;
        }
        let name = step.name.clone();
        let mut of_name = self.kept.remove(&name).unwrap_or_default();
        of_name.push(step);
        let mut of_name = fold(of_name);
        let kept = of_name
            .split_off(of_name.iter().position(|step| step.what.needs_memory()).unwrap_or(of_name.len()));
        for mut step in of_name {
            self.last += 1;
            step.ticket = self.last;
            self.steps.push_back(step);
        }
        if !kept.is_empty() {
            self.kept.insert(name, kept);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.steps.is_empty() && self.kept.is_empty()
    }

    pub(super) fn has(&self, name: &S::Name) -> bool {
        self.kept.contains_key(name) || self.steps.iter().any(|step| step.name == *name)
    }

    /// The ticket of the latest step ever pushed.
    pub(super) fn last(&self) -> StepNumber {
        self.last
    }

    /// The ticket up to which nothing remains to be done.
    pub(super) fn done(&self) -> StepNumber {
        self.steps.front().map_or(self.last, |step| step.ticket - 1)
    }

    /// Drops what later steps made pointless.
    pub(super) fn fold(&mut self) {
        self.steps = fold(self.steps.drain(..)).into();
        self.folded = self.steps.len();
    }
}

impl<S: Space> StepKind<S> {
    /// Whether Redis needs more memory for it than it has already.
    fn needs_memory(&self) -> bool {
        matches!(self, Self::Arrive { .. } | Self::Show { .. })
    }
}

/// Drops what later steps made pointless.
fn fold<S: Space>(steps: impl IntoIterator<Item = Step<S>>) -> Vec<Step<S>> {
    let mut kept: Vec<Option<Step<S>>> = Vec::new();
    // The indices of the steps of each name that are still there: at most an explicit one and one
    // of each other kind.
    let mut indices: HashMap<S::Name, Vec<usize>> = HashMap::new();
    for mut step in steps {
        let before = indices.entry(step.name.clone()).or_default();
        match &step.what {
            StepKind::Explicit(_) => before.drain(..).for_each(|index| kept[index] = None),
            StepKind::Arrive { .. } | StepKind::Depart { .. } => {
                if let Some(doubtful) = cancel(&mut kept, before, &step.what) {
                    // Redis may have heard the first step, so the second one has to be sent.
                    step.doubtful = doubtful;
                    // A name that left and came back never was away. But it may show another
                    // payload, and another process may have made it leave meanwhile. An arrival
                    // that is said again is right in all of these cases.
                    if matches!(step.what, StepKind::Arrive { .. }) {
                        step.doubtful = true;
                    } else if !doubtful {
                        continue;
                    }
                }
            }
            StepKind::Show { .. } => {
                let is_show =
                    |index: &usize| matches!(&kept[*index], Some(Step { what: StepKind::Show { .. }, .. }));
                if let Some(index) = before.pop_if(|index| is_show(index)) {
                    kept[index] = None;
                }
            }
            StepKind::Check => {
                let is_check =
                    |index: &usize| matches!(&kept[*index], Some(Step { what: StepKind::Check, .. }));
                if before.iter().any(is_check) {
                    continue;
                }
            }
        }
        before.push(kept.len());
        kept.push(Some(step));
    }
    kept.into_iter().flatten().collect()
}

/// Drops the step that `next` undoes, with what was shown since, and says whether it may have been
/// heard; `None` if there is none.
fn cancel<S: Space>(
    kept: &mut [Option<Step<S>>],
    before: &mut Vec<usize>,
    next: &StepKind<S>,
) -> Option<bool> {
    let what = |index: usize| kept[index].as_ref().map(|step| &step.what);
    let is_transition =
        |index: &usize| !matches!(what(*index), Some(StepKind::Show { .. } | StepKind::Check));
    let latest = before.iter().rposition(is_transition)?;
    let opposite = matches!(
        (what(before[latest]), next),
        (Some(StepKind::Arrive { .. }), StepKind::Depart { .. })
            | (Some(StepKind::Depart { .. }), StepKind::Arrive { .. })
    );
    if !opposite {
        return None;
    }
    let doubtful = kept[before[latest]].as_ref().is_some_and(|step| step.doubtful);
    let pointless = |index: usize, step: &Option<Step<S>>| {
        index == latest || matches!(step, Some(Step { what: StepKind::Show { .. }, .. }))
    };
    let mut index = 0;
    before.retain(|kept_at| {
        let drops = index >= latest && pointless(index, &kept[*kept_at]);
        index += 1;
        if drops {
            kept[*kept_at] = None;
        }
        !drops
    });
    Some(doubtful)
}

impl<S: Space> Default for Outbox<S> {
    fn default() -> Self {
        Self { steps: VecDeque::new(), last: 0, folded: 0, full: None, kept: HashMap::new() }
    }
}

/// Below so many steps folding is not worth it.
const FOLD_MIN: usize = 4096;

#[cfg(test)]
mod tests;
