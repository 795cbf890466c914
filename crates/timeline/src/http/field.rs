//! What each field of a request is, and what is said of a value that it cannot be.

use std::borrow::Cow;
use std::collections::HashMap;

use serde_json::value::RawValue;
use serde_path_to_error::Segment;

/// What a field of a request is, or the whole of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    /// The body: an object with the fields of a call.
    Request,
    Text,
    /// The text of an object, or the object itself.
    Message,
    /// A whole number, up to this one.
    Number(u64),
    Boolean,
    Role,
    Texts,
    Sends,
    /// One of the sends of a batch.
    Send,
}

const INT32: Field = Field::Number(2_147_483_647);
const INT64: Field = Field::Number(9_223_372_036_854_775_807);
const UINT64: Field = Field::Number(u64::MAX);

/// The fields of all requests, as the proto file names them.
const FIELDS: [(&str, Field); 24] = [
    ("after", Field::Text),
    ("backward", Field::Boolean),
    ("count", INT32),
    ("from", Field::Text),
    ("group", Field::Text),
    ("group_members", Field::Texts),
    ("group_name", Field::Text),
    ("last_read", INT64),
    ("last_tag", UINT64),
    ("member", Field::Text),
    ("members", Field::Texts),
    ("message", Field::Message),
    ("message_id", Field::Text),
    ("open", Field::Boolean),
    ("owner", Field::Text),
    ("place", INT64),
    ("role", Field::Role),
    ("sends", Field::Sends),
    ("sequence", INT64),
    ("since_ms", INT64),
    ("title", Field::Text),
    ("to", Field::Text),
    ("until_ms", INT64),
    ("with", Field::Text),
];

/// How long a value may be that is shown to who sent it.
const SHOWN_BYTES_MAX: usize = 64;

impl Field {
    /// Returns what the field of this name is, in either spelling.
    pub(super) fn of(name: &str) -> Option<Self> {
        FIELDS.iter().find(|(known, _)| letters(known).eq(letters(name))).map(|(_, field)| *field)
    }

    /// Returns what lies at a step into the value.
    pub(super) fn within(self, step: &Segment) -> Option<Self> {
        match (self, step) {
            (Self::Request | Self::Send, Segment::Map { key }) => Self::of(key),
            (Self::Texts, Segment::Seq { .. }) => Some(Self::Text),
            (Self::Sends, Segment::Seq { .. }) => Some(Self::Send),
            _ => None,
        }
    }

    /// Says why a value cannot be it, and what to send; `value` is its JSON, if that is known.
    pub(super) fn fault(self, value: Option<&str>) -> String {
        let shown = shown(value);
        let is_text = value.is_some_and(|value| value.starts_with('"'));
        match self {
            Self::Request => format!("{shown} is not an object; send one with the fields of the call"),
            Self::Text | Self::Message if is_text => {
                "the text has an escape that is no character; write it as UTF-8".to_owned()
            }
            Self::Text => format!("{shown} is not a text; send one in quotation marks"),
            Self::Message => format!("{shown} is not a message; send an object, or its text"),
            Self::Number(most) => number_fault(value, most, &shown),
            Self::Boolean => {
                format!("{shown} is neither true nor false; send one of them, without quotation marks")
            }
            Self::Role => format!("{shown} is not a role; send OWNER or MEMBER"),
            Self::Texts => format!("{shown} is not a list; send one of texts, like [\"alice\",\"bob\"]"),
            Self::Sends => format!("{shown} is not a list; send one of objects with the fields of a send"),
            Self::Send => format!("{shown} is not an object; send one with the fields of a send"),
        }
    }
}

/// Returns what both spellings of a name have in common.
fn letters(name: &str) -> impl Iterator<Item = u8> {
    name.bytes().filter(|byte| *byte != b'_').map(|byte| byte.to_ascii_lowercase())
}

fn number_fault(value: Option<&str>, most: u64, shown: &str) -> String {
    let digits = value.unwrap_or_default().trim_matches('"');
    let is_whole = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if digits.strip_prefix('-').is_some_and(is_whole) {
        return format!("{shown} is negative; it must be 0 or more");
    }
    if is_whole(digits) {
        return format!("{shown} is too large; at most {most} is allowed");
    }
    format!("{shown} is not a whole number; send one like 50")
}

