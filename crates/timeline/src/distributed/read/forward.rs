//! The entries after a sequence, in their order and without a gap.

use mongodb::bson::{RawDocument, doc};

use super::super::box_id::BoxId;
use super::super::documents::{EntryDoc, Head};
use super::super::shared::Shared;
use super::finds::{self, Source};
use super::gap::Gap;
use super::holes::MISSING_MAX;
use crate::page::PAGE_BYTES_MAX;
use crate::{Result, Seq, Tag};

/// The most entries that the first find of a page returns.
///
/// How large entries are is known only then. So many are still few when all are as large as can be,
/// and a page of the usual count needs no second find.
pub(super) const FIRST_MAX: usize = 128;

/// The entries after a sequence, as they come out of finds.
#[derive(Debug)]
pub(super) struct Forward {
    after: Seq,
    count: usize,
    pub(super) head: Head,
    /// The tag of the entry at `after`, if that is there and above the floor.
    pub(super) at_position: Option<Option<Tag>>,
    /// What the page has: contiguous from the first one after `after` and the floor.
    pub(super) entries: Vec<EntryDoc>,
    pub(super) end: Option<End>,
    /// What was found missing below another entry, ascending.
    pub(super) missing: Vec<Gap>,
    bytes: usize,
    /// The sequence that comes next.
    next: Seq,
}

/// Why there is nothing behind the entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// The page is full, and the next entry is there.
    Full,
    /// The box ends.
    Last,
    /// The next one is missing, and there are some behind it.
    Hole,
    /// The next place is claimed since this time, and reads as if nothing were there.
    Claim { seq: Seq, at_ms: u64 },
}

/// Reads up to `count` entries after a sequence, or as many as fit into a page.
pub(super) async fn read(
    shared: &Shared,
    boxed: &BoxId,
    after: Seq,
    count: usize,
    source: Source,
) -> Result<Forward> {
    let boxed = boxed.clone();
    let read = shared.database.call(move |collections| async move {
        let entries = source.entries(boxed.side(), &collections);
        let (mut page, mut filter) = (Forward::new(after, count), finds::head_and_from(&boxed, after));
        loop {
            let limit = page.limit();
            let mut find = entries.find(filter).sort(doc! { "seq": 1 });
            if let Some(fields) = finds::without_record(boxed.side()) {
                find = find.projection(fields);
            }
            // One batch: the server keeps no cursor, unless the entries are larger than any answer.
            let batch = u32::try_from(limit).unwrap_or(u32::MAX);
            let mut cursor = find.limit(i64::from(batch)).batch_size(batch).await?;
            let (mut found, mut goes_on) = (0, true);
            while goes_on && cursor.advance().await? {
                found += 1;
                goes_on = match page.take(cursor.current(), &boxed) {
                    Ok(goes_on) => goes_on,
                    Err(error) => return Ok(Err(error)),
                };
            }
            if goes_on && found < limit && page.end.is_none() {
                page.end = Some(End::Last);
            }
            if page.end.is_some() {
                return Ok(Ok(page));
            }
            filter = finds::from(&boxed, page.next);
        }
    });
    read.await?
}

impl Forward {
    pub(super) fn new(after: Seq, count: usize) -> Self {
        Self {
            after,
            count,
            head: Head::default(),
            at_position: None,
            entries: Vec::new(),
            end: None,
            missing: Vec::new(),
            bytes: 0,
            next: after.next(),
        }
    }

    /// Takes the next document of a find, and returns whether it wants another one of that find.
    ///
    /// They come in the order of their sequences, so the head comes first.
    fn take(&mut self, document: &RawDocument, boxed: &BoxId) -> Result<bool> {
        let seq = finds::seq_of(document);
        if seq == Seq::ZERO {
            self.head = Head::read(document, boxed)?;
            self.next = self.after.max(self.head.floor).next();
            // What is freed may still be there: the next find begins above it.
            return Ok(self.head.floor <= self.after);
        }
        if seq < self.next {
            if seq == self.after && seq > self.head.floor {
                self.at_position = Some(EntryDoc::read(document, boxed.side())?.entry.tag);
            }
            return Ok(true);
        }
        if seq > self.next {
            // The page ends here. What else the find has is looked at for further holes.
            self.end = Some(End::Hole);
            self.missing.extend(Gap::between(self.next, seq));
        }
        self.next = seq.next();
        if self.end.is_some() {
            return Ok(self.missing.len() < MISSING_MAX);
        }
        self.push(EntryDoc::read(document, boxed.side())?);
        Ok(self.end.is_none())
    }

    /// Adds the next entry, or notes why the page ends before it.
    fn push(&mut self, document: EntryDoc) {
        let bytes = document.entry.bytes();
        let has_bytes = !self.entries.is_empty() && self.bytes + bytes > PAGE_BYTES_MAX;
        if document.is_claim {
            self.end = Some(End::Claim { seq: document.seq, at_ms: document.entry.at_ms });
        } else if has_bytes || self.entries.len() == self.count {
            self.end = Some(End::Full);
        } else {
            self.bytes += bytes;
            self.entries.push(document);
        }
    }

    /// Returns how many documents the next find is to return.
    fn limit(&self) -> usize {
        // Beside what the page has: the head, the entry at the position, and the one behind it.
        limit_of_find(self.count, self.entries.len(), self.bytes) + 3
    }

