//! What was tried, answered and read so far, and whether that can be.

use std::collections::{HashMap, VecDeque};
use std::mem;

use parking_lot::Mutex;
use tokio::time::Instant;

use crate::ask::{Got, Page};
use crate::fault::Fault;
use crate::line::{Call, Line, Talk};
use crate::model::Model;
use crate::seen_history::SeenHistory;

/// Shared by all who send and read. Every error is a broken promise.
pub(crate) struct Ledger {
    begun: Instant,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    model: Model,
    numbers: u64,
    /// The acknowledged messages, by their id.
    sent: HashMap<String, Sent>,
    inboxes: HashMap<usize, Inbox>,
    histories: HashMap<Talk, SeenHistory>,
    events: VecDeque<String>,
}

struct Sent {
    talk: Talk,
    place: u64,
    failed: Vec<usize>,
}

/// What was read of an inbox.
#[derive(Default)]
struct Inbox {
    last: u64,
    tag: Option<u64>,
    acked: u64,
    /// The sequence and the tag of what is there.
    places: HashMap<(Talk, u64), (u64, u64)>,
    ids: HashMap<String, u64>,
}

/// How many events are kept, to be told with a violation.
const EVENTS: usize = 80;

/// How much of an event is kept: texts of messages are long.
const EVENT_CHARACTERS: usize = 200;

impl Ledger {
    pub(crate) fn new() -> Self {
        Self { begun: Instant::now(), inner: Mutex::default() }
    }

    /// Notes something that happened.
    pub(crate) fn note(&self, event: &str) {
        let event: String = event.chars().take(EVENT_CHARACTERS).collect();
        let line = format!("{:>8.3} s  {event}", self.begun.elapsed().as_secs_f64());
        let mut inner = self.inner.lock();
        if inner.events.len() == EVENTS {
            inner.events.pop_front();
        }
        inner.events.push_back(line);
    }

    /// Returns the last events, a line each.
    pub(crate) fn events(&self) -> String {
        let inner = self.inner.lock();
        inner.events.iter().map(|event| format!("{event}\n")).collect()
    }

    /// Returns how many calls were answered.
    pub(crate) fn calls(&self) -> u64 {
        self.inner.lock().model.calls
    }

    /// Notes that a call is made, for the first time, and returns its number.
    pub(crate) fn tried(&self, call: &Call) -> Result<u64, Fault> {
        let mut inner = self.inner.lock();
        inner.numbers += 1;
        let number = inner.numbers;
        inner.model.take(Line::Try { number, call: call.clone() })?;
        Ok(number)
    }

    /// Notes the first answer to a call.
    pub(crate) fn done(&self, number: u64, call: &Call, answer: u64, failed: &[usize]) -> Result<(), Fault> {
        self.note(&format!("{call:?} was answered with {answer}"));
        let mut inner = self.inner.lock();
        inner.model.take(Line::Done { number, answer })?;
        match call {
            Call::Send { talk, id, .. } => {
                inner.histories.entry(*talk).or_default().note(*talk, answer, Some(id))?;
                let sent = Sent { talk: *talk, place: answer, failed: failed.to_vec() };
                inner.sent.insert(id.clone(), sent);
            }
            Call::Ack { member, .. } => {
                let inbox = inner.inboxes.entry(*member).or_default();
                inbox.acked = inbox.acked.max(answer);
            }
            _ => {}
        }
        Ok(())
    }

    /// Compares a late answer to a send with the first one.
    pub(crate) fn done_again(&self, talk: Talk, id: &str, answer: u64) -> Result<(), Fault> {
        self.note(&format!("the send of {id} to {talk:?} was answered late, with {answer}"));
        match self.inner.lock().sent.get(id) {
            Some(Sent { place, .. }) if *place != answer => {
                Err(format!("{id} was given the places {place} and {answer} of {talk:?}").into())
            }
            _ => Ok(()),
        }
    }

    /// Returns how far an inbox was read.
    pub(crate) fn position(&self, user: usize) -> (u64, Option<u64>) {
        let mut inner = self.inner.lock();
        let inbox = inner.inboxes.entry(user).or_default();
        (inbox.last, inbox.tag)
    }

