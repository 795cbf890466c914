//! Finds entries by a short tag of their hash.

use hashbrown::HashTable;

use super::slab::SlabSlot;

/// From tags to slots. A tag tells nearly all other names apart before their entry, far away in
/// memory, is touched.
#[derive(Debug, Default)]
pub(crate) struct Index(HashTable<TaggedSlot>);

#[derive(Debug)]
struct TaggedSlot {
    tag: u32,
    slot: SlabSlot,
}

impl Index {
    /// Returns an entry with this tag of which `is_it` is true.
    #[inline]
    pub(crate) fn find(&self, tag: u32, is_it: impl Fn(SlabSlot) -> bool) -> Option<SlabSlot> {
        let found = self.0.find(hash_of(tag), |tagged| tagged.tag == tag && is_it(tagged.slot));
        found.map(|tagged| tagged.slot)
    }

    pub(crate) fn insert(&mut self, tag: u32, slot: SlabSlot) {
        self.0.insert_unique(hash_of(tag), TaggedSlot { tag, slot }, |tagged| hash_of(tagged.tag));
    }

    pub(crate) fn remove(&mut self, tag: u32, slot: SlabSlot) {
        if let Ok(found) = self.0.find_entry(hash_of(tag), |tagged| tagged.slot == slot) {
            found.remove();
        }
    }
}

/// Spreads a tag over the bits that the table uses, so that it can grow without a look at the
/// entries.
fn hash_of(tag: u32) -> u64 {
    // The number is 2^64 divided by the golden ratio, which keeps neighbouring tags far apart.
    u64::from(tag).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}
