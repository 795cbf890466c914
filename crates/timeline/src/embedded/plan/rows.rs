//! The rows of a batch: what conversations are to their members.

use std::collections::{HashMap, HashSet};
use std::ops::Bound;

use fjall::{OwnedWriteBatch as WriteBatch, Readable as _, Slice};

use super::PreparedSend;
use super::before::BeforeBatch;
use super::planned_row::{PlannedRow, WrittenRows};
use crate::conversation::Parties;
use crate::embedded::recent::Audience;
use crate::embedded::records::Row;
use crate::embedded::tables::{Tables, read_error};
use crate::embedded::{keys, records};
use crate::{MemberId, Result, Seq};

/// How many stored rows of a member one call removes at most, while senders wait.
const FORGOTTEN_AT_ONCE: usize = if cfg!(test) { 3 } else { 1_000 };

/// The rows that a batch has looked at or changed.
#[derive(Default)]
pub(super) struct Rows {
    // By the key in `state`.
    rows: HashMap<Slice, PlannedRow, foldhash::fast::RandomState>,
    // By what the keys of the history begin with.
    audiences: HashMap<Slice, Option<Audience>, foldhash::fast::RandomState>,
}

/// What a call makes of rows; until it is [taken](Rows::take) nothing has changed.
#[derive(Default)]
pub(super) struct RowStep {
    rows: Vec<(Slice, PlannedRow)>,
    audiences: Vec<(Slice, Option<Audience>)>,
}

impl Rows {
    /// Returns a row, with what this batch made of it so far.
    pub(super) fn row(&self, before: BeforeBatch<'_>, key: &[u8]) -> Result<Option<Row>> {
        match self.known(before, key) {
            Some(planned) => Ok(planned),
            None => before.stored_row(key),
        }
    }

    /// Returns what becomes of the rows of a message's recipients and of its sender.
    ///
    /// The message has a place in its history, and the time `at_ms`.
    pub(super) fn of_send(
        &self,
        before: BeforeBatch<'_>,
        send: &PreparedSend,
        place: Seq,
        at_ms: u64,
    ) -> Result<RowStep> {
        let PreparedSend { append, history, .. } = send;
        let is_pair = matches!(append.conversation.parties(), Parties::Pair(..));
        let mut step = RowStep { rows: Vec::with_capacity(2), audiences: Vec::new() };
        let is_recipient = append.from.as_ref().is_some_and(|from| append.recipients.contains(from));
        let mut sender = None;
        if let (Some(from), Some(key)) = (&append.from, &send.sender_row) {
            // Who only sends to a group is in no list. The row is there so that what they sent is
            // found when it is to be deleted.
            let only_sends = !is_pair && !is_recipient;
            let new = || Row { has_left: only_sends, ..new_row(place, at_ms) };
            let row = self.row(before, key)?.unwrap_or_else(new);
            // One who has left, and is named as a recipient, is back like the others.
            let row = if row.has_left && is_recipient { back(row, place, at_ms) } else { row };
            step.change(key.clone(), Some(Row { read: row.read.max(place), ..row }));
            sender = Some(from).filter(|_| !is_recipient && !row.has_left);
        }
        if is_pair {
            for key in &send.pair_rows {
                self.sent_to(before, &mut step, key.clone(), (is_pair, place, at_ms))?;
            }
            return Ok(step);
        }
        // With the sender it is the same audience whichever of a group sends to the others.
        let audience = Some(before.recent.digest(append.recipients.iter().chain(sender)));
        if self.audience(before, history) != audience {
            for member in send.receivers() {
                self.sent_to(before, &mut step, keys::row(member, history).into(), (is_pair, place, at_ms))?;
            }
            step.audiences.push((history.clone(), audience));
        }
        Ok(step)
    }

    /// Returns what becomes of the rows when members come into a group and leave it.
    pub(super) fn of_group(
        &self,
        before: BeforeBatch<'_>,
        history: &[u8],
        (joined, left): (&[MemberId], &[MemberId]),
        top: Seq,
        at_ms: u64,
    ) -> Result<RowStep> {
        let mut step = RowStep::default();
        for member in joined {
            let key = Slice::from(keys::row(member, history));
            match self.row(before, &key)? {
                None => step.change(key, Some(Row { joined: top, since_ms: at_ms, ..Row::default() })),
                Some(row) if row.has_left => {
                    step.change(
                        key,
                        Some(Row { joined: top, since_ms: row.since_ms.max(at_ms), has_left: false, ..row }),
                    );
                }
                Some(_) => {}
            }
        }
        for member in left {
            let key = Slice::from(keys::row(member, history));
            if let Some(row) = self.row(before, &key)?.filter(|row| !row.has_left) {
                step.change(key, Some(Row { has_left: true, ..row }));
                step.audiences = vec![(history.into(), None)];
            }
        }
        Ok(step)
    }

