//! What members may hear: each number once, in order, and none missing beyond what was told.

use std::collections::HashMap;
use std::time::Instant;

use conductor_hub::protocol::{Message, Opcode};

use crate::member::Heard;
use crate::notices::{MissingNumbers, Notice, Notices};
use crate::writer::{CHANNELS, PIECES};

/// What was heard so far.
#[derive(Default)]
pub(crate) struct Checker {
    /// What each member has heard of each writer.
    last: HashMap<(String, String), LastHeard>,
    /// The last mark of each origin that was heard at a node, on each channel.
    marks: HashMap<(usize, String), [u64; CHANNELS.len()]>,
    /// The next piece of each stream that a member has heard from its beginning.
    streams: HashMap<(String, String), u64>,
    missing: Vec<MissingNumbers>,
    notices: Notices,
    pub(crate) heard: u64,
    pub(crate) whole_streams: u64,
    pub(crate) aborted_streams: u64,
}

/// What a member has heard of a writer.
#[derive(Debug)]
struct LastHeard {
    number: u64,
    at: Instant,
    /// On which channels. Before it was all of them, the writer's node may not have known of a bind
    /// of the member's, and owes it nothing.
    channels: [bool; CHANNELS.len()],
}

impl Checker {
    pub(crate) fn note(&mut self, notice: Notice) {
        self.notices.note(notice);
    }

    /// Takes what a member heard; an error is what nobody may ever hear.
    pub(crate) fn hear(&mut self, heard: Heard) -> Result<(), String> {
        self.heard += 1;
        match heard.message.opcode {
            Opcode::WRITE => self.hear_number(heard),
            _ => self.hear_stream(&heard.life, &heard.message),
        }
    }

    fn hear_number(&mut self, heard: Heard) -> Result<(), String> {
        let Heard { node, life, message, at } = heard;
        let body = String::from_utf8_lossy(&message.body).into_owned();
        let mut words = body.split(' ');
        let (Some(kind), Some(origin), Some(number)) = (words.next(), words.next(), words.next()) else {
            return Err(format!("a member heard {body:?}, which nobody wrote"));
        };
        let number: u64 = number.parse().map_err(|_| format!("{body:?} has no number"))?;
        let Some(channel) = CHANNELS.iter().position(|channel| *channel == message.channel) else {
            return Err(format!("a member heard {body:?} on {}, where nobody writes", message.channel));
        };
        if kind == "mark" {
            let mark = &mut self.marks.entry((node, origin.to_owned())).or_default()[channel];
            *mark = number.max(*mark);
            return Ok(());
        }
        let key = (life.clone(), origin.to_owned());
        let last =
            self.last.entry(key).or_insert_with(|| LastHeard { number: 0, at, channels: Default::default() });
        let (before, since) = (last.number, last.at);
        if number <= before {
            return Err(format!("node {node} ({life}) heard {number} of {origin} behind {before}"));
        }
        let was_owed_all = !last.channels.contains(&false);
        last.channels[channel] = true;
        (last.number, last.at) = (number, at);
        if was_owed_all && number > before + 1 {
            let (origin, numbers) = (origin.to_owned(), (before + 1, number - 1));
            self.missing.push(MissingNumbers { node, life, origin, numbers, since, until: at });
        }
        Ok(())
    }

    fn hear_stream(&mut self, life: &str, message: &Message) -> Result<(), String> {
        let key = (life.to_owned(), message.uuid.clone());
        let body = String::from_utf8_lossy(&message.body);
        match message.opcode {
            Opcode::STREAM_START => {
                self.streams.insert(key, 0);
            }
            Opcode::STREAM_WRITE => {
                if let Some(next) = self.streams.get_mut(&key) {
                    if body.parse() != Ok(*next) {
                        return Err(format!(
                            "{life} heard piece {body} of stream {} instead of {next}",
                            key.1
                        ));
                    }
                    *next += 1;
                }
            }
            _ => match (self.streams.remove(&key), &*body) {
                (Some(PIECES), "") => self.whole_streams += 1,
                (Some(pieces), "") => {
                    return Err(format!(
                        "stream {} ended at {life} as if whole, with {pieces} pieces",
                        key.1
                    ));
                }
                (Some(_), _) => self.aborted_streams += 1,
                (None, _) => {}
            },
        }
        Ok(())
    }

    /// Tells whether at each of these nodes a mark of each of these origins was heard on each
    /// channel.
    pub(crate) fn heard_mark(&self, lives: &[String], mark: u64) -> Result<(), String> {
        for (node, life) in lives.iter().enumerate() {
            // What is written at a node its own member hears as well: it is another connection.
            for origin in lives {
                let heard = self.marks.get(&(node, origin.clone())).copied().unwrap_or_default();
                if heard.iter().any(|heard| *heard < mark) {
                    return Err(format!(
                        "node {node} ({life}) has heard the marks {heard:?} of {origin}, not {mark}"
                    ));
                }
            }
        }
        Ok(())
    }

    /// Returns how many numbers are missing, all of which were told; or some that were not.
    pub(crate) fn missing(&self) -> Result<u64, String> {
        self.notices.excuse(&self.missing)
    }

    pub(crate) fn gaps(&self) -> usize {
        self.notices.gaps()
    }

    /// Returns how many origins somebody has heard of.
    pub(crate) fn origins(&self) -> usize {
        self.notices.origins()
    }
}
