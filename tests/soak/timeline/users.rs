//! How many users there are, and what is kept for them.

use std::time::Duration;

/// How many users there are. The first two never acknowledge.
pub(crate) const USERS: usize = 6;

/// How many devices each of them has, which all call at the same time. Together they are more than
/// the store answers by itself, so that it plans a batch while it writes another one: a kill meets
/// both.
pub(crate) const DEVICES: usize = 4;

/// How many of them talk in pairs.
pub(crate) const ACTIVE: usize = USERS;

/// How many of them are in the groups that lose messages.
pub(crate) const SOME: usize = USERS;

/// How many entries an inbox keeps, if it does not keep all: more than it gets in a round, so that
/// each of them is compared before it may go.
pub(crate) const INBOX_KEPT: Option<u64> = Some(800);

/// How long the group `aged` keeps entries, if there is that group.
pub(crate) const AGE: Option<Duration> = Some(Duration::from_secs(1));

/// Whether a place may be given up, as that of a node that died.
pub(crate) const MANY_NODES: bool = false;
