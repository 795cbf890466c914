//! A call as it comes.

use std::fmt;

use bytes::Bytes;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;
use tidings::timeline::Seq;

use crate::access::policy::CALLS;

/// The body of a call, in bytes: a payload with every character escaped fits, and so does a token.
const CALL_BYTES_MAX: usize = 16 * 1024;

/// A call as it comes.
#[derive(Debug, Deserialize)]
#[serde(tag = "call", rename_all = "snake_case")]
pub(super) enum Call {
    /// Are you there?
    Ping {},
    /// Which store is this?
    Hello {},
    /// Who is online?
    Who {},
    /// I have received my inbox up to here.
    Received { sequence: Number },
    /// How far has somebody received?
    ReceivedOf { member: String },
    /// What was last said in a channel? All that is kept, or the newest so many.
    History { channel: Option<String>, count: Option<usize> },
    /// I show this to those who ask who is in a channel.
    Show { channel: Option<String>, payload: Value },
    /// This is who I am.
    Login { token: Token },
    /// This is who I am for some more time.
    Refresh { token: Token },
}

/// A sequence, as a number or, as in proto3 JSON, as a text.
#[derive(Debug, Deserialize)]
#[serde(untagged, expecting = "a sequence is a whole number, as a number or as a text")]
pub(super) enum Number {
    Number(u64),
    Text(String),
}

/// A token, which nothing shows.
#[derive(Deserialize)]
#[serde(transparent)]
pub(super) struct Token(String);

impl Call {
    /// Reads a call. One without a body asks for the history of its channel: a client of the
    /// conductor can send no other.
    pub(super) fn read(channel: &str, body: &Bytes) -> Result<Self, String> {
        if body.is_empty() && !channel.is_empty() {
            return Ok(Self::History { channel: None, count: None });
        }
        if body.len() > CALL_BYTES_MAX {
            return Err(format!("the call has {} bytes; at most {CALL_BYTES_MAX} are allowed", body.len()));
        }
        // What the parser says is about types of the program.
        serde_json::from_slice(body).map_err(|_| fault(body))
    }

    /// Returns its name, by which the policy has its row.
    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::Ping {} => "ping",
            Self::Hello {} => "hello",
            Self::Who {} => "who",
            Self::Received { .. } => "received",
            Self::ReceivedOf { .. } => "received_of",
            Self::History { .. } => "history",
            Self::Show { .. } => "show",
            Self::Login { .. } => "login",
            Self::Refresh { .. } => "refresh",
        }
    }
}

/// Says why a body is no call, and what to send.
fn fault(body: &[u8]) -> String {
    if serde_json::from_slice::<IgnoredAny>(body).is_err() {
        return r#"the call is not JSON; send an object like {"call":"ping"}"#.to_owned();
    }
    let Ok(call) = serde_json::from_slice::<Value>(body) else {
        return "the call has something that not every reader of JSON can read; nest it less, and write it as UTF-8"
            .to_owned();
    };
    let Some(name) = call.get("call").and_then(Value::as_str) else {
        return r#"the call has no name; give it in "call", like {"call":"ping"}"#.to_owned();
    };
    let needs = match name {
        "received" => "sequence, a whole number, as a number or as a text",
        "received_of" => "member, a text",
        "history" => "channel, a text, and count, a whole number, if it has them",
        "show" => "payload, and channel, a text, if it has one",
        "login" | "refresh" => "token, a text",
        known if CALLS.iter().any(|(name, _)| *name == known) => "each of its fields once",
        _ => {
            let names: Vec<_> = CALLS.iter().map(|(name, _)| *name).collect();
            return format!("there is no call of this name; there are {}", names.join(", "));
        }
    };
    format!("the call {name} cannot be read; it needs {needs}")
}

impl Number {
    pub(super) fn read(self) -> Result<Seq, String> {
        let number = match self {
            Self::Number(number) => Ok(number),
            Self::Text(text) => {
                text.parse().map_err(|_| format!("\"{text}\" is not a sequence; give a whole number"))
            }
        };
        Seq::new(number?).map_err(|error| error.to_string())
    }
}

impl Token {
    pub(super) fn text(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_call_has_a_row_in_the_policy() {
        // The parser names all calls that it knows.
        let unknown = serde_json::from_str::<Call>(r#"{"call":"fly"}"#).unwrap_err().to_string();
        let (_, known) = unknown.split_once("expected one of").unwrap();
        let mut known: Vec<_> = known.split('`').skip(1).step_by(2).collect();
        let mut rows: Vec<_> = CALLS.iter().map(|(name, _)| *name).collect();
        known.sort_unstable();
        rows.sort_unstable();
        assert_eq!(known, rows);
    }

    #[test]
    fn every_call_is_read_under_the_name_of_its_row() {
        for (name, _) in CALLS {
            let call = json!({ "call": name, "sequence": 1, "member": "bob", "payload": 1, "token": "t" });
            let read = Call::read("", &call.to_string().into()).unwrap();
            assert_eq!(read.name(), *name);
        }
    }

    #[test]
    fn what_is_no_call_is_told_what_to_send() {
        for (body, expected) in [
            ("{", r#"the call is not JSON; send an object like {"call":"ping"}"#),
            ("7", r#"the call has no name; give it in "call", like {"call":"ping"}"#),
            (r#"{"call":5}"#, r#"the call has no name; give it in "call", like {"call":"ping"}"#),
            (r#"{"call":"received_of"}"#, "the call received_of cannot be read; it needs member, a text"),
            (
                r#"{"call":"history","count":-1}"#,
                "the call history cannot be read; it needs channel, a text, and count, a whole number, if it has them",
            ),
            (
                r#"{"call":"received","sequence":null}"#,
                "the call received cannot be read; it needs sequence, a whole number, as a number or as a text",
            ),
        ] {
            assert_eq!(Call::read("", &body.into()).unwrap_err(), expected);
        }
        let unknown = Call::read("", &r#"{"call":"fly"}"#.into()).unwrap_err();
        assert!(unknown.starts_with("there is no call of this name; there are ping, "), "{unknown}");
        let deep = format!(r#"{{"call":"show","payload":{}{}}}"#, "[".repeat(1_000), "]".repeat(1_000));
        assert!(Call::read("", &deep.into()).unwrap_err().contains("nest it less"));
    }

    #[test]
    fn no_token_is_shown() {
        let call = Call::read("", &Bytes::from_static(br#"{"call":"login","token":"secret"}"#)).unwrap();
        assert!(!format!("{call:?}").contains("secret"));
    }
}
