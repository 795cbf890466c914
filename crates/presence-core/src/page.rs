//! Long listings, a page at a time.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, ErrorKind};
use crate::name::Id;

/// A page of a listing of ids.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct IdPage {
    /// The ids, in no particular order.
    ///
    /// A page may be empty and not be the last.
    pub ids: Vec<Id>,
    /// Where the next page starts; `None` after the last.
    pub next: Option<Cursor>,
}

impl IdPage {
    /// Creates a page.
    ///
    /// This is for backends.
    #[must_use]
    pub fn new(ids: Vec<Id>, next: Option<Cursor>) -> Self {
        Self { ids, next }
    }
}

/// Where a page of a listing starts.
///
/// Opaque to callers; as text `shard.offset`, both decimal. The default starts at the beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Cursor {
    shard: u32,
    offset: u64,
}

impl Cursor {
    /// Creates a cursor.
    ///
    /// This is for backends.
    #[must_use]
    pub fn new(shard: u32, offset: u64) -> Self {
        Self { shard, offset }
    }

    /// Returns the part of the store that the page starts in.
    #[must_use]
    pub fn shard(&self) -> u32 {
        self.shard
    }

    /// Returns the place in that part, in the backend's own measure.
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.offset
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.shard, self.offset)
    }
}

impl FromStr for Cursor {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let parse = || {
            let (shard, offset) = text.split_once('.')?;
            Some(Self { shard: shard.parse().ok()?, offset: offset.parse().ok()? })
        };
        parse().ok_or_else(|| {
            Error::new(
                ErrorKind::InvalidInput,
                "the cursor cannot be read; pass it back exactly as the last page gave it",
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursor_survives_its_text() {
        let cursor = Cursor::new(3, u64::MAX);
        assert_eq!(cursor.to_string().parse::<Cursor>().unwrap(), cursor);
        for text in ["", "3", "3.", ".3", "4294967296.0", "-1.0"] {
            assert_eq!(text.parse::<Cursor>().unwrap_err().kind(), ErrorKind::InvalidInput, "{text}");
        }
    }
}