fn shown(value: Option<&str>) -> Cow<'_, str> {
    match value {
        Some(list) if list.starts_with('[') => "a list".into(),
        Some(object) if object.starts_with('{') => "an object".into(),
        Some(short) if short.len() <= SHOWN_BYTES_MAX => short.into(),
        Some(_) | None => "the value".into(),
    }
}

/// Returns the JSON at a step into an object or a list.
pub(super) fn part<'a>(json: &'a str, step: &Segment) -> Option<&'a str> {
    let raw = match step {
        Segment::Map { key } => serde_json::from_str::<HashMap<String, &RawValue>>(json).ok()?.remove(key)?,
        Segment::Seq { index } => serde_json::from_str::<Vec<&RawValue>>(json).ok()?.get(*index).copied()?,
        Segment::Enum { .. } | Segment::Unknown => return None,
    };
    Some(raw.get())
}

#[cfg(test)]
mod tests {
    use prost::Message as _;
    use prost_types::FileDescriptorSet;
    use prost_types::field_descriptor_proto::{Label, Type};

    use super::*;
    use crate::proto::FILE_DESCRIPTOR_SET;

    #[test]
    fn every_field_of_every_request_is_what_the_proto_file_says() {
        let set = FileDescriptorSet::decode(FILE_DESCRIPTOR_SET).unwrap();
        let messages = set.file.iter().flat_map(|file| &file.message_type);
        let requests = messages.filter(|message| message.name().ends_with("Request"));
        for field in requests.flat_map(|request| &request.field) {
            let expected = match (field.r#type(), field.label()) {
                (Type::String, Label::Repeated) => Field::Texts,
                (Type::String, _) if field.name() == "message" => Field::Message,
                (Type::String, _) => Field::Text,
                (Type::Int32, _) => INT32,
                (Type::Int64, _) => INT64,
                (Type::Uint64, _) => UINT64,
                (Type::Bool, _) => Field::Boolean,
                (Type::Enum, _) => Field::Role,
                (Type::Message, Label::Repeated) => Field::Sends,
                other => panic!("{} is {other:?}", field.name()),
            };
            assert_eq!(Field::of(field.name()), Some(expected), "{}", field.name());
            assert_eq!(Field::of(field.json_name()), Some(expected), "{}", field.json_name());
        }
    }

    #[test]
    fn a_value_that_does_not_fit_is_shown_with_what_to_send() {
        let long = format!("\"{}\"", "x".repeat(100));
        for (field, value, fault) in [
            (Field::Text, Some("5"), "5 is not a text; send one in quotation marks"),
            (Field::Text, Some("null"), "null is not a text; send one in quotation marks"),
            (
                Field::Text,
                Some("\"\\ud800\""),
                "the text has an escape that is no character; write it as UTF-8",
            ),
            (Field::Message, Some("[1]"), "a list is not a message; send an object, or its text"),
            (INT32, Some("\"x\""), "\"x\" is not a whole number; send one like 50"),
            (INT32, Some("1.5"), "1.5 is not a whole number; send one like 50"),
            (INT32, Some("\"\""), "\"\" is not a whole number; send one like 50"),
            (INT32, Some("2147483648"), "2147483648 is too large; at most 2147483647 is allowed"),
            (UINT64, Some("\"-1\""), "\"-1\" is negative; it must be 0 or more"),
            (INT64, None, "the value is not a whole number; send one like 50"),
            (
                Field::Boolean,
                Some("\"yes\""),
                "\"yes\" is neither true nor false; send one of them, without quotation marks",
            ),
            (Field::Role, Some("\"KING\""), "\"KING\" is not a role; send OWNER or MEMBER"),
            (Field::Role, Some(long.as_str()), "the value is not a role; send OWNER or MEMBER"),
            (
                Field::Texts,
                Some("{}"),
                "an object is not a list; send one of texts, like [\"alice\",\"bob\"]",
            ),
            (Field::Sends, Some("7"), "7 is not a list; send one of objects with the fields of a send"),
            (Field::Send, Some("7"), "7 is not an object; send one with the fields of a send"),
            (Field::Request, Some("[]"), "a list is not an object; send one with the fields of the call"),
        ] {
            assert_eq!(field.fault(value), fault);
        }
    }
}
