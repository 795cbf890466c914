//! The names of what is present: ids, devices and rooms.
//!
//! A name is checked once, when it is made.

use std::borrow::Borrow;
use std::convert::Infallible;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

use crate::text::Text;

/// Defines a name type: its checks differ by the length alone.
macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $bytes_max:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
        pub struct $name(Text);

        impl $name {
            /// The length of the longest one, in bytes.
            pub const BYTES_MAX: usize = $bytes_max;

            /// Checks and copies `text`.
            ///
            /// # Errors
            ///
            /// [`InvalidName`] if `text` is empty, longer than [`BYTES_MAX`](Self::BYTES_MAX)
            /// or holds a control character.
            pub fn new(text: &str) -> Result<Self, InvalidName> {
                match fault(text, Self::BYTES_MAX) {
                    None => Ok(Self(Text::new(text))),
                    Some(fault) => Err(InvalidName { text: text.into(), fault, bytes_max: Self::BYTES_MAX }),
                }
            }

            /// Returns the text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                self.0.as_str()
            }

            /// Returns the bytes of the text, without the cost of a UTF-8 check.
            #[must_use]
            pub fn as_bytes(&self) -> &[u8] {
                self.0.as_bytes()
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(self.as_str(), f)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self.as_str(), f)
            }
        }

        // Equal to the hash of the str, as `Borrow<str>` demands.
        impl Hash for $name {
            fn hash<H: Hasher>(&self, state: &mut H) {
                self.as_str().hash(state);
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                self.as_str()
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                self.as_str()
            }
        }

        impl FromStr for $name {
            type Err = InvalidName;

            fn from_str(text: &str) -> Result<Self, InvalidName> {
                Self::new(text)
            }
        }

        impl From<&Self> for $name {
            fn from(name: &Self) -> Self {
                name.clone()
            }
        }

        impl TryFrom<&str> for $name {
            type Error = InvalidName;

            fn try_from(text: &str) -> Result<Self, InvalidName> {
                Self::new(text)
            }
        }

        impl TryFrom<&&str> for $name {
            type Error = InvalidName;

            fn try_from(text: &&str) -> Result<Self, InvalidName> {
                Self::new(text)
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidName;

            fn try_from(text: String) -> Result<Self, InvalidName> {
                Self::new(&text)
            }
        }

        impl TryFrom<&String> for $name {
            type Error = InvalidName;

            fn try_from(text: &String) -> Result<Self, InvalidName> {
                Self::new(text)
            }
        }
    };
}

name! {
    /// What is present: a user, a machine, a document.
    ///
    /// 1 to 512 bytes of UTF-8 without control characters. Up to 38 bytes are kept in place, longer
    /// ones are shared, so a clone never allocates.
    Id, 512
}

name! {
    /// Where ids meet: a channel, a document, a game.
    ///
    /// 1 to 512 bytes of UTF-8 without control characters.
    Room, 512
}

name! {
    /// One of several sources of presence for one id: a connection, a tab, a phone.
    ///
    /// 1 to 128 bytes of UTF-8 without control characters, unique among the devices of its id.
    Device, 128
}

/// A text that was refused as the name of an [`Id`], [`Room`] or [`Device`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidName {
    text: Box<str>,
    fault: Fault,
    bytes_max: usize,
}

impl InvalidName {
    /// Returns the text that was refused.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    pub(crate) fn into_text(self) -> Box<str> {
        self.text
    }
}

impl fmt::Display for InvalidName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.fault {
            Fault::Empty => f.write_str("the name is empty"),
            Fault::Long => {
                write!(f, "the name has {} bytes; at most {} are allowed", self.text.len(), self.bytes_max)
            }
            Fault::Control => {
                let found = self.text.chars().find(|letter| letter.is_control()).unwrap_or_default();
                write!(
                    f,
                    "the name contains the control character U+{:04X}, which is not allowed",
                    u32::from(found)
                )
            }
        }
    }
}

impl std::error::Error for InvalidName {}

// Lets a call take ids that are checked already beside those that are not.
impl From<Infallible> for InvalidName {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    Empty,
    Long,
    Control,
}

fn fault(text: &str, bytes_max: usize) -> Option<Fault> {
    if text.is_empty() {
        Some(Fault::Empty)
    } else if text.len() > bytes_max {
        Some(Fault::Long)
    } else if has_control(text) {
        Some(Fault::Control)
    } else {
        None
    }
}

/// Looks at characters only if a byte could begin one of the control characters beyond ASCII.
fn has_control(text: &str) -> bool {
    let mut ascii = true;
    for byte in text.bytes() {
        if byte.is_ascii_control() {
            return true;
        }
        ascii &= byte.is_ascii();
    }
    !ascii && text.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn ids_are_one_to_512_bytes_without_control_characters() {
        for good in ["a", "user:1", "名前", "a b", &"x".repeat(512)] {
            assert_eq!(Id::new(good).unwrap().as_str(), good);
        }
        for bad in ["", "a\nb", "\u{7f}", "\u{85}", "é\u{9f}", &"x".repeat(513), &"é".repeat(257)] {
            assert_eq!(Id::new(bad).unwrap_err().text(), bad);
        }
        assert!(Device::new(&"x".repeat(128)).is_ok());
        assert!(Device::new(&"x".repeat(129)).is_err());
    }

    #[test]
    fn set_of_ids_is_searched_by_text() {
        let ids = HashSet::from([Id::new("alice").unwrap(), Id::new(&"long".repeat(20)).unwrap()]);
        assert!(ids.contains("alice"));
        assert!(ids.contains("long".repeat(20).as_str()));
        assert!(!ids.contains("bob"));
    }
}
