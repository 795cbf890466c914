//! What is read of a box before it changes: at majority, from the primary.

use mongodb::bson::{Document, RawDocumentBuf, doc};

use crate::distributed::box_id::{BoxId, Side};
use crate::distributed::documents::{EntryDoc, Head};
use crate::distributed::shared::Shared;
use crate::{Result, Seq};

/// Reads the head of a history and the entry at a place of it, as they are at one moment.
///
/// A claim is no entry.
pub(super) async fn head_and_entry(
    shared: &Shared,
    history: &BoxId,
    place: Seq,
) -> Result<(Head, Option<EntryDoc>)> {
    let filter = doc! { "id": history.as_str(), "seq": { "$in": [0_i64, place.to_i64()] } };
    let (mut head, mut entry) = (Head::default(), None);
    for document in find(shared, Side::History, Finding { limit: 2, ..Finding::one(filter) }).await? {
        if Head::is(&document) {
            head = Head::read(&document, history)?;
        } else {
            entry = Some(EntryDoc::read(&document, Side::History)?).filter(|entry| !entry.is_claim);
        }
    }
    Ok((head, entry))
}

/// The most bytes of entries that one read has, unless a single one has more.
///
/// An entry of a large group names all of its members.
const BYTES_MAX: usize = 8 * 1024 * 1024;

/// Reads the entries of a box behind a sequence and up to another one, oldest first, without their
/// texts.
///
/// Returns whether there may be more, beyond `limit` or beyond what one read has.
pub(super) async fn entries_without_texts(
    shared: &Shared,
    boxed: &BoxId,
    after: Seq,
    to: Seq,
    limit: u16,
) -> Result<(Vec<EntryDoc>, bool)> {
    let without = doc! { "message": 0, "digest": 0, "digest2": 0 };
    entries_without(shared, boxed, (after, to), limit, without).await
}

/// Does the same for all behind a sequence, without their records.
///
/// A record may be larger than a text.
pub(in crate::distributed) async fn entries_without_records(
    shared: &Shared,
    boxed: &BoxId,
    after: Seq,
    limit: u16,
) -> Result<Vec<EntryDoc>> {
    let without = doc! { "message": 0, "digest": 0, "digest2": 0, "members": 0, "seqs": 0, "change": 0 };
    Ok(entries_without(shared, boxed, (after, Seq::MAX), limit, without).await?.0)
}

async fn entries_without(
    shared: &Shared,
    boxed: &BoxId,
    (after, to): (Seq, Seq),
    limit: u16,
    without: Document,
) -> Result<(Vec<EntryDoc>, bool)> {
    let filter = doc! { "id": boxed.as_str(), "seq": { "$gt": after.to_i64(), "$lte": to.to_i64() } };
    let found = find(shared, boxed.side(), Finding { without, limit, ..Finding::one(filter) }).await?;
    let is_cut = found.len() >= usize::from(limit) || bytes_of(&found) >= BYTES_MAX;
    let entries = found.iter().map(|document| EntryDoc::read(document, boxed.side()));
    Ok((entries.collect::<Result<_>>()?, is_cut))
}

fn bytes_of(documents: &[RawDocumentBuf]) -> usize {
    documents.iter().map(|document| document.as_bytes().len()).sum()
}

/// Returns the first entry of a history above its floor that fits.
pub(super) async fn first_above(
    shared: &Shared,
    history: &BoxId,
    floor: Seq,
    fits: Document,
) -> Result<Option<EntryDoc>> {
    entry_above(shared, history, floor, fits, 1).await
}

/// Returns the last entry of a history above its floor that fits.
pub(super) async fn last_above(
    shared: &Shared,
    history: &BoxId,
    floor: Seq,
    fits: Document,
) -> Result<Option<EntryDoc>> {
    entry_above(shared, history, floor, fits, -1).await
}

async fn entry_above(
    shared: &Shared,
    history: &BoxId,
    floor: Seq,
    fits: Document,
    step: i32,
) -> Result<Option<EntryDoc>> {
    let mut filter = doc! { "id": history.as_str(), "seq": { "$gt": floor.to_i64() } };
    filter.extend(fits);
    let found = find(shared, Side::History, Finding { step, ..Finding::one(filter) }).await?;
    found.first().map(|document| EntryDoc::read(document, Side::History)).transpose()
}

/// What is looked for in one box, which each filter names.
struct Finding {
    filter: Document,
    /// The fields that are left out; all are read if it is empty.
    without: Document,
    /// 1 for the oldest first, -1 for the newest.
    step: i32,
    limit: u16,
}

impl Finding {
    fn one(filter: Document) -> Self {
        Self { filter, without: Document::new(), step: 1, limit: 1 }
    }
}

async fn find(shared: &Shared, side: Side, finding: Finding) -> Result<Vec<RawDocumentBuf>> {
    let Finding { filter, without, step, limit } = finding;
    let found = shared.database.call(move |collections| async move {
        let found = collections.entries_of(side).find(filter).projection(without).limit(limit.into());
        let mut cursor = found.sort(doc! { "id": step, "seq": step }).await?;
        let (mut documents, mut bytes) = (Vec::new(), 0);
        while bytes < BYTES_MAX && cursor.advance().await? {
            bytes += cursor.current().as_bytes().len();
            documents.push(cursor.current().to_owned());
        }
        Ok(documents)
    });
    found.await
}
