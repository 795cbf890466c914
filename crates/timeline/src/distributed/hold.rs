//! How long what lies below a floor stays, so that a late writer meets it.
//!
//! ```text
//!  the floor is read ──► a sequence is given out ──► the last command that uses it ──► it has come
//!   └──── [`COMPARED`] ────┘└──────── [`USABLE`] ────────┘└─ a call's time, a minute ─┘
//!   └───────────────────────────────── [`HOLD`] at most ──────────────────────────────┘
//! ```
//!
//! Whatever was above the floor at the first is still there at the last, also if it was freed
//! meanwhile. The first two are on the clock of a [`Moment`](super::moment::Moment), the whole on
//! that of MongoDB.

use std::time::Duration;

use super::config::Config;

/// How long what lies below a floor stays at least.
pub(super) const HOLD: Duration = Duration::from_secs(10 * 60);

/// How long a counter in Redis is trusted that was compared with the store.
///
/// Another node may be without Redis all the while, and its entries read and removed.
pub(super) const COMPARED: Duration = Duration::from_secs(4 * 60);

/// For how long a sequence is used that was given out.
pub(super) const USABLE: Duration = Duration::from_secs(4 * 60);

/// What is left for a server that takes in late what was sent in time.
const LATE: Duration = Duration::from_secs(60);

// Whatever the settings are.
const _: () = assert!(
    COMPARED.as_secs() + USABLE.as_secs() + Config::TIMEOUT_BOUNDS.end().as_secs() + LATE.as_secs()
        <= HOLD.as_secs()
);
