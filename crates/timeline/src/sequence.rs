//! The place of an entry in its inbox or history.

use std::fmt;

use crate::{Error, Result};

/// The place of an entry in one inbox or one history: 1, 2, 3 and so on.
///
/// 0 is the place before the first entry. It fits into the `int64` of the wire formats.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Seq(u64);

impl Seq {
    /// The place before the first entry.
    pub const ZERO: Self = Self(0);

    /// The largest sequence, 2⁶³ − 1.
    pub const MAX: Self = Self(i64::MAX.unsigned_abs());

    /// Creates a sequence from a number.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) when the number is above
    /// [`MAX`](Self::MAX).
    pub fn new(number: u64) -> Result<Self> {
        if number > Self::MAX.0 {
            return Err(Error::invalid(format!(
                "{number} is above the largest sequence, which is {}",
                Self::MAX
            )));
        }
        Ok(Self(number))
    }

    /// Returns the number.
    #[must_use]
    pub fn get(self) -> u64 {
        self.0
    }

    /// Returns the number as the wire formats carry it.
    ///
    /// It is never negative, for it is at most [`MAX`](Self::MAX).
    #[must_use]
    pub fn to_i64(self) -> i64 {
        self.0.cast_signed()
    }

    /// Returns the following sequence; the one after the largest is the largest.
    #[must_use]
    pub fn next(self) -> Self {
        Self((self.0 + 1).min(Self::MAX.0))
    }
}

impl TryFrom<i64> for Seq {
    type Error = Error;

    fn try_from(number: i64) -> Result<Self> {
        match u64::try_from(number) {
            Ok(number) => Ok(Self(number)),
            Err(_) => Err(Error::invalid(format!("{number} is negative; it must be 0 or more"))),
        }
    }
}

impl fmt::Display for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
