//! The number of a being.

use std::fmt;

/// How many beings share one word, so that its value is never negative.
pub(super) const BITS: u64 = 63;

/// The number of a being in its namespace, from 1.
///
/// A start takes the next one; of several beings of one key the highest decides.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Sequence(u64);

impl Sequence {
    /// Takes a number as documents have it; `None` if it cannot be that of a being.
    pub(crate) fn new(number: i64) -> Option<Self> {
        u64::try_from(number).ok().filter(|number| *number > 0).map(Self)
    }

    /// Returns the being that a bit of a word stands for; `None` for one that no document can have.
    pub(super) fn of_bit(word: u64, bit: u32) -> Option<Self> {
        let number = word.checked_mul(BITS)?.checked_add(u64::from(bit))?;
        Self::new(i64::try_from(number).ok()?)
    }

    /// Returns the number as documents have it.
    pub(crate) fn number(self) -> i64 {
        i64::try_from(self.0).expect("it was made of one")
    }

    /// Returns the word that has its bit.
    pub(super) fn word(self) -> u64 {
        self.0 / BITS
    }

    /// Returns its bit in that word.
    pub(super) fn mask(self) -> u64 {
        1 << (self.0 % BITS)
    }
}

impl fmt::Debug for Sequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Sequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}
