//! Logins that no longer count although they have not expired.
//!
//! ```text
//! tidings revoke ─► DATA_DIR/revoke/ ─► file store ───┐      ┌─► the verifier refuses tokens
//!                                                     ├ list ┼─► the follower closes connections
//! tidings revoke ─► a Redis ─► Redis store ───────────┘      └─► streams end themselves
//! ```
//!
//! One of the stores is followed: the one on Redis where the servers share presence, otherwise the
//! one of the data directory. That is read at each start, so that nobody comes back who was revoked
//! before there was a Redis.

pub(crate) mod command;
mod copy;
mod drops;
mod file_store;
mod follower;
mod full_log;
mod guarded;
mod redis_list;
mod redis_store;
mod store;

use anyhow::Context as _;
use tidings::identity::{Config, KeySet, Revocations, RevocationsConfig};

pub(crate) use self::copy::copy;
pub(crate) use self::follower::{close_if_revoked, follow};
pub(crate) use self::guarded::Guarded;
pub(crate) use self::store::{check, start};

/// Makes a list without entries, which keeps each for as long as a token may be valid.
pub(crate) fn list() -> anyhow::Result<Revocations> {
    // How long that is does not depend on the keys.
    let kept_for = Config::new(KeySet::default()).longest_validity();
    Revocations::new(RevocationsConfig::new(kept_for)).context("the list of revocations cannot be made")
}
