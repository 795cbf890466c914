//! What the server keeps with a connection.
//!
//! It is whose the connection is, from where, and what it has tried.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use parking_lot::RwLock;
use tidings::hub::Connection;
use tokio::time::Instant;

use super::call_pace::CallPace;
use crate::access::Caller;
use crate::rates::{RateKind, RateLimits};

/// What the server keeps with a connection, as a value of its data.
///
/// Every connection has it while there are logins, or limits over several connections. Without
/// either it is not there, so that an idle connection costs nothing more than it did.
#[derive(Debug)]
pub(super) struct Client {
    address: IpAddr,
    /// A login and a refresh change it.
    caller: RwLock<Caller>,
    pace: CallPace,
    /// Tokens that were given to log in.
    logins: AtomicU32,
}

impl Client {
    pub(super) fn new(caller: Caller, address: IpAddr) -> Self {
        Self { address, caller: RwLock::new(caller), pace: CallPace::default(), logins: AtomicU32::new(0) }
    }

    /// Returns what is kept with a connection, if anything is.
    pub(super) fn of(connection: &Connection) -> Option<Arc<Self>> {
        connection.data().get()
    }

    pub(super) const fn address(&self) -> IpAddr {
        self.address
    }

    pub(super) fn caller(&self) -> Caller {
        self.caller.read().clone()
    }

    pub(super) fn set_caller(&self, caller: Caller) {
        *self.caller.write() = caller;
    }

    /// Counts something for its user and its address; an error says when to try again.
    pub(super) fn take(&self, rates: &RateLimits, kind: RateKind, cost: u32) -> Result<(), Duration> {
        rates.take(kind, &self.caller.read(), self.address, cost)
    }

    /// Counts a call for this connection alone; an error says when to try again.
    pub(super) fn take_call(&self, per_second: u32) -> Result<(), Duration> {
        self.pace.take(per_second, Instant::now())
    }

    /// Counts a try to log in, and returns how many there were with it.
    pub(super) fn try_login(&self) -> u32 {
        self.logins.fetch_add(1, Ordering::AcqRel).saturating_add(1)
    }
}
