//! How replies are written: JSON as proto3 maps it, and the binary form.

use axum::http::{HeaderMap, HeaderValue, header};
use prost::Message;
use serde::Serialize;

use super::problem::Problem;

/// How a body is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Codec {
    Json,
    Protobuf,
}

impl Codec {
    /// Returns the codec that the client wants the reply in: the first it names that we know, else
    /// JSON.
    pub(super) fn of_accept(headers: &HeaderMap) -> Self {
        // Weights are left out: the order in which a client names types counts.
        let values = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
        values.flat_map(|value| value.split(',')).find_map(Self::of_media_type).unwrap_or(Self::Json)
    }

    /// Returns the codec of a media type, whatever its parameters.
    pub(super) fn of_media_type(media_type: &str) -> Option<Self> {
        let essence = media_type.split(';').next().unwrap_or_default().trim();
        let names = [
            ("application/json", Self::Json),
            ("application/proto", Self::Protobuf),
            ("application/x-protobuf", Self::Protobuf),
        ];
        names.into_iter().find(|(name, _)| name.eq_ignore_ascii_case(essence)).map(|(_, codec)| codec)
    }

    /// Writes a reply, in memory.
    pub(super) fn encode<T: Message + Serialize>(self, reply: &T) -> Result<Vec<u8>, Problem> {
        match self {
            Self::Json => serde_json::to_vec(reply).map_err(|error| Problem::unwritable(&error)),
            Self::Protobuf => Ok(reply.encode_to_vec()),
        }
    }

    /// Returns the name of the codec for the head of a reply.
    pub(super) fn content_type(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Json => "application/json",
            Self::Protobuf => "application/proto",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: header::HeaderName, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_static(value))])
    }

    #[test]
    fn the_first_known_accepted_type_counts() {
        for (value, codec) in [
            ("*/*", Codec::Json),
            ("text/html, application/proto;q=0.9, application/json", Codec::Protobuf),
            ("application/json", Codec::Json),
        ] {
            assert_eq!(Codec::of_accept(&headers(header::ACCEPT, value)), codec, "{value}");
        }
        assert_eq!(Codec::of_accept(&HeaderMap::new()), Codec::Json);
    }
}