    /// Notes a page that was read from the position of an inbox.
    pub(crate) fn read(&self, user: usize, page: &Page) -> Result<(), Fault> {
        if let Some(last) = page.entries.last() {
            let (first, last) = (page.entries[0].sequence, last.sequence);
            self.note(&format!("user {user} read from {first} to {last}"));
        }
        let mut inner = self.inner.lock();
        let Inner { model, inboxes, .. } = &mut *inner;
        let inbox = inboxes.entry(user).or_default();
        if page.reset {
            return Err(format!("the inbox of user {user} was reset after {}", inbox.last).into());
        }
        if page.floor < inbox.acked || page.floor > inbox.last {
            let (floor, acked, last) = (page.floor, inbox.acked, inbox.last);
            let text = format!("user {user} acknowledged {acked} of {last}, and the floor is {floor}");
            return Err(text.into());
        }
        for got in &page.entries {
            inbox.take(user, got)?;
            let Got { sequence, tag, place, .. } = *got;
            model.take(Line::Seen { inbox: user, sequence, tag, place })?;
        }
        Ok(())
    }

    /// Notes a page of a history that was read behind a place, or is its end.
    pub(crate) fn read_history(&self, talk: Talk, after: Option<u64>, page: &Page) -> Result<(), Fault> {
        let Some(first) = page.entries.first().map(|first| first.sequence) else { return Ok(()) };
        let mut inner = self.inner.lock();
        let seen = inner.histories.entry(talk).or_default();
        let first = after.map_or(first, |after| after.max(page.floor) + 1);
        for (got, expected) in page.entries.iter().zip(first..) {
            if got.sequence != expected {
                return Err(format!("a page of {talk:?} has {} and not {expected}", got.sequence).into());
            }
            seen.note(talk, got.sequence, got.id.as_deref())?;
        }
        Ok(())
    }

    /// Returns a copy of an acknowledged message that is in none of the inboxes, all of which were
    /// read to their end.
    pub(crate) fn lost(&self) -> Option<String> {
        let inner = self.inner.lock();
        inner.sent.iter().find_map(|(id, Sent { talk, place, failed })| {
            let has = |user: &usize| {
                inner.inboxes.get(user).is_some_and(|inbox| inbox.places.contains_key(&(*talk, *place)))
            };
            let misses = talk.members().into_iter().find(|user| !failed.contains(user) && !has(user))?;
            Some(format!("user {misses} has not got {id}, which was acknowledged at {place} of {talk:?}"))
        })
    }

    /// Takes the model, while nobody sends and reads; calls without an answer stay in doubt.
    pub(crate) fn take_model(&self) -> Model {
        let mut model = mem::take(&mut self.inner.lock().model);
        model.killed();
        model
    }

    pub(crate) fn give_back(&self, model: Model) {
        self.inner.lock().model = model;
    }
}

impl Inbox {
    /// Takes the next entry.
    fn take(&mut self, user: usize, got: &Got) -> Result<(), Fault> {
        let Self { last, places, ids, .. } = self;
        if got.sequence != *last + 1 {
            return Err(format!("user {user} has read up to {last} and gets {}", got.sequence).into());
        }
        if let Some(talk) = got.talk
            && let Some((sequence, tag)) = places.insert((talk, got.place), (got.sequence, got.tag))
        {
            let text = format!(
                "user {user} gets {} of {talk:?} a second time: {got:?}, and before that as {sequence} with the \
                 tag {tag}",
                got.place
            );
            return Err(text.into());
        }
        // What its history has lost may be sent once more with its id.
        if let (Some(Talk::Pair(..) | Talk::Group), Some(id)) = (got.talk, &got.id)
            && let Some(before) = ids.insert(id.clone(), got.sequence)
        {
            return Err(format!("user {user} gets {id} at {before} and at {}", got.sequence).into());
        }
        (self.last, self.tag) = (got.sequence, Some(got.tag));
        Ok(())
    }
}
