//! The message: a JSON object, kept byte for byte.

mod readable;

use std::fmt;
use std::sync::Arc;

use crate::{Error, Result};

/// A message: the text of one JSON object, kept byte for byte.
///
/// Its keys are neither sorted nor looked into. Cloning shares the text.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Message(Arc<str>);

impl Message {
    /// Creates a message from the text of a JSON object.
    ///
    /// The [size bound](crate::Config::message_bytes_max) is the timeline's and is checked when the
    /// message is sent.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) when the text is not JSON, or JSON but not
    /// an object, or holds what some readers of JSON cannot read: objects and lists more than 128
    /// levels deep, a number that no double can hold (`1e999`), or half a character (`"\ud800"`
    /// without its other half). The error names the line and the column.
    ///
    /// # Examples
    ///
    /// ```
    /// use timeline::Message;
    ///
    /// assert_eq!(Message::new(r#"{ "b": 1, "a": 1e3 }"#)?.as_str(), r#"{ "b": 1, "a": 1e3 }"#);
    /// assert!(Message::new("[1, 2]").is_err());
    /// # Ok::<(), timeline::Error>(())
    /// ```
    pub fn new(json: impl Into<Arc<str>>) -> Result<Self> {
        let json = json.into();
        readable::check(&json)?;
        if !json.trim_start_matches([' ', '\t', '\n', '\r']).starts_with('{') {
            return Err(Error::invalid("the text is JSON but not an object; put it into one"));
        }
        Ok(Self(json))
    }

    /// Wraps text that [`new`](Self::new) accepted before it was stored.
    ///
    /// For implementors of [`Store`](crate::Store).
    pub fn from_stored(json: impl Into<Arc<str>>) -> Self {
        Self(json.into())
    }

    /// Returns the text, byte for byte as it was sent.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<&str> for Message {
    type Error = Error;

    fn try_from(json: &str) -> Result<Self> {
        Self::new(json)
    }
}

impl TryFrom<String> for Message {
    type Error = Error;

    fn try_from(json: String) -> Result<Self> {
        Self::new(json)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;

    #[test]
    fn objects_are_kept_byte_for_byte() {
        for text in
            ["{}", " {\"b\":1,\"a\":12345678901234567890} ", "{\"t\":\"<&>\\u003c\"}", "\n{\"a\":{\"a\":[]}}"]
        {
            assert_eq!(Message::new(text).unwrap().as_str(), text);
        }
    }

    #[test]
    fn anything_else_is_refused() {
        let deep = "[".repeat(100_000);
        for text in [
            "",
            " ",
            "null",
            "[]",
            "\"{}\"",
            "1",
            "{",
            "{}{}",
            "{\"a\":}",
            "{\"a\":\"\n\"}",
            "{\"a\":01}",
            &deep,
        ] {
            assert_eq!(Message::new(text).unwrap_err().kind(), ErrorKind::InvalidInput, "{text:.20}");
        }
    }
}
