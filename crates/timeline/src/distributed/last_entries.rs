//! The last entries of boxes, past documents that nobody reads.

use mongodb::bson::{Document, RawDocumentBuf, doc};

use super::fields::{number, text};

/// Returns the last entry of each of these boxes that has one.
///
/// `last_of` finds the last document of each box, for documents that match a filter; it gives the
/// box as `_id`, and `seq`.
pub(super) async fn last_entries<F, E>(
    ids: &[String],
    last_of: impl Fn(Document) -> F,
) -> Result<Vec<RawDocumentBuf>, E>
where
    F: Future<Output = Result<Vec<RawDocumentBuf>, E>>,
{
    let found = last_of(doc! { "id": { "$in": ids } }).await?;
    let (odd, mut last): (Vec<_>, Vec<_>) =
        found.into_iter().partition(|found| number(found, "seq").is_none());
    if odd.is_empty() {
        return Ok(last);
    }
    // A document without a sequence is found where there is no other, and one with a text as the
    // last of all. Nobody reads either. To ask for numbers alone from the first might look at more.
    let ids: Vec<_> = odd.iter().filter_map(|odd| text(odd, "_id").map(str::to_owned)).collect();
    last.extend(last_of(doc! { "id": { "$in": ids }, "seq": { "$gte": 0_i64 } }).await?);
    Ok(last)
}
