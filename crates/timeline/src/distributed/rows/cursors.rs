//! How far members have read.
//!
//! ```text
//!  callers ──► queue ──► the first that gets its turn takes all that wait:
//!                          1 looks at the rows and at the ends of the histories
//!                          2 raises the cursors with one command
//!                          3 looks how far they are: another node may have raised them further
//!                          4 tells of those that rose, then answers all
//!                            after an error: those that may have risen are told later
//! ```
//!
//! While one of them is at work others come, and are served together by the next. So there is one
//! command at a time, and cursors of this node are told in the order in which they rose. The last
//! look makes answers rise, too: none is lower than one that any node gave before the call.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::oneshot;
use tokio::time::Instant;

use super::super::box_id::{BoxId, Side};
use super::super::call_end;
use super::super::entry_id::EntryId;
use super::super::shared::Shared;
use super::super::tops;
use super::awaited::{never_in, why_absent};
use super::cursor_queue::Raise;
use super::find::find;
use super::raising::{raise, tell};
use super::tell_later::tell_later;
use crate::{Conversation, Error, ErrorKind, MemberId, ReadCursor, Result, Seq};

/// How many cursors one command raises at most.
const RAISES_MAX: usize = 512;

/// Raises how far a member has read, and returns it and whether it has risen.
///
/// Who sees it is told before this returns, or after an error as soon as it is known. A caller that
/// is dropped may take others with it: run it whole.
///
/// # Errors
///
/// [`NotFound`](ErrorKind::NotFound) for who was never in the conversation;
/// [`InvalidInput`](ErrorKind::InvalidInput) in the field `sequence` for one beyond the last entry;
/// [`Unavailable`](ErrorKind::Unavailable) when it is unknown whether it was noted, or while the
/// send that brings the member in is under way.
pub(in crate::distributed) async fn read(
    shared: &Arc<Shared>,
    member: &MemberId,
    conversation: &Conversation,
    sequence: Seq,
) -> Result<(Seq, bool)> {
    let history = BoxId::history(conversation);
    let (answer, answered) = oneshot::channel();
    let raise = Raise {
        row: EntryId::of_row(member, &history),
        member: member.clone(),
        conversation: conversation.clone(),
        history,
        to: sequence,
        answer,
    };
    shared.cursors.add(raise);
    let turn = shared.cursors.turn().await;
    let mut raises = shared.cursors.take();
    while !raises.is_empty() {
        let rest = raises.split_off(raises.len().min(RAISES_MAX));
        // It is the work of all who wait: each is answered in its own time, and none takes from it.
        let end = Instant::now() + call_end::of_steps(shared.config.timeout);
        call_end::until(end, raise_all(shared, raises)).await;
        raises = rest;
    }
    drop(turn);
    // Whoever had the turn has answered, unless it panicked.
    match answered.await.unwrap_or_else(|_dropped| Err(unanswered())) {
        // Who asks for what is not there holds up nobody else.
        Err(error) if error.kind() == ErrorKind::NotFound => {
            Err(why_absent(&shared.database, member, conversation).await?)
        }
        answer => answer,
    }
}

/// The error of a cursor that was taken by a call which panicked.
fn unanswered() -> Error {
    let text = "the call that raised this cursor together with its own panicked, so it is not known whether it \
                has risen; repeat it, which is harmless, and please report the panic, which the log has";
    Error::new(ErrorKind::UnknownOutcome, text)
}

/// Returns how far members have read a conversation, in their order; 0 for who was never in it.
///
/// # Errors
///
/// As all that only reads.
pub(in crate::distributed) async fn read_of(
    shared: &Shared,
    conversation: &Conversation,
    members: &[MemberId],
) -> Result<Vec<Seq>> {
    let history = BoxId::history(conversation);
    let keys: Vec<_> = members.iter().map(|member| EntryId::of_row(member, &history)).collect();
    let rows = find(&shared.database, &keys).await?;
    Ok(keys.iter().map(|key| rows.get(key).map_or(Seq::ZERO, |row| row.read)).collect())
}

/// Raises cursors together, and answers those who wait for them.
async fn raise_all(shared: &Arc<Shared>, raises: Vec<Raise>) {
    let answers = match verdicts(shared, &raises).await {
        Ok(verdicts) => settle(shared, &raises, verdicts).await,
        Err(error) => raises.iter().map(|_| Err(error.clone())).collect(),
    };
    for (raise, answer) in raises.into_iter().zip(answers) {
        if raise.answer.send(answer).is_err() {
            tracing::debug!("the reader that raised a cursor is gone");
        }
    }
}

/// Looks at what is stored, and returns what becomes of each.
async fn verdicts(shared: &Shared, raises: &[Raise]) -> Result<Vec<Result<(Seq, bool)>>> {
    let mut histories: Vec<_> = raises.iter().map(|raise| raise.history.as_str()).collect();
    histories.sort_unstable();
    histories.dedup();
    let keys: Vec<_> = raises.iter().map(|raise| raise.row).collect();
    let (rows, tops) = tokio::try_join!(
        find(&shared.database, &keys),
        tops::read(&shared.database, Side::History, &histories),
    )?;
    let verdict = |raise: &Raise| {
        let read = rows.get(&raise.row).map(|row| row.read);
        let top = tops.get(raise.history.as_str()).map_or(Seq::ZERO, |top| top.seq);
        verdict(&raise.member, read, raise.to, top)
    };
    Ok(raises.iter().map(verdict).collect())
}

