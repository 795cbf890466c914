//! Where in the events of a backend a subscriber is.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::error::{Error, ErrorKind};

/// A place in the events of one backend.
///
/// Opaque to subscribers, and as text fit for a `Last-Event-ID`. Two positions of one backend
/// compare by what lies before them: `a <= b` says that whoever saw everything up to `b` saw all
/// that `a` covers.
///
/// # Format
///
/// ```text
/// 9f3a5c00d1e2b477-57        epoch, a 64-bit number in 16 lowercase hexadecimal digits; one mark
/// 9f3a5c00d1e2b477-57.3.120  the same with one mark per shard, decimal, 1 to 4,096 of them
/// ```
///
/// An *epoch* is the unbroken past of a log: a store that lost its events begins another one, in
/// which earlier marks mean nothing. A *mark* counts the events of one ordered log.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Position {
    epoch: u64,
    marks: Marks,
}

impl Position {
    /// The most marks that one position may have.
    pub const MARKS_MAX: usize = 4096;

    /// Creates a position in a backend with one log.
    ///
    /// This is for backends.
    #[must_use]
    pub fn new(epoch: u64, mark: u64) -> Self {
        Self { epoch, marks: Marks::One(mark) }
    }

    /// Creates a position in a backend with one log per shard.
    ///
    /// This is for backends.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidInput`] if there are no marks, or more than
    /// [`MARKS_MAX`](Self::MARKS_MAX).
    pub fn sharded(epoch: u64, marks: &[u64]) -> Result<Self, Error> {
        let marks = match marks {
            [mark] => Marks::One(*mark),
            [] => return Err(Error::new(ErrorKind::InvalidInput, "a position needs at least one mark")),
            _ if marks.len() > Self::MARKS_MAX => {
                let message =
                    format!("a position has {} marks; at most {} are allowed", marks.len(), Self::MARKS_MAX);
                return Err(Error::new(ErrorKind::InvalidInput, message));
            }
            _ => Marks::Many(marks.into()),
        };
        Ok(Self { epoch, marks })
    }

    /// Returns the epoch of the store that the marks count in.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Returns how far each log was followed.
    #[must_use]
    pub fn marks(&self) -> &[u64] {
        match &self.marks {
            Marks::One(mark) => std::slice::from_ref(mark),
            Marks::Many(marks) => marks,
        }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.epoch)?;
        for (shard, mark) in self.marks().iter().enumerate() {
            write!(f, "{}{mark}", if shard == 0 { '-' } else { '.' })?;
        }
        Ok(())
    }
}

impl fmt::Debug for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Position {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        parse(text).ok_or_else(|| {
            Error::new(
                ErrorKind::InvalidInput,
                "the position cannot be read; pass it back exactly as it was given",
            )
        })
    }
}

impl PartialOrd for Position {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        let (mine, theirs) = (self.marks(), other.marks());
        if self.epoch != other.epoch || mine.len() != theirs.len() {
            return None;
        }
        // If one shard is further here and another one there, neither position covers the other.
        mine.iter().zip(theirs).map(|(mine, theirs)| mine.cmp(theirs)).try_fold(
            Ordering::Equal,
            |all, one| match (all, one) {
                (all, Ordering::Equal) => Some(all),
                (Ordering::Equal, one) => Some(one),
                (all, one) => (all == one).then_some(all),
            },
        )
    }
}

/// Most backends, and every event of the one in memory, need no allocation.
#[derive(Clone, PartialEq, Eq, Hash)]
enum Marks {
    One(u64),
    Many(Arc<[u64]>),
}

fn parse(text: &str) -> Option<Position> {
    let (epoch, marks) = text.split_once('-')?;
    if epoch.len() != 16 || !epoch.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
        return None;
    }
    let epoch = u64::from_str_radix(epoch, 16).ok()?;
    let marks = marks.split('.').take(Position::MARKS_MAX + 1).map(mark).collect::<Option<Vec<_>>>()?;
    Position::sharded(epoch, &marks).ok()
}

/// Takes digits only: `u64::from_str` would let a plus sign pass.
fn mark(digits: &str) -> Option<u64> {
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn position_survives_its_text() {
        for position in [
            Position::new(0, 0),
            Position::new(u64::MAX, u64::MAX),
            Position::sharded(7, &[3, 0, u64::MAX]).unwrap(),
        ] {
            assert_eq!(position.to_string().parse::<Position>().unwrap(), position);
        }
    }

    #[test]
    fn text_of_another_shape_is_no_position() {
        let many = format!("{:016x}-{}", 1, vec!["1"; Position::MARKS_MAX + 1].join("."));
        for text in [
            "",
            "7",
            "0-1",
            "000000000000000g-1",
            "000000000000000A-1",
            "0000000000000001-",
            "0000000000000001-+1",
            "0000000000000001-1.",
            "0000000000000001-18446744073709551616",
            &many,
        ] {
            assert_eq!(text.parse::<Position>().unwrap_err().kind(), ErrorKind::InvalidInput, "{text}");
        }
    }

    #[test]
    fn positions_compare_by_what_they_cover() {
        let of = |marks: &[u64]| Position::sharded(1, marks).unwrap();
        assert!(of(&[1, 2]) < of(&[1, 3]));
        assert!(of(&[4, 3]) > of(&[1, 3]));
        assert!(of(&[1, 3]) <= of(&[1, 3]));
        assert_eq!(of(&[1, 3]).partial_cmp(&of(&[2, 2])), None);
        assert_eq!(of(&[1]).partial_cmp(&of(&[1, 1])), None);
        assert_eq!(Position::new(1, 1).partial_cmp(&Position::new(2, 2)), None);
    }
}
