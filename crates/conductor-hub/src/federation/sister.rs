//! One sister, while there is a link to her.

use std::fmt;

use parking_lot::Mutex;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::channel_shares::TAKEN_EVERY;
use super::link_queue::LinkQueue;
use super::node_id::NodeId;

/// A sister to whom there is a link.
pub struct Sister {
    pub(crate) link: u64,
    node: NodeId,
    /// How she was dialled; `None` if she dialled us.
    name: Option<Box<str>>,
    pub(crate) queue: LinkQueue,
    pub(crate) ending: CancellationToken,
    end: Mutex<Option<SisterEnd>>,
    /// What she said last of her sisters, and when.
    meta: Mutex<Option<(SisterMeta, Instant)>>,
    taken: Mutex<Taken>,
}

/// What was taken from a sister.
#[derive(Debug, Default)]
struct Taken {
    /// Parcels, since the link began.
    parcels: u64,
    /// Bytes, since she was told of them last.
    untold_bytes: usize,
}

/// How many sisters a node has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SisterMeta {
    /// To how many there is a link.
    pub sisters: u32,
    /// How many it looks for.
    pub most: u32,
}

/// Why a link to a sister ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SisterEnd {
    /// The connection was lost, or the sister ended it.
    Lost,
    /// Nothing came from her for `silence_max`.
    Silent,
    /// More waited for her than fits.
    Slow,
    /// She said something that no sister says.
    Forbidden,
    /// There is another link to the same sister, which stays.
    Double,
    /// The program, or its manager, ended it.
    Closed,
}

impl SisterEnd {
    pub(crate) const fn label(self) -> &'static str {
        match self {
            Self::Lost => "lost",
            Self::Silent => "silent",
            Self::Slow => "slow",
            Self::Forbidden => "forbidden",
            Self::Double => "double",
            Self::Closed => "closed",
        }
    }
}

impl Sister {
    pub(crate) fn new(link: u64, node: NodeId, name: Option<&str>, queue: LinkQueue) -> Self {
        Self {
            link,
            node,
            name: name.map(Into::into),
            queue,
            ending: CancellationToken::new(),
            end: Mutex::new(None),
            meta: Mutex::new(None),
            taken: Mutex::default(),
        }
    }

    /// Returns which node, and which life of it, she is.
    #[must_use]
    pub const fn node(&self) -> NodeId {
        self.node
    }

    /// Returns the name of the client by which she was dialled, if we dialled.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// Returns how many sisters she has, if she said so.
    #[must_use]
    pub fn meta(&self) -> Option<SisterMeta> {
        self.meta.lock().map(|(meta, _)| meta)
    }

    /// Returns it if she said so after she was asked at this time.
    pub(crate) fn meta_since(&self, asked: Instant) -> Option<SisterMeta> {
        self.meta.lock().filter(|(_, said)| *said >= asked).map(|(meta, _)| meta)
    }

    /// Ends the link to her.
    pub fn close(&self) {
        self.end(SisterEnd::Closed);
    }

    pub(crate) fn note_meta(&self, meta: SisterMeta, now: Instant) {
        *self.meta.lock() = Some((meta, now));
    }

    /// Counts parcels that were taken from her.
    ///
    /// Returns how many they are by now, if it is time to tell her.
    pub(crate) fn count_taken(&self, parcels: u64, bytes: usize) -> Option<u64> {
        if parcels == 0 {
            return None;
        }
        let mut taken = self.taken.lock();
        taken.parcels += parcels;
        taken.untold_bytes += bytes;
        if taken.untold_bytes < TAKEN_EVERY {
            return None;
        }
        taken.untold_bytes = 0;
        Some(taken.parcels)
    }

    /// Ends the link; the first reason counts.
    pub(crate) fn end(&self, reason: SisterEnd) {
        self.end.lock().get_or_insert(reason);
        self.ending.cancel();
    }

    pub(crate) fn reason(&self) -> SisterEnd {
        self.end.lock().unwrap_or(SisterEnd::Lost)
    }
}

impl fmt::Debug for Sister {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sister")
            .field("node", &self.node)
            .field("name", &self.name)
            .field("waiting_bytes", &self.queue.bytes())
            .finish_non_exhaustive()
    }
}
