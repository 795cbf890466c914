//! Entries at places that never move, each on at most one list.

/// The place of an entry.
pub(crate) type SlabSlot = u32;

/// The name of a list.
pub(crate) type List = u16;

/// Where an entry is on which list; kept in the entry, so that lists allocate nothing.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Links {
    previous: SlabSlot,
    next: SlabSlot,
    list: List,
}

/// What a slab can hold.
pub(crate) trait Linked {
    fn links_mut(&mut self) -> &mut Links;
}

/// Entries in blocks, so that growing never copies them, and doubly linked lists through them.
#[derive(Debug)]
pub(crate) struct Slab<T> {
    blocks: Vec<Vec<Option<T>>>,
    free: Vec<SlabSlot>,
    lists: Box<[Ends]>,
}

#[derive(Debug, Clone, Copy)]
struct Ends {
    first: SlabSlot,
    last: SlabSlot,
}

impl Links {
    pub(crate) const LOOSE: Self = Self { previous: NOWHERE, next: NOWHERE, list: NO_LIST };
}

impl<T: Linked> Slab<T> {
    pub(crate) fn new(lists: List) -> Self {
        let ends = Ends { first: NOWHERE, last: NOWHERE };
        Self { blocks: Vec::new(), free: Vec::new(), lists: vec![ends; usize::from(lists)].into() }
    }

    pub(crate) fn insert(&mut self, entry: T) -> SlabSlot {
        // Free slots go first, so the slab never has more than were taken at once.
        if let Some(slot) = self.free.pop() {
            let (block, offset) = split(slot);
            self.blocks[block][offset] = Some(entry);
            return slot;
        }
        if self.blocks.last().is_none_or(|block| block.len() >= BLOCK) {
            self.blocks.push(Vec::with_capacity(BLOCK));
        }
        let number = self.blocks.len() - 1;
        let block = &mut self.blocks[number];
        block.push(Some(entry));
        let slot = number * BLOCK + block.len() - 1;
        SlabSlot::try_from(slot).expect("4 billion entries need more memory than there is")
    }

    /// Takes an entry out, off its list.
    pub(crate) fn remove(&mut self, slot: SlabSlot) -> T {
        self.unlink(slot);
        self.free.push(slot);
        let (block, offset) = split(slot);
        self.blocks[block][offset].take().expect("slots come from `insert` and are removed once")
    }

    /// Returns how many slots there are, taken or free.
    pub(crate) fn end(&self) -> SlabSlot {
        let last = self.blocks.last().map_or(0, Vec::len);
        let slots = self.blocks.len().saturating_sub(1) * BLOCK + last;
        SlabSlot::try_from(slots).expect("`insert` made sure")
    }

    /// Returns the entry at `slot`, if there is one.
    pub(crate) fn get(&self, slot: SlabSlot) -> Option<&T> {
        let (block, offset) = split(slot);
        self.blocks.get(block)?.get(offset)?.as_ref()
    }

    pub(crate) fn at(&self, slot: SlabSlot) -> &T {
        let (block, offset) = split(slot);
        self.blocks[block][offset].as_ref().expect("slots come from `insert`")
    }

    pub(crate) fn at_mut(&mut self, slot: SlabSlot) -> &mut T {
        let (block, offset) = split(slot);
        self.blocks[block][offset].as_mut().expect("slots come from `insert`")
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.blocks.iter_mut().flatten().flatten()
    }

    /// Puts an entry that is on no list at the end of one.
    pub(crate) fn push_back(&mut self, list: List, slot: SlabSlot) {
        let previous = self.lists[usize::from(list)].last;
        *self.at_mut(slot).links_mut() = Links { previous, next: NOWHERE, list };
        self.lists[usize::from(list)].last = slot;
        match previous {
            NOWHERE => self.lists[usize::from(list)].first = slot,
            previous => self.at_mut(previous).links_mut().next = slot,
        }
    }

    /// Returns the first entry of a list.
    pub(crate) fn first(&self, list: List) -> Option<SlabSlot> {
        let first = self.lists[usize::from(list)].first;
        (first != NOWHERE).then_some(first)
    }

    /// Takes the first entry off a list.
    pub(crate) fn pop_front(&mut self, list: List) -> Option<SlabSlot> {
        let first = self.first(list)?;
        self.unlink(first);
        Some(first)
    }

    /// Takes an entry off its list and returns which that was.
    pub(crate) fn unlink(&mut self, slot: SlabSlot) -> Option<List> {
        let Links { previous, next, list } = std::mem::replace(self.at_mut(slot).links_mut(), Links::LOOSE);
        if list == NO_LIST {
            return None;
        }
        match previous {
            NOWHERE => self.lists[usize::from(list)].first = next,
            previous => self.at_mut(previous).links_mut().next = next,
        }
        match next {
            NOWHERE => self.lists[usize::from(list)].last = previous,
            next => self.at_mut(next).links_mut().previous = previous,
        }
        Some(list)
    }
}

fn split(slot: SlabSlot) -> (usize, usize) {
    let slot = slot as usize;
    (slot / BLOCK, slot % BLOCK)
}

const NOWHERE: SlabSlot = SlabSlot::MAX;
const NO_LIST: List = List::MAX;
/// How many entries a block has: so many that there are few blocks, whose list stays in the nearest
/// cache. What of the last block was never used takes no memory.
const BLOCK: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    struct Item(u32, Links);

    impl Linked for Item {
        fn links_mut(&mut self) -> &mut Links {
            &mut self.1
        }
    }

    fn drain(slab: &mut Slab<Item>, list: List) -> Vec<u32> {
        let mut items = Vec::new();
        while let Some(slot) = slab.pop_front(list) {
            items.push(slab.at(slot).0);
        }
        items
    }

    #[test]
    fn lists_keep_their_order_whatever_is_taken_out() {
        let mut slab = Slab::new(2);
        let slots: Vec<_> = (0..200).map(|item| slab.insert(Item(item, Links::LOOSE))).collect();
        for (item, slot) in slots.iter().enumerate() {
            slab.push_back(u16::from(item % 2 == 1), *slot);
        }
        assert_eq!(slab.unlink(slots[0]), Some(0));
        assert_eq!(slab.unlink(slots[0]), None);
        assert_eq!(slab.remove(slots[198]).0, 198);
        assert_eq!(slab.remove(slots[100]).0, 100);
        slab.push_back(1, slots[0]);
        let even: Vec<_> = (2..198).filter(|item| item % 2 == 0 && *item != 100).collect();
        assert_eq!(drain(&mut slab, 0), even);
        let odd: Vec<_> = (0..200).filter(|item| item % 2 == 1).chain([0]).collect();
        assert_eq!(drain(&mut slab, 1), odd);
        assert_eq!((slab.pop_front(0), slab.pop_front(1)), (None, None));
    }

    #[test]
    fn freed_slots_are_used_again() {
        let mut slab = Slab::new(1);
        let slots: Vec<_> = (0..1025).map(|item| slab.insert(Item(item, Links::LOOSE))).collect();
        assert_eq!(slab.end(), 1025);
        slab.remove(slots[3]);
        assert!(slab.get(slots[3]).is_none());
        assert_eq!(slab.insert(Item(99, Links::LOOSE)), slots[3]);
        assert_eq!((slab.end(), slab.at(slots[3]).0), (1025, 99));
    }
}
