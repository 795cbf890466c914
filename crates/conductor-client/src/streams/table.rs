//! Which streams of others are open, and whose a piece is.
//!
//! This module is pure. The protocol has no sign that says which stream a piece belongs to. Clients
//! of this crate give all messages of a stream one uuid, its name, which does. The original's
//! client gives each message a uuid of its own: then a piece belongs to the only stream of its
//! channel that is not of the first kind. Where there are several of those, nobody can tell, and
//! all of them fail.
//!
//! ```text
//! a piece or an end comes to a channel
//!   with the name of an open stream ────────► is its own; one that took others' before fails
//!   with a uuid that came before ───────────► is nobody's; a stream that took that one fails
//!   and one stream may be without a name ───► is its own
//!   and several may, or one we never saw ───► all of them fail
//! ```
//!
//! A stream that has failed stays until its end: its pieces still come, and are no other stream's.

use std::collections::BTreeMap;

use super::strays::{Strays, Taker};

/// How many uuids without a stream are remembered.
const STRAYS_MAX: usize = 1_024;

/// The open streams of one connection, each with who takes its pieces.
#[derive(Debug)]
pub(super) struct StreamTable<T> {
    channels: BTreeMap<String, Vec<Open<T>>>,
    strays: Strays,
    /// How many streams have takers, at most `max`.
    followed: usize,
    /// How many there are with those that failed or were one too many, at most twice as many.
    known: usize,
    max: usize,
    /// How many have begun, which numbers them.
    begun: u64,
    /// Whether streams without a name may be open that are not in here, as there were too many.
    is_blind: bool,
}

#[derive(Debug)]
struct Open<T> {
    number: u64,
    uuid: String,
    /// Whether its messages have the uuid of its start; unknown before the first.
    is_named: Option<bool>,
    /// None once it has failed.
    takers: Option<T>,
}

/// What comes of a stream behind its start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Piece,
    End,
    /// An end that says that not all of it was there. A hub's has the uuid of the start.
    Abort,
}

/// Whose a piece is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Whose<P, T> {
    One(P),
    /// It is of a stream that began before we listened, or that failed.
    Nobody,
    /// Nobody can tell, or one that had it before was not its own; these have failed.
    Mixed(Vec<T>),
}

impl<T> StreamTable<T> {
    pub(super) fn new(max: usize) -> Self {
        Self {
            channels: BTreeMap::new(),
            strays: Strays::new(STRAYS_MAX),
            followed: 0,
            known: 0,
            max,
            begun: 0,
            is_blind: false,
        }
    }

    /// Opens a stream; `Err` if as many as may be are followed. It is known all the same.
    pub(super) fn start(&mut self, channel: &str, uuid: &str, takers: T) -> Result<(), T> {
        if self.known >= self.max.saturating_mul(2) {
            self.forget_failed();
        }
        let (takers, refused) =
            if self.followed < self.max { (Some(takers), None) } else { (None, Some(takers)) };
        self.followed += usize::from(takers.is_some());
        self.known += 1;
        self.begun += 1;
        let open = Open { number: self.begun, uuid: uuid.to_owned(), is_named: None, takers };
        self.channels.entry(channel.to_owned()).or_default().push(open);
        refused.map_or(Ok(()), Err)
    }

    /// Returns who takes a piece.
    pub(super) fn piece(&mut self, channel: &str, uuid: &str) -> Whose<&T, T> {
        match self.find(channel, uuid, Part::Piece) {
            Whose::One(at) => {
                let open = self.channels.get(channel).and_then(|open| open.get(at));
                open.and_then(|open| open.takers.as_ref()).map_or(Whose::Nobody, Whose::One)
            }
            Whose::Nobody => Whose::Nobody,
            Whose::Mixed(failed) => Whose::Mixed(failed),
        }
    }

    /// Ends the stream that an end is of, and returns who took its pieces.
    pub(super) fn end(&mut self, channel: &str, uuid: &str, is_aborted: bool) -> Whose<T, T> {
        match self.find(channel, uuid, if is_aborted { Part::Abort } else { Part::End }) {
            Whose::One(at) => self.remove(channel, at).map_or(Whose::Nobody, Whose::One),
            Whose::Nobody => Whose::Nobody,
            Whose::Mixed(failed) => Whose::Mixed(failed),
        }
    }

    /// Forgets the streams of a channel that was left, and returns who took their pieces.
    pub(super) fn leave(&mut self, channel: &str) -> Vec<T> {
        let mut left = Vec::new();
        for open in self.channels.remove(channel).unwrap_or_default() {
            self.known -= 1;
            self.strays.note(channel, &open.uuid, Taker::Foreign);
            left.extend(open.takers);
        }
        self.followed -= left.len();
        left
    }

    /// Ends them all.
    pub(super) fn drain(&mut self) -> impl Iterator<Item = T> + use<T> {
        let none = Self::new(self.max);
        let all = std::mem::replace(self, none);
        all.channels.into_values().flatten().filter_map(|open| open.takers)
    }

