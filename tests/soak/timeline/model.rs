//! What must be there, by what the killed processes have said.

use std::collections::{HashMap, HashSet};

use crate::line::{Call, Line, Talk};
use crate::talk::text;

/// What must be there.
#[derive(Debug, Default)]
pub(crate) struct Model {
    /// The calls of this round that were not answered yet.
    open: HashMap<u64, Call>,
    /// The messages, by id.
    pub(crate) sent: HashMap<String, SentMessage>,
    /// The ids of acknowledged messages by their place.
    places: HashMap<(Talk, u64), String>,
    /// Changes of messages whose send was acknowledged.
    pub(crate) cursors: HashMap<(usize, Talk), u64>,
    /// The floors of inboxes.
    pub(crate) acks: HashMap<usize, u64>,
    /// What readers saw: the tag of each entry.
    pub(crate) seen: HashMap<(usize, u64), u64>,
    /// The place of the last purge that was answered.
    pub(crate) purged: u64,
    /// The latest time that a process had by its clock, in milliseconds since 1970.
    pub(crate) latest_ms: u64,
    pub(crate) calls: u64,
}

/// A message that was sent.
#[derive(Debug)]
pub(crate) struct SentMessage {
    pub(crate) talk: Talk,
    /// Its place, if the send was answered.
    pub(crate) place: Option<u64>,
    /// The texts that it may have.
    pub(crate) texts: HashSet<String>,
    /// Whether it may be taken back, and whether it must be.
    pub(crate) may_be_gone: bool,
    pub(crate) must_be_gone: bool,
}

impl Model {
    /// Takes a line of the process; an error says what is wrong with it.
    pub(crate) fn take(&mut self, line: Line) -> Result<(), String> {
        match line {
            Line::Try { number, call } => {
                self.tried(&call);
                self.open.insert(number, call);
            }
            Line::Done { number, answer } => {
                let call = self.open.remove(&number).ok_or("an answer without a call")?;
                self.calls += 1;
                self.done(call, answer)?;
            }
            Line::Seen { inbox, sequence, tag, .. } => {
                let before = *self.seen.entry((inbox, sequence)).or_insert(tag);
                if before != tag {
                    return Err(format!("entry {sequence} of user {inbox} has become another message"));
                }
            }
        }
        Ok(())
    }

    /// The process was killed: what was not answered stays in doubt. Returns the sends of that, in
    /// their order.
    pub(crate) fn killed(&mut self) -> Vec<Call> {
        let mut open: Vec<_> = self.open.drain().collect();
        open.sort_unstable_by_key(|(number, _)| *number);
        open.into_iter().map(|(_, call)| call).filter(|call| matches!(call, Call::Send { .. })).collect()
    }

    fn tried(&mut self, call: &Call) {
        match call {
            Call::Send { talk, id, .. } => {
                let message = SentMessage {
                    talk: *talk,
                    place: None,
                    texts: HashSet::from([text(id)]),
                    may_be_gone: false,
                    must_be_gone: false,
                };
                // A repetition of a send that was not answered finds what is known of it.
                self.sent.entry(id.clone()).or_insert(message);
            }
            Call::Edit { talk, place, text } => {
                if let Some(message) = self.at(*talk, *place) {
                    message.texts.insert(text.clone());
                }
            }
            Call::Recall { talk, place } => {
                if let Some(message) = self.at(*talk, *place) {
                    message.may_be_gone = true;
                }
            }
            Call::Read { .. } | Call::Ack { .. } | Call::Purge => {}
        }
    }

    fn done(&mut self, call: Call, answer: u64) -> Result<(), String> {
        match call {
            Call::Send { talk, id, from } => {
                if let Some(other) = self.places.insert((talk, answer), id.clone()) {
                    return Err(format!("{id} and {other} were both given the place {answer} of {talk:?}"));
                }
                // What one sends one has read.
                self.raise(from, talk, answer);
                if let Some(message) = self.sent.get_mut(&id) {
                    message.place = Some(answer);
                }
            }
            // 0 says that the message was gone: then nothing was changed.
            Call::Edit { talk, place, text } => {
                if let Some(message) = self.at(talk, place).filter(|_| answer > 0) {
                    message.texts = HashSet::from([text]);
                }
            }
            Call::Recall { talk, place } => {
                if let Some(message) = self.at(talk, place).filter(|_| answer > 0) {
                    message.must_be_gone = true;
                }
            }
            Call::Read { member, talk, place } => {
                if answer < place {
                    return Err(format!("user {member} read up to {place} and was answered {answer}"));
                }
                self.raise(member, talk, answer);
            }
            Call::Ack { member, .. } => {
                let floor = self.acks.entry(member).or_default();
                *floor = (*floor).max(answer);
            }
            Call::Purge => self.purged = self.purged.max(answer),
        }
        Ok(())
    }

    fn raise(&mut self, member: usize, talk: Talk, place: u64) {
        let cursor = self.cursors.entry((member, talk)).or_default();
        *cursor = (*cursor).max(place);
    }

    fn at(&mut self, talk: Talk, place: u64) -> Option<&mut SentMessage> {
        self.sent.get_mut(self.places.get(&(talk, place))?)
    }
}
