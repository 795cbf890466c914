//! How a name stands with Redis.
//!
//! This module is pure.

use crate::protocol::Verb;

/// How a name stands with Redis: what it was told last, and whether it has answered.
///
/// A name that is added and removed faster than Redis answers has several commands on their way,
/// each the opposite of the one before. `n` is how many of them are not answered, one at least.
///
/// ```text
///               told                      answered, n = 1
///  Unknown ──────────────► Subscribing(n) ──────────────► Live
///     ▲                      │        ▲                    │
///     │                 told │        │ told               │ told
///     │                n + 1 ▼        │ n + 1              │
///     └─────────────────── Unsubscribing(n) ◄──────────────┘
///       answered, n = 1
/// ```
///
/// | from | `told` | `answered` | `undone` subscribe | `undone` unsubscribe |
/// |---|---|---|---|---|
/// | `Unknown` | `Subscribing(1)` | stays | stays | `Live` |
/// | `Subscribing(1)` | `Unsubscribing(2)` | `Live` | `Unknown` | `Live` |
/// | `Subscribing(n)` | `Unsubscribing(n + 1)` | `n - 1` | `n - 1` | `n - 1` |
/// | `Live` | `Unsubscribing(1)` | stays | `Unknown` | stays |
/// | `Unsubscribing(1)` | `Subscribing(2)` | `Unknown` | `Unknown` | `Live` |
/// | `Unsubscribing(n)` | `Subscribing(n + 1)` | `n - 1` | `n - 1` | `n - 1` |
/// | `Refused`, `Moved` | never | stays | stays | stays |
///
/// Beside these steps: `Unknown` becomes `Refused` or `Moved` by what Redis says of a name that it
/// does not give, and `Live` becomes `Moved` when a master gives the slot away. `Refused` becomes
/// `Unknown` when somebody else wants the name, `Moved` with the next map of the cluster, and
/// everything with the loss of the connection.
///
/// Answers that come while none is open belong to commands of before a slot went to another master
/// and came back: they are about the same name on the same connection, so what they say is true.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Standing {
    /// Redis has no subscription to it, and is not asked for one.
    #[default]
    Unknown,
    /// The last command was to subscribe; so many commands are not answered.
    Subscribing(u32),
    /// Redis has confirmed that it is subscribed to.
    Live,
    /// The last command was to unsubscribe; so many commands are not answered.
    Unsubscribing(u32),
    /// The user of the connection may not have it. It is asked for again when somebody else wants
    /// it, or with another connection.
    Refused,
    /// It does not belong to that master; the next map of the cluster will say to which.
    Moved,
}

impl Standing {
    /// Whether the last command about it was to subscribe.
    pub(super) fn is_asked(self) -> bool {
        matches!(self, Self::Subscribing(_) | Self::Live)
    }

    /// Whether Redis has nothing of it, and nothing about it is on its way.
    pub(super) fn is_idle(self) -> bool {
        matches!(self, Self::Unknown | Self::Refused | Self::Moved)
    }

    /// What Redis is to be told, if anything, of a name that is wanted or not.
    pub(super) fn due(self, is_wanted: bool) -> Option<Verb> {
        match self {
            Self::Refused | Self::Moved => None,
            Self::Unknown | Self::Unsubscribing(_) => is_wanted.then_some(Verb::Subscribe),
            Self::Subscribing(_) | Self::Live => (!is_wanted).then_some(Verb::Unsubscribe),
        }
    }

    /// Redis is told what is [`due`](Self::due).
    pub(super) fn told(&mut self) {
        *self = match *self {
            Self::Unknown | Self::Refused | Self::Moved => Self::Subscribing(1),
            Self::Subscribing(open) => Self::Unsubscribing(open + 1),
            Self::Live => Self::Unsubscribing(1),
            Self::Unsubscribing(open) => Self::Subscribing(open + 1),
        };
    }

    /// One command about it was done. Says whether no other is on its way.
    pub(super) fn answered(&mut self) -> bool {
        *self = match *self {
            Self::Subscribing(1) => Self::Live,
            Self::Unsubscribing(1) => Self::Unknown,
            Self::Subscribing(open) => Self::Subscribing(open - 1),
            Self::Unsubscribing(open) => Self::Unsubscribing(open - 1),
            idle_or_live => idle_or_live,
        };
        !matches!(self, Self::Subscribing(_) | Self::Unsubscribing(_))
    }

    /// One command about it was not done. Says whether no other is on its way: if there is a later
    /// one, that counts.
    pub(super) fn undone(&mut self, verb: Verb) -> bool {
        let is_last = self.answered();
        if is_last && !matches!(self, Self::Refused | Self::Moved) {
            *self = match verb {
                Verb::Subscribe => Self::Unknown,
                Verb::Unsubscribe => Self::Live,
            };
        }
        is_last
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The same as two plain facts.
    #[derive(Debug, Default)]
    struct Counted {
        asked: bool,
        unanswered: u32,
    }

    #[derive(Debug, Clone, Copy)]
    enum Turn {
        Told,
        Answered,
        Undone(bool),
    }

    fn steps() -> impl Strategy<Value = Vec<Turn>> {
        let step = prop_oneof![Just(Turn::Told), Just(Turn::Answered), any::<bool>().prop_map(Turn::Undone)];
        prop::collection::vec(step, 0..60)
    }

    proptest! {
        #[test]
        fn a_standing_is_what_counting_commands_says(steps in steps()) {
            let (mut standing, mut counted) = (Standing::default(), Counted::default());
            for step in steps {
                match step {
                    Turn::Told => {
                        let verb = if counted.asked { Verb::Unsubscribe } else { Verb::Subscribe };
                        prop_assert_eq!(standing.due(!counted.asked), Some(verb));
                        prop_assert_eq!(standing.due(counted.asked), None);
                        standing.told();
                        (counted.asked, counted.unanswered) = (!counted.asked, counted.unanswered + 1);
                    }
                    Turn::Answered => {
                        counted.unanswered = counted.unanswered.saturating_sub(1);
                        prop_assert_eq!(standing.answered(), counted.unanswered == 0);
                    }
                    Turn::Undone(subscribe) => {
                        let verb = if subscribe { Verb::Subscribe } else { Verb::Unsubscribe };
                        counted.unanswered = counted.unanswered.saturating_sub(1);
                        if counted.unanswered == 0 {
                            counted.asked = !subscribe;
                        }
                        prop_assert_eq!(standing.undone(verb), counted.unanswered == 0);
                    }
                }
                prop_assert_eq!(standing.is_asked(), counted.asked);
                prop_assert_eq!(standing == Standing::Live, counted.asked && counted.unanswered == 0);
                prop_assert_eq!(standing.is_idle(), !counted.asked && counted.unanswered == 0);
            }
        }
    }

    #[test]
    fn what_is_suspended_is_not_told_and_stays() {
        for suspended in [Standing::Refused, Standing::Moved] {
            let mut standing = suspended;
            assert_eq!([standing.due(true), standing.due(false)], [None, None]);
            assert!(standing.answered() && standing.undone(Verb::Subscribe));
            assert!(standing.undone(Verb::Unsubscribe));
            assert_eq!(standing, suspended);
        }
    }
}
