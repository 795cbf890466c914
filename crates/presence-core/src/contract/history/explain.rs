//! Whether what was heard of a name can be explained by what was done to it.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use super::model::Act;

/// Something that was done. Times count from the beginning of the history.
#[derive(Debug, Clone)]
pub(super) struct Done {
    pub(super) act: Act,
    pub(super) from: Duration,
    pub(super) to: Duration,
    /// What the call said, if it says whether the name was there.
    pub(super) answer: Option<bool>,
}

/// Something that was heard.
#[derive(Debug, Clone, Copy)]
pub(super) struct Heard {
    pub(super) what: What,
    pub(super) at: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    Came(u8),
    Showed(u8),
    Left { told: bool },
}

/// What the backend promises.
#[derive(Debug, Clone, Copy)]
pub(super) struct Promise {
    pub(super) ttl: Duration,
    pub(super) grace: Duration,
    pub(super) lateness: Duration,
    pub(super) delivery: Duration,
}

/// The times between which something happens.
#[derive(Debug, Clone, Copy)]
struct Span {
    from: Duration,
    to: Duration,
}

/// What keeps a name there, each thing with the time at which it is over, grace included.
#[derive(Debug, Default, Clone)]
struct Sources {
    /// Heartbeats without a device, and what ended devices left.
    own: Option<Span>,
    devices: BTreeMap<usize, Span>,
}

/// One possible course of things: where it stands, and how many of the events it has explained.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Course {
    /// The payload, if the name is there.
    shown: Option<u8>,
    explained: usize,
}

/// What is certain about a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Certainty {
    There,
    Gone,
    Unknown,
}

// The calls of a history came one after the other. What is not certain is when, within its span,
// each took effect, and whether a deadline that fell about there had passed before it. So there are
// several courses of things at a time: `expire` adds those in which the deadline had passed, and
// `follow` leaves out those that do not fit to an answer or to the next event.
impl Promise {
    /// Finds a course of things that explains all that was heard until `end`, when it all had been
    /// delivered, and returns what the name shows at its end.
    pub(super) fn explain(
        &self,
        done: &[Done],
        heard: &[Heard],
        end: Duration,
    ) -> Result<Option<u8>, String> {
        let mut sources = Sources::default();
        let mut courses = vec![Course { shown: None, explained: 0 }];
        for deed in done {
            let before = courses.clone();
            courses = self.expire(&courses, &sources, heard, Span { from: deed.from, to: deed.to });
            courses = courses.iter().filter_map(|course| self.follow(*course, deed, heard)).collect();
            sources.take(deed, self);
            if courses.is_empty() {
                let events = Events(heard, &before);
                return Err(format!("{deed:?} cannot follow:\n{events}after\n{}", Deeds(done)));
            }
        }
        courses = self.expire(&courses, &sources, heard, Span { from: end, to: end });
        courses.retain(|course| course.explained == heard.len());
        match courses.as_slice() {
            [] => {
                Err(format!("no explanation until {end:?}:\n{}of\n{}", Events(heard, &courses), Deeds(done)))
            }
            [course, ..] => Ok(course.shown),
        }
    }

    /// Says what is certain between `from` and `to`.
    pub(super) fn certainty(&self, done: &[Done], from: Duration, to: Duration) -> Certainty {
        let mut sources = Sources::default();
        done.iter().for_each(|deed| sources.take(deed, self));
        match sources.deadline() {
            None => Certainty::Gone,
            Some(deadline) if deadline.from > to => Certainty::There,
            Some(deadline) if deadline.to.saturating_add(self.lateness) < from => Certainty::Gone,
            Some(_) => Certainty::Unknown,
        }
    }

    /// Lets those courses in which the deadline may have passed before `now` branch.
    fn expire(&self, courses: &[Course], sources: &Sources, heard: &[Heard], now: Span) -> Vec<Course> {
        let Some(deadline) = sources.deadline() else { return courses.to_vec() };
        let latest = deadline.to.saturating_add(self.lateness);
        let mut all = Vec::new();
        for course in courses {
            if course.shown.is_none() || now.from <= latest {
                all.push(*course);
            }
            if course.shown.is_some() && deadline.from <= now.to {
                let made = Span { from: deadline.from, to: latest };
                all.extend(self.hear(*course, What::Left { told: false }, made, heard));
            }
        }
        all.dedup();
        all
    }

