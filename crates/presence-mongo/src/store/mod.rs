//! Every call to the database, one function each.

mod beings;
mod duplicates;
mod pruning;
mod slots;

use std::sync::Arc;
use std::time::Duration;

use bson::Document;
use mongo_link::Link;
use mongodb::Database;

pub(crate) use self::beings::READ_MAX;
pub(crate) use self::slots::SlotRead;
use crate::error::Error;

/// The three collections of a base.
///
/// All is written with majority and journalled, and read at majority, as the link does.
#[derive(Debug, Clone)]
pub(crate) struct Store {
    link: Link,
    names: Arc<Names>,
    /// How long a call may take: the next attempt is to lie in the same slot.
    patience: Duration,
}

#[derive(Debug)]
struct Names {
    seqs: String,
    beings: String,
    pings: String,
}

impl Store {
    pub(crate) fn new(link: Link, base: &str, patience: Duration) -> Self {
        let [seqs, beings, pings] = ["seqs", "beings", "pings"].map(|part| format!("{base}.{part}"));
        Self { link, names: Arc::new(Names { seqs, beings, pings }), patience }
    }

    /// Returns the name of the collection that has the time slots.
    pub(crate) fn pings(&self) -> &str {
        &self.names.pings
    }

    /// Runs work that takes no longer than one attempt may.
    async fn call<T, F, W>(&self, what: &'static str, work: F) -> Result<T, Error>
    where
        F: FnOnce(Database, Arc<Names>) -> W + Send + 'static,
        W: Future<Output = mongodb::error::Result<T>> + Send + 'static,
        T: Send + 'static,
    {
        let names = Arc::clone(&self.names);
        let called = self.link.call_within(self.patience, move |database| work(database, names)).await;
        called.map_err(|error| Error::of_link(what, error))
    }

    /// Runs work that takes as long as a call may by the settings.
    async fn call_at_length<T, F, W>(&self, what: &'static str, work: F) -> Result<T, Error>
    where
        F: FnOnce(Database, Arc<Names>) -> W + Send + 'static,
        W: Future<Output = mongodb::error::Result<T>> + Send + 'static,
        T: Send + 'static,
    {
        let names = Arc::clone(&self.names);
        let called = self.link.call(move |database| work(database, names)).await;
        called.map_err(|error| Error::of_link(what, error))
    }
}

/// Adds the fields of one document to another.
fn joined(mut document: Document, more: Document) -> Document {
    document.extend(more);
    document
}
