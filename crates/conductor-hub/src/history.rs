//! The last messages of each channel, in memory.

mod config;
mod forgotten;

use std::collections::{BTreeMap, VecDeque};
use std::hash::BuildHasher;
use std::sync::Arc;

use foldhash::fast::RandomState;
use hashbrown::HashMap;
use parking_lot::Mutex;
use tokio::time::Instant;

pub use self::config::HistoryConfig;
use self::forgotten::ForgottenChannels;
use crate::protocol::{Message, MessageRef};
use crate::{Author, Error, History, Storage};

const STRIPES: usize = 16;

/// Channels for which a stripe keeps room when most of them are forgotten.
const ROOM_KEPT: usize = 64;

/// A [`Storage`] that keeps the last messages of each channel in memory.
///
/// It is bounded by messages per channel, by age, and by bytes in all, as its [`HistoryConfig`]
/// says. When the bytes run out, the channels that were written to longest ago are forgotten whole,
/// and whoever asks for one of them is told that something may be missing.
#[derive(Debug)]
pub struct ChannelHistory {
    stripes: Box<[Mutex<HistoryStripe>]>,
    hasher: RandomState,
    config: HistoryConfig,
}

#[derive(Debug, Default)]
struct HistoryStripe {
    channels: HashMap<Arc<str>, ChannelLog, RandomState>,
    /// The channels by their last write, oldest first.
    by_write: BTreeMap<u64, Arc<str>>,
    /// Numbers messages, and with them the last write of each channel.
    writes: u64,
    /// What the channels cost, without the table that they are in.
    bytes: usize,
    forgotten: ForgottenChannels,
}

#[derive(Debug)]
struct ChannelLog {
    messages: VecDeque<StoredMessage>,
    /// What the messages cost, without their places.
    bytes: usize,
    /// Whether older messages may have been forgotten with the whole channel.
    is_forgotten: bool,
}

#[derive(Debug)]
struct StoredMessage {
    number: u64,
    at: Instant,
    encoded: Box<[u8]>,
}

impl ChannelHistory {
    /// Creates an empty history.
    ///
    /// # Errors
    ///
    /// [`Config`](crate::ErrorKind::Config), naming the value that is out of its bounds.
    pub fn new(config: HistoryConfig) -> Result<Self, Error> {
        config.validate()?;
        let stripes = (0..STRIPES).map(|_| Mutex::default()).collect();
        Ok(Self { stripes, hasher: RandomState::default(), config })
    }

    /// Returns the newest `count` messages kept of a channel, as they were written.
    ///
    /// The oldest of them comes first. They are fetched one after another and not held meanwhile,
    /// so that however slowly somebody reads costs no memory. Those that are forgotten before their
    /// turn, always the oldest of what is left, are left out; [`Replay::not_given`] counts them.
    #[must_use]
    pub fn replay(self: &Arc<Self>, channel: &str, count: usize) -> Replay {
        let hash = self.hasher.hash_one(channel);
        let stripe = self.stripe(hash).lock();
        let kept = stripe.channels.get(channel);
        let fresh = kept.map_or(0, |kept| kept.messages.len() - self.expired(kept));
        let first = kept.and_then(|kept| kept.messages.get(kept.messages.len() - fresh.min(count)));
        let last = kept.and_then(|kept| kept.messages.back());
        Replay {
            history: Arc::clone(self),
            channel: channel.into(),
            next: first.map_or(u64::MAX, |first| first.number),
            last: last.map_or(0, |last| last.number),
            not_given: fresh,
            is_forgotten: stripe.has_forgotten(channel, hash),
        }
    }

    /// Returns the message of the lowest number from `first` to `last`, with its number.
    fn next_of(&self, channel: &str, first: u64, last: u64) -> Option<(u64, Message)> {
        let stripe = self.stripe(self.hasher.hash_one(channel)).lock();
        let kept = stripe.channels.get(channel)?;
        // A stripe numbers the messages of all its channels, so those of one channel have gaps.
        let at = kept.messages.partition_point(|kept| kept.number < first).max(self.expired(kept));
        let next = kept.messages.get(at).filter(|next| next.number <= last)?;
        Some((next.number, next.message()))
    }

