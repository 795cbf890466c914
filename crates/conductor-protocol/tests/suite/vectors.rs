//! The golden vectors, read from their file.

use conductor_protocol::{GOLDEN_VECTORS, Message, Opcode};
use serde_json::Value;

/// Returns each message with its encoding.
pub(crate) fn golden() -> Vec<(Message, Vec<u8>)> {
    rows("messages").iter().map(|row| (message(row), hex(&row["hex"]))).collect()
}

/// Returns bytes that are no message, each with the reason.
pub(crate) fn errors() -> Vec<(Vec<u8>, String)> {
    rows("errors").iter().map(|row| (hex(&row["hex"]), text(&row["error"]).to_owned())).collect()
}

fn rows(name: &str) -> Vec<Value> {
    let mut vectors: Value = serde_json::from_str(GOLDEN_VECTORS).expect("the file is JSON");
    let rows = vectors[name].as_array_mut().expect("it has a list of this name");
    assert!(!rows.is_empty(), "{name}");
    std::mem::take(rows)
}

fn message(row: &Value) -> Message {
    let opcode = row["opcode"].as_u64().and_then(|number| u16::try_from(number).ok());
    let opcode = Opcode::from_wire(opcode.expect("an opcode has 16 bits"));
    Message::with_uuid(opcode, text(&row["uuid"]), text(&row["channel"]), hex(&row["body"]))
}

fn text(value: &Value) -> &str {
    value.as_str().expect("it is a text")
}

fn hex(value: &Value) -> Vec<u8> {
    let digits = text(value);
    let digit = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16).expect("vectors are hexadecimal");
    (0..digits.len()).step_by(2).map(digit).collect()
}
