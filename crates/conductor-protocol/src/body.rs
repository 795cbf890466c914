//! The body of a message as text: base64, as Go writes a slice of bytes.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serializer};

pub(super) fn serialize<S: Serializer>(body: &Bytes, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&STANDARD.encode(body))
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Bytes, D::Error> {
    // Go writes an empty slice as `null`, too.
    let text: Option<String> = Option::deserialize(deserializer)?;
    match STANDARD.decode(text.unwrap_or_default()) {
        Ok(body) => Ok(body.into()),
        Err(error) => Err(D::Error::custom(format!("the body of the message is not base64: {error}"))),
    }
}
