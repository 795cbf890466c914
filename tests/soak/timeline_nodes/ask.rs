//! What the soak and its nodes say to each other, a line of JSON each.

use serde::{Deserialize, Serialize};
use timeline::{Entry, EntryKind, HistoryPage, InboxPage, Tag};

use crate::checker::talk_of;
use crate::line::{Call, Talk};

/// A line to a node.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Asked {
    pub(crate) number: u64,
    pub(crate) ask: Ask,
}

/// What a node is asked for.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum Ask {
    /// A call of a user.
    Call { by: usize, call: Call },
    /// What is in an inbox behind a position; with `waits`, once there is something.
    Page { inbox: usize, last: u64, tag: Option<u64>, waits: bool },
    /// What is in a history behind a place, or its end.
    History { talk: Talk, after: Option<u64> },
}

/// A line of a node.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Said {
    /// It takes calls.
    Ready,
    Answered {
        number: u64,
        answer: Answer,
    },
}

/// What a node has answered.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Answer {
    /// A place, a floor or a cursor, and whose inbox did not get the message.
    Done {
        answer: u64,
        failed: Vec<usize>,
    },
    Page(Page),
    /// The call failed, and may be made again.
    Failed {
        text: String,
    },
    /// The call failed as none may.
    Wrong {
        text: String,
    },
}

/// A page of an inbox, or of a history.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Page {
    pub(crate) reset: bool,
    pub(crate) floor: u64,
    pub(crate) entries: Vec<Got>,
}

/// An entry of an inbox, or of a history, where its sequence is its place.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Got {
    pub(crate) sequence: u64,
    pub(crate) tag: u64,
    pub(crate) place: u64,
    /// Where it was sent; nowhere if it only keeps the place of what was given up.
    pub(crate) talk: Option<Talk>,
    /// The message id, of messages, gone or not.
    pub(crate) id: Option<String>,
}

impl Page {
    pub(crate) fn of(user: usize, page: &InboxPage) -> Self {
        let entries = page.entries.iter().map(|entry| Got::of(user, entry)).collect();
        Self { reset: page.reset, floor: page.floor.get(), entries }
    }

    /// Returns a page of a history, of whose entries the talk is known.
    pub(crate) fn of_history(page: &HistoryPage) -> Self {
        let entries = page.entries.iter().map(|entry| Got::of(0, entry)).collect();
        Self { reset: false, floor: page.floor.get(), entries }
    }
}

impl Got {
    fn of(user: usize, entry: &Entry) -> Self {
        let is_message = matches!(entry.kind, EntryKind::Message | EntryKind::Tombstone);
        let id = entry.message_id.as_ref().filter(|_| is_message);
        Self {
            sequence: entry.sequence.get(),
            tag: entry.tag.map(Tag::get).unwrap_or_default(),
            place: entry.place.get(),
            talk: talk_of(user, entry).ok(),
            id: id.map(|id| id.as_str().to_owned()),
        }
    }
}
