//! What members may hear: each number once, in order, and none missing without a notice.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use conductor_hub::protocol::{Message, Opcode};

use crate::fleet::{Notice, NoticeKind};
use crate::member::Heard;
use crate::writer::PIECES;

/// How much earlier or later than the numbers around it a gap may be told: it travels another way,
/// and a frozen process tells it when it goes on.
const SLACK: Duration = Duration::from_secs(3);

/// What was heard so far.
#[derive(Default)]
pub(crate) struct Checker {
    /// The last number of each writer that a member has heard.
    last: HashMap<(String, String), (u64, Instant)>,
    /// The last mark of each origin that was heard at a node.
    marks: HashMap<(usize, String), u64>,
    /// The next piece of each stream that a member has heard from its beginning.
    streams: HashMap<(String, String), u64>,
    missing: Vec<MissingNumbers>,
    notices: Vec<Notice>,
    pub(crate) heard: u64,
    pub(crate) whole_streams: u64,
    pub(crate) aborted_streams: u64,
}

/// Numbers that a member did not hear.
#[derive(Clone, Debug)]
struct MissingNumbers {
    node: usize,
    life: String,
    origin: String,
    numbers: (u64, u64),
    since: Instant,
    until: Instant,
}

impl Checker {
    pub(crate) fn note(&mut self, notice: Notice) {
        self.notices.push(notice);
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
        if kind == "mark" {
            let mark = self.marks.entry((node, origin.to_owned())).or_default();
            *mark = number.max(*mark);
            return Ok(());
        }
        let before = self.last.insert((life.clone(), origin.to_owned()), (number, at));
        let Some((last, since)) = before else { return Ok(()) };
        if number <= last {
            return Err(format!("node {node} ({life}) heard {number} of {origin} behind {last}"));
        }
        if number > last + 1 {
            let numbers = (last + 1, number - 1);
            self.missing.push(MissingNumbers {
                node,
                life,
                origin: origin.to_owned(),
                numbers,
                since,
                until: at,
            });
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

    /// Tells whether at each of these nodes a mark of each of these origins was heard.
    pub(crate) fn heard_mark(&self, lives: &[String], mark: u64) -> Result<(), String> {
        for (node, life) in lives.iter().enumerate() {
            // What is written at a node its own member hears as well: it is another connection.
            for origin in lives {
                let heard = self.marks.get(&(node, origin.clone())).copied().unwrap_or(0);
                if heard < mark {
                    return Err(format!(
                        "node {node} ({life}) has heard mark {heard} of {origin}, not {mark}"
                    ));
                }
            }
        }
        Ok(())
    }

    /// Returns how many numbers are missing, all of which were told; or one that was not.
    pub(crate) fn missing(&self) -> Result<u64, String> {
        let mut missing = 0;
        let told: HashMap<(usize, &str), Vec<&Notice>> =
            self.notices.iter().fold(HashMap::new(), |mut told, notice| {
                told.entry((notice.node, &*notice.origin)).or_insert_with(Vec::new).push(notice);
                told
            });
        for run in &self.missing {
            let notices = told.get(&(run.node, &*run.origin)).map_or(&[][..], Vec::as_slice);
            let is_told = notices.iter().any(|notice| {
                notice.kind != NoticeKind::Lost
                    && notice.at + SLACK >= run.since
                    && notice.at <= run.until + SLACK
            });
            if !is_told {
                return Err(format!(
                    "numbers {:?} of {} are missing at node {} ({}) without a notice",
                    run.numbers, run.origin, run.node, run.life
                ));
            }
            missing += run.numbers.1 - run.numbers.0 + 1;
        }
        Ok(missing)
    }

    pub(crate) fn gaps(&self) -> usize {
        self.notices.iter().filter(|notice| notice.kind == NoticeKind::Gap).count()
    }

    /// Returns how many origins somebody has heard of.
    pub(crate) fn origins(&self) -> usize {
        self.notices.iter().map(|notice| &notice.origin).collect::<HashSet<_>>().len()
    }
}
