//! The copies and rows of a batch, and its answers.

use std::collections::HashMap;

use futures_util::StreamExt as _;
use futures_util::stream;

use super::{Flush, Phase};
use crate::distributed::box_id::BoxId;
use crate::distributed::intents::Noted;
use crate::distributed::keeper;
use crate::distributed::rows::{self, RowEntry};
use crate::distributed::send::spread::enter_and_copy;
use crate::{Result, Retention, Seq};

impl Flush {
    /// Tries once to write the copies and rows of entries that are there, and answers.
    pub(super) async fn attempt_copies(&mut self, noted: &mut Noted) -> Result<()> {
        if !self.phases.contains(&Phase::Copies) {
            return Ok(());
        }
        // The order matters: others may have deleted an old intent, or a new primary may not have
        // it, and if this node dies now the copies are missing.
        noted.renew_if_old().await?;
        let (shared, operations) = (&*self.shared, self.operations.as_slice());
        let rows: Vec<_> = self.rows_due.iter().flat_map(|at| operations[*at].rows()).collect();
        let silent: Vec<_> = rows.iter().filter_map(RowEntry::silent_cursor).collect();
        let delivery = &mut self.delivery;
        // In a box, as it is moved: what waits for it would be twice as large otherwise.
        let copying = Box::pin(async {
            // As before: the rows may have taken a while.
            noted.renew_if_old().await?;
            delivery.attempt(shared, operations).await
        });
        let (entered, copied) = enter_and_copy(shared, rows, copying).await;
        // Without their rows, members would not find the conversation in their lists.
        entered?;
        self.rows_due.clear();
        if !silent.is_empty() {
            rows::tell_later(&self.shared, silent);
        }
        let mut done = Vec::new();
        for at in (0..self.operations.len()).filter(|at| self.phases[*at] == Phase::Copies) {
            done.extend(self.delivery.sequences(at).map(|sequences| (at, sequences)));
        }
        self.keep(&done).await;
        for (at, sequences) in done {
            self.phases[at] = Phase::Ended;
            if let Some(reply) = self.replies[at].take() {
                reply.send(&Ok(self.operations[at].answer(&sequences)));
            }
        }
        copied
    }

    /// Keeps the boxes that have grown as the retention says.
    async fn keep(&self, done: &[(usize, Vec<Option<Seq>>)]) {
        let shared = &*self.shared;
        if shared.config.retention == Retention::new() {
            return;
        }
        let mut tops = HashMap::new();
        let mut grow = |boxed: BoxId, seq: Seq| {
            let top = tops.entry(boxed).or_insert(seq);
            *top = seq.max(*top);
        };
        for (at, sequences) in done {
            let operation = &self.operations[*at];
            grow(operation.history.clone(), operation.entry.seq);
            for ((member, _), seq) in operation.copies().zip(sequences) {
                seq.iter().for_each(|seq| grow(BoxId::inbox(member), *seq));
            }
        }
        let keep =
            |(boxed, top): (BoxId, Seq)| async move { keeper::grown(shared, &boxed, top, Seq::ZERO).await };
        stream::iter(tops).for_each_concurrent(KEEPING_MAX, keep).await;
    }
}

/// How many boxes are looked at at once, whether they keep too much.
const KEEPING_MAX: usize = 16;
