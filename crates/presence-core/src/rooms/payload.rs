//! What a member shows of itself.

use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;

use crate::error::{Error, ErrorKind};

/// A few bytes that a member shows to the others: a name, a colour, a cursor.
///
/// At most [`BYTES_MAX`](Self::BYTES_MAX) bytes, which nothing here looks into. Cheap to clone.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct Payload(Arc<[u8]>);

impl Payload {
    /// The length of the longest one, in bytes: 4 KiB.
    pub const BYTES_MAX: usize = 4096;

    /// Checks and copies `bytes`.
    ///
    /// # Errors
    ///
    /// [`InvalidPayload`] if there are more than [`BYTES_MAX`](Self::BYTES_MAX).
    pub fn new(bytes: impl AsRef<[u8]>) -> Result<Self, InvalidPayload> {
        let bytes = bytes.as_ref();
        if bytes.len() > Self::BYTES_MAX {
            return Err(InvalidPayload { length: bytes.len() });
        }
        Ok(if bytes.is_empty() { Self::default() } else { Self(bytes.into()) })
    }

    /// Returns the bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&String::from_utf8_lossy(&self.0), f)
    }
}

impl AsRef<[u8]> for Payload {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl From<&Self> for Payload {
    fn from(payload: &Self) -> Self {
        payload.clone()
    }
}

impl TryFrom<&str> for Payload {
    type Error = InvalidPayload;

    fn try_from(text: &str) -> Result<Self, InvalidPayload> {
        Self::new(text)
    }
}

impl TryFrom<String> for Payload {
    type Error = InvalidPayload;

    fn try_from(text: String) -> Result<Self, InvalidPayload> {
        Self::new(text)
    }
}

impl TryFrom<&[u8]> for Payload {
    type Error = InvalidPayload;

    fn try_from(bytes: &[u8]) -> Result<Self, InvalidPayload> {
        Self::new(bytes)
    }
}

impl<const N: usize> TryFrom<&[u8; N]> for Payload {
    type Error = InvalidPayload;

    fn try_from(bytes: &[u8; N]) -> Result<Self, InvalidPayload> {
        Self::new(bytes)
    }
}

impl TryFrom<Vec<u8>> for Payload {
    type Error = InvalidPayload;

    fn try_from(bytes: Vec<u8>) -> Result<Self, InvalidPayload> {
        Self::new(bytes)
    }
}

/// Anything that can become a [`Payload`]: text, bytes, or a payload.
///
/// It is implemented for whatever converts into one with an error that says [`InvalidPayload`].
pub trait IntoPayload {
    /// Checks what has not been checked yet.
    ///
    /// # Errors
    ///
    /// [`InvalidPayload`] if there are too many bytes.
    fn into_payload(self) -> Result<Payload, InvalidPayload>;
}

impl<T> IntoPayload for T
where
    T: TryInto<Payload, Error: Into<InvalidPayload>>,
{
    fn into_payload(self) -> Result<Payload, InvalidPayload> {
        self.try_into().map_err(Into::into)
    }
}

/// Bytes that are too many for a [`Payload`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidPayload {
    length: usize,
}

impl fmt::Display for InvalidPayload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the payload has {} bytes; at most {} are allowed", self.length, Payload::BYTES_MAX)
    }
}

impl std::error::Error for InvalidPayload {}

// Lets a call take a payload that is checked already beside one that is not.
impl From<Infallible> for InvalidPayload {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

impl From<InvalidPayload> for Error {
    fn from(invalid: InvalidPayload) -> Self {
        Self::new(ErrorKind::InvalidInput, invalid.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payload_has_any_bytes_up_to_the_bound() {
        for good in [vec![], vec![0, 255, 10], vec![7; 4096]] {
            assert_eq!(Payload::new(&good).unwrap().as_bytes(), good);
        }
        let error = Error::from(Payload::try_from(vec![7; 4097]).unwrap_err());
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
    }
}
