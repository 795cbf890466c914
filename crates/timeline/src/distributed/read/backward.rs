//! The entries of a history before a sequence, without a gap.
//!
//! They are read from the last one down.
//!
//! The page of the newest entries begins below the first hole that it meets: readers who come from
//! below cannot reach what is above that either. It says what it lacks, and its reader waits for
//! that. A page before a sequence ends at a hole, and has nothing if the hole is next to the
//! sequence: its reader has what comes after the hole.

use mongodb::bson::{RawDocument, doc};

use super::super::box_id::BoxId;
use super::super::documents::{EntryDoc, Head};
use super::super::shared::Shared;
use super::finds::{self, Source};
use super::forward::limit_of_find;
use super::gap::Gap;
use super::holes::MISSING_MAX;
use crate::page::PAGE_BYTES_MAX;
use crate::{Result, Seq};

/// The entries before a sequence, as they come out of finds.
#[derive(Debug)]
pub(super) struct Backward {
    /// The page has what is before this one; 0 for the newest.
    before: Seq,
    count: usize,
    pub(super) head: Head,
    /// What the page has: contiguous, and descending.
    pub(super) entries: Vec<EntryDoc>,
    /// What was found missing below another entry, ascending.
    pub(super) missing: Vec<Gap>,
    /// A claim that was met, and since when it is there.
    pub(super) claim: Option<(Seq, u64)>,
    bytes: usize,
    /// The first document that was met, which is the newest of all if the page has the newest.
    newest: Seq,
    /// The sequence that comes next, if there was one above it.
    next: Option<Seq>,
    is_over: bool,
}

/// Reads up to `count` entries before a sequence, or as many as fit into a page.
pub(super) async fn read(
    shared: &Shared,
    boxed: &BoxId,
    before: Seq,
    count: usize,
    source: Source,
) -> Result<Backward> {
    let boxed = boxed.clone();
    let read = shared.database.call(move |collections| async move {
        let entries = source.entries(boxed.side(), &collections);
        let mut page = Backward::new(before, count);
        // It would come last, after entries that are none of the page's business.
        let mut head = entries.find(Head::filter(&boxed)).limit(-1).await?;
        if head.advance().await?
            && let Err(error) = page.take_head(head.current(), &boxed)
        {
            return Ok(Err(error));
        }
        let mut last = if before == Seq::ZERO { Seq::MAX } else { before };
        loop {
            let limit = page.limit();
            let filter = finds::between(&boxed, page.head.floor, last);
            let mut find = entries.find(filter).sort(doc! { "seq": -1 });
            if let Some(fields) = finds::without_record(boxed.side()) {
                find = find.projection(fields);
            }
            let batch = u32::try_from(limit).unwrap_or(u32::MAX);
            let mut cursor = find.limit(i64::from(batch)).batch_size(batch).await?;
            let mut found = 0;
            while !page.is_over && cursor.advance().await? {
                found += 1;
                last = finds::before(finds::seq_of(cursor.current()));
                if let Err(error) = page.take(cursor.current(), &boxed) {
                    return Ok(Err(error));
                }
            }
            if !page.is_over && found < limit {
                page.end();
            }
            if page.is_over {
                return Ok(Ok(page));
            }
        }
    });
    read.await?
}

impl Backward {
    fn new(before: Seq, count: usize) -> Self {
        Self {
            before,
            count,
            head: Head::default(),
            entries: Vec::new(),
            missing: Vec::new(),
            claim: None,
            bytes: 0,
            newest: Seq::ZERO,
            next: None,
            is_over: false,
        }
    }

    fn take_head(&mut self, document: &RawDocument, boxed: &BoxId) -> Result<()> {
        self.head = Head::read(document, boxed)?;
        Ok(())
    }

    /// Takes the next document of a find; they come in the opposite order of their sequences.
    fn take(&mut self, document: &RawDocument, boxed: &BoxId) -> Result<()> {
        let seq = finds::seq_of(document);
        self.meet_gap_above(seq);
        if self.is_over {
            return Ok(());
        }
        self.next = Some(finds::before(seq));
        self.newest = self.newest.max(seq);
        if seq != self.before {
            self.push(EntryDoc::read(document, boxed.side())?);
        }
        Ok(())
    }

    /// Notes that the history ends here.
    fn end(&mut self) {
        self.meet_gap_above(self.head.floor);
        self.is_over = true;
    }

    /// Notes what is missing between the last document and the one at `seq`.
    fn meet_gap_above(&mut self, seq: Seq) {
        let Some(next) = self.next.filter(|next| *next > seq) else { return };
        // The lowest are closed first: readers wait for those.
        self.missing.truncate(MISSING_MAX - 1);
        let gap = Gap::between(seq.next(), next.next());
        self.missing.splice(..0, gap).for_each(drop);
        self.begin_below();
    }

    /// Notes that what comes next is not contiguous with what the page has.
    fn begin_below(&mut self) {
        if self.before > Seq::ZERO {
            self.is_over = true;
        } else {
            self.entries.clear();
            self.bytes = 0;
        }
    }

    fn push(&mut self, document: EntryDoc) {
        let bytes = document.entry.bytes();
        if document.is_claim {
            self.claim = Some((document.seq, document.entry.at_ms));
            self.begin_below();
        } else if self.entries.len() == self.count
            || (!self.entries.is_empty() && self.bytes + bytes > PAGE_BYTES_MAX)
        {
            self.is_over = true;
        } else {
            self.bytes += bytes;
            self.entries.push(document);
        }
    }

    /// Returns what is there and cannot be in the page, as something is missing; 0 if nothing is.
    ///
    /// Of the newest page it is the newest entry; one before a sequence has nothing then.
    pub(super) fn lacks(&self) -> Seq {
        if self.missing.is_empty() {
            Seq::ZERO
        } else if self.before == Seq::ZERO {
            self.newest
        } else if self.entries.is_empty() {
            finds::before(self.before)
        } else {
            Seq::ZERO
        }
    }

