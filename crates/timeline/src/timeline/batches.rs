//! The call that stores many messages.

use super::{Sent, Timeline};
use crate::{Error, ErrorKind, NewMessage, Result};

/// The most messages that one batch has.
pub const SENDS_MAX: usize = 1_000;

/// The most bytes that the texts of the messages of one batch have together: 4 MiB.
pub const SENDS_BYTES_MAX: usize = 4 * 1024 * 1024;

impl Timeline {
    /// Stores many messages, and returns the answer to each, in the order of the list.
    ///
    /// Each stands for itself, as if it came by [`send`](Self::send): what is wrong with one, or
    /// happens to it, keeps no other back. Messages of one sender are stored in their order.
    ///
    /// # Cancel safety
    ///
    /// A dropped call stores some of them, each whole or not at all; repeated with the same message
    /// ids it stores the rest.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) for more than [`SENDS_MAX`] messages or
    /// more than [`SENDS_BYTES_MAX`] of texts: then none is stored. The answers have the errors
    /// that `send` has.
    pub async fn send_batch(&self, sends: Vec<NewMessage>) -> Result<Vec<Result<Sent>>> {
        check_bounds(&sends)?;
        let (mut appends, mut refusals) = (Vec::new(), Vec::with_capacity(sends.len()));
        for send in sends {
            match self.append_of(send) {
                Ok(append) => {
                    appends.push(append);
                    refusals.push(None);
                }
                Err(refusal) => refusals.push(Some(refusal)),
            }
        }
        let mut appended = self.store.append_all(appends).await.into_iter();
        let answer = |refusal: Option<Error>| -> Result<Sent> {
            if let Some(refusal) = refusal {
                return Err(refusal);
            }
            let appended = appended.next().unwrap_or_else(|| Err(unanswered()))?;
            Ok(Sent { sequence: appended.sequence, place: appended.place })
        };
        Ok(refusals.into_iter().map(answer).collect())
    }
}

fn check_bounds(sends: &[NewMessage]) -> Result<()> {
    if sends.len() > SENDS_MAX {
        let text = format!("the list has {} messages; at most {SENDS_MAX} are allowed", sends.len());
        return Err(Error::invalid(text).in_field("sends"));
    }
    let bytes: usize = sends.iter().map(|send| send.message.as_str().len()).sum();
    if bytes > SENDS_BYTES_MAX {
        let text = format!("the texts have {bytes} bytes together; at most {SENDS_BYTES_MAX} are allowed");
        return Err(Error::invalid(text).in_field("sends"));
    }
    Ok(())
}

fn unanswered() -> Error {
    let text =
        "the store did not say what became of the message; send it again, with its message id if it has one";
    Error::new(ErrorKind::Unavailable, text)
}
