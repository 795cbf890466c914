//! What a salvage keeps in memory of the old store.

use std::collections::{HashMap, HashSet};

use super::super::records::{BodyKey, Extent};
use super::super::{keys, records};
use crate::{EntryKind, MemberId, Seq};

/// What a salvage keeps in memory of the old store.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Where boxes begin and end, as far as that is known.
    extents: HashMap<Vec<u8>, Extent>,
    /// The highest places of boxes that others name.
    // These are rows, the index, cursors, and lists of copies.
    reached: HashMap<Vec<u8>, Seq>,
    /// The keys of the index of what is no message.
    pub(super) non_messages: HashSet<Vec<u8>>,
    /// What became of messages, by what the keys of their histories begin with.
    told: HashMap<Vec<u8>, HashMap<Seq, Told>>,
    /// The shared texts that entries have.
    pub(super) bodies: HashSet<BodyKey>,
}

/// The last change of a message, as the entry tells that was written with it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Told {
    pub(super) kind: EntryKind,
    /// The place of that entry.
    pub(super) at: Seq,
}

impl Found {
    /// Notes a record of the state; returns whether it is to be copied.
    pub(super) fn note(&mut self, key: &[u8], record: &[u8]) -> bool {
        match key.split_first() {
            Some((b'b', prefix)) => {
                if let Ok(Extent { floor, top, last_ms }) = records::decode_extent(record) {
                    let known = self.extents.entry(prefix.to_vec()).or_default();
                    let (floor, top) = (known.floor.max(floor), known.top.max(top));
                    *known = Extent { floor, top, last_ms };
                }
                // Every box gets a new one.
                false
            }
            Some((b'd' | b'f', prefix)) => {
                if let Ok(left) = records::decode_extent(record) {
                    self.removed(prefix, left.top);
                }
                // It is not copied at all, so nothing is left to do of it.
                false
            }
            Some((b'e', place_key)) => {
                let place = keys::prefix_of(place_key).zip(keys::sequence_of(place_key).ok());
                let Some((prefix, place)) = place else { return false };
                self.reach(prefix, place);
                self.non_messages.insert(key.to_vec());
                true
            }
            Some((b'k', _)) => {
                let row = keys::history_of_row(key).and_then(|_| records::decode_row(record));
                let Ok(row) = row else { return false };
                self.reach(keys::history_in_row(key), row.read.max(row.joined).max(row.cleared));
                true
            }
            Some((b'r', id)) => {
                if let (Ok(id), Ok(received)) = (std::str::from_utf8(id), records::decode_sequence(record)) {
                    self.reach(&keys::inbox(&MemberId::from_stored(id)), received);
                }
                true
            }
            Some(_) | None => false,
        }
    }

    /// Notes that something names a place of a box, which is not given out again.
    pub(super) fn reach(&mut self, prefix: &[u8], place: Seq) {
        let reached = self.reached.entry(prefix.to_vec()).or_default();
        *reached = (*reached).max(place);
    }

    /// Notes that the entries up to this one were removed.
    pub(super) fn removed(&mut self, prefix: &[u8], last: Seq) {
        let extent = self.extents.entry(prefix.to_vec()).or_default();
        extent.floor = extent.floor.max(last);
        extent.top = extent.top.max(last);
    }

    /// Notes what an entry of a history tells of another one.
    pub(super) fn tells(&mut self, prefix: &[u8], target: Seq, told: Told) {
        // The entries come in their order, so the last one stays.
        self.told.entry(prefix.to_vec()).or_default().insert(target, told);
    }

    /// Returns the last change of a message that its record, which knows of one told at `known`,
    /// does not have.
    pub(super) fn missed(&self, prefix: &[u8], place: Seq, known: Seq) -> Option<Told> {
        let told = self.told.get(prefix)?.get(&place)?;
        (told.at > known).then_some(*told)
    }

    /// Takes where a box began and ended; `None` if nobody knows. Its top is the highest that was
    /// ever named.
    pub(super) fn take_extent(&mut self, prefix: &[u8]) -> (Option<Extent>, Seq) {
        let reached = self.reached.remove(prefix).unwrap_or_default();
        let extent = self.extents.remove(prefix);
        (extent, extent.map_or(reached, |extent| extent.top.max(reached)))
    }

    /// Takes the boxes that are left: where they began and ended.
    pub(super) fn take_rest(&mut self) -> Vec<(Vec<u8>, Extent)> {
        let mut rest = std::mem::take(&mut self.extents);
        for (prefix, reached) in std::mem::take(&mut self.reached) {
            let extent = rest.entry(prefix).or_insert_with(|| Extent { floor: reached, ..Extent::default() });
            extent.top = extent.top.max(reached);
        }
        rest.into_iter().collect()
    }
}
