//! The golden vectors of the protocol, from their file.

use conductor_hub::protocol::{GOLDEN_VECTORS, Message, MessageRef};
use serde_json::Value;

/// Returns each message with its encoding.
pub(crate) fn golden() -> Vec<(Message, Vec<u8>)> {
    let vectors: Value = serde_json::from_str(GOLDEN_VECTORS).expect("the file is JSON");
    let rows = vectors["messages"].as_array().expect("it lists messages");
    rows.iter().map(|row| with_encoding(row["hex"].as_str().expect("each has its bytes"))).collect()
}

fn with_encoding(digits: &str) -> (Message, Vec<u8>) {
    let digit = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16).expect("vectors are hexadecimal");
    let bytes: Vec<u8> = (0..digits.len()).step_by(2).map(digit).collect();
    (MessageRef::decode(&bytes).expect("a vector is a message").to_message(), bytes)
}
