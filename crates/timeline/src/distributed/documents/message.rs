//! The messages of documents.
//!
//! Ours are texts, kept byte for byte. Those of the Go service are documents, as it kept messages
//! as maps: their numbers are doubles, and the order of their keys means nothing. They are read as
//! it answered them, with the keys sorted.

use mongodb::bson::{RawArray, RawBsonRef, RawDocument};

use super::field::{Field, Unreadable};
use crate::Message;

/// The text of an entry that has no message.
///
/// It is not written: nor did the Go service write the field of an empty message.
pub(in crate::distributed) const NOTHING: &str = "{}";

/// Reads the field of a message.
pub(super) fn read(field: Field<'_>) -> Result<Message, Unreadable> {
    match field.value {
        RawBsonRef::String(text) => Ok(Message::from_stored(text)),
        RawBsonRef::Document(document) => {
            let mut text = String::with_capacity(document.as_bytes().len());
            put_object(&mut text, document)?;
            Ok(Message::from_stored(text))
        }
        _ => Err(field.is_not("the text of a JSON object, or a document")),
    }
}

fn put_object(to: &mut String, document: &RawDocument) -> Result<(), Unreadable> {
    // `fields` would leave out what is null.
    let mut values = Vec::new();
    for element in document.iter_elements() {
        let element = element?;
        values.push((element.key().as_str(), element.value()?));
    }
    values.sort_by_key(|(name, _)| *name);
    to.push('{');
    for (number, (name, value)) in values.into_iter().enumerate() {
        if number > 0 {
            to.push(',');
        }
        put_text(to, name)?;
        to.push(':');
        put(to, value)?;
    }
    to.push('}');
    Ok(())
}

fn put_array(to: &mut String, array: &RawArray) -> Result<(), Unreadable> {
    to.push('[');
    for (number, value) in array.into_iter().enumerate() {
        if number > 0 {
            to.push(',');
        }
        put(to, value?)?;
    }
    to.push(']');
    Ok(())
}

fn put(to: &mut String, value: RawBsonRef<'_>) -> Result<(), Unreadable> {
    match value {
        RawBsonRef::Document(document) => put_object(to, document),
        RawBsonRef::Array(array) => put_array(to, array),
        RawBsonRef::String(text) => put_text(to, text),
        RawBsonRef::Double(number) if number.is_finite() => {
            put_double(to, number);
            Ok(())
        }
        RawBsonRef::Int32(number) => {
            to.push_str(&number.to_string());
            Ok(())
        }
        RawBsonRef::Int64(number) => {
            to.push_str(&number.to_string());
            Ok(())
        }
        RawBsonRef::Boolean(value) => {
            to.push_str(if value { "true" } else { "false" });
            Ok(())
        }
        RawBsonRef::Null => {
            to.push_str("null");
            Ok(())
        }
        other => Err(Unreadable::new(format!(
            "has a message with a value of the type {:?}, which JSON does not have",
            other.element_type()
        ))),
    }
}

/// Writes a double as the Go service did, so that whole numbers have no point.
fn put_double(to: &mut String, number: f64) {
    let size = number.abs();
    let is_plain = size == 0.0 || (1e-6..1e21).contains(&size);
    to.push_str(&if is_plain { number.to_string() } else { format!("{number:e}") });
}

fn put_text(to: &mut String, text: &str) -> Result<(), Unreadable> {
    let quoted = serde_json::to_string(text)
        .map_err(|error| Unreadable::new(format!("has a message that is no JSON: {error}")))?;
    to.push_str(&quoted);
    Ok(())
}

#[cfg(test)]
mod tests {
    use mongodb::bson::oid::ObjectId;
    use mongodb::bson::{Bson, RawDocumentBuf, doc};

    use super::super::field::fields;
    use super::*;

    fn text_of(message: impl Into<Bson>) -> Result<String, Unreadable> {
        let message: Bson = message.into();
        let document = RawDocumentBuf::try_from(&doc! { "message": message }).unwrap();
        let message = read(fields(&document).next().unwrap().unwrap())?;
        // What is read is a message that can be sent again.
        Message::new(message.as_str()).unwrap();
        Ok(message.as_str().to_owned())
    }

    #[test]
    fn texts_are_kept_byte_for_byte() {
        for text in ["{}", " {\"b\":1,\n\"a\":1e3} ", "{\"t\":\"<&>\\u003c\"}"] {
            assert_eq!(text_of(text).unwrap(), text);
        }
    }

    #[test]
    fn documents_of_the_go_service_are_read_as_it_answered_them() {
        let message = doc! {
            "text": "say \"hi\"\n", "from": "a", "big": 1e21, "whole": 3.0, "half": 0.5,
            "small": 1e-7, "zero": 0.0, "less": -12.0, "many": 9_007_199_254_740_991.0,
            "list": [1.0, "x", [], {}, Bson::Null], "of": { "b": true, "a": false },
        };
        let wanted = r#"{"big":1e21,"from":"a","half":0.5,"less":-12,"list":[1,"x",[],{},null],"#.to_owned()
            + r#""many":9007199254740991,"of":{"a":false,"b":true},"small":1e-7,"#
            + r#""text":"say \"hi\"\n","whole":3,"zero":0}"#;
        assert_eq!(text_of(message).unwrap(), wanted);
        assert_eq!(text_of(doc! { "a": 1, "b": 2_i64 }).unwrap(), r#"{"a":1,"b":2}"#);
        assert_eq!(text_of(doc! {}).unwrap(), NOTHING);
    }

    #[test]
    fn what_json_does_not_have_is_an_error() {
        for value in [Bson::ObjectId(ObjectId::new()), Bson::Double(f64::NAN), Bson::Double(f64::INFINITY)] {
            assert!(text_of(doc! { "a": [value] }).is_err());
        }
        assert!(text_of(7).is_err() && text_of(Bson::Array(Vec::new())).is_err());
    }
}
