//! The end of operations that somebody began: the copies that are missing.

use mongo_link::Backoff;
use tokio::time::{Instant, sleep};

use super::delivery::{Delivery, WAIT_FIRST, WAIT_MAX, contended};
use super::operation::Operation;
use crate::distributed::rows;
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

/// Does the same, and enters the rows of all members if it is told to.
///
/// Otherwise it enters them only if a copy is missing: who has left a group since its message was
/// sent is not in it again.
pub(in crate::distributed) async fn complete(
    shared: &Shared,
    operations: &[Operation],
    with_rows: bool,
) -> Vec<Result<Vec<Option<Seq>>>> {
    let until = Instant::now() + shared.config.timeout;
    let mut delivery = Delivery::default();
    for (at, operation) in operations.iter().enumerate() {
        delivery.add(at, operation, None);
    }
    let looked = delivery.look(shared, operations, until).await;
    let missing = |at: &usize| with_rows || delivery.sequences(*at).is_none();
    let concerned: Vec<_> = (0..operations.len()).filter(missing).collect();
    let done = match looked {
        Ok(()) => {
            let entered = enter_rows(shared, operations, &concerned, until);
            let (copied, entered) = tokio::join!(delivery.run(shared, operations, until), entered);
            // Without their rows, members would not find the conversation in their lists.
            match entered {
                Ok(()) => copied,
                Err(error) => return operations.iter().map(|_| Err(unknown(&error))).collect(),
            }
        }
        Err(error) => Err(error),
    };
    let answer = |at: usize| match (delivery.sequences(at), &done) {
        (Some(sequences), _) => Ok(sequences),
        (None, Err(error)) => Err(unknown(error)),
        (None, Ok(())) => Err(unknown(&contended())),
    };
    (0..operations.len()).map(answer).collect()
}

/// Enters the rows of operations, again and again until that is done or time is up.
async fn enter_rows(
    shared: &Shared,
    operations: &[Operation],
    concerned: &[usize],
    until: Instant,
) -> Result<()> {
    let mut backoff = Backoff::new(WAIT_FIRST, WAIT_MAX);
    loop {
        let rows: Vec<_> = concerned.iter().flat_map(|at| operations[*at].rows()).collect();
        if rows.is_empty() {
            return Ok(());
        }
        let Err(error) = rows::enter(shared, rows).await else { return Ok(()) };
        let wait = backoff.failed();
        if Instant::now() + wait >= until {
            return Err(error);
        }
        sleep(wait).await;
    }
}

/// The error of a call whose outcome is open.
pub(super) fn unknown(error: &Error) -> Error {
    let text =
        format!("it is unknown whether the message was stored ({error}); repeat it with its message id");
    Error::with_source(ErrorKind::UnknownOutcome, text, error.clone())
}