    /// How many of a channel's messages are too old.
    fn expired(&self, channel: &ChannelLog) -> usize {
        // The clock may have begun later than `age_max` ago; then nothing is too old yet.
        let Some(oldest) = Instant::now().checked_sub(self.config.age_max) else { return 0 };
        channel.messages.partition_point(|kept| kept.at < oldest)
    }

    /// Returns the stripe of a channel, by the hash of its name.
    fn stripe(&self, hash: u64) -> &Mutex<HistoryStripe> {
        #[expect(clippy::cast_possible_truncation, reason = "any bits of the hash will do")]
        let hash = hash as usize;
        &self.stripes[hash % STRIPES]
    }
}

impl Storage for ChannelHistory {
    fn keeps(&self, _channel: &str) -> bool {
        self.config.messages_max > 0
    }

    fn store(&self, _author: &Author<'_>, message: MessageRef<'_>) {
        let HistoryConfig { bytes_max, messages_max, age_max } = self.config;
        if messages_max == 0 {
            return;
        }
        let now = Instant::now();
        let oldest = now.checked_sub(age_max);
        let hash = self.hasher.hash_one(message.channel);
        let mut stripe = self.stripe(hash).lock();
        stripe.forget_old(oldest);
        stripe.append(message, hash, now, messages_max, oldest);
        // Each stripe has an equal part of the bound, so that none has to lock another, and a
        // sixteenth of it is for the notes of what was forgotten.
        let part = bytes_max / STRIPES;
        while stripe.bytes + stripe.channels.allocation_size() + stripe.forgotten.bytes() > part {
            let Some(name) = stripe.forget_oldest() else { return };
            stripe.forgotten.note(self.hasher.hash_one(&*name), part / 16);
        }
    }

    fn get(&self, channel: &str, newest: usize) -> History {
        let hash = self.hasher.hash_one(channel);
        let stripe = self.stripe(hash).lock();
        let forgotten = stripe.has_forgotten(channel, hash);
        let Some(kept) = stripe.channels.get(channel) else {
            return History { forgotten, ..History::default() };
        };
        let (expired, all) = (self.expired(kept), kept.messages.len());
        let first = expired.max(all.saturating_sub(newest));
        let messages = kept.messages.iter().skip(first).map(StoredMessage::message).collect();
        History { messages, more: first > expired, forgotten }
    }
}

/// The messages of a channel, fetched one by one; see [`ChannelHistory::replay`].
#[derive(Debug)]
pub struct Replay {
    history: Arc<ChannelHistory>,
    channel: Box<str>,
    /// The number from which the next message is.
    next: u64,
    /// The number of the last one.
    last: u64,
    not_given: usize,
    is_forgotten: bool,
}

impl Replay {
    /// Returns how many messages that were kept at the beginning were not given.
    ///
    /// They are older ones that were not asked for, those to come, and those that were forgotten
    /// meanwhile.
    #[must_use]
    pub const fn not_given(&self) -> usize {
        self.not_given
    }

    /// Tells whether older messages may have been forgotten for want of memory.
    ///
    /// Then it is not known what was said in the channel before those that are given, or at all.
    #[must_use]
    pub const fn is_forgotten(&self) -> bool {
        self.is_forgotten
    }
}

impl Iterator for Replay {
    type Item = Message;

    fn next(&mut self) -> Option<Message> {
        let (number, message) = self.history.next_of(&self.channel, self.next, self.last)?;
        self.next = number + 1;
        self.not_given -= 1;
        Some(message)
    }
}

