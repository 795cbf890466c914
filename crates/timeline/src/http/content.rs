//! How requests are read: by the type of their body.
//!
//! A form is taken from programs alone, as any page can make a browser post one, with what the
//! browser knows of its user. A browser says so in `Origin` and in `Sec-Fetch-Site`.

use axum::http::{HeaderMap, HeaderValue, header};
use prost::Message;
use serde::de::DeserializeOwned;

use super::codec::Codec;
use super::problem::Problem;
use super::{object_message, query, unreadable};

const FORM: &str = "application/x-www-form-urlencoded";

/// What a refusal says of the types that are taken.
const TAKEN: &str = "send application/json or application/x-protobuf; programs may send a form, \
                     application/x-www-form-urlencoded, as well";

/// How the body of a request is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Content {
    Written(Codec),
    Form,
}

impl Content {
    /// Returns how the body of a request with these headers is written.
    pub(super) fn of(headers: &HeaderMap) -> Result<Self, Problem> {
        let given = headers.get(header::CONTENT_TYPE).map_or(&[][..], HeaderValue::as_bytes);
        let given = String::from_utf8_lossy(given);
        if let Some(codec) = Codec::of_media_type(&given) {
            return Ok(Self::Written(codec));
        }
        let essence = given.split(';').next().unwrap_or_default().trim();
        if !essence.eq_ignore_ascii_case(FORM) {
            return Err(Problem::codec(format!("the Content-Type \"{given}\" is not supported; {TAKEN}")));
        }
        if is_of_a_page(headers) {
            return Err(Problem::codec(
                "a form of a page is not taken, as any page can make a browser post one; send \
                 application/json",
            ));
        }
        Ok(Self::Form)
    }

    /// Reads a request; an empty body is one without fields.
    pub(super) fn decode<T: Message + Default + DeserializeOwned>(self, body: &[u8]) -> Result<T, Problem> {
        match self {
            _ if body.is_empty() => Ok(T::default()),
            Self::Written(Codec::Protobuf) => {
                T::decode(body).map_err(|error| unreadable::protobuf::<T>(&error))
            }
            Self::Written(Codec::Json) => decode_json(body),
            // Tools such as curl call JSON a form unless they are told otherwise.
            Self::Form if body.trim_ascii_start().starts_with(b"{") => decode_json(body),
            Self::Form => query::decode_form(body),
        }
    }
}

/// Whether a browser made the request for a page that may be another's.
fn is_of_a_page(headers: &HeaderMap) -> bool {
    let sites = headers.get_all("sec-fetch-site");
    headers.contains_key(header::ORIGIN)
        || sites.iter().any(|site| !matches!(site.as_bytes(), b"none" | b"same-origin"))
}

fn decode_json<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    let with_texts = object_message::as_texts(body).map_err(|_| unreadable::json(body, None))?;
    let mut json = serde_json::Deserializer::from_slice(with_texts.as_deref().unwrap_or(body));
    let request =
        serde_path_to_error::deserialize(&mut json).map_err(|error| unreadable::json(body, Some(&error)))?;
    json.end().map_err(|_| unreadable::json(body, None))?;
    Ok(request)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(content_type: &str, others: &[(&'static str, &'static str)]) -> Option<Content> {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, content_type.parse().unwrap());
        for (name, value) in others {
            headers.append(*name, HeaderValue::from_static(value));
        }
        Content::of(&headers).ok()
    }

    #[test]
    fn content_types_are_matched_whole_and_without_parameters() {
        let (json, protobuf) = (Content::Written(Codec::Json), Content::Written(Codec::Protobuf));
        for (value, content) in [
            ("application/json", Some(json)),
            ("Application/JSON; charset=utf-8", Some(json)),
            ("application/proto", Some(protobuf)),
            ("application/x-protobuf", Some(protobuf)),
            ("application/x-www-form-urlencoded", Some(Content::Form)),
            ("text/plain", None),
            ("multipart/form-data; boundary=x", None),
            ("application/xml", None),
            ("application/yaml", None),
            ("application/jsonx", None),
            ("", None),
        ] {
            assert_eq!(of(value, &[]), content, "{value}");
        }
        assert!(Content::of(&HeaderMap::new()).is_err());
    }

    #[test]
    fn a_form_is_taken_from_programs_and_from_no_page_of_another_site() {
        for (headers, taken) in [
            (&[][..], true),
            (&[("sec-fetch-site", "none")], true),
            (&[("sec-fetch-site", "same-origin")], true),
            (&[("sec-fetch-site", "same-site")], false),
            (&[("sec-fetch-site", "cross-site")], false),
            (&[("sec-fetch-site", "none"), ("sec-fetch-site", "cross-site")], false),
            (&[("origin", "https://evil.example")], false),
            (&[("origin", "null")], false),
        ] {
            assert_eq!(of(FORM, headers).is_some(), taken, "{headers:?}");
        }
    }
}