    /// Finds the stream of a piece or an end, and notes how its messages are named.
    fn find(&mut self, channel: &str, uuid: &str, part: Part) -> Whose<usize, T> {
        match self.places(channel, |open| open.uuid == uuid)[..] {
            [] => {}
            [at] => return self.find_named(channel, at, part),
            ref several => return self.mix(channel, several, part),
        }
        match self.strays.again(channel, uuid) {
            None => {}
            Some(Taker::Stream(number)) => {
                let places = self.places(channel, |open| open.number == number);
                // It was not the end of that one either.
                return self.mix(channel, &places, Part::Piece);
            }
            Some(Taker::Struck) => {
                // It goes on, so another one has ended.
                let places =
                    self.places(channel, |open| open.is_named != Some(true) && open.takers.is_none());
                self.strike(channel, &places, Taker::Struck);
                return Whose::Nobody;
            }
            Some(Taker::Unknown | Taker::Foreign) => return Whose::Nobody,
        }
        let places = self.places(channel, |open| open.is_named != Some(true));
        if places.is_empty() {
            return self.pass_by(channel, uuid, part);
        }
        let hides = self.strays.may_hide_a_stream(channel);
        if let [at] = places[..]
            && !hides
            && !self.is_blind
        {
            return self.find_unnamed(channel, uuid, at, part);
        }
        self.strays.note(channel, uuid, Taker::Foreign);
        if hides && part != Part::Piece {
            // One of them has ended. Which, is all the same: those that are left have failed.
            self.strays.settle(channel);
            return self.mix(channel, &places, Part::Piece);
        }
        self.mix(channel, &places, part)
    }

    /// Returns where in a channel the streams are of which this is true.
    fn places(&self, channel: &str, is_it: impl Fn(&Open<T>) -> bool) -> Vec<usize> {
        let open = self.channels.get(channel).into_iter().flatten().enumerate();
        open.filter(|(_, open)| is_it(open)).map(|(at, _)| at).collect()
    }

    /// A message has the name of the stream at this place.
    fn find_named(&mut self, channel: &str, at: usize, part: Part) -> Whose<usize, T> {
        let Some(open) = self.open(channel, at) else { return Whose::Nobody };
        let had_others = open.is_named.replace(true) == Some(false);
        // A hub gives the end of a lost sender the uuid of its start, also if nothing else had it.
        if had_others && part != Part::Abort { self.mix(channel, &[at], part) } else { Whose::One(at) }
    }

    /// A message without a name may be of the stream at this place alone.
    fn find_unnamed(&mut self, channel: &str, uuid: &str, at: usize, part: Part) -> Whose<usize, T> {
        let Some(open) = self.open(channel, at) else { return Whose::Nobody };
        let (number, is_first) = (open.number, open.is_named.is_none());
        open.is_named = Some(false);
        self.strays.note(channel, uuid, Taker::Stream(number));
        if part != Part::Piece && is_first {
            // It may as well be the end of a stream that we never saw: this one would be taken for
            // an empty one, and its pieces come later.
            return self.mix(channel, &[at], part);
        }
        Whose::One(at)
    }

    /// A message is of a stream that is not in here.
    fn pass_by(&mut self, channel: &str, uuid: &str, part: Part) -> Whose<usize, T> {
        if part == Part::Piece {
            self.strays.note(channel, uuid, Taker::Unknown);
        } else {
            self.strays.settle(channel);
            self.strays.note(channel, uuid, Taker::Foreign);
        }
        Whose::Nobody
    }

    /// Fails the streams at these places; if one of them has ended, one of them goes.
    fn mix(&mut self, channel: &str, places: &[usize], part: Part) -> Whose<usize, T> {
        let mut failed = Vec::new();
        for &at in places {
            failed.extend(self.open(channel, at).and_then(|open| open.takers.take()));
        }
        self.followed -= failed.len();
        if part != Part::Piece {
            let is_certain = places.len() == 1;
            self.strike(channel, places, if is_certain { Taker::Foreign } else { Taker::Struck });
        }
        if failed.is_empty() { Whose::Nobody } else { Whose::Mixed(failed) }
    }

    /// Removes one of the streams at these places, all of which have failed; the others stand for
    /// those that go on.
    fn strike(&mut self, channel: &str, places: &[usize], taker: Taker) {
        let unnamed = self.places(channel, |open| open.is_named == Some(false));
        let at = places.iter().find(|at| unnamed.contains(at)).or_else(|| places.first());
        let Some(&at) = at else { return };
        if let Some(open) = self.open(channel, at) {
            let uuid = std::mem::take(&mut open.uuid);
            self.strays.note(channel, &uuid, taker);
            self.remove(channel, at);
        }
    }

    /// Makes room: forgets the streams that have failed, which are not known by their ends then.
    fn forget_failed(&mut self) {
        self.is_blind = true;
        for (channel, all) in &mut self.channels {
            for open in all.extract_if(.., |open| open.takers.is_none()) {
                self.strays.note(channel, &open.uuid, Taker::Foreign);
                self.known -= 1;
            }
        }
        self.channels.retain(|_, all| !all.is_empty());
    }

    fn open(&mut self, channel: &str, at: usize) -> Option<&mut Open<T>> {
        self.channels.get_mut(channel)?.get_mut(at)
    }

    /// Removes a stream, and returns who took its pieces.
    fn remove(&mut self, channel: &str, at: usize) -> Option<T> {
        let open = self.channels.get_mut(channel)?;
        let ended = open.remove(at);
        if open.is_empty() {
            self.channels.remove(channel);
        }
        self.known -= 1;
        self.followed -= usize::from(ended.takers.is_some());
        ended.takers
    }
}

#[cfg(test)]
mod tests;