    /// Whether what is next to the sequence was not met, so that nothing says what lies between.
    ///
    /// The primary has nothing there then. A secondary may be so far behind.
    pub(super) fn ends_before(&self) -> bool {
        self.newest.max(self.head.floor) < finds::before(self.before)
    }

    /// Returns how many documents the next find is to return.
    fn limit(&self) -> usize {
        // Beside what the page has: the entry at `before`, and the one behind it.
        limit_of_find(self.count, self.entries.len(), self.bytes) + 2
    }
}

#[cfg(test)]
mod tests {
    use mongodb::bson::{Document, RawDocumentBuf};

    use super::super::super::entry_id::EntryId;
    use super::*;
    use crate::{Conversation, GroupName};

    fn seq(number: u64) -> Seq {
        Seq::new(number).unwrap()
    }

    fn history() -> BoxId {
        BoxId::history(&Conversation::group(GroupName::new("g").unwrap()))
    }

    fn raw(document: &Document) -> RawDocumentBuf {
        RawDocumentBuf::try_from(document).unwrap()
    }

    fn entry(number: i64) -> Document {
        let key = EntryId::fresh(u64::try_from(number).unwrap());
        doc! { "_id": key.to_bson(), "id": "seq:group:g", "seq": number, "at": number }
    }

    /// The page of these documents, which are all that the history has above the floor.
    fn page(before: u64, count: usize, floor: i64, numbers: &[i64]) -> Backward {
        let mut page = Backward::new(seq(before), count);
        let head = doc! { "_id": "head", "id": "seq:group:g", "seq": 0_i64, "floor": floor };
        page.take_head(&raw(&head), &history()).unwrap();
        for number in numbers {
            if !page.is_over {
                page.take(&raw(&entry(*number)), &history()).unwrap();
            }
        }
        if !page.is_over {
            page.end();
        }
        page
    }

    fn seen(page: &Backward) -> (Vec<u64>, Vec<u64>) {
        let sequences = page.entries.iter().map(|entry| entry.seq.get()).collect();
        let missing = page.missing.iter().flat_map(|gap| gap.each());
        (sequences, missing.map(Seq::get).collect())
    }

    #[test]
    fn pages_descend_from_the_newest_or_from_before_a_sequence() {
        assert_eq!(seen(&page(0, 2, 0, &[3, 2, 1])), (vec![3, 2], vec![]));
        assert_eq!(seen(&page(3, 9, 0, &[3, 2, 1])), (vec![2, 1], vec![]));
        assert_eq!(seen(&page(9, 9, 1, &[3, 2])), (vec![3, 2], vec![]), "9 is beyond the end");
        assert_eq!(seen(&page(1, 9, 0, &[1])), (vec![], vec![]));
        assert_eq!(seen(&page(0, 9, 3, &[])), (vec![], vec![]));
    }

    #[test]
    fn the_newest_begin_below_a_hole() {
        assert_eq!(seen(&page(0, 9, 0, &[7, 6, 4, 3, 2, 1])), (vec![4, 3, 2, 1], vec![5]));
        assert_eq!(seen(&page(0, 2, 0, &[9, 6, 5, 2, 1])), (vec![2, 1], vec![3, 4, 7, 8]));
        assert_eq!(seen(&page(0, 2, 0, &[7, 6, 5, 3])), (vec![7, 6], vec![]), "not among what it reads");
        assert_eq!(seen(&page(0, 9, 1, &[4, 3])), (vec![], vec![2]), "above the floor there are none");
        assert_eq!(page(0, 9, 1, &[4, 3]).lacks(), seq(4));
        assert_eq!(page(0, 9, 1, &[4, 3, 2]).lacks(), Seq::ZERO);
    }

    #[test]
    fn a_page_before_a_sequence_ends_above_a_hole() {
        let ended = page(8, 9, 0, &[8, 7, 5, 4]);
        assert_eq!((seen(&ended), ended.lacks()), ((vec![7], vec![6]), Seq::ZERO));
        let waiting = page(8, 9, 0, &[8, 6, 5]);
        assert_eq!((seen(&waiting), waiting.lacks()), ((vec![], vec![7]), seq(7)));
        let at_a_hole = page(8, 9, 4, &[7, 6, 5]);
        assert_eq!((seen(&at_a_hole), at_a_hole.lacks()), ((vec![7, 6, 5], vec![]), Seq::ZERO));
    }

    #[test]
    fn a_page_before_a_sequence_is_known_to_be_whole_if_what_is_next_to_it_was_met() {
        let ends_before = |before, floor, numbers: &[i64]| page(before, 9, floor, numbers).ends_before();
        assert!(ends_before(9, 0, &[3, 2, 1]) && ends_before(9, 0, &[]) && ends_before(9, 7, &[]));
        assert!(!ends_before(9, 0, &[8, 7]) && !ends_before(9, 0, &[9, 7]), "a hole is met as one");
        assert!(!ends_before(9, 8, &[]) && !ends_before(9, 20, &[]), "all before it is gone");
        assert!(!ends_before(1, 0, &[]) && !ends_before(0, 0, &[]), "there is nothing before these");
    }

    #[test]
    fn the_newest_begin_below_a_claim() {
        let mut page = Backward::new(Seq::ZERO, 9);
        let mut claim = entry(2);
        claim.insert("kind", 7);
        for document in [entry(3), claim, entry(1)] {
            page.take(&raw(&document), &history()).unwrap();
        }
        page.end();
        assert_eq!((seen(&page), page.claim), ((vec![1], vec![]), Some((seq(2), 2))));
    }
}