impl HistoryStripe {
    fn append(
        &mut self,
        message: MessageRef<'_>,
        hash: u64,
        now: Instant,
        messages_max: usize,
        oldest: Option<Instant>,
    ) {
        self.writes += 1;
        let number = self.writes;
        let name: Arc<str> = match self.channels.get_key_value(message.channel) {
            Some((name, channel)) => {
                // What the channel costs is taken off here and added at the end: its buffers may
                // change.
                self.bytes -= channel.cost(name);
                let before = channel.last_write().and_then(|before| self.by_write.remove(&before));
                before.unwrap_or_else(|| Arc::clone(name))
            }
            None => Arc::from(message.channel),
        };
        let forgotten = &mut self.forgotten;
        let channel = self.channels.entry(Arc::clone(&name));
        let channel = channel.or_insert_with(|| ChannelLog::new(forgotten.take(hash)));
        channel.push(StoredMessage { number, at: now, encoded: message.encoded().into() });
        while channel.messages.len() > messages_max
            || channel.messages.front().is_some_and(|first| oldest.is_some_and(|oldest| first.at < oldest))
        {
            channel.pop();
        }
        self.bytes += channel.cost(&name);
        self.by_write.insert(number, name);
    }

    /// Forgets channels that were last written to before `oldest`: at most two, as each write does
    /// it.
    fn forget_old(&mut self, oldest: Option<Instant>) {
        for _ in 0..2 {
            let first = self.by_write.first_key_value().and_then(|(_, name)| self.channels.get(name));
            let last_write = first.and_then(|channel| channel.messages.back()).map(|last| last.at);
            if last_write.zip(oldest).is_none_or(|(last_write, oldest)| last_write >= oldest) {
                return;
            }
            self.forget_oldest();
        }
    }

    /// Tells whether messages of a channel may have been forgotten for want of memory.
    fn has_forgotten(&self, channel: &str, hash: u64) -> bool {
        let kept = self.channels.get(channel);
        kept.map_or_else(|| self.forgotten.may_have(hash), |kept| kept.is_forgotten)
    }

    /// Forgets the channel that was written to longest ago, and returns its name.
    fn forget_oldest(&mut self) -> Option<Arc<str>> {
        let (_, name) = self.by_write.pop_first()?;
        if let Some(channel) = self.channels.remove(&name) {
            self.bytes -= channel.cost(&name);
        }
        let (len, room) = (self.channels.len(), self.channels.capacity());
        if room > ROOM_KEPT && len < room / 4 {
            self.channels.shrink_to(len * 2);
        }
        Some(name)
    }
}

impl ChannelLog {
    fn new(is_forgotten: bool) -> Self {
        Self { messages: VecDeque::new(), bytes: 0, is_forgotten }
    }

    fn push(&mut self, kept: StoredMessage) {
        self.bytes += allocated(kept.encoded.len());
        self.messages.push_back(kept);
    }

    fn pop(&mut self) {
        if let Some(kept) = self.messages.pop_front() {
            self.bytes -= allocated(kept.encoded.len());
        }
    }

    fn last_write(&self) -> Option<u64> {
        self.messages.back().map(|last| last.number)
    }

    /// What it costs, without its place in the table of channels.
    fn cost(&self, name: &str) -> usize {
        let places = allocated(self.messages.capacity() * size_of::<StoredMessage>());
        self.bytes + places + allocated(name.len() + ARC_BYTES) + BY_WRITE_BYTES
    }
}

impl StoredMessage {
    fn message(&self) -> Message {
        // The hub stores what it has decoded before.
        MessageRef::decode(&self.encoded).expect("what is kept is a message").to_message()
    }
}

/// What an allocation of so many bytes takes: its own head, and rounding.
const fn allocated(bytes: usize) -> usize {
    let with_head = (bytes + 8).next_multiple_of(16);
    if with_head < 32 { 32 } else { with_head }
}

/// The counts in front of a shared name.
const ARC_BYTES: usize = 16;

/// A place in the order of writes: a number and a pointer, in nodes that are half full at worst.
const BY_WRITE_BYTES: usize = 2 * 24;
