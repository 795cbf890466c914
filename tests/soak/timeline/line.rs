//! What the process that is killed says on its standard output.

use std::io::{Write, stdout};

use serde::{Deserialize, Serialize};

/// One line: what is tried, what was answered, or what a reader got.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum Line {
    /// A call is about to be made.
    Try { number: u64, call: Call },
    /// It was answered: with a place, a floor or a cursor.
    Done { number: u64, answer: u64 },
    /// A reader of an inbox got this entry.
    Seen { inbox: usize, sequence: u64, tag: u64, place: u64 },
}

/// A call of a user, who is a number.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum Call {
    Send { from: usize, talk: Talk, id: String },
    Edit { talk: Talk, place: u64, text: String },
    Recall { talk: Talk, place: u64 },
    Read { member: usize, talk: Talk, place: u64 },
    Ack { member: usize, sequence: u64 },
    Purge,
}

/// Where a message is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Talk {
    /// Two users, the smaller number first.
    Pair(usize, usize),
    /// The group of all that keeps everything.
    Group,
    /// The group of all that keeps 50 entries.
    Short,
    /// The group of all that is purged now and then.
    Purged,
    /// The group of all that keeps entries for a time.
    Aged,
}

/// Says a line, with one write, so that a kill leaves no half of two.
pub(crate) fn say(line: &impl Serialize) -> std::io::Result<()> {
    let mut text = serde_json::to_string(line)?;
    text.push('\n');
    stdout().write_all(text.as_bytes())
}
