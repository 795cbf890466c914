//! How a process stands with one shard: pure.

use super::shard::Registration;

/// Where a process is on its way into a shard.
///
/// | stage | may | [`enter`](Self::enter) | [`settle`](Self::settle) | [`lose`](Self::lose) |
/// |---|---|---|---|---|
/// | `New` | enter | `Settled` | | |
/// | `Settled` | renew, write | | | `Lost` |
/// | `Lost` | enter | `Announcing` | | |
/// | `Announcing` | renew, write, say again what is held here | | `Settled` | `Lost` |
///
/// What stays empty does not happen, and changes nothing.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// Never in the shard: nothing of it can be lost there.
    New,
    /// In the shard, which knows what is held here but for what waits in the outbox.
    Settled(Registration),
    /// The data that `epoch` names was lost, or the lease was, and others let go of what is held
    /// here.
    Lost { epoch: String },
    /// In the shard again, and all that is held here has to be said again.
    Announcing(Registration),
}

impl Stage {
    pub(super) fn enter(&mut self, registration: Registration) {
        match self {
            Self::New => *self = Self::Settled(registration),
            Self::Lost { .. } => *self = Self::Announcing(registration),
            Self::Settled(_) | Self::Announcing(_) => {}
        }
    }

    pub(super) fn settle(&mut self) {
        if let Self::Announcing(registration) = self {
            *self = Self::Settled(registration.clone());
        }
    }

    pub(super) fn lose(&mut self) {
        if let Self::Settled(registration) | Self::Announcing(registration) = self {
            *self = Self::Lost { epoch: std::mem::take(&mut registration.epoch) };
        }
    }

    /// The epoch and the name of the process in it, while it is in the shard.
    pub(super) fn registration(&self) -> Option<&Registration> {
        match self {
            Self::Settled(registration) | Self::Announcing(registration) => Some(registration),
            Self::New | Self::Lost { .. } => None,
        }
    }

    /// The epoch that was lost, if one was.
    pub(super) fn lost_epoch(&self) -> Option<&str> {
        match self {
            Self::Lost { epoch } => Some(epoch),
            Self::New | Self::Settled(_) | Self::Announcing(_) => None,
        }
    }

    /// Whether the shard is yet to be told what is held here.
    pub(super) fn is_announcing(&self) -> bool {
        matches!(self, Self::Announcing(_))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn registration(epoch: &str) -> Registration {
        Registration { epoch: epoch.to_owned(), start: 1, process: "p".to_owned() }
    }

    #[test]
    fn who_was_lost_announces_before_it_is_settled_and_a_newcomer_does_not() {
        let mut stage = Stage::New;
        assert_eq!((stage.registration(), stage.lost_epoch()), (None, None));
        stage.enter(registration("a"));
        assert_eq!(stage, Stage::Settled(registration("a")));
        stage.lose();
        assert_eq!((stage.registration(), stage.lost_epoch()), (None, Some("a")));
        stage.enter(registration("b"));
        assert!(stage.is_announcing());
        assert_eq!(stage.registration(), Some(&registration("b")));
        // Lost again before it was through.
        stage.lose();
        assert_eq!(stage.lost_epoch(), Some("b"));
        stage.enter(registration("c"));
        stage.settle();
        assert_eq!(stage, Stage::Settled(registration("c")));
    }

    #[test]
    fn what_does_not_happen_changes_nothing() {
        let mut stage = Stage::New;
        stage.settle();
        stage.lose();
        assert_eq!(stage, Stage::New);
        stage.enter(registration("a"));
        stage.enter(registration("b"));
        stage.settle();
        assert_eq!(stage, Stage::Settled(registration("a")));
        stage.lose();
        stage.settle();
        assert_eq!(stage.lost_epoch(), Some("a"));
    }
}
