//! Bodies: JSON as proto3 maps it, and the binary form.

use axum::http::{HeaderMap, HeaderValue, header};
use prost::Message;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::problem::Problem;

/// How a body is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Codec {
    Json,
    Protobuf,
}

impl Codec {
    /// Returns the codec of a request's body.
    pub(super) fn of_content(headers: &HeaderMap) -> Result<Self, Problem> {
        let given = headers.get(header::CONTENT_TYPE).map_or(&[][..], HeaderValue::as_bytes);
        let given = String::from_utf8_lossy(given);
        Self::of_media_type(&given).ok_or_else(|| {
            let known = "send application/json or application/x-protobuf";
            Problem::codec(format!("the Content-Type \"{given}\" is not supported; {known}"))
        })
    }

    /// Returns the codec that the client wants the reply in: the first it names that we know, else
    /// JSON.
    pub(super) fn of_accept(headers: &HeaderMap) -> Self {
        // Weights are left out: the order in which a client names types counts.
        let values = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
        values.flat_map(|value| value.split(',')).find_map(Self::of_media_type).unwrap_or(Self::Json)
    }

    fn of_media_type(media_type: &str) -> Option<Self> {
        let essence = media_type.split(';').next().unwrap_or_default().trim();
        let names = [
            ("application/json", Self::Json),
            ("application/proto", Self::Protobuf),
            ("application/x-protobuf", Self::Protobuf),
        ];
        names.into_iter().find(|(name, _)| name.eq_ignore_ascii_case(essence)).map(|(_, codec)| codec)
    }

    /// Reads a request; an empty body is one without fields.
    pub(super) fn decode<T: Message + Default + DeserializeOwned>(self, body: &[u8]) -> Result<T, Problem> {
        match self {
            _ if body.is_empty() => Ok(T::default()),
            Self::Protobuf => T::decode(body).map_err(|error| unreadable(&error)),
            Self::Json => {
                let mut json = serde_json::Deserializer::from_slice(body);
                let request = serde_path_to_error::deserialize(&mut json).map_err(|error| {
                    match error.path().to_string().as_str() {
                        // The error lies outside of every field.
                        "." | "?" => unreadable(error.inner()),
                        field => Problem::codec(format!("{field}: {}", error.inner())),
                    }
                })?;
                json.end().map_err(|error| unreadable(&error))?;
                Ok(request)
            }
        }
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

fn unreadable(error: &dyn std::error::Error) -> Problem {
    Problem::codec(format!("the body cannot be read: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: header::HeaderName, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_static(value))])
    }

    #[test]
    fn content_types_are_matched_whole_and_without_parameters() {
        for (value, codec) in [
            ("application/json", Some(Codec::Json)),
            ("Application/JSON; charset=utf-8", Some(Codec::Json)),
            ("application/proto", Some(Codec::Protobuf)),
            ("application/x-protobuf", Some(Codec::Protobuf)),
            ("text/plain", None),
            ("application/x-www-form-urlencoded", None),
            ("application/jsonx", None),
            ("", None),
        ] {
            assert_eq!(Codec::of_content(&headers(header::CONTENT_TYPE, value)).ok(), codec, "{value}");
        }
        assert!(Codec::of_content(&HeaderMap::new()).is_err());
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
