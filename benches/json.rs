//! JSON as programs send it.

use std::fmt::Write;

/// Bytes of each text.
pub const BYTES: usize = 1_024;

/// How the texts of the entries go.
const WORDS: [&str; 8] = ["hello", "see you at noon", "thanks", "on my way", "yes", "no idea", "later", "ok"];

/// Bytes after which no entry begins: the longest one and the end still fit.
const ENTRIES_END: usize = 900;

/// Returns 1 KiB of JSON; each number makes another.
#[must_use]
pub fn text(number: u64) -> String {
    let mut text = String::with_capacity(BYTES);
    // The same texts in each run.
    let mut state = number;
    let mut next = |below: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    text.push_str(r#"{"entries":["#);
    while text.len() < ENTRIES_END {
        let (id, user) = (10_000_000 + next(90_000_000), 100 + next(900));
        let word = WORDS[usize::try_from(next(WORDS.len() as u64)).unwrap_or_default()];
        write!(text, r#"{{"id":{id},"user":"user-{user}","text":"{word}"}},"#).expect("a text takes all");
    }
    text.push_str(r#"{"rest":""#);
    // The rest is as hard to compress as an id is.
    while text.len() < BYTES - END.len() {
        text.push(char::from(b'0' + u8::try_from(next(10)).unwrap_or_default()));
    }
    text + END
}

const END: &str = r#""}]}"#;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_json_of_one_length_and_differ() {
        for number in 0..1_000 {
            let text = text(number);
            assert_eq!(text.len(), BYTES);
            serde_json::from_str::<serde_json::Value>(&text).unwrap();
        }
        assert_ne!(text(1), text(2));
    }
}