/// Returns how far a member who has read up to `read` has read then, and whether that rises.
fn verdict(member: &MemberId, read: Option<Seq>, to: Seq, top: Seq) -> Result<(Seq, bool)> {
    let Some(read) = read else { return Err(never_in(member)) };
    if to > top {
        let text = format!("{to} is beyond the latest entry of the conversation, which is {top}");
        return Err(Error::invalid(text).in_field("sequence"));
    }
    Ok((read.max(to), to > read))
}

/// Raises the cursors that rise, tells of them, and returns the answers.
async fn settle(
    shared: &Arc<Shared>,
    raises: &[Raise],
    mut verdicts: Vec<Result<(Seq, bool)>>,
) -> Vec<Result<(Seq, bool)>> {
    let risen = risen(raises.iter().map(|raise| raise.row).zip(&verdicts));
    if risen.is_empty() {
        return verdicts;
    }
    let written = raise(shared, &risen).await;
    let found = written.as_ref().ok();
    let stored =
        |row: &EntryId| found.and_then(|found| found.rows.get(row)).map_or(Seq::ZERO, |row| row.read);
    let highest: HashMap<_, _> = risen.into_iter().map(|(row, to)| (row, to.max(stored(&row)))).collect();
    let (mut rest, mut cursors) = (highest.clone(), Vec::with_capacity(highest.len()));
    for (raise, verdict) in raises.iter().zip(&mut verdicts) {
        if !matches!(verdict, Ok((_, true))) {
            continue;
        }
        if let Some(error) = found.and_then(|found| found.refused.get(&raise.row)) {
            *verdict = Err(error.clone());
            continue;
        }
        // Of several callers for one cursor all get the highest, of this node or another one, which
        // is told once.
        if let Some(to) = highest.get(&raise.row) {
            *verdict = Ok((*to, true));
        }
        if let Some(to) = rest.remove(&raise.row) {
            let cursor = ReadCursor::new(raise.member.clone(), raise.conversation.clone(), to);
            cursors.push((raise.row, cursor));
        }
        if let Err(error) = &written {
            *verdict = Err(error.clone());
        }
    }
    if written.is_ok() {
        shared.cursors.untold.told(&cursors, |cursor| tell(shared, cursor));
    } else {
        tell_later(shared, cursors);
    }
    verdicts
}

/// Returns the rows whose cursors rise, each once and with the highest place.
fn risen<'a>(verdicts: impl Iterator<Item = (EntryId, &'a Result<(Seq, bool)>)>) -> Vec<(EntryId, Seq)> {
    let mut risen = HashMap::<EntryId, Seq>::new();
    for (row, verdict) in verdicts {
        if let Ok((to, true)) = verdict {
            let known = risen.entry(row).or_default();
            *known = (*known).max(*to);
        }
    }
    risen.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seq(number: u64) -> Seq {
        Seq::new(number).unwrap()
    }

    #[test]
    fn a_cursor_rises_up_to_the_last_entry_and_never_falls() {
        let verdict = |read: Option<u64>, to| {
            let answer = verdict(&MemberId::new("a").unwrap(), read.map(seq), seq(to), seq(9));
            answer.map(|(read, has_risen)| (read.get(), has_risen)).map_err(|error| error.kind())
        };
        assert_eq!(verdict(Some(3), 5), Ok((5, true)));
        assert_eq!(verdict(Some(3), 9), Ok((9, true)));
        assert_eq!(verdict(Some(3), 3), Ok((3, false)));
        assert_eq!(verdict(Some(3), 2), Ok((3, false)));
        assert_eq!(verdict(Some(3), 10), Err(ErrorKind::InvalidInput));
        assert_eq!(verdict(None, 10), Err(ErrorKind::NotFound), "also beyond the last entry");
    }

    #[test]
    fn a_cursor_whose_raiser_panicked_says_so() {
        let error = unanswered();
        assert_eq!(error.kind(), ErrorKind::UnknownOutcome);
        assert!(error.to_string().contains("panicked"), "{error}");
    }

    #[test]
    fn of_several_callers_for_one_cursor_the_highest_counts() {
        let verdicts = [
            (EntryId::Ours([1; 16]), Ok((seq(5), true))),
            (EntryId::Ours([1; 16]), Ok((seq(7), true))),
            (EntryId::Ours([1; 16]), Ok((seq(6), true))),
            (EntryId::Ours([2; 16]), Ok((seq(9), false))),
            (EntryId::Ours([3; 16]), Err(Error::closed())),
        ];
        let risen = risen(verdicts.iter().map(|(row, verdict)| (*row, verdict)));
        assert_eq!(risen, [(EntryId::Ours([1; 16]), seq(7))]);
    }
}
