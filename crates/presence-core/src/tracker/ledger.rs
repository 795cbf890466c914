//! Who is told of transitions: the trait that a store of them implements.

use std::fmt;

use super::clock::Millis;
use super::name::{Name, stripe_of};
use crate::event::Cause;

/// Writes down who comes and goes in this process.
///
/// # What may be assumed
///
/// The transitions of one stripe are told one after the other, each before anybody else gets at its
/// name: per name, arrivals and departures alternate, and have the order in which they happened.
pub trait Ledger: fmt::Debug + Send + Sync + 'static {
    /// The type of the names that are online.
    type Name: Name;

    /// Chooses which of the [`STRIPES`](super::STRIPES) parts holds a name.
    ///
    /// Parts are counted from 0, and the answer is taken modulo their number. Always the same for
    /// the same name. `hash` is a random-keyed hash of it, another in each process.
    #[inline]
    fn stripe(&self, _name: &Self::Name, hash: u64) -> usize {
        stripe_of(hash)
    }

    /// Writes a transition down, and says whether it is settled by that.
    ///
    /// Called while the stripe of the name is locked: it must be quick, and must not call
    /// [`Tracker`](super::Tracker). What an arrival that is not settled waits for ends in
    /// [`Tracker::settle`](super::Tracker::settle); of a departure the answer does not matter.
    fn record(&self, transition: Transition<'_, Self::Name>) -> bool;

    /// Is told that transitions were recorded.
    ///
    /// It is called once for each call that recorded any, while nothing is locked.
    fn announce(&self) {}
}

/// One name comes or goes.
#[derive(Debug)]
#[non_exhaustive]
pub struct Transition<'a, N> {
    /// The name that comes or goes.
    pub name: &'a N,
    /// Why, which implies whether it is an arrival or a departure.
    pub cause: Cause,
    /// The last sign of life: that of an arrival is the arrival itself.
    pub seen: Millis,
}

impl<'a, N> Transition<'a, N> {
    pub(super) fn new(name: &'a N, cause: Cause, seen: Millis) -> Self {
        Self { name, cause, seen }
    }
}
