//! Messages that are given as an object, put into the text that the proto file has.
//!
//! `{"message":{"text":"hi"}}` says the same as `{"message":"{\"text\":\"hi\"}"}`, and the object
//! is stored byte for byte as it came. The same holds for each of the `sends` of a batch.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

const MESSAGE: &[u8] = b"\"message\"";

/// Returns the body with the text of each message that is an object in its place.
///
/// None is returned if no message is one.
///
/// # Errors
///
/// The body is not the JSON of an object.
pub(super) fn as_texts(body: &[u8]) -> serde_json::Result<Option<Vec<u8>>> {
    if !may_have_an_object(body) {
        return Ok(None);
    }
    // The quotation marks in the objects get a backslash each.
    let mut text = Vec::with_capacity(body.len() + body.len() / 4);
    let mut json = serde_json::Deserializer::from_slice(body);
    Fields { text: &mut text, have_sends: true }.deserialize(&mut json)?;
    json.end()?;
    Ok(Some(text))
}

/// Whether the body may have a message that is an object. Most have none, and are not read twice.
fn may_have_an_object(mut body: &[u8]) -> bool {
    while let Some(at) = body.windows(MESSAGE.len()).position(|bytes| bytes == MESSAGE) {
        body = &body[at + MESSAGE.len()..];
        let value = body.trim_ascii_start().strip_prefix(b":");
        if value.is_some_and(|value| value.trim_ascii_start().starts_with(b"{")) {
            return true;
        }
    }
    false
}

/// Copies the fields of a request.
struct Fields<'a> {
    text: &'a mut Vec<u8>,
    /// Whether `sends` has requests. Those of a batch have none in turn, so that no body makes this
    /// go deeper than two levels.
    have_sends: bool,
}

impl<'de> DeserializeSeed<'de> for Fields<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Fields<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<(), A::Error> {
        let Self { text, have_sends } = self;
        text.push(b'{');
        let mut separator = None;
        while let Some(name) = fields.next_key::<String>()? {
            text.extend(separator.replace(b','));
            quote(text, &name).map_err(A::Error::custom)?;
            text.push(b':');
            let value = fields.next_value::<&'de RawValue>()?.get();
            match &*name {
                "message" if value.starts_with('{') => quote(text, value).map_err(A::Error::custom)?,
                "sends" if have_sends && value.starts_with('[') => {
                    let mut json = serde_json::Deserializer::from_str(value);
                    Sends { text: &mut *text }.deserialize(&mut json).map_err(A::Error::custom)?;
                }
                _ => text.extend_from_slice(value.as_bytes()),
            }
        }
        text.push(b'}');
        Ok(())
    }
}

/// Copies the requests of a batch.
struct Sends<'a> {
    text: &'a mut Vec<u8>,
}

impl<'de> DeserializeSeed<'de> for Sends<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Sends<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sends: A) -> Result<(), A::Error> {
        let text = self.text;
        text.push(b'[');
        let mut separator = None;
        while let Some(send) = sends.next_element::<&'de RawValue>()? {
            text.extend(separator.replace(b','));
            let send = send.get();
            if send.starts_with('{') {
                let mut json = serde_json::Deserializer::from_str(send);
                let fields = Fields { text: &mut *text, have_sends: false };
                fields.deserialize(&mut json).map_err(A::Error::custom)?;
            } else {
                text.extend_from_slice(send.as_bytes());
            }
        }
        text.push(b']');
        Ok(())
    }
}

/// Writes a text as JSON has it.
fn quote(to: &mut Vec<u8>, text: &str) -> serde_json::Result<()> {
    serde_json::to_writer(to, text)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read(body: &str) -> Option<Value> {
        let texts = as_texts(body.as_bytes()).unwrap()?;
        Some(serde_json::from_slice(&texts).unwrap())
    }

    #[test]
    fn an_object_becomes_its_text_byte_for_byte() {
        let object = "{ \"b\" : 1e3,\n \"a\":{\"message\":{}}, \"q\":\"\\u0041\" }";
        let body = format!("{{\"from\":\"a\", \"message\" : {object} ,\"n\":[1]}}");
        assert_eq!(read(&body), Some(json!({"from": "a", "message": object, "n": [1]})));
    }

    #[test]
    fn each_send_of_a_batch_may_have_an_object() {
        let body = r#"{"sends":[{"message":{"n":1}},{"message":"{}"},7]}"#;
        let texts = json!({"sends": [{"message": "{\"n\":1}"}, {"message": "{}"}, 7]});
        assert_eq!(read(body), Some(texts));
    }

    #[test]
    fn a_body_without_an_object_is_left_as_it_is() {
        for body in [r#"{"message":"{}"}"#, r#"{"message":7}"#, "no JSON", ""] {
            assert_eq!(as_texts(body.as_bytes()).unwrap(), None, "{body}");
        }
    }

    #[test]
    fn batches_in_batches_are_not_looked_into() {
        let deep = format!("{}{{\"message\":{{}}}}{}", "{\"sends\":[".repeat(50_000), "]}".repeat(50_000));
        assert!(as_texts(deep.as_bytes()).unwrap().is_some());
    }

    #[test]
    fn an_object_that_ends_too_early_is_an_error() {
        assert!(as_texts(br#"{"message":{"a":}}"#).is_err());
        assert!(as_texts(br#"{"message":{}} x"#).is_err());
    }
}
