//! What happened to each name, cut short.
//!
//! This module is pure.

use std::collections::BTreeMap;

use bytes::Bytes;

use crate::error::Error;
use crate::event::Event;

/// Takes notices, and gives back fewer that say the same: for each name at most that it was active,
/// was lost, and how it stands now.
#[derive(Debug, Default)]
pub(super) struct NoticeSummary {
    names: BTreeMap<Bytes, NameSummary>,
    /// Why a connection was lost the last time.
    error: Option<Error>,
}

#[derive(Debug, Default)]
struct NameSummary {
    /// It was activated before it was lost: a reader may know nothing of that yet.
    begun: bool,
    lost: bool,
    /// What came last, if it was not the loss.
    last: Option<Event>,
}

impl NoticeSummary {
    pub(super) fn add(&mut self, notice: Event) {
        match notice {
            Event::Disconnected { names, error } => {
                for name in names.iter() {
                    let course = self.names.entry(name.clone()).or_default();
                    course.begun |= !course.lost && matches!(course.last, Some(Event::Activated { .. }));
                    (course.lost, course.last) = (true, None);
                }
                self.error = Some(error);
            }
            Event::Activated { ref name } | Event::Refused { ref name, .. } => {
                let name = name.clone();
                self.names.entry(name).or_default().last = Some(notice);
            }
            Event::Message(_) => {}
        }
    }

    pub(super) fn notices(mut self, wanted: impl Fn(&Bytes) -> bool) -> Vec<Event> {
        self.names.retain(|name, _| wanted(name));
        let begun = self.names.iter().filter(|(_, course)| course.begun);
        let mut notices: Vec<_> = begun.map(|(name, _)| Event::Activated { name: name.clone() }).collect();
        let lost = self.names.iter().filter(|(_, course)| course.lost);
        let names: Vec<_> = lost.map(|(name, _)| name.clone()).collect();
        if let Some(error) = self.error.filter(|_| !names.is_empty()) {
            notices.push(Event::Disconnected { names: names.into(), error });
        }
        notices.extend(self.names.into_values().filter_map(|course| course.last));
        notices
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::error::ErrorKind;

    #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
    enum Is {
        #[default]
        Waiting,
        Active,
        Refused,
    }

    const NAMES: [&str; 3] = ["a", "b", "c"];

    /// Follows a notice, and fails if it does not fit to what came before.
    fn follow(names: &mut BTreeMap<Bytes, Is>, notice: &Event) {
        match notice {
            Event::Activated { name } => drop(names.insert(name.clone(), Is::Active)),
            Event::Refused { name, .. } => {
                assert_ne!(names.insert(name.clone(), Is::Refused), Some(Is::Active));
            }
            Event::Disconnected { names: lost, .. } => {
                assert!(lost.is_sorted());
                for name in lost.iter() {
                    let before = names.insert(name.clone(), Is::Waiting);
                    assert_eq!(before, Some(Is::Active), "{name:?} is lost");
                }
            }
            Event::Message(_) => panic!("{notice:?} is no notice"),
        }
    }

    proptest! {
        #[test]
        fn a_reader_of_fewer_notices_knows_the_same(
            steps in prop::collection::vec((0..10_u8, 0..3_usize), 0..60),
            read in 0..60_usize,
        ) {
            let error = || Error::new(ErrorKind::Unavailable, "lost");
            let mut truth = BTreeMap::<Bytes, Is>::new();
            let (mut reader, mut courses) = (truth.clone(), NoticeSummary::default());
            let mut lost_since = false;
            for (number, (what, which)) in steps.into_iter().enumerate() {
                let name = Bytes::from_static(NAMES[which].as_bytes());
                let is = truth.get(&name).copied().unwrap_or_default();
                let active = truth.iter().filter(|(_, is)| **is == Is::Active).map(|(name, _)| name.clone());
                let notice = match what {
                    // Also of one that is active: it was removed and added.
                    0..5 => Event::Activated { name },
                    5..7 if is != Is::Active => Event::Refused { name, error: error() },
                    _ => {
                        let names: Vec<_> = active.collect();
                        if names.is_empty() { continue }
                        Event::Disconnected { names: names.into(), error: error() }
                    }
                };
                follow(&mut truth, &notice);
                if number < read {
                    follow(&mut reader, &notice);
                } else {
                    lost_since |= matches!(notice, Event::Disconnected { .. });
                    courses.add(notice);
                }
            }
            let notices = courses.notices(|_| true);
            prop_assert!(notices.len() <= 2 * NAMES.len() + 1);
            prop_assert_eq!(lost_since, notices.iter().any(|notice| matches!(notice, Event::Disconnected { .. })));
            notices.iter().for_each(|notice| follow(&mut reader, notice));
            prop_assert_eq!(reader, truth);
        }
    }

    #[test]
    fn names_that_are_not_wanted_need_no_notice() {
        let mut courses = NoticeSummary::default();
        courses.add(Event::Activated { name: Bytes::from_static(b"a") });
        courses.add(Event::Activated { name: Bytes::from_static(b"b") });
        let notices = courses.notices(|name| name == "b");
        assert!(matches!(&notices[..], [Event::Activated { name }] if name == "b"), "{notices:?}");
    }
}
