//! Where in a listing a page begins.
//!
//! This module is pure.

use presence_core::rooms::{Member, MemberPage};
use presence_core::{Cursor, Id};
use xxhash_rust::xxh3::xxh3_64;

/// A shard in one epoch of its data, as a cursor names it: in another epoch the order of a listing
/// is another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ShardListing {
    pub(super) shard: usize,
    epoch_tag: u32,
}

impl ShardListing {
    pub(super) fn new(shard: usize, epoch: &str) -> Self {
        Self { shard, epoch_tag: (xxh3_64(epoch.as_bytes()) >> 40) as u32 }
    }

    /// The shard that a cursor is in.
    pub(super) fn shard_of(cursor: Cursor) -> usize {
        (cursor.shard() & SHARD) as usize
    }

    /// Where a cursor stands in this epoch of its shard: at its beginning, if it was made in
    /// another one.
    pub(super) fn resume(self, cursor: Cursor) -> ShardCursor {
        if cursor.shard() >> SHARD_BITS == self.epoch_tag {
            ShardCursor::unpack(cursor.offset())
        } else {
            ShardCursor::default()
        }
    }

    pub(super) fn cursor(self, at: ShardCursor) -> Cursor {
        let shard = u32::try_from(self.shard).unwrap_or(SHARD) & SHARD;
        Cursor::new(self.epoch_tag << SHARD_BITS | shard, at.pack())
    }
}

/// Enough for 32 shards; the rest of a cursor's first number tells the epoch.
const SHARD_BITS: u32 = 8;
const SHARD: u32 = (1 << SHARD_BITS) - 1;

/// Where in the listing of a shard a page begins: at a cursor of Redis, after the ids whose hash is
/// at most `after`.
///
/// Redis gives as many as it likes at one cursor. What does not fit into a page is read again for
/// the next one, and the order of hashes tells what was in the page before, whoever came and went
/// since.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct ShardCursor {
    pub(super) cursor: u64,
    pub(super) after: u32,
}

impl ShardCursor {
    /// Redis's cursors have as many bits as its table has buckets in binary: never more than 32 in
    /// one shard.
    fn pack(self) -> u64 {
        self.cursor << 32 | u64::from(self.after)
    }

    #[expect(clippy::cast_possible_truncation, reason = "the lower half is what is wanted")]
    fn unpack(offset: u64) -> Self {
        Self { cursor: offset >> 32, after: (offset & u64::from(u32::MAX)) as u32 }
    }

    /// How many to ask Redis for to fill a page, if it has not enough already.
    ///
    /// Fewer than fit, as it often gives more, and what does not fit is read again. That is read in
    /// the smallest steps: a larger one would go beyond what was read before, where the order of
    /// hashes tells nothing.
    pub(super) fn count<T: Listed>(self, page: &[T], limit: usize) -> Option<usize> {
        let (filled, used) = (page.len(), bytes(page));
        if filled > limit * 3 / 4 || filled >= limit || used > T::ROOM * 3 / 4 {
            return None;
        }
        // The rest is taken to be like those that are there, and the first for the largest.
        let each = used.checked_div(filled).unwrap_or(T::LARGEST).max(1);
        let fit = (limit - filled).min((T::ROOM - used) / each);
        Some(if self.after == 0 { (fit * 3 / 4).clamp(1, AT_ONCE) } else { 1 })
    }

    /// Adds what fits; if that is not all, says up to which hash it was.
    pub(super) fn fill<T: Listed>(self, found: Vec<T>, limit: usize, page: &mut Vec<T>) -> Option<u32> {
        let hash = |item: &T| ((xxh3_64(item.name()) >> 32) as u32).max(1);
        let mut found: Vec<_> = found.into_iter().map(|item| (hash(&item), item)).collect();
        found.retain(|(hash, _)| *hash > self.after);
        found.sort_unstable_by_key(|(hash, _)| *hash);
        let mut room = T::ROOM.saturating_sub(bytes(page));
        let in_room =
            |(_, item): &&(u32, T)| room.checked_sub(item.page_bytes()).map(|rest| room = rest).is_some();
        let mut fits = found.iter().take(limit - page.len()).take_while(in_room).count();
        // Those of one hash stay together, so that none is left out. If a page is too small for
        // them it is as large as it has to be.
        while fits > 0 && fits < found.len() && found[fits - 1].0 == found[fits].0 {
            fits -= 1;
        }
        if fits == 0 && page.is_empty() {
            fits = found.iter().take_while(|(hash, _)| *hash == found[0].0).count();
        }
        let last = fits.checked_sub(1).map_or(self.after, |last| found[last].0);
        let all = fits == found.len();
        page.extend(found.into_iter().take(fits).map(|(_, item)| item));
        (!all).then_some(last)
    }
}

/// How many are asked for at once.
const AT_ONCE: usize = 500;

/// What pages have.
pub(super) trait Listed {
    /// The most bytes of a page.
    const ROOM: usize;

    /// What the largest one takes of them.
    const LARGEST: usize;

    /// What gives it its place in a listing.
    fn name(&self) -> &[u8];

    /// What it takes of the bytes of a page.
    fn page_bytes(&self) -> usize;
}

/// Ids are short, so that their number bounds a page.
impl Listed for Id {
    const ROOM: usize = usize::MAX / 4;
    const LARGEST: usize = Self::BYTES_MAX;

    fn name(&self) -> &[u8] {
        self.as_bytes()
    }

    fn page_bytes(&self) -> usize {
        self.as_bytes().len()
    }
}

impl Listed for Member {
    const ROOM: usize = MemberPage::BYTES_MAX;
    const LARGEST: usize = Self::PAGE_BYTES_MAX;

    fn name(&self) -> &[u8] {
        self.id.as_bytes()
    }

    fn page_bytes(&self) -> usize {
        Self::page_bytes(self)
    }
}

fn bytes<T: Listed>(page: &[T]) -> usize {
    page.iter().map(Listed::page_bytes).sum()
}
