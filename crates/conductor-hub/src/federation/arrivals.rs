//! What comes from one origin, in order and once; pure.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ops::RangeInclusive;
use std::time::Duration;

use foldhash::fast::RandomState;
use hashbrown::HashMap;
use tokio::time::Instant;

use super::parcel::Parcel;
use super::spans::Spans;

/// How long a parcel waits for one before it that may come by another link.
pub(crate) const WAIT: Duration = Duration::from_millis(200);

/// Gaps that are remembered, so that none is told twice.
const TOLD_MAX: usize = 64;

/// Channels of one origin whose last number is remembered.
const CHANNELS_MAX: usize = 16 * 1024;

/// Channels that are remembered as forgotten while something waits.
const FORGOTTEN_MAX: usize = 16 * 1024;

/// Claims that are remembered ahead of a gap. More of them end the gap at once.
const CLAIMS_MAX: usize = 4 * 1024;

/// The parcels of one origin, from whatever links they come.
///
/// **Invariant:** every number below `next` was taken, was not for us, or was told as lost; each of
/// these once. Nothing is taken that is not `next`.
#[derive(Debug)]
pub(crate) struct Arrivals {
    next: u64,
    waiting: BTreeMap<u64, Waiting>,
    /// The numbers of `waiting`, by when they came: a look at all of them for each arrival would
    /// make a long gap cost the square of what waits behind it.
    by_time: BTreeSet<(Instant, u64)>,
    /// Numbers from `next` on that are not for us, as links say.
    denied: Spans,
    /// Numbers from `next` on of which links say so that are not believed.
    doubted: Spans,
    /// When the oldest of what waits came.
    since: Option<Instant>,
    /// What the waiting parcels cost.
    bytes: usize,
    /// The last number that was taken of each channel we want, by the channel's hash.
    last: HashMap<u64, u64, RandomState>,
    /// The channels that were forgotten while something waits, by their hash, and what had come by
    /// then. A look at all that waits for each of them would make it cost the square when a sister
    /// who wanted much has gone.
    forgotten: HashMap<u64, u64, RandomState>,
    /// How many parcels have had to wait so far.
    turn: u64,
    /// The gaps that were told lately.
    told: VecDeque<RangeInclusive<u64>>,
    /// When something last came.
    pub(crate) heard: Instant,
    /// Whether it was told that nothing comes any more.
    pub(crate) silent: bool,
}

#[derive(Debug)]
struct Waiting {
    arrival: Arrival,
    at: Instant,
    turn: u64,
}

/// A parcel that came over a link.
#[derive(Debug)]
pub(crate) struct Arrival {
    pub(crate) parcel: Parcel,
    /// The link, by its number: it is not sent back there.
    pub(crate) link: u64,
    /// The hash of its channel, if that is one we want.
    pub(crate) channel: Option<u64>,
}

/// What became of numbers.
#[derive(Debug)]
pub(crate) enum Settled {
    Taken {
        arrival: Arrival,
        /// Whether nothing is missing between it and what was taken of its channel before.
        is_next: bool,
    },
    /// They were for us and did not come.
    Lost(RangeInclusive<u64>),
    /// They did not come. Links say that all of them are not for us, which is not believed, or that
    /// a sister has the same doubt.
    Doubted(RangeInclusive<u64>),
    /// The parcel came before, or too late.
    Late,
}

impl Arrivals {
    /// Begins to take from this number on.
    pub(crate) fn new(next: u64, now: Instant) -> Self {
        Self {
            next,
            waiting: BTreeMap::new(),
            by_time: BTreeSet::new(),
            denied: Spans::default(),
            doubted: Spans::default(),
            since: None,
            bytes: 0,
            last: HashMap::default(),
            forgotten: HashMap::default(),
            turn: 0,
            told: VecDeque::new(),
            heard: now,
            silent: false,
        }
    }

    /// Returns the lowest number that is not settled.
    pub(crate) const fn next(&self) -> u64 {
        self.next
    }

