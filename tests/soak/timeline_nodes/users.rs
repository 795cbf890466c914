//! How many users there are, and how many nodes.

use std::time::Duration;

/// How many users there are. The first two never acknowledge.
///
/// All of them are in one group: more than a hundred, so that sends to it go the way of those to
/// many, beside those to pairs.
pub(crate) const USERS: usize = 110;

/// How many of them send, and talk in pairs.
pub(crate) const ACTIVE: usize = 6;

/// How many of them are in the groups that lose messages.
pub(crate) const SOME: usize = 12;

/// How many of them read all the while.
pub(crate) const READERS: usize = 10;

/// How many readers read the inboxes of the others in turn.
pub(crate) const TURN_READERS: usize = 4;

/// How many read histories.
pub(crate) const HISTORY_READERS: usize = 3;

/// How many nodes the store has, beside the one that compares.
pub(crate) const NODES: usize = 3;

/// How many entries an inbox keeps: all.
pub(crate) const INBOX_KEPT: Option<u64> = None;

/// How long the group `aged` keeps entries: there is no such group.
pub(crate) const AGE: Option<Duration> = None;

/// Whether a place may be given up, as that of a node that died.
pub(crate) const MANY_NODES: bool = true;
