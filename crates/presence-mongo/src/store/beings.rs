//! The numbers and the documents of beings.

use std::collections::HashMap;
use std::sync::Arc;

use bson::{Bson, Document, RawDocumentBuf, doc};
use futures_util::TryStreamExt;
use mongodb::options::ReturnDocument;

use super::Store;
use super::duplicates::{is_duplicate, taken};
use crate::error::{Error, ErrorKind};
use crate::namespace::Namespace;
use crate::slots::Sequence;

/// How many documents are read by one call.
pub(crate) const READ_MAX: usize = 5_000;

/// How often an upsert is tried that meets others of the same document.
const UPSERTS: usize = 5;

impl Store {
    /// Takes so many numbers, and returns the first of them.
    pub(crate) async fn take_numbers(&self, namespace: &Namespace, count: usize) -> Result<i64, Error> {
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        let update = doc! { "$inc": { "seq": count } };
        let counter = self.update_counter("a number for a being cannot be taken", namespace, update).await?;
        let first = counter.get_i64("seq").ok().and_then(|last| last.checked_sub(count - 1));
        first.filter(|first| *first > 0).ok_or_else(|| {
            let message = "the counter of beings is not an int64 above 0; others changed its document";
            Error::new(ErrorKind::Protocol, message)
        })
    }

    /// Raises the counter to the highest being that has a document, if it is below.
    pub(crate) async fn raise_numbers(&self, namespace: &Namespace) -> Result<(), Error> {
        let (filter, field) = (namespace.holds("_id"), namespace.number_field());
        let highest = self
            .call_at_length("the highest being cannot be read", move |database, names| async move {
                let beings = database.collection::<Document>(&names.beings);
                beings.find_one(filter).sort(doc! { field: -1 }).await
            })
            .await?;
        let Some((sequence, _)) = highest.and_then(|being| namespace.read_being(&being)) else {
            return Ok(());
        };
        let update = doc! { "$max": { "seq": sequence.number() } };
        self.update_counter("the counter of beings cannot be raised", namespace, update).await.map(drop)
    }

    async fn update_counter(
        &self,
        what: &'static str,
        namespace: &Namespace,
        update: Document,
    ) -> Result<Document, Error> {
        let counter = namespace.counter();
        let updated = self.call(what, move |database, names| async move {
            let seqs = database.collection::<Document>(&names.seqs);
            for tried in 1.. {
                let filter = doc! { "_id": counter.clone() };
                let updated = seqs
                    .find_one_and_update(filter, update.clone())
                    .upsert(true)
                    .return_document(ReturnDocument::After)
                    .await;
                match updated {
                    Err(error) if tried < UPSERTS && is_duplicate(&error) => {}
                    updated => return updated,
                }
            }
            Ok(None)
        });
        updated.await?.ok_or_else(|| Error::new(ErrorKind::Protocol, what))
    }

    /// Inserts beings, and returns which of them have a number that another key has.
    ///
    /// One that is there already was inserted by an earlier attempt.
    pub(crate) async fn insert_beings(
        &self,
        namespace: &Namespace,
        beings: &[(Sequence, Arc<str>)],
    ) -> Result<Vec<usize>, Error> {
        let documents: Vec<RawDocumentBuf> =
            beings.iter().map(|(sequence, key)| namespace.being(*sequence, key)).collect();
        let taken = self
            .call_at_length("beings cannot be inserted", move |database, names| async move {
                let beings = database.collection::<RawDocumentBuf>(&names.beings);
                taken(beings.insert_many(documents).ordered(false).await)
            })
            .await?;
        let mut others = Vec::new();
        for some in taken.chunks(READ_MAX) {
            let asked: Vec<Sequence> = some.iter().map(|index| beings[*index].0).collect();
            let held: HashMap<_, _> = self.read_beings(namespace, &asked).await?.into_iter().collect();
            let is_ours = |index: &&usize| held.get(&beings[**index].0) == Some(&beings[**index].1);
            others.extend(some.iter().filter(|index| !is_ours(index)).copied());
        }
        Ok(others)
    }

    /// Reads beings, at most [`READ_MAX`] of them, in no particular order; some may be missing.
    pub(crate) async fn read_beings(
        &self,
        namespace: &Namespace,
        sequences: &[Sequence],
    ) -> Result<Vec<(Sequence, Arc<str>)>, Error> {
        let ids: Vec<Bson> = ids(namespace, sequences);
        let batch = u32::try_from(ids.len()).unwrap_or(u32::MAX);
        let found: Vec<Document> = self
            .call("beings cannot be read", move |database, names| async move {
                let beings = database.collection::<Document>(&names.beings);
                let found = beings.find(doc! { "_id": { "$in": ids } }).batch_size(batch).await?;
                found.try_collect::<Vec<_>>().await
            })
            .await?;
        Ok(found.iter().filter_map(|being| namespace.read_being(being)).collect())
    }
}

/// Returns the ids of documents, one for each being and no other.
pub(super) fn ids(namespace: &Namespace, sequences: &[Sequence]) -> Vec<Bson> {
    sequences.iter().map(|sequence| namespace.being_id(*sequence)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// J9: the original sent as many zeros as there were numbers, before them.
    #[test]
    fn a_lookup_asks_for_no_number_that_nobody_has() {
        let sequences: Vec<Sequence> = [3, 70].into_iter().filter_map(Sequence::new).collect();
        assert_eq!(ids(&Namespace::default(), &sequences), [Bson::Int64(3), Bson::Int64(70)]);
    }
}
