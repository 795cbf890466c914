//! The entries of a batch: into their histories, whatever is there.

use std::collections::HashMap;

use super::{Flush, Phase};
use crate::distributed::box_id::Side;
use crate::distributed::clock;
use crate::distributed::documents::EntryDoc;
use crate::distributed::hold::USABLE;
use crate::distributed::intents::Noted;
use crate::distributed::moment::Moment;
use crate::distributed::reserving;
use crate::distributed::send::batch::Boxes;
use crate::distributed::send::insert::{Inserted, insert_entries};
use crate::distributed::send::operation::find_entries;
use crate::distributed::send::repetitions::{check_repeats, is_gone};
use crate::{Error, ErrorKind, Result};

impl Flush {
    /// Tries once to write the entries that are not there yet into their histories.
    pub(super) async fn attempt_entries(&mut self, noted: &mut Noted) -> Result<()> {
        if !self.phases.contains(&Phase::Entry) {
            return self.date_first_entries().await;
        }
        // The order matters: an intent that others may have taken for that of a dead node, and a
        // sequence that readers may have passed, are made anew before anything is written.
        noted.renew_if_old().await?;
        if self.reserved_at.elapsed() > USABLE {
            self.reserve_anew().await?;
        }
        let open = self.open();
        let entries = open.iter().map(|at| self.operations[*at].entry.clone()).collect();
        let inserted = insert_entries(&self.shared.database, Side::History, entries).await;
        let (mut there, mut taken, mut failure) = (Vec::new(), Vec::new(), Ok(()));
        for (at, inserted) in open.into_iter().zip(inserted) {
            match inserted {
                Inserted::Written => self.stored(at, Some(self.reserved_at)),
                Inserted::IsThere => there.push(at),
                Inserted::Taken => taken.push(at),
                Inserted::Refused(error) => self.give_up(at, &error),
                Inserted::Unknown(error) => failure = Err(error),
            }
        }
        self.meet(&there).await?;
        // The order matters: a place that was taken is known until its entry has another one.
        self.date_behind(&taken).await?;
        self.move_entries(&taken).await?;
        self.date_first_entries().await?;
        failure
    }

    fn open(&self) -> Vec<usize> {
        (0..self.phases.len()).filter(|at| self.phases[*at] == Phase::Entry).collect()
    }

    /// Looks at entries that are there already.
    ///
    /// They come from an earlier attempt, or from a repetition.
    async fn meet(&mut self, there: &[usize]) -> Result<()> {
        let wanted = there.iter().map(|at| &self.operations[*at]);
        let wanted: Vec<_> = wanted.map(|operation| (&operation.history, operation.entry.key)).collect();
        let found = find_entries(&self.shared, wanted).await?;
        let mut found: HashMap<_, _> = found.into_iter().map(|entry| (entry.key, entry)).collect();
        for at in there {
            // One that is not found was taken back by a rollback, and is tried again.
            if let Some(entry) = found.remove(&self.operations[*at].entry.key) {
                self.meet_one(*at, entry).await?;
            }
        }
        Ok(())
    }

    async fn meet_one(&mut self, at: usize, entry: EntryDoc) -> Result<()> {
        let operation = &self.operations[at];
        if entry.record == operation.entry.record {
            // No other send has these sequences: an earlier attempt of this one arrived.
            if entry.seq != operation.entry.seq {
                self.vacant.0.push(operation.hole());
            }
            self.operations[at].entry = entry;
            self.stored(at, Some(self.reserved_at));
            return Ok(());
        }
        // Also one with an id that the store made may have gone, by a repetition that was faster.
        if is_gone(&self.shared, &entry).await? {
            let text = "the message id was used meanwhile for a message that is gone; send again";
            self.give_up(at, &Error::new(ErrorKind::Unavailable, text));
            return Ok(());
        }
        if let Some(token) = operation.token()
            && let Err(conflict) = check_repeats(&token, &entry)
        {
            self.give_up(at, &conflict);
            return Ok(());
        }
        // Another node was faster with the same send, or this one with other sequences: what is
        // there counts, and its copies may be there, too.
        self.vacate(at);
        self.operations[at].entry = entry;
        self.stored(at, None);
        Ok(())
    }

    /// Gives entries new places, where others have theirs.
    async fn move_entries(&mut self, taken: &[usize]) -> Result<()> {
        if taken.is_empty() {
            return Ok(());
        }
        let mut boxes = Boxes::default();
        for at in taken {
            boxes.add(self.operations[*at].history.clone());
        }
        let reserved = self.shared.sequencer.again(&boxes.wants(), clock::unix_ms()).await?;
        let mut given = boxes.reserved(&reserved);
        for at in taken {
            let operation = &mut self.operations[*at];
            let (place, at_ms) = given.take(&operation.history)?;
            operation.move_entry(place, at_ms);
        }
        Ok(())
    }

    /// Reserves all sequences of entries again that are not there.
    async fn reserve_anew(&mut self) -> Result<()> {
        let unsure = self.open();
        self.meet(&unsure).await?;
        let open = self.open();
        if open.is_empty() {
            return Ok(());
        }
        let mut boxes = Boxes::default();
        for operation in open.iter().map(|at| &self.operations[*at]) {
            boxes.add_send(&operation.history, operation.copies().map(|(member, _)| member));
        }
        let now = Moment::now();
        let reserved = reserving::reserve(&self.shared, &boxes.wants()).await?;
        let mut given = boxes.reserved(&reserved);
        for at in open {
            let operation = &mut self.operations[at];
            self.shared.teller.given_up(&operation.reserved());
            let members = operation.copies().map(|(member, _)| member);
            let places = given.take_send(&operation.history, members)?;
            operation.move_to(places);
        }
        self.reserved_at = now;
        Ok(())
    }
}