    /// Returns the last sequence that a reader can reach now, if the page is not full.
    pub(super) fn reached(&self) -> Seq {
        let start = if self.at_position.is_some() { self.after } else { Seq::ZERO };
        let last = self.entries.last().map_or(Seq::ZERO, |last| last.seq);
        last.max(start).max(self.head.floor)
    }
}

/// Returns how many more entries fit into a page, as far as those that it has tell.
pub(super) fn limit_of_find(count: usize, entries: usize, bytes: usize) -> usize {
    let wanted = count.saturating_sub(entries);
    match bytes.checked_div(entries) {
        None => wanted.min(FIRST_MAX),
        Some(each) => wanted.min(PAGE_BYTES_MAX.saturating_sub(bytes) / each.max(1)),
    }
}

#[cfg(test)]
mod tests {
    use mongodb::bson::{Document, RawDocumentBuf};

    use super::super::super::entry_id::EntryId;
    use super::*;
    use crate::MemberId;

    fn seq(number: u64) -> Seq {
        Seq::new(number).unwrap()
    }

    fn inbox() -> BoxId {
        BoxId::inbox(&MemberId::new("b").unwrap())
    }

    fn head(floor: i64) -> Document {
        doc! { "_id": "head", "id": "b", "seq": 0_i64, "floor": floor }
    }

    fn entry(number: i64) -> Document {
        let key = EntryId::fresh(u64::try_from(number).unwrap());
        doc! { "_id": key.to_bson(), "id": "b", "seq": number, "at": number }
    }

    fn large(number: i64, bytes: usize) -> Document {
        let mut document = entry(number);
        document.insert("message", "x".repeat(bytes));
        document
    }

    /// Takes documents as one find returns them, and returns whether it wants more.
    fn take(page: &mut Forward, documents: impl IntoIterator<Item = Document>) -> bool {
        let raw = |document: Document| RawDocumentBuf::try_from(&document).unwrap();
        documents.into_iter().map(raw).all(|document| page.take(&document, &inbox()).unwrap())
    }

    fn sequences(page: &Forward) -> Vec<u64> {
        page.entries.iter().map(|entry| entry.seq.get()).collect()
    }

    #[test]
    fn a_page_is_full_when_the_next_entry_is_there() {
        let mut page = Forward::new(seq(4), 2);
        assert!(take(&mut page, [head(1), entry(4), entry(5), entry(6)]));
        assert!(page.end.is_none() && page.at_position.is_some());
        assert!(!take(&mut page, [entry(7)]));
        assert_eq!((sequences(&page), page.end), (vec![5, 6], Some(End::Full)));
    }

    #[test]
    fn a_page_ends_at_a_hole_and_notes_those_behind_it() {
        let mut page = Forward::new(Seq::ZERO, 100);
        assert!(take(&mut page, [entry(1), entry(2), entry(5), entry(6), entry(8)]));
        assert_eq!((sequences(&page), page.end), (vec![1, 2], Some(End::Hole)));
        let gap = |first, last| Gap { first: seq(first), last: seq(last) };
        assert_eq!(page.missing, [gap(3, 4), gap(7, 7)]);
        assert_eq!(page.reached(), seq(2));
        let mut far = Forward::new(Seq::ZERO, 100);
        assert!(take(&mut far, [entry(1), entry(1 << 40)]));
        assert_eq!(far.missing, [gap(2, (1 << 40) - 1)]);
    }

    #[test]
    fn what_is_freed_is_left_out() {
        let mut page = Forward::new(seq(2), 100);
        assert!(!take(&mut page, [head(5), entry(2)]), "the next find begins above the floor");
        assert!(take(&mut page, [entry(6), entry(7)]));
        assert_eq!((sequences(&page), page.at_position), (vec![6, 7], None));
        let mut freed = Forward::new(seq(5), 100);
        assert!(take(&mut freed, [head(5), entry(5)]));
        assert_eq!((freed.at_position, freed.reached()), (None, seq(5)), "it has no tag to compare");
    }

    #[test]
    fn a_claim_ends_a_page_and_is_no_hole() {
        let mut claim = entry(2);
        claim.insert("kind", 7);
        let mut page = Forward::new(Seq::ZERO, 100);
        assert!(!take(&mut page, [entry(1), claim]));
        assert_eq!((sequences(&page), page.missing.len()), (vec![1], 0));
        assert_eq!(page.end, Some(End::Claim { seq: seq(2), at_ms: 2 }));
    }

    #[test]
    fn a_page_ends_after_1_mib_but_has_one_entry() {
        let mut page = Forward::new(Seq::ZERO, 100);
        assert!(!take(&mut page, [large(1, PAGE_BYTES_MAX), entry(2)]));
        assert_eq!((sequences(&page), page.end), (vec![1], Some(End::Full)));
        let mut page = Forward::new(Seq::ZERO, 100);
        assert!(!take(&mut page, (1..=5).map(|number| large(number, PAGE_BYTES_MAX / 4))));
        assert_eq!(sequences(&page), [1, 2, 3], "their names and numbers count, too");
    }

    #[test]
    fn finds_return_what_fits_as_far_as_known() {
        assert_eq!(limit_of_find(100, 0, 0), 100);
        assert_eq!(limit_of_find(1_000, 0, 0), FIRST_MAX);
        assert_eq!(limit_of_find(1_000, 128, 128 * 300), 872);
        assert_eq!(limit_of_find(1_000, 8, 8 * 64 * 1024), 8);
        assert_eq!(limit_of_find(1_000, 1, 2 * PAGE_BYTES_MAX), 0);
    }
}
