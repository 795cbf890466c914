//! Why there is no link to a node that was dialled, or that dialled.

use super::node_id::NodeId;
use crate::{Error, ErrorKind};

/// Why there is no link.
#[derive(Debug)]
pub(crate) enum NoSister {
    /// This node was met, and is not linked.
    Met(NodeId, NotLinked),
    /// A node that dialled has looked which one this is, and has left.
    Looked,
    Failed(Error),
}

/// Why a node that was met is not linked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotLinked {
    /// It is this very node.
    Ourselves,
    /// There is a link to her, which stays.
    Double,
    /// There are as many here as may be.
    Full,
    /// The hub is shutting down.
    Closing,
    /// Her messages come already, and more sisters are not looked for.
    Reached,
    /// The auth hook says no.
    Denied,
    /// The auth hook cannot tell.
    Undecided,
    /// She has as many as may be.
    SheIsFull,
    /// Her hub is shutting down.
    SheIsClosing,
    /// Her auth hook says no.
    SheDenies,
    /// Her auth hook cannot tell.
    SheIsUndecided,
}

impl NotLinked {
    /// Returns the word by which a node that dialled is told.
    pub(crate) const fn word(self) -> u8 {
        match self {
            Self::Full | Self::SheIsFull => 1,
            Self::Double | Self::Reached => 2,
            Self::Ourselves => 3,
            Self::Closing | Self::SheIsClosing => 4,
            Self::Denied | Self::SheDenies => 5,
            Self::Undecided | Self::SheIsUndecided => 6,
        }
    }

    /// Returns what the word of a node that was dialled means here.
    ///
    /// One that is not known is a reason of a newer version, which may not last.
    pub(crate) const fn of_word(word: u8) -> Self {
        match word {
            1 => Self::SheIsFull,
            2 => Self::Double,
            3 => Self::Ourselves,
            5 => Self::SheDenies,
            6 => Self::SheIsUndecided,
            _ => Self::SheIsClosing,
        }
    }

    /// Tells whether it is an auth hook that keeps a link from a node that knows the secret.
    pub(crate) const fn is_by_hook(self) -> bool {
        matches!(self, Self::Denied | Self::Undecided | Self::SheDenies | Self::SheIsUndecided)
    }

    const fn kind(self) -> ErrorKind {
        match self {
            Self::Ourselves | Self::Denied | Self::SheDenies => ErrorKind::InvalidInput,
            Self::Double | Self::Full | Self::Reached => ErrorKind::Full,
            Self::Closing => ErrorKind::Closed,
            Self::Undecided | Self::SheIsFull | Self::SheIsClosing | Self::SheIsUndecided => ErrorKind::Busy,
        }
    }

    const fn text(self) -> &'static str {
        match self {
            Self::Ourselves => "the address of a sister is that of this node; dial another one",
            Self::Double => "there is a link to this sister already, which stays",
            Self::Full => "this node has twice max_sisters links already; end one of them before you dial",
            Self::Closing => "the hub is shutting down, so it dials and takes no sisters",
            Self::Reached => "the messages of this node come by way of sisters already",
            Self::Denied => "the auth hook says that a node that knows the secret is no sister",
            Self::Undecided => "the auth hook could not tell in time whether a node is a sister",
            Self::SheDenies => "the auth hook of the sister says that this node is none; see why it does",
            Self::SheIsUndecided => {
                "the auth hook of the sister could not tell in time whether this node is one; dial her later, \
                 and see her log"
            }
            Self::SheIsFull => {
                "the sister has twice max_sisters links already; dial another node, or this one later"
            }
            Self::SheIsClosing => {
                "the sister takes no links, as when her hub is shutting down; dial her later"
            }
        }
    }
}

impl From<NotLinked> for Error {
    fn from(why: NotLinked) -> Self {
        Self::new(why.kind(), why.text())
    }
}

impl From<NoSister> for Error {
    fn from(why: NoSister) -> Self {
        match why {
            NoSister::Met(_, why) => why.into(),
            NoSister::Looked => {
                Self::new(ErrorKind::Closed, "a node that dialled has looked which one this is, and has left")
            }
            NoSister::Failed(error) => error,
        }
    }
}

impl From<Error> for NoSister {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_refused_hears_why_from_her_side() {
        for (hers, ours) in [
            (NotLinked::Full, NotLinked::SheIsFull),
            (NotLinked::Double, NotLinked::Double),
            (NotLinked::Ourselves, NotLinked::Ourselves),
            (NotLinked::Closing, NotLinked::SheIsClosing),
            (NotLinked::Denied, NotLinked::SheDenies),
            (NotLinked::Undecided, NotLinked::SheIsUndecided),
        ] {
            assert_eq!(NotLinked::of_word(hers.word()), ours);
        }
        assert_eq!(Error::from(NotLinked::of_word(200)).kind(), ErrorKind::Busy, "of a newer version");
    }
}