    /// Takes the effect of a deed, if it fits to what was heard and answered.
    fn follow(&self, course: Course, deed: &Done, heard: &[Heard]) -> Option<Course> {
        if deed.answer.is_some_and(|there| there != course.shown.is_some() && (there || deed.act.is_exact()))
        {
            return None;
        }
        let what = match (deed.act, course.shown) {
            (Act::Beat { payload, .. } | Act::Hold { payload, .. }, None) => What::Came(payload),
            (Act::Beat { payload, .. } | Act::Hold { payload, .. } | Act::Show { payload }, Some(shown))
                if shown != payload =>
            {
                What::Showed(payload)
            }
            (Act::Remove, Some(_)) => What::Left { told: true },
            _ => return Some(course),
        };
        self.hear(course, what, Span { from: deed.from, to: deed.to }, heard)
    }

    /// Explains the next event, which must be `what`, made at `made`.
    fn hear(&self, course: Course, what: What, made: Span, heard: &[Heard]) -> Option<Course> {
        let event = heard.get(course.explained)?;
        let in_time = made.from <= event.at && event.at <= made.to.saturating_add(self.delivery);
        let shown = match what {
            What::Came(payload) | What::Showed(payload) => Some(payload),
            What::Left { .. } => None,
        };
        (event.what == what && in_time).then_some(Course { shown, explained: course.explained + 1 })
    }
}

impl Sources {
    fn take(&mut self, deed: &Done, promise: &Promise) {
        let now = Span { from: deed.from, to: deed.to };
        let beat = now.plus(promise.ttl + promise.grace);
        match deed.act {
            Act::Beat { device: None, .. } => self.keep(beat),
            Act::Beat { device: Some(device), .. } => self.beat(device, beat),
            Act::Continue { device } if deed.answer == Some(true) => self.beat(device, beat),
            Act::Hold { device, .. } => _ = self.devices.insert(device, Span::HELD),
            Act::End { device } => {
                let Some(until) = self.devices.remove(&device) else { return };
                let grace = now.plus(promise.grace);
                self.keep(Span { from: until.from.min(grace.from), to: until.to.min(grace.to) });
            }
            Act::Remove => *self = Self::default(),
            Act::Continue { .. } | Act::Show { .. } => {}
        }
    }

    fn keep(&mut self, until: Span) {
        self.own = Some(self.own.map_or(until, |own| own.later(until)));
    }

    fn beat(&mut self, device: usize, until: Span) {
        let known = self.devices.entry(device).or_insert(until);
        *known = known.later(until);
    }

    /// When the name leaves if nothing else happens; `None` if nothing keeps it there.
    fn deadline(&self) -> Option<Span> {
        let spans = self.devices.values().copied().chain(self.own);
        spans.reduce(Span::later)
    }
}

impl Span {
    const HELD: Self = Self { from: Duration::MAX, to: Duration::MAX };

    fn later(self, other: Self) -> Self {
        Self { from: self.from.max(other.from), to: self.to.max(other.to) }
    }

    fn plus(self, duration: Duration) -> Self {
        Self { from: self.from + duration, to: self.to + duration }
    }
}

impl Act {
    /// Whether an answer that nobody was there says so of the whole store, not of the node alone.
    fn is_exact(self) -> bool {
        matches!(self, Self::Show { .. })
    }
}

struct Deeds<'a>(&'a [Done]);

impl fmt::Display for Deeds<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Done { act, from, to, answer } in self.0 {
            writeln!(f, "  {from:?} to {to:?}: {act:?} {answer:?}")?;
        }
        Ok(())
    }
}

struct Events<'a>(&'a [Heard], &'a [Course]);

