//! How much may come in a second.
//!
//! It is counted of a user over all connections, and from an address.
//!
//! ```text
//! take(kind, caller, address) ──► of the user ──► of the address ──► welcome
//!                                     └──── over it: when to try again
//! ```
//!
//! What a single connection may send the hub counts itself, by [`RateLimits::of_connection`]. An
//! address of IPv6 counts with its whole network of 64 bits, as whoever has one address there has
//! all. Services are trusted, and not counted here.

mod kind;
mod table;

use std::hash::{BuildHasher as _, RandomState};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use metrics::{Counter, counter};
use tidings::hub;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

pub(crate) use self::kind::RateKind;
use self::table::Table;
use crate::access::Caller;
use crate::config::{BURST_SECONDS, RateConfig, Rates};

/// How often those are forgotten who may again send as much as anybody.
const UPKEEP: Duration = Duration::from_secs(5);

/// The limits of users and addresses; clones share them.
#[derive(Debug, Clone)]
pub(crate) struct RateLimits(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    config: RateConfig,
    /// Makes keys of users and addresses, in a way that nobody outside can foresee.
    hasher: RandomState,
    /// One for each kind, in the order of [`RateKind::ALL`].
    limits: Vec<Limit>,
}

/// What counts for one kind; a part that is no limit has no table.
#[derive(Debug)]
struct Limit {
    user: Option<(Table, Counter)>,
    address: Option<(Table, Counter)>,
}

impl RateLimits {
    pub(crate) fn new(config: &RateConfig) -> Self {
        metrics::describe_counter!(
            "tidings_refused_rates_total",
            "What was refused, as a user or an address was over its limit for a second"
        );
        let limits = RateKind::ALL.iter().map(|kind| Limit::new(*kind, kind.rates(config))).collect();
        Self(Arc::new(Shared { config: *config, hasher: RandomState::new(), limits }))
    }

    /// Takes `cost` of what the caller and their address may have, or says when to try again.
    ///
    /// A cost beyond all that may come at once takes just that.
    pub(crate) fn take(
        &self,
        kind: RateKind,
        caller: &Caller,
        address: IpAddr,
        cost: u32,
    ) -> Result<(), Duration> {
        self.each(kind, caller, address, |table, key| table.take(key, cost))
    }

    /// Takes the rest of what costs more than the one that was taken when it came in.
    ///
    /// A rest that could not come at once with that one takes all that is left besides it.
    pub(crate) fn take_rest(
        &self,
        kind: RateKind,
        caller: &Caller,
        address: IpAddr,
        cost: u32,
    ) -> Result<(), Duration> {
        self.each(kind, caller, address, |table, key| table.take_rest(key, cost))
    }

    /// Takes of what the caller may have and then of what their address may.
    fn each(
        &self,
        kind: RateKind,
        caller: &Caller,
        address: IpAddr,
        take: impl Fn(&Table, u64) -> Result<(), Duration>,
    ) -> Result<(), Duration> {
        if matches!(caller, Caller::Service(_)) {
            return Ok(());
        }
        let Some(limit) = self.0.limits.get(kind.index()) else { return Ok(()) };
        // The user comes first: one who floods takes nothing of what others have behind the same
        // address.
        if let (Some((table, refused)), Some(user)) = (&limit.user, caller.user()) {
            take(table, self.0.hasher.hash_one(user)).inspect_err(|_| refused.increment(1))?;
        }
        if let Some((table, refused)) = &limit.address {
            take(table, self.key_of(address)).inspect_err(|_| refused.increment(1))?;
        }
        Ok(())
    }

    /// Returns what the hub counts for each connection.
    pub(crate) fn of_connection(&self) -> hub::Rates {
        let rate = |rates: Rates| {
            let burst = rates.connection.saturating_mul(BURST_SECONDS);
            (rates.connection > 0).then(|| hub::Rate::per_second(rates.connection).burst(burst))
        };
        let RateConfig { messages, bytes, binds, .. } = self.0.config;
        hub::Rates::default().messages(rate(messages)).bytes(rate(bytes)).binds(rate(binds))
    }

    /// Forgets users and addresses that may again send as much as anybody, until `stop`.
    pub(crate) async fn keep_up(self, stop: CancellationToken) {
        let mut tick = interval(UPKEEP);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while stop.run_until_cancelled(tick.tick()).await.is_some() {
            for limit in &self.0.limits {
                for (table, _) in [&limit.user, &limit.address].into_iter().flatten() {
                    table.forget();
                }
            }
        }
    }

    /// Two users or addresses share a key, and so a limit, by a chance of one in billions.
    fn key_of(&self, address: IpAddr) -> u64 {
        match address.to_canonical() {
            IpAddr::V4(address) => self.0.hasher.hash_one(address),
            IpAddr::V6(address) => self.0.hasher.hash_one(address.to_bits() >> 64),
        }
    }
}

impl Limit {
    fn new(kind: RateKind, rates: Rates) -> Self {
        let part = |per_second: u32, of: &'static str| {
            let refused = || counter!("tidings_refused_rates_total", "kind" => kind.name(), "of" => of);
            Table::new(per_second).map(|table| (table, refused()))
        };
        Self { user: part(rates.user, "user"), address: part(rates.address, "address") }
    }
}

#[cfg(test)]
mod tests;
