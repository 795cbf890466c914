//! Which sends are gathered together.

use std::time::Duration;

use crate::store::Append;

/// From how many recipients on a send is one to many.
const MANY: usize = 100;

/// The most that a batch waits for those before it, unless a call has less time.
const PATIENCE_MAX: Duration = Duration::from_millis(250);

/// Sends to few and sends to many, each with a queue, a task and flushes of their own.
///
/// Those to many go together, one flush after the other, while all that waits fits into one: 200
/// sends of eight callers are 25 flushes, where they were 80. What that saves MongoDB is not
/// measured yet. Who sends to few does not wait for that: only for the moment in which places are
/// reserved, which both do in turns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Audience {
    Few,
    Many,
}

impl Audience {
    pub(super) const ALL: [Self; 2] = [Self::Few, Self::Many];

    /// Returns the audience of sends that are to keep their order: that of the largest one.
    pub(super) fn of<'a>(appends: impl IntoIterator<Item = &'a Append>) -> Self {
        let is_to_many = |append: &Append| append.recipients.len() >= MANY;
        if appends.into_iter().any(is_to_many) { Self::Many } else { Self::Few }
    }

    /// How long a batch grows at most while others for its audience are written.
    pub(super) fn patience(self, timeout: Duration) -> Duration {
        match self {
            Self::Few => Duration::from_millis(3),
            // A flush of few sends is over by then. One that is full takes longer, and the next
            // batch is written beside it.
            Self::Many => PATIENCE_MAX.min(timeout / 10),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Conversation, Destination, MemberId, Message};

    fn append(recipients: usize) -> Append {
        let member = MemberId::new("a").unwrap();
        Append {
            conversation: Conversation::single(member.clone(), member.clone()),
            from: Some(member.clone()),
            to: Destination::Member(member.clone()),
            recipients: vec![member; recipients],
            message: Message::from_stored("{}"),
            token: None,
        }
    }

    #[test]
    fn sends_to_a_hundred_are_to_many_and_take_along_what_is_sent_with_them() {
        let [few, many] = [MANY - 1, MANY].map(append);
        assert_eq!(Audience::of([&few]), Audience::Few);
        assert_eq!(Audience::of([&many]), Audience::Many);
        for sends in [[&few, &many], [&many, &few]] {
            assert_eq!(Audience::of(sends), Audience::Many);
        }
    }

    #[test]
    fn a_batch_waits_for_a_tenth_of_a_call_at_most() {
        assert_eq!(Audience::Many.patience(Duration::from_millis(100)), Duration::from_millis(10));
        assert_eq!(Audience::Many.patience(Duration::from_secs(10)), PATIENCE_MAX);
        let all = Audience::ALL.map(|audience| audience.patience(Duration::from_millis(100)));
        assert!(all.iter().all(|patience| *patience <= Duration::from_millis(10)));
    }
}
