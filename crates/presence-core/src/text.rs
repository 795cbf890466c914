//! Short immutable text that is cheap to clone.
//!
//! Up to 38 bytes are kept in place, longer texts are shared.

use std::cmp::Ordering;
use std::sync::Arc;

/// A text of at most `u16::MAX` bytes in 40 bytes.
///
/// A UUID in its usual spelling (36 bytes) stays in place, so that a table of ids needs no second
/// memory access to compare one.
#[derive(Clone)]
pub(crate) enum Text {
    /// The first `length` bytes are the text.
    Inline {
        length: u8,
        bytes: [u8; INLINE_BYTES],
    },
    Shared(Arc<str>),
}

impl Text {
    pub(crate) fn new(text: &str) -> Self {
        let Some(mut bytes) = (text.len() <= INLINE_BYTES).then_some([0; INLINE_BYTES]) else {
            return Self::Shared(text.into());
        };
        bytes[..text.len()].copy_from_slice(text.as_bytes());
        let length = u8::try_from(text.len()).expect("at most INLINE_BYTES, checked above");
        Self::Inline { length, bytes }
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Inline { length, bytes } => &bytes[..usize::from(*length)],
            Self::Shared(text) => text.as_bytes(),
        }
    }

    pub(crate) fn as_str(&self) -> &str {
        match self {
            Self::Inline { .. } => {
                std::str::from_utf8(self.as_bytes()).expect("copied whole from a str in `new`")
            }
            Self::Shared(text) => text,
        }
    }
}

// Byte order and character order are the same for UTF-8, and bytes need no check.
impl PartialEq for Text {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Eq for Text {}

impl PartialOrd for Text {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Text {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_bytes().cmp(other.as_bytes())
    }
}

/// With its length and its tag this makes 40 bytes.
const INLINE_BYTES: usize = 38;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_kept_whole_on_both_sides_of_the_inline_limit() {
        for length in [0, 1, 37, 38, 39, 512] {
            let text = "é".repeat(length / 2) + &"x".repeat(length % 2);
            assert_eq!(Text::new(&text).as_str(), text);
            assert_eq!(Text::new(&text).as_bytes().len(), length);
        }
    }

    #[test]
    fn text_takes_forty_bytes() {
        assert_eq!(size_of::<Text>(), 40);
    }
}
