//! When a node asks how many sisters others have, and gives up a link; pure.
//!
//! ```text
//!  ask ──0.5 s──► look: none is too many ──10 s──► ask
//!                   │
//!                   └─ one is: up to 8 s ──► ask ──0.5 s──► look again, give up ──10 s──► ask
//! ```
//!
//! Ten nodes may find at once that the same sister has too many. So each waits for a random time,
//! and looks again at what she says by then: the first have given up their links.

use std::time::Duration;

use tokio::time::Instant;

use super::node_id::NodeId;

/// How often sisters are asked how many they have.
const ASKED_AGAIN: Duration = Duration::from_secs(10);

/// How long they have to answer.
const ANSWER_TIME: Duration = Duration::from_millis(500);

/// How long is waited at most before the second look.
const WAIT_MAX: Duration = Duration::from_secs(8);

/// Gives up at most one link each time.
#[derive(Debug)]
pub(crate) struct Thinning {
    turn: Turn,
    /// When it is time for the turn.
    at: Instant,
    /// When the sisters were asked last.
    asked: Instant,
}

/// What is done next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    Ask,
    Look,
    AskAgain,
    LookAgain,
}

/// What is to be done now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ThinningStep {
    /// Ask all sisters how many they have.
    Ask,
    /// End the link to this one.
    GiveUp(NodeId),
}

impl Thinning {
    /// Begins in a while: new links have their time.
    pub(crate) fn new(now: Instant) -> Self {
        Self { turn: Turn::Ask, at: now + ASKED_AGAIN, asked: now }
    }

    /// Returns when it has its next turn.
    pub(crate) const fn deadline(&self) -> Instant {
        self.at
    }

    /// Returns what it is time for.
    ///
    /// `surplus` says with whom there is a link too many, by what sisters have said since they were
    /// asked at its argument. `chance` is a random number.
    pub(crate) fn step(
        &mut self,
        now: Instant,
        chance: u32,
        surplus: impl FnOnce(Instant) -> Option<NodeId>,
    ) -> Option<ThinningStep> {
        if now < self.at {
            return None;
        }
        let (turn, wait, step) = match self.turn {
            Turn::Ask => (Turn::Look, ANSWER_TIME, Some(ThinningStep::Ask)),
            Turn::Look => match surplus(self.asked) {
                Some(_) => {
                    let part = f64::from(chance) / f64::from(u32::MAX);
                    (Turn::AskAgain, WAIT_MAX.mul_f64(part), None)
                }
                None => (Turn::Ask, ASKED_AGAIN, None),
            },
            Turn::AskAgain => (Turn::LookAgain, ANSWER_TIME, Some(ThinningStep::Ask)),
            Turn::LookAgain => (Turn::Ask, ASKED_AGAIN, surplus(self.asked).map(ThinningStep::GiveUp)),
        };
        if step == Some(ThinningStep::Ask) {
            self.asked = now;
        }
        (self.turn, self.at) = (turn, now + wait);
        step
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn not_all_give_up_the_same_sister_at_once() {
        let (begun, sister) = (Instant::now(), NodeId::from_bytes([1; 16]));
        // Ten nodes that wait for times of their own, and what she said to each last.
        let mut nodes: Vec<_> = (0..10u32).map(|number| (Thinning::new(begun), number, 0)).collect();
        let (mut links, most) = (10, 2);
        for tenth in 0..400 {
            let now = begun + Duration::from_millis(100) * tenth;
            for (thinning, number, said) in &mut nodes {
                let surplus = |_asked: Instant| (*said > most).then_some(sister);
                match thinning.step(now, *number * (u32::MAX / 9), surplus) {
                    Some(ThinningStep::Ask) => *said = links,
                    Some(ThinningStep::GiveUp(node)) => {
                        assert_eq!(node, sister);
                        // It has no link to her any more.
                        (links, *said) = (links - 1, 0);
                    }
                    None => {}
                }
            }
        }
        assert_eq!(links, most);
    }

    #[test]
    fn the_second_look_goes_by_what_was_asked_for_it() {
        let (begun, sister) = (Instant::now(), NodeId::from_bytes([1; 16]));
        let mut thinning = Thinning::new(begun);
        let none = |_: Instant| -> Option<NodeId> { panic!("it is not time to look") };
        assert_eq!(thinning.step(begun, 0, none), None);
        let first = thinning.deadline();
        assert_eq!(thinning.step(first, 0, none), Some(ThinningStep::Ask));
        let surplus = |asked: Instant| (asked == first).then_some(sister);
        assert_eq!(thinning.step(thinning.deadline(), u32::MAX, surplus), None);
        let second = thinning.deadline();
        assert_eq!(second, first + ANSWER_TIME + WAIT_MAX);
        assert_eq!(thinning.step(second, 0, none), Some(ThinningStep::Ask));
        let surplus = |asked: Instant| (asked == second).then_some(sister);
        let step = thinning.step(thinning.deadline(), 0, surplus);
        assert_eq!(step, Some(ThinningStep::GiveUp(sister)));
    }
}