    pub(crate) const fn waiting_bytes(&self) -> usize {
        self.bytes
    }

    /// Returns when a gap has to be told.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.since.map(|since| since + WAIT)
    }

    /// Takes a parcel of which a link says that it covers from `first` on, if that is believed.
    pub(crate) fn parcel(
        &mut self,
        first: u64,
        arrival: Arrival,
        believed: bool,
        now: Instant,
        settled: &mut Vec<Settled>,
    ) {
        self.heard = now;
        let number = arrival.parcel.number;
        if number < self.next || self.waiting.contains_key(&number) {
            self.late(&arrival, settled);
            return;
        }
        let last = number.saturating_sub(1);
        // The link denies a number that the origin has given to a channel we want: it does not know
        // our interest well. Another link may bring that parcel.
        match self.missed(&arrival).filter(|missed| *missed >= self.next) {
            Some(missed) => {
                self.note_denied(first, missed.saturating_sub(1), believed);
                self.note_denied(missed + 1, last, believed);
            }
            None => self.note_denied(first, last, believed),
        }
        self.bytes += arrival.parcel.cost();
        self.turn += 1;
        self.waiting.insert(number, Waiting { arrival, at: now, turn: self.turn });
        self.by_time.insert((now, number));
        self.settle(now, settled);
    }

    /// Notes that a link has nothing for us from `first` to `last`.
    pub(crate) fn deny(
        &mut self,
        first: u64,
        last: u64,
        believed: bool,
        now: Instant,
        settled: &mut Vec<Settled>,
    ) {
        self.heard = now;
        self.note_denied(first, last, believed);
        self.settle(now, settled);
    }

    /// Tells the gaps for which there was time enough.
    pub(crate) fn expire(&mut self, now: Instant, settled: &mut Vec<Settled>) {
        while self.deadline().is_some_and(|deadline| deadline <= now) {
            self.give_up(now, settled);
        }
    }

    /// Tells the first gap, whatever the time.
    pub(crate) fn give_up(&mut self, now: Instant, settled: &mut Vec<Settled>) {
        let parcel = self.waiting.first_key_value().map(|(&number, _)| number);
        let denied = self.denied.first_from(self.next);
        let Some(end) = parcel.into_iter().chain(denied).min() else {
            self.since = None;
            return;
        };
        let gap = self.next..=end - 1;
        self.note_told(&gap);
        let is_doubted = self.doubted.last_of(*gap.start()).is_some_and(|last| last >= *gap.end());
        settled.push(if is_doubted { Settled::Doubted(gap) } else { Settled::Lost(gap) });
        self.next = end;
        self.settle(now, settled);
    }

    /// Forgets what was taken of a channel: a link was told that it is not wanted any more.
    pub(crate) fn forget(&mut self, channel: u64) {
        self.last.remove(&channel);
        if self.waiting.is_empty() {
            return;
        }
        if self.forgotten.len() >= FORGOTTEN_MAX {
            for waiting in self.waiting.values_mut() {
                waiting.forget_channel(&self.forgotten);
            }
            self.forgotten.clear();
        }
        self.forgotten.insert(channel, self.turn);
    }

    /// Forgets what was taken of all channels.
    pub(crate) fn forget_all(&mut self) {
        self.last = HashMap::default();
    }

    /// Notes that a parcel comes of a channel that is not wanted.
    ///
    /// What was taken of it, or waits, is no longer the last, and nothing is missing if it is
    /// wanted again.
    pub(crate) fn note_unwanted(&mut self, channel: u64) {
        self.forget(channel);
    }

    fn note_denied(&mut self, first: u64, last: u64, believed: bool) {
        let spans = if believed { &mut self.denied } else { &mut self.doubted };
        spans.insert(first.max(self.next), last);
        // Without them more is taken for lost.
        if self.doubted.len() > CLAIMS_MAX {
            self.doubted = Spans::default();
        }
    }

    fn settle(&mut self, now: Instant, settled: &mut Vec<Settled>) {
        loop {
            if let Some(mut waiting) = self.waiting.remove(&self.next) {
                self.by_time.remove(&(waiting.at, self.next));
                waiting.forget_channel(&self.forgotten);
                self.take(waiting.arrival, settled);
                self.next += 1;
            } else if let Some(last) = self.denied.last_of(self.next) {
                // Another link may have brought what this one denies.
                let parcel = self.waiting.first_key_value().map_or(u64::MAX, |(&number, _)| number);
                self.next = parcel.min(last + 1);
            } else {
                break;
            }
        }
        if self.waiting.is_empty() && !self.forgotten.is_empty() {
            self.forgotten = HashMap::default();
        }
        self.denied.forget_below(self.next);
        self.doubted.forget_below(self.next);
        self.since = self.oldest(now);
        if self.denied.len() > CLAIMS_MAX {
            self.give_up(now, settled);
        }
    }

    /// Returns when the oldest of what waits came.
    fn oldest(&self, now: Instant) -> Option<Instant> {
        if self.waiting.is_empty() && self.denied.is_empty() {
            return None;
        }
        let parcel = self.by_time.first().map(|&(at, _)| at);
        // A claim alone has no time of its own: it waits from the first look at it.
        Some(parcel.unwrap_or_else(|| self.since.unwrap_or(now)))
    }

    fn take(&mut self, arrival: Arrival, settled: &mut Vec<Settled>) {
        self.bytes -= arrival.parcel.cost();
        if let Some(missed) = self.missed(&arrival) {
            self.lose(missed..=missed, settled);
        }
        let last = arrival.channel.and_then(|channel| self.last.get(&channel));
        let is_next = last.is_some_and(|last| *last == arrival.parcel.before);
        self.note_last(&arrival);
        settled.push(Settled::Taken { arrival, is_next });
    }

    /// Takes note of a parcel that comes when its number is settled.
    fn late(&mut self, arrival: &Arrival, settled: &mut Vec<Settled>) {
        let number = arrival.parcel.number;
        let last = arrival.channel.and_then(|channel| self.last.get(&channel).copied());
        // It was denied by all others, and was for us after all.
        if number < self.next && last.is_some_and(|last| last < number) && !self.is_told(number) {
            self.lose(number..=number, settled);
            self.note_last(arrival);
        }
        settled.push(Settled::Late);
    }

    /// Returns the number before this parcel in its channel, if that should have come and did not.
    fn missed(&self, arrival: &Arrival) -> Option<u64> {
        let last = *self.last.get(&arrival.channel?)?;
        let before = arrival.parcel.before;
        let is_here = self.waiting.contains_key(&before);
        (before > last && !is_here && !self.is_told(before)).then_some(before)
    }

    fn note_last(&mut self, arrival: &Arrival) {
        let Some(channel) = arrival.channel else { return };
        if self.last.len() >= CHANNELS_MAX {
            self.forget_all();
        }
        self.last.insert(channel, arrival.parcel.number);
    }

    fn is_told(&self, number: u64) -> bool {
        self.told.iter().any(|gap| gap.contains(&number))
    }

    fn lose(&mut self, gap: RangeInclusive<u64>, settled: &mut Vec<Settled>) {
        self.note_told(&gap);
        settled.push(Settled::Lost(gap));
    }

    fn note_told(&mut self, gap: &RangeInclusive<u64>) {
        if self.told.len() == TOLD_MAX {
            self.told.pop_front();
        }
        self.told.push_back(gap.clone());
    }
}

impl Waiting {
    /// Forgets its channel, if that was forgotten after it had come.
    fn forget_channel(&mut self, forgotten: &HashMap<u64, u64, RandomState>) {
        let is_forgotten = |channel: &u64| forgotten.get(channel).is_some_and(|turn| self.turn <= *turn);
        if self.arrival.channel.as_ref().is_some_and(is_forgotten) {
            self.arrival.channel = None;
        }
    }
}

#[cfg(test)]
mod tests;
