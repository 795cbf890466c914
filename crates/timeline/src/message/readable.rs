//! What every reader of JSON can read.
//!
//! This module is pure. RFC 8259 lets a text nest as deep as it likes, write numbers of any size,
//! and escape half a character; readers differ in what they do with these, and some fail. One such
//! message would make a whole page of an inbox unreadable for them.

use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::{Error, Result};

/// How deep objects and lists may lie in each other.
const LEVELS_MAX: usize = 128;

/// Checks that the text is JSON without what some readers cannot read; an error names the place.
pub(super) fn check(json: &str) -> Result<()> {
    // First, because the parser goes down one call for each level.
    check_levels(json)?;
    let mut parser = serde_json::Deserializer::from_str(json);
    parser.disable_recursion_limit();
    Readable::deserialize(&mut parser)
        .and_then(|Readable| parser.end())
        .map_err(|error| Error::invalid(fault(json, &error)))
}

/// Says what is wrong with a text that the parser does not take, where, and what to do.
fn fault(json: &str, error: &serde_json::Error) -> String {
    let place = format!("at line {} column {}", error.line(), error.column());
    if json.trim_ascii().is_empty() {
        return "the text is empty; it must be a JSON object, like {}".to_owned();
    }
    if error.is_eof() {
        return format!("the text ends in the middle of its JSON {place}; send all of it");
    }
    // It is JSON by its form, but some readers fail at it.
    if serde_json::from_str::<IgnoredAny>(json).is_err() {
        return format!("the text is not JSON {place}; it must be a JSON object");
    }
    if error.to_string().starts_with("number out of range") {
        return format!("the text has a number that no double can hold {place}; write it in quotation marks");
    }
    format!("the text has half of a character {place}; write both halves, or the character itself")
}

/// Counts brackets outside of strings; whether they match is the parser's question.
fn check_levels(json: &str) -> Result<()> {
    let (mut levels, mut in_string, mut escaped) = (0_usize, false, false);
    for (index, byte) in json.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            _ if in_string => {}
            b'{' | b'[' => levels += 1,
            b'}' | b']' => levels = levels.saturating_sub(1),
            _ => {}
        }
        if levels > LEVELS_MAX {
            let before = &json.as_bytes()[..index];
            let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
            let column = index - before.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1) + 1;
            return Err(Error::invalid(format!(
                "the text nests more than {LEVELS_MAX} levels deep at line {line} column {column}; make it flatter"
            )));
        }
    }
    Ok(())
}

/// Any JSON value. Unlike serde's `IgnoredAny` it looks into numbers and strings.
struct Readable;

impl<'de> Deserialize<'de> for Readable {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Self)
    }
}

impl<'de> Visitor<'de> for Readable {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self, E> {
        Ok(self)
    }

    // The parser has refused what no double can hold, and below, strings with half a character.
    fn visit_f64<E>(self, _: f64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_str<E>(self, _: &str) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_unit<E>(self) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self, A::Error> {
        while list.next_element::<Self>()?.is_some() {}
        Ok(self)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Self, A::Error> {
        while object.next_entry::<Self, Self>()?.is_some() {}
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;

    fn nested(levels: usize) -> String {
        format!("{}{}", "{\"a\":".repeat(levels - 1) + "{", "}".repeat(levels))
    }

    #[test]
    fn what_every_reader_can_read_passes() {
        for text in [
            "{\"a\":[1,-2,3.5e300,1e-999,12345678901234567890123456789,true,null]}",
            "{\"a\":\"\\ud83d\\ude00 \\u0000 \\\\ud800 \\\"{[\"}",
            "{\"\\ud83d\\ude00\":{}}",
            &nested(128),
        ] {
            check(text).unwrap();
        }
    }

    #[test]
    fn a_text_that_is_refused_is_told_what_to_change() {
        for (text, fault) in [
            ("", "the text is empty; it must be a JSON object, like {}"),
            ("{", "the text ends in the middle of its JSON at line 1 column 1; send all of it"),
            ("{}{}", "the text is not JSON at line 1 column 3; it must be a JSON object"),
            (
                "{\"a\":1e999}",
                "the text has a number that no double can hold at line 1 column 10; write it in quotation marks",
            ),
        ] {
            assert_eq!(check(text).unwrap_err().to_string(), fault);
        }
        let half = check("{\"a\":\"\\ud800\"}").unwrap_err().to_string();
        assert!(half.starts_with("the text has half of a character at line 1 column"), "{half}");
    }

    #[test]
    fn what_some_readers_cannot_read_is_refused_with_its_place() {
        let deep = nested(129);
        let lists = format!("{{\n\"a\":{}", "[".repeat(30_000));
        for (text, place) in [
            ("{\"a\":1e999}", "line 1 column 10"),
            ("{\n\"a\":[-1e309]}", "line 2 column"),
            (&format!("{{\"a\":{}}}", "9".repeat(400)), "line 1 column"),
            ("{\"a\":\"\\ud800\"}", "line 1 column"),
            ("{\"a\":\"x\\udc00\"}", "line 1 column"),
            ("{\"a\":\"\\ud800\\ud800\"}", "line 1 column"),
            ("{\"a\":\"\\ud800x\"}", "line 1 column"),
            ("{\"\\udfff\":1}", "line 1 column"),
            (&deep, "128 levels deep at line 1 column 641"),
            (&lists, "128 levels deep at line 2 column 132"),
        ] {
            let error = check(text).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
            assert!(error.to_string().contains(place), "{error}");
        }
    }
}
