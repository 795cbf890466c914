//! The end of operations that somebody began: the copies that are missing.

use std::pin::pin;

use tokio::time::{Instant, timeout};

use super::delivery::{Delivery, contended};
use super::operation::Operation;
use crate::distributed::box_id::BoxId;
use crate::distributed::call_end;
use crate::distributed::entry_id::EntryId;
use crate::distributed::rows::{self, RowEntry};
use crate::distributed::shared::Shared;
use crate::{Error, ErrorKind, Result, Seq};

/// Writes the copies of entries that are missing.
///
/// Returns the sequence of each member's copy. `None` stands for a copy of which it is known that
/// its inbox does not take it. An error is
/// [`UnknownOutcome`](crate::ErrorKind::UnknownOutcome): some copies are missing still, and the
/// call may be repeated. A member whose copy was missing is in the conversation from then on.
pub(in crate::distributed) async fn spread(
    shared: &Shared,
    operations: &[Operation],
) -> Vec<Result<Vec<Option<Seq>>>> {
    complete(shared, operations, false).await
}

/// Does the same, and enters the rows that members lack, if it is told to.
///
/// Otherwise it enters rows only if a copy is missing. Who has left a group since its message was
/// sent is not in it again, unless their copy is written now.
pub(in crate::distributed) async fn complete(
    shared: &Shared,
    operations: &[Operation],
    with_rows: bool,
) -> Vec<Result<Vec<Option<Seq>>>> {
    let until = call_end::end(shared.config.timeout);
    let mut delivery = Delivery::default();
    for (at, operation) in operations.iter().enumerate() {
        delivery.add(at, operation, None);
    }
    let done = finish(shared, operations, &mut delivery, with_rows, until).await;
    let answer = |at: usize| match (delivery.sequences(at), &done) {
        // Without their rows, members would not find the conversation in their lists.
        (Some(sequences), Ok(Ok(()) | Err(_))) => Ok(sequences),
        (_, Err(error) | Ok(Err(error))) => Err(unknown(error)),
        (None, Ok(Ok(()))) => Err(unknown(&contended())),
    };
    (0..operations.len()).map(answer).collect()
}

/// Writes what is missing: fails if the rows are not there, else says whether all copies are.
async fn finish(
    shared: &Shared,
    operations: &[Operation],
    delivery: &mut Delivery,
    with_rows: bool,
    until: Instant,
) -> Result<Result<()>> {
    delivery.look(shared, operations, until).await?;
    let rows = rows_due(shared, operations, delivery, with_rows).await?;
    let copying = Box::pin(delivery.run(shared, operations, until));
    let (entered, copied) = enter_and_copy(shared, rows, copying).await;
    entered?;
    Ok(copied)
}

/// Returns the rows that are to be entered, once it is known which copies are there.
async fn rows_due(
    shared: &Shared,
    operations: &[Operation],
    delivery: &Delivery,
    with_rows: bool,
) -> Result<Vec<RowEntry>> {
    let (mut due, mut unsure) = (Vec::new(), Vec::new());
    for (at, operation) in operations.iter().enumerate() {
        let missing = delivery.missing(at);
        if !with_rows && !missing.contains(&true) {
            continue;
        }
        // The rows of those who get copies come first, in their order.
        for (index, row) in operation.rows().into_iter().enumerate() {
            let is_missing = missing.get(index).copied().unwrap_or_default();
            if is_missing { due.push(row) } else { unsure.push(row) }
        }
    }
    let id = |row: &RowEntry| EntryId::of_row(&row.member, &BoxId::history(&row.conversation));
    let ids: Vec<_> = unsure.iter().map(id).collect();
    if ids.is_empty() {
        return Ok(due);
    }
    let known = rows::find(&shared.database, &ids).await?;
    for (row, id) in unsure.into_iter().zip(&ids) {
        if !known.contains_key(id) {
            due.push(row);
        } else if row.read.is_some() {
            // The cursor of the sender rises, and nothing else.
            due.push(RowEntry { is_in: false, ..row });
        }
    }
    Ok(due)
}

/// Enters rows and writes copies, and says of each whether that succeeded.
///
/// The order matters: who reads a copy looks for its conversation, so a row that brings a member
/// into it comes before. Otherwise one does not wait for the other. Copies are written also if the
/// rows failed, and beside them when half of the time is over: rows that are refused, or that
/// nobody confirms, keep no message back.
pub(super) async fn enter_and_copy<T>(
    shared: &Shared,
    rows: Vec<RowEntry>,
    copying: impl Future<Output = T>,
) -> (Result<()>, T) {
    let due = rows::due(shared, rows);
    let bring_in = due.bring_in();
    let mut entering = pin!(due.write(shared));
    if bring_in {
        // At the end of the call no command would be begun any more.
        let ahead = call_end::left(shared.config.timeout) / 2;
        if let Ok(entered) = timeout(ahead, entering.as_mut()).await {
            return (entered, copying.await);
        }
    }
    tokio::join!(entering, copying)
}

/// The error of a call whose outcome is open.
///
/// Whoever answers a sender adds with which message id to repeat it.
pub(super) fn unknown(error: &Error) -> Error {
    let text = format!("it is unknown whether the message was stored ({error})");
    Error::with_source(ErrorKind::UnknownOutcome, text, error.clone())
}
