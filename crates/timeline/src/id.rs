//! The names that callers choose: members, groups, messages.

use std::fmt;
use std::sync::Arc;

use crate::{Error, Result};

/// The most bytes that an id may have.
pub const ID_BYTES_MAX: usize = 512;

/// Checks 1 to 512 bytes without control characters.
///
/// Keys in stores rely on the second half: they end each id with a zero byte, so that no two ids
/// give one key.
fn check(id: &str) -> Result<()> {
    if id.is_empty() {
        return Err(Error::invalid("the value must not be empty"));
    }
    if id.len() > ID_BYTES_MAX {
        return Err(Error::invalid(format!(
            "the value has {} bytes; at most {ID_BYTES_MAX} are allowed",
            id.len()
        )));
    }
    check_characters(id)
}

/// Checks that a text has no control characters.
pub(crate) fn check_characters(text: &str) -> Result<()> {
    match text.chars().find(|character| character.is_control()) {
        Some(character) => Err(Error::invalid(format!(
            "the value has the control character U+{:04X}; remove it",
            u32::from(character)
        ))),
        None => Ok(()),
    }
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        ///
        /// 1 to 512 bytes of UTF-8 without control characters. Cloning shares the text.
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Creates an id from its text.
            ///
            /// # Errors
            ///
            /// [`InvalidInput`](crate::ErrorKind::InvalidInput) when the text is empty, too long or
            /// has a control character.
            pub fn new(id: impl Into<Arc<str>>) -> Result<Self> {
                let id = id.into();
                check(&id)?;
                Ok(Self(id))
            }

            /// Wraps text that [`new`](Self::new) accepted before it was stored.
            #[cfg(feature = "embedded")]
            pub(crate) fn from_stored(id: &str) -> Self {
                Self(id.into())
            }

            /// Returns the text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&*self.0, f)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<&str> for $name {
            type Error = Error;

            fn try_from(id: &str) -> Result<Self> {
                Self::new(id)
            }
        }

        impl TryFrom<String> for $name {
            type Error = Error;

            fn try_from(id: String) -> Result<Self> {
                Self::new(id)
            }
        }
    };
}

id! {
    /// The owner of an inbox: a user.
    MemberId
}
id! {
    /// The name of a group conversation.
    GroupName
}
id! {
    /// The id that the sender's program gave a message.
    ///
    /// With it, sending the message again is harmless.
    MessageId
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;

    #[test]
    fn ids_have_1_to_512_bytes_without_control_characters() {
        for good in ["a", "group", "seq:a:b", "älice", &"x".repeat(512)] {
            assert_eq!(MemberId::new(good).unwrap().as_str(), good);
        }
        for bad in ["", "a\0b", "a\nb", "\u{85}", &"x".repeat(513), &"ä".repeat(257)] {
            assert_eq!(MemberId::new(bad).unwrap_err().kind(), ErrorKind::InvalidInput, "{bad:?}");
        }
    }
}
