//! Tokens, keys, rights, revocations and tickets as programs use them, and as attackers do.

#![allow(clippy::unwrap_used, reason = "a test panics where it is broken, also in what its cases share")]

mod attacks;
mod example;
mod jwks;
mod keys;
mod made;
mod no_secret;
mod revocations;
mod rights;
mod source;
mod tickets;
mod verifying;

use std::time::Duration;

/// A time that only a hang reaches.
const PATIENCE: Duration = Duration::from_secs(60);
