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
        let read = |word: &str| word.parse::<u64>().map_err(|_| format!("{body:?} has no number"));
        let number = read(number)?;
        let Some(channel) = CHANNELS.iter().position(|channel| *channel == message.channel) else {
            return Err(format!("a member heard {body:?} on {}, where nobody writes", message.channel));
        };
        let key = (life.clone(), origin.to_owned());
        let last =
            self.last.entry(key).or_insert_with(|| LastHeard { number: 0, at, channels: Default::default() });
        let (before, since) = (last.number, last.at);
        let was_owed_all = !last.channels.contains(&false);
        // The last number by now, and the last one that had to come before this.
        let (now, due) = if kind == "mark" {
            let mark = &mut self.marks.entry((node, origin.to_owned())).or_default()[channel];
            *mark = number.max(*mark);
            let written = read(words.next().unwrap_or_default())?;
            (written, written)
        } else {
            last.channels[channel] = true;
            (number, number.saturating_sub(1))
        };
        if due < before {
            return Err(format!("node {node} ({life}) heard {body:?} behind number {before} of {origin}"));
        }
        (last.number, last.at) = (now, at);
        if was_owed_all && due > before {
            let (origin, numbers) = (origin.to_owned(), (before + 1, due));
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

    /// Tells whether every stream has ended that a member of one of these nodes has heard begin,
    /// and that another of them wrote.
    pub(crate) fn heard_ends(&self, lives: &[String]) -> Result<(), String> {
        let is_alive = |life: &str| lives.iter().any(|alive| alive == life);
        let is_due = |uuid: &str| uuid.rsplit_once(' ').is_some_and(|(origin, _)| is_alive(origin));
        match self.streams.iter().find(|((life, uuid), _)| is_alive(life) && is_due(uuid)) {
            Some(((life, uuid), pieces)) => {
                Err(format!("stream {uuid} began at {life} and never ended, behind {pieces} pieces"))
            }
            None => Ok(()),
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(opcode: Opcode, uuid: &str, channel: &str, body: &str) -> Heard {
        let message = Message::with_uuid(opcode, uuid.to_owned(), channel.to_owned(), body.to_owned());
        Heard { node: 1, life: "b".to_owned(), message, at: Instant::now() }
    }

    #[test]
    fn a_number_that_is_missing_behind_all_others_is_found_by_the_mark() {
        let mut checker = Checker::default();
        for (channel, body) in
            [("tea", "number a 1"), ("tea", "number a 2"), ("cake", "number a 3"), ("tea", "mark a 1 3")]
        {
            checker.hear(heard(Opcode::WRITE, "", channel, body)).expect("it is in order");
        }
        assert_eq!(checker.missing(), Ok(0));
        checker.hear(heard(Opcode::WRITE, "", "tea", "mark a 2 5")).expect("it is in order");
        let error = checker.missing().expect_err("4 and 5 are missing, and were not told");
        assert!(error.contains("numbers (4, 5) of a"), "{error}");
        for late in ["number a 5", "mark a 3 4"] {
            checker.hear(heard(Opcode::WRITE, "", "tea", late)).expect_err("it comes too late");
        }
    }

    #[test]
    fn a_stream_has_to_end_if_its_writer_is_alive() {
        let (mut checker, lives) = (Checker::default(), ["a".to_owned(), "b".to_owned()]);
        for uuid in ["a 100", "dead 100"] {
            checker.hear(heard(Opcode::STREAM_START, uuid, "tea", "")).expect("it begins");
        }
        let error = checker.heard_ends(&lives).expect_err("one has not ended");
        assert!(error.contains("stream a 100"), "{error}");
        checker.hear(heard(Opcode::STREAM_END, "a 100", "tea", "aborted")).expect("it is no use");
        assert_eq!(checker.heard_ends(&lives), Ok(()));
    }
}