impl fmt::Display for Events<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let explained = self.1.iter().map(|course| course.explained).max().unwrap_or(0);
        for (number, Heard { what, at }) in self.0.iter().enumerate() {
            writeln!(f, "  {at:?}: {what:?}{}", if number < explained { ", explained" } else { "" })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROMISE: Promise = Promise {
        ttl: Duration::from_millis(1_000),
        grace: Duration::from_millis(200),
        lateness: Duration::from_millis(10),
        delivery: Duration::from_millis(50),
    };
    const BEAT: Act = Act::Beat { device: None, payload: 0 };
    const TIMED: What = What::Left { told: false };
    const TOLD: What = What::Left { told: true };

    fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    /// What is left in the end, if there is an explanation. Each call takes 5 ms.
    fn explain(done: &[(u64, Act)], heard: &[(u64, What)]) -> Option<Option<u8>> {
        let done: Vec<_> = done
            .iter()
            .map(|(at, act)| Done { act: *act, from: ms(*at), to: ms(at + 5), answer: None })
            .collect();
        let heard: Vec<_> = heard.iter().map(|(at, what)| Heard { what: *what, at: ms(*at) }).collect();
        PROMISE.explain(&done, &heard, ms(10_000)).ok()
    }

    #[test]
    fn silence_is_one_event_in_its_time() {
        let done = [(0, BEAT)];
        for (heard, explained) in [
            (vec![(1, What::Came(0)), (1_204, TIMED)], true),
            (vec![(1, What::Came(0)), (1_199, TIMED)], false),
            (vec![(1, What::Came(0)), (1_266, TIMED)], false),
            (vec![(1, What::Came(0))], false),
            (vec![], false),
            (vec![(1, What::Came(0)), (2, What::Came(0)), (1_204, TIMED)], false),
            (vec![(1, What::Came(0)), (1_204, TOLD)], false),
            (vec![(1, What::Came(0)), (1_204, TIMED), (1_204, TIMED)], false),
            (vec![(60, What::Came(0)), (1_204, TIMED)], false),
        ] {
            assert_eq!(explain(&done, &heard).is_some(), explained, "{heard:?}");
        }
    }

    #[test]
    fn heartbeat_about_the_deadline_may_be_in_time_or_not() {
        let done = [(0, BEAT), (1_203, BEAT), (1_500, Act::Remove)];
        for (heard, explained) in [
            (vec![(1, What::Came(0)), (1_501, TOLD)], true),
            (vec![(1, What::Came(0)), (1_204, TIMED), (1_205, What::Came(0)), (1_501, TOLD)], true),
            (vec![(1, What::Came(0)), (1_205, What::Came(0)), (1_501, TOLD)], false),
            (vec![(1, What::Came(0)), (1_204, TIMED)], false),
        ] {
            assert_eq!(explain(&done, &heard).is_some(), explained, "{heard:?}");
        }
    }

    #[test]
    fn held_device_stays_until_it_ends() {
        let hold = Act::Hold { device: 0, payload: 1 };
        assert_eq!(explain(&[(0, hold)], &[(1, What::Came(1))]), Some(Some(1)));
        let done = [(0, hold), (5_000, Act::End { device: 0 })];
        assert_eq!(explain(&done, &[(1, What::Came(1)), (5_202, TIMED)]), Some(None));
        assert_eq!(explain(&done, &[(1, What::Came(1)), (5_002, TIMED)]), None);
        assert_eq!(explain(&done, &[(1, What::Came(1))]), None);
    }

    #[test]
    fn payload_changes_are_events() {
        let hold = |payload| Act::Hold { device: 0, payload };
        let done = [(0, hold(1)), (100, hold(2)), (200, hold(2)), (300, Act::Show { payload: 1 })];
        let heard = [(1, What::Came(1)), (101, What::Showed(2)), (301, What::Showed(1))];
        assert_eq!(explain(&done, &heard), Some(Some(1)));
        assert_eq!(explain(&done, &heard[..2]), None);
    }

    #[test]
    fn what_is_certain_depends_on_the_deadline() {
        let done = [Done { act: BEAT, from: ms(0), to: ms(5), answer: None }];
        let certainty = |from, to| PROMISE.certainty(&done, ms(from), ms(to));
        assert_eq!(certainty(10, 1_199), Certainty::There);
        assert_eq!(certainty(1_195, 1_200), Certainty::Unknown);
        assert_eq!(certainty(1_216, 1_220), Certainty::Gone);
        assert_eq!(PROMISE.certainty(&[], ms(0), ms(1)), Certainty::Gone);
    }
}
