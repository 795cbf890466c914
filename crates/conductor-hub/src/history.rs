//! The last messages of each channel, in memory.

use std::collections::{BTreeMap, VecDeque};
use std::hash::BuildHasher;
use std::sync::Arc;

use foldhash::fast::RandomState;
use hashbrown::HashMap;
use parking_lot::Mutex;

use crate::protocol::{Message, MessageRef};
use crate::{Error, ErrorKind, Storage};

const SHARDS: usize = 16;

/// What a kept message costs beyond its bytes, roughly.
const OVERHEAD_BYTES: usize = 96;

/// A [`Storage`] that keeps the last messages of each channel in memory.
///
/// Bounded twice: by messages per channel, and by bytes in all. When the bytes
/// run out, the channels that were written to longest ago are forgotten whole.
#[derive(Debug)]
pub struct ChannelHistory {
    shards: Box<[Mutex<Shard>]>,
    hasher: RandomState,
    messages_max: usize,
    shard_bytes_max: usize,
}

#[derive(Debug, Default)]
struct Shard {
    channels: HashMap<Arc<str>, Channel, RandomState>,
    /// The channels by their last write, oldest first.
    by_write: BTreeMap<u64, Arc<str>>,
    writes: u64,
    bytes: usize,
}

#[derive(Debug, Default)]
struct Channel {
    messages: VecDeque<Message>,
    bytes: usize,
    last_write: u64,
}

impl ChannelHistory {
    /// Creates an empty history of at most `messages_max` messages per channel
    /// and about `bytes_max` bytes in all.
    ///
    /// # Errors
    ///
    /// `Config` if `bytes_max` is less than 64 KiB.
    pub fn new(messages_max: usize, bytes_max: usize) -> Result<Self, Error> {
        if bytes_max < 64 * 1024 {
            return Err(Error::new(
                ErrorKind::Config,
                format!("history of {bytes_max} bytes, must be at least 65536"),
            ));
        }
        Ok(Self {
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            hasher: RandomState::default(),
            messages_max,
            shard_bytes_max: bytes_max / SHARDS,
        })
    }

    fn shard(&self, channel: &str) -> &Mutex<Shard> {
        #[expect(clippy::cast_possible_truncation, reason = "any bits of the hash will do")]
        let hash = self.hasher.hash_one(channel) as usize;
        &self.shards[hash % SHARDS]
    }
}

impl Storage for ChannelHistory {
    fn store(&self, message: MessageRef<'_>) {
        if self.messages_max == 0 {
            return;
        }
        let mut shard = self.shard(message.channel).lock();
        shard.append(message, self.messages_max);
        while shard.bytes > self.shard_bytes_max {
            shard.forget_oldest();
        }
    }

    fn get(&self, channel: &str) -> Vec<Message> {
        let shard = self.shard(channel).lock();
        shard.channels.get(channel).map_or_else(Vec::new, |kept| kept.messages.iter().cloned().collect())
    }
}

impl Shard {
    fn append(&mut self, message: MessageRef<'_>, messages_max: usize) {
        let name = match self.channels.get_key_value(message.channel) {
            Some((name, _)) => Arc::clone(name),
            None => Arc::from(message.channel),
        };
        let channel = self.channels.entry(Arc::clone(&name)).or_default();
        let before = channel.bytes;
        channel.messages.push_back(message.to_message());
        channel.bytes += cost(message.encoded().len());
        if channel.messages.len() > messages_max
            && let Some(oldest) = channel.messages.pop_front()
        {
            channel.bytes -= cost(oldest.encoded_len());
        }
        self.bytes = self.bytes + channel.bytes - before;
        self.writes += 1;
        self.by_write.remove(&channel.last_write);
        channel.last_write = self.writes;
        self.by_write.insert(self.writes, name);
    }

    fn forget_oldest(&mut self) {
        let Some((_, name)) = self.by_write.pop_first() else { return };
        if let Some(channel) = self.channels.remove(&name) {
            self.bytes -= channel.bytes;
        }
    }
}

const fn cost(encoded_len: usize) -> usize {
    encoded_len + OVERHEAD_BYTES
}