    /// Returns the step in which a member loses rows.
    ///
    /// They are those that this batch has planned, and some behind the key `after`. If there may be
    /// more, it returns the last key, too.
    pub(super) fn of_forgotten(
        &self,
        tables: &Tables,
        member: &MemberId,
        after: Option<&[u8]>,
    ) -> Result<(RowStep, Option<Vec<u8>>)> {
        let (first, end) = (keys::rows(member), keys::rows_end(member));
        let planned = self.rows.iter().filter(|(_, planned)| planned.row.is_some());
        let mut removed: HashSet<Vec<u8>> = planned
            .map(|(key, _)| key)
            .filter(|key| key.starts_with(&first))
            .map(|key| key.to_vec())
            .collect();
        let begin = after.map_or(Bound::Included(first), |after| Bound::Excluded(after.to_vec()));
        let (snapshot, mut last) = (tables.snapshot(), None);
        let rows = snapshot.range(&tables.state, (begin, Bound::Excluded(end)));
        for (looked_at, guard) in rows.enumerate() {
            let key = guard.key().map_err(read_error)?;
            // One that this batch has removed before is not removed again.
            if self.rows.get(&*key).is_none_or(|planned| planned.row.is_some()) {
                removed.insert(key.to_vec());
            }
            if looked_at + 1 == FORGOTTEN_AT_ONCE {
                last = Some(key.to_vec());
                break;
            }
        }
        let mut step = RowStep::default();
        for key in removed {
            step.audiences.push((keys::history_in_row(&key).into(), None));
            step.change(key.into(), None);
        }
        Ok((step, last))
    }

    /// Returns the step in which one row becomes another.
    pub(super) fn of_change(key: Slice, row: Row) -> RowStep {
        let mut step = RowStep::default();
        step.change(key, Some(row));
        step
    }

    pub(super) fn take(&mut self, step: RowStep) {
        self.rows.extend(step.rows);
        self.audiences.extend(step.audiences);
    }

    /// Returns how many rows were looked at or have changed.
    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// Returns whether no row has changed.
    pub(super) fn is_empty(&self) -> bool {
        self.rows.values().all(|planned| !planned.is_changed)
    }

    /// Writes what has changed.
    pub(super) fn write(self, tables: &Tables, batch: &mut WriteBatch) -> WrittenRows {
        let state = &tables.state;
        for (key, PlannedRow { row, is_changed }) in &self.rows {
            match row {
                Some(row) if *is_changed => batch.insert(state, key.clone(), records::encode_row(row)),
                None if *is_changed => batch.remove(state, key.clone()),
                Some(_) | None => {}
            }
        }
        WrittenRows { rows: self.rows, audiences: self.audiences }
    }

    /// Plans the row of one who gets a message and has not sent it.
    fn sent_to(
        &self,
        before: BeforeBatch<'_>,
        step: &mut RowStep,
        key: Slice,
        (is_pair, place, at_ms): (bool, Seq, u64),
    ) -> Result<()> {
        if let Some(Some(row)) = self.known(before, &key) {
            if row.has_left {
                step.change(key, Some(back(row, place, at_ms)));
            }
            return Ok(());
        }
        match self.row(before, &key)? {
            None => step.change(key, Some(new_row(place, at_ms))),
            Some(row) if row.has_left => step.change(key, Some(back(row, place, at_ms))),
            // It is looked up once. Those of a group are remembered together by their audience:
            // one by one, a large group would drive all others out.
            Some(row) if is_pair => {
                step.rows.push((key, PlannedRow { row: Some(row), is_changed: false }));
            }
            Some(_) => {}
        }
        Ok(())
    }

    fn audience(&self, before: BeforeBatch<'_>, history: &[u8]) -> Option<Audience> {
        match self.audiences.get(history) {
            Some(audience) => *audience,
            None => before.audience(history),
        }
    }

    /// Returns a row that is known without a look into the tables; the inner `None` says that there
    /// is none.
    fn known(&self, before: BeforeBatch<'_>, key: &[u8]) -> Option<Option<Row>> {
        match self.rows.get(key) {
            Some(planned) => Some(planned.row),
            None => before.known_row(key),
        }
    }
}

impl RowStep {
    fn change(&mut self, key: Slice, row: Option<Row>) {
        self.rows.push((key, PlannedRow { row, is_changed: true }));
    }
}

/// Returns the row of a member whose first message is that at `place`.
fn new_row(place: Seq, at_ms: u64) -> Row {
    Row { joined: place_before(place), since_ms: at_ms, ..Row::default() }
}

/// Returns the row of one who had left, or only sent, and is back by the message at `place`.
///
/// What was sent meanwhile is not unread, as when they join again.
fn back(row: Row, place: Seq, at_ms: u64) -> Row {
    Row { joined: place_before(place), since_ms: row.since_ms.max(at_ms), has_left: false, ..row }
}

fn place_before(place: Seq) -> Seq {
    Seq::new(place.get().saturating_sub(1)).unwrap_or_default()
}
