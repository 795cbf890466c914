//! Single documents of a box.

use mongodb::bson::doc;
use mongodb::error::Result as DriverResult;

use super::super::box_id::{BoxId, Side};
use super::super::database::Collections;
use super::super::documents::{EntryDoc, Head};
use super::super::shared::Shared;
use super::finds::{self, Source};
use crate::{Error, Result, Seq};

/// Returns the head of a box as the primary has it; all is 0 if there is none.
pub(in crate::distributed) async fn head(shared: &Shared, boxed: &BoxId) -> Result<Head> {
    let boxed = boxed.clone();
    let read = shared
        .database
        .call(move |collections| async move { find_head(&collections, &boxed, Source::Primary).await });
    read.await?
}

/// Returns the entry at a sequence as the primary has it, whatever it is.
///
/// It may lie below the floor.
pub(in crate::distributed) async fn entry(
    shared: &Shared,
    side: Side,
    boxed: &BoxId,
    sequence: Seq,
) -> Result<Option<EntryDoc>> {
    let filter = doc! { "id": boxed.as_str(), "seq": sequence.to_i64() };
    let read = shared.database.call(move |collections| async move {
        let mut cursor = Source::Primary.entries(side, &collections).find(filter).limit(-1).await?;
        let is_there = cursor.advance().await?;
        Ok(if is_there { EntryDoc::read(cursor.current(), side).map(Some) } else { Ok(None) })
    });
    read.await?
}

/// Returns the highest sequence of an entry that the primary has; 0 if there is none.
///
/// There may be a hole below it.
pub(super) async fn newest(shared: &Shared, boxed: &BoxId) -> Result<Seq> {
    let boxed = boxed.clone();
    let read = shared
        .database
        .call(move |collections| async move { find_newest(&collections, &boxed, Source::Primary).await });
    read.await
}

/// Returns the head of a box, and the highest sequence of an entry, 0 if there is none.
pub(super) async fn ends(shared: &Shared, boxed: &BoxId, source: Source) -> Result<(Head, Seq)> {
    let boxed = boxed.clone();
    let read = shared.database.call(move |collections| async move {
        let newest = find_newest(&collections, &boxed, source).await?;
        // The order matters: a floor that is read later is no lower than what was removed.
        let head = find_head(&collections, &boxed, source).await?;
        Ok(head.map(|head| (head, newest)))
    });
    read.await?
}

/// Checks that a sequence is not beyond the end of an inbox, and returns the head of that.
///
/// # Errors
///
/// [`InvalidInput`](crate::ErrorKind::InvalidInput) in the field `sequence` if it is.
pub(in crate::distributed) async fn check_reaches(
    shared: &Shared,
    inbox: &BoxId,
    sequence: Seq,
) -> Result<Head> {
    let boxed = inbox.clone();
    let read = shared.database.call(move |collections| async move {
        let entries = Source::Primary.entries(boxed.side(), &collections);
        let filter = doc! { "id": boxed.as_str(), "seq": { "$in": [0_i64, sequence.to_i64()] } };
        let mut cursor = entries.find(filter).projection(doc! { "message": 0 }).await?;
        let (mut head, mut is_there) = (Head::default(), sequence == Seq::ZERO);
        while cursor.advance().await? {
            let document = cursor.current();
            if !Head::is(document) {
                is_there = true;
                continue;
            }
            head = match Head::read(document, &boxed) {
                Ok(head) => head,
                Err(error) => return Ok(Err(error)),
            };
        }
        Ok(Ok((head, is_there)))
    });
    let (head, is_there) = read.await??;
    let mut top = head.top.max(head.floor);
    if is_there || sequence <= top {
        return Ok(head);
    }
    // There may be a hole at the sequence, and entries behind it.
    top = top.max(newest(shared, inbox).await?);
    if sequence > top {
        let text = format!("{sequence} is beyond the latest entry of the inbox, which is {top}");
        return Err(Error::invalid(text).in_field("sequence"));
    }
    Ok(head)
}

async fn find_head(collections: &Collections, boxed: &BoxId, source: Source) -> DriverResult<Result<Head>> {
    let entries = source.entries(boxed.side(), collections);
    let mut cursor = entries.find(Head::filter(boxed)).limit(-1).await?;
    let is_there = cursor.advance().await?;
    Ok(if is_there { Head::read(cursor.current(), boxed) } else { Ok(Head::default()) })
}

/// The index alone answers this.
async fn find_newest(collections: &Collections, boxed: &BoxId, source: Source) -> DriverResult<Seq> {
    let entries = source.entries(boxed.side(), collections);
    let find = entries.find(finds::from(boxed, Seq::ZERO)).sort(doc! { "seq": -1 });
    let mut cursor = find.projection(doc! { "_id": 0, "seq": 1 }).limit(-1).await?;
    let is_there = cursor.advance().await?;
    Ok(if is_there { finds::seq_of(cursor.current()) } else { Seq::ZERO })
}
