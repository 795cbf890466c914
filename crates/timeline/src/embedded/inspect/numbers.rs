//! Whether every batch up to the last is in the journals or the tables.
//!
//! This module is pure.
//!
//! A batch has two numbers. Its own counts the batches of the store: 1, 2, 3 and so on. Since
//! layout 2 each batch writes it into every keyspace, so that every keyspace has a record of the
//! last batch it holds. The other number is the engine's, which only ever grows.
//!
//! A batch is first in a journal, and later in the tables of each keyspace. The engine removes a
//! journal once the tables of all keyspaces have all that is in it. When the store is opened, the
//! engine reads the journals again. For each keyspace it skips the batches whose engine's number is
//! no higher than the highest in the tables of that keyspace, as it takes them to be there.
//!
//! So nothing is missing if all of these hold:
//!
//! - The numbers in the journals follow each other without a gap.
//! - The tables of each keyspace hold all batches before the first one in the journals: no journal
//!   was removed too early or lost.
//! - The tables of each keyspace hold all batches that the engine will skip: they are as new as
//!   they claim to be.
//! - No keyspace has a batch that another one lacks: with its tables and the journals, each reaches
//!   the same last batch.

use super::super::{keys, records};
use super::journal::Batch;

/// The numbers of the batches in the journals.
#[derive(Debug, Default)]
pub(in crate::embedded) struct Numbers {
    first: u64,
    // The engine's number of each batch from `first` on.
    engine: Vec<u64>,
    last_engine: u64,
    batches: u64,
    problem: Option<String>,
}

impl Numbers {
    /// Notes the next batch of the journals.
    pub(in crate::embedded) fn add(&mut self, batch: &Batch<'_>) {
        if self.problem.is_some() {
            return;
        }
        if self.batches > 0 && batch.engine_number <= self.last_engine {
            let (this, last) = (batch.engine_number, self.last_engine);
            self.problem = Some(format!("a batch with the engine's number {this} comes after {last}"));
            return;
        }
        (self.batches, self.last_engine) = (self.batches + 1, batch.engine_number);
        let number = batch.items.iter().find(|item| item.key == keys::BATCH).and_then(|item| item.value);
        match number.map(records::decode_number) {
            // Batches of layout 1 have no number; they come before all others.
            None if self.engine.is_empty() => {}
            Some(Ok(number)) if self.engine.is_empty() => {
                (self.first, self.engine) = (number, vec![batch.engine_number]);
            }
            Some(Ok(number)) if number == self.last() + 1 => self.engine.push(batch.engine_number),
            Some(Ok(number)) => {
                self.problem = Some(format!("batch {number} comes after batch {}", self.last()));
            }
            None | Some(Err(_)) => {
                self.problem = Some(format!("the batch after {} has no number", self.last()));
            }
        }
    }

    /// Returns what is wrong with the journals alone.
    pub(in crate::embedded) fn problem(&self) -> Option<&str> {
        self.problem.as_deref()
    }

    /// Returns the number of the last batch in the journals, 0 if there is none with a number.
    pub(in crate::embedded) fn last(&self) -> u64 {
        if self.engine.is_empty() { 0 } else { self.first + self.engine.len() as u64 - 1 }
    }

    /// Returns how many batches there are.
    pub(in crate::embedded) fn batches(&self) -> u64 {
        self.batches
    }

    /// Returns what a keyspace lacks whose tables reach the batch `number` and the engine's number
    /// `engine`, in a store that reaches the batch `last`.
    pub(in crate::embedded) fn missing(&self, number: u64, engine: Option<u64>, last: u64) -> Option<String> {
        if !self.engine.is_empty() && self.first > number + 1 {
            return Some(format!(
                "it has the batches up to {number}, but the journals begin with {}",
                self.first
            ));
        }
        let reach = number.max(self.last());
        if reach < last {
            return Some(format!(
                "it has the batches up to {reach}, but another keyspace has those up to {last}"
            ));
        }
        if self.engine.is_empty() {
            return None;
        }
        let skipped = engine.map_or(0, |engine| self.engine.partition_point(|own| *own <= engine));
        let last_skipped = self.first + skipped as u64 - 1;
        (skipped > 0 && last_skipped > number).then(|| {
            format!("it has the batches up to {number}, but the engine would skip those up to {last_skipped}")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::journal::Item;
    use super::*;

    fn numbers(batches: &[(u64, Option<u64>)]) -> Numbers {
        let mut numbers = Numbers::default();
        for (engine_number, number) in batches {
            let record = number.map(records::encode_number);
            let item = |value| Item { keyspace: 1, key: keys::BATCH, value };
            let items = record.iter().map(|record| item(Some(&record[..]))).collect();
            numbers.add(&Batch { engine_number: *engine_number, items });
        }
        numbers
    }

    #[test]
    fn a_gap_a_repetition_and_a_step_back_are_noticed() {
        for good in
            [&[][..], &[(3, None), (4, None), (7, Some(1)), (8, Some(2))], &[(9, Some(5)), (12, Some(6))]]
        {
            assert_eq!(numbers(good).problem(), None, "{good:?}");
        }
        for bad in [
            &[(7, Some(1)), (8, Some(3))][..],
            &[(7, Some(1)), (8, Some(1))],
            &[(7, Some(1)), (7, Some(2))],
            &[(7, Some(1)), (8, None)],
            &[(7, None), (6, None)],
        ] {
            assert!(numbers(bad).problem().is_some(), "{bad:?}");
        }
        assert_eq!(numbers(&[(9, Some(5)), (12, Some(6))]).last(), 6);
    }

    #[test]
    fn what_is_neither_in_the_journals_nor_in_the_tables_is_noticed() {
        let journals = numbers(&[(20, Some(5)), (21, Some(6)), (30, Some(7))]);
        for (number, engine) in [(4, Some(19)), (5, Some(20)), (6, Some(25)), (7, Some(30))] {
            assert_eq!(journals.missing(number, engine, 7), None, "{number}");
        }
        assert!(journals.missing(3, Some(15), 7).is_some(), "batch 4 was in a journal that is gone");
        assert!(journals.missing(0, None, 7).is_some());
        assert!(journals.missing(4, Some(20), 7).is_some(), "batch 5 would be skipped");
        assert!(journals.missing(5, Some(1_000), 7).is_some());
        assert!(journals.missing(6, Some(25), 8).is_some(), "batch 8 is in the tables of others");
        assert_eq!(journals.missing(8, Some(31), 8), None);
        assert_eq!(numbers(&[(2, None)]).missing(0, Some(9), 0), None, "layout 1 has no numbers");
        let none = numbers(&[]);
        assert_eq!(none.missing(7, Some(30), 7), None, "all is in the tables");
        assert!(none.missing(6, Some(25), 7).is_some(), "an older manifest");
    }
}
