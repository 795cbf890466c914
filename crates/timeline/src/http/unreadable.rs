//! Why a request cannot be read, in sentences that say what to send.
//!
//! What the decoders say is about their own work and types. Of them is taken where the fault lies.

use std::any::type_name;

use prost::DecodeError;
use serde::de::IgnoredAny;
use serde_json::Error as JsonError;
use serde_path_to_error::Error as PathError;

use super::field::{Field, part};
use super::problem::Problem;

/// Returns what is wrong with a body that is not the JSON of a request.
///
/// `error` says where the fault lies, if the body was read as JSON so far.
pub(super) fn json(body: &[u8], error: Option<&PathError<JsonError>>) -> Problem {
    let Ok(text) = std::str::from_utf8(body) else {
        return Problem::codec("the body is not UTF-8; write its JSON as UTF-8");
    };
    match serde_json::from_str::<IgnoredAny>(text) {
        Err(end) if end.is_eof() => Problem::codec("the body ends in the middle of its JSON; send all of it"),
        Err(wrong) => Problem::codec(format!(
            "the body is not JSON: it cannot be read at line {}, column {}; send one object with the fields of \
             the call",
            wrong.line(),
            wrong.column()
        )),
        Ok(IgnoredAny) => field(text.trim_ascii(), error),
    }
}

/// Returns what is wrong with the fields that `json` has; `error` says where the fault lies.
pub(super) fn field(json: &str, error: Option<&PathError<JsonError>>) -> Problem {
    let (mut field, mut path, mut value) = (Field::Request, String::new(), Some(json));
    for step in error.into_iter().flat_map(|error| error.path().iter()) {
        let Some(inner) = field.within(step) else { break };
        field = inner;
        value = value.and_then(|value| part(value, step));
        add(&mut path, &step.to_string());
    }
    let is_object = value.is_some_and(|value| value.starts_with('{'));
    if is_object && matches!(field, Field::Request | Field::Send) {
        return match error.and_then(|error| given_twice(error.inner())) {
            Some(name) => {
                add(&mut path, &name);
                Problem::codec(format!("{path}: the field is given more than once; give it once"))
            }
            None => Problem::codec("the body has a field whose name cannot be read; write it as UTF-8"),
        };
    }
    let path = if path.is_empty() { "the body" } else { path.as_str() };
    let fault = field.fault(value);
    // A text that has a fault within may be long.
    let is_text = value.is_some_and(|value| value.starts_with('"'));
    match error.map(PathError::inner).filter(|error| is_text && error.is_syntax()) {
        Some(at) => Problem::codec(format!("{path}: {fault} (line {}, column {})", at.line(), at.column())),
        None => Problem::codec(format!("{path}: {fault}")),
    }
}

/// Adds a step to the name of a field; the index of a list has no point before it.
fn add(path: &mut String, step: &str) {
    if !path.is_empty() && !step.starts_with('[') {
        path.push('.');
    }
    path.push_str(step);
}

/// Returns the name of the field that an error says is there twice.
fn given_twice(error: &JsonError) -> Option<String> {
    let text = error.to_string();
    let (name, _) = text.strip_prefix("duplicate field `")?.split_once('`')?;
    Some(name.to_owned())
}

/// Returns what is wrong with a body that is not the binary form of the request `T`.
pub(super) fn protobuf<T>(error: &DecodeError) -> Problem {
    let request = type_name::<T>().rsplit("::").next().unwrap_or("request");
    let text = error.to_string();
    let why = text.strip_prefix("failed to decode Protobuf message: ").unwrap_or(&text);
    // It begins with the message and the field, if the fault lies in one.
    let field = why.split_once(": ").and_then(|(at, _)| at.split_once('.')).map(|(_, field)| field);
    Problem::codec(match field {
        Some(field) if why.contains("UTF-8") => {
            format!("{field}: the text is not UTF-8; encode it as UTF-8")
        }
        Some(field) => {
            format!("{field}: the value is not what {request} has there; encode it by the proto file")
        }
        None => format!(
            "the body is not a {request} in the binary form of protobuf, or not all of it; encode one by the \
             proto file, or send JSON as application/json"
        ),
    })
}

#[cfg(test)]
mod tests {
    use prost::Message as _;
    use serde_json::Value;

    use super::*;
    use crate::proto::v1;

    /// What is said of a body that is no `SendBatchRequest`.
    fn said(body: &[u8]) -> String {
        let mut json_of = serde_json::Deserializer::from_slice(body);
        let read = serde_path_to_error::deserialize::<_, v1::SendBatchRequest>(&mut json_of);
        message(json(body, read.as_ref().err()))
    }

    fn message(problem: Problem) -> String {
        let told: Value = serde_json::to_value(problem).unwrap();
        told["message"].as_str().unwrap().to_owned()
    }

    #[test]
    fn what_is_wrong_with_a_body_is_said_in_words_of_the_service() {
        let position = "the body is not JSON: it cannot be read at line 1, column";
        for (body, expected) in [
            (&b"{"[..], "the body ends in the middle of its JSON; send all of it".to_owned()),
            (b"{\"sends\":}", format!("{position} 10; send one object with the fields of the call")),
            (b"{} x", format!("{position} 4; send one object with the fields of the call")),
            (b"{\"sends\":\"\xff\"}", "the body is not UTF-8; write its JSON as UTF-8".to_owned()),
            (b" 7", "the body: 7 is not an object; send one with the fields of the call".to_owned()),
            (
                b"{\"sends\":7}",
                "sends: 7 is not a list; send one of objects with the fields of a send".to_owned(),
            ),
            (
                b"{\"sends\":[{},7]}",
                "sends[1]: 7 is not an object; send one with the fields of a send".to_owned(),
            ),
            (
                b"{\"sends\":[{\"from\":[1]}]}",
                "sends[0].from: a list is not a text; send one in quotation marks".to_owned(),
            ),
            (
                b"{\"sends\":[{\"message_id\":\"1\",\"messageId\":\"2\"}]}",
                "sends[0].messageId: the field is given more than once; give it once".to_owned(),
            ),
        ] {
            assert_eq!(said(body), expected);
        }
    }

    #[test]
    fn a_value_that_is_nested_deeply_is_no_number() {
        let body = format!("{{\"count\":{}{}}}", "[".repeat(10_000), "]".repeat(10_000));
        let mut json_of = serde_json::Deserializer::from_str(&body);
        let read = serde_path_to_error::deserialize::<_, v1::SyncMessageRequest>(&mut json_of);
        let told = message(json(body.as_bytes(), read.as_ref().err()));
        assert_eq!(told, "count: a list is not a whole number; send one like 50");
    }

    #[test]
    fn protobuf_is_refused_with_the_field_at_fault() {
        let said = |body: &[u8]| {
            let error = v1::SendMessageRequest::decode(body).unwrap_err();
            message(protobuf::<v1::SendMessageRequest>(&error))
        };
        assert_eq!(said(b"\x0a\x01\xff"), "from: the text is not UTF-8; encode it as UTF-8");
        let other = "to: the value is not what SendMessageRequest has there; encode it by the proto file";
        assert_eq!(said(b"\x10\x01"), other);
        let none = "the body is not a SendMessageRequest in the binary form of protobuf, or not all of it; \
                    encode one by the proto file, or send JSON as application/json";
        for body in [&b"\x7f"[..], b"\x00", b"\xff"] {
            assert_eq!(said(body), none, "{body:?}");
        }
    }
}
