//! Where copies are that may be there already.

use std::collections::HashMap;

use mongodb::bson::{Bson, Document, RawDocumentBuf, doc};
use mongodb::options::Hint;

use super::{Delivery, Fate};
use crate::distributed::box_id::Side;
use crate::distributed::documents::EntryDoc;
use crate::distributed::entry_id::EntryId;
use crate::distributed::moment::Moment;
use crate::distributed::send::operation::Operation;
use crate::distributed::shared::Shared;
use crate::distributed::tops;
use crate::{Result, Seq};

impl Delivery {
    /// Looks up those copies of which nobody knows where they are.
    ///
    /// They may be there already, or their places may be below the floor.
    pub(super) async fn look_up(&mut self, shared: &Shared, operations: &[Operation]) -> Result<()> {
        let now = Moment::now();
        let unsure = self.open(|copy| copy.is_unsure(now));
        if unsure.is_empty() {
            return Ok(());
        }
        for (at, seq) in self.find(shared, operations, &unsure).await? {
            let copy = &mut self.copies[at];
            (copy.seq, copy.fate) = (seq, Fate::There);
        }
        let missing: Vec<_> = unsure.into_iter().filter(|at| self.copies[*at].fate == Fate::Open).collect();
        let floors = self.floors(shared, &missing).await?;
        let (below, above): (Vec<_>, Vec<_>) = missing.into_iter().partition(|at| {
            let copy = &self.copies[*at];
            floors.get(copy.member.as_str()).is_some_and(|floor| copy.seq <= *floor)
        });
        let mut holders = self.holders(shared, &below).await?;
        let mut taken = Vec::new();
        for at in below {
            let key = self.key(operations, at);
            let copy = &mut self.copies[at];
            match holders.remove(&(copy.member.as_str().to_owned(), copy.seq)) {
                // Another entry, or a tombstone that a reader put there.
                Some(holder) if holder != key => taken.push(at),
                // It was there, and was freed; or it came just now.
                Some(_) | None => copy.fate = Fate::There,
            }
        }
        for at in above {
            self.copies[at].known_at = Some(now);
        }
        self.renumber(shared, &taken).await
    }

    /// Returns the copies that are there by their `_id`s, with their sequences.
    pub(super) async fn find(
        &self,
        shared: &Shared,
        operations: &[Operation],
        wanted: &[usize],
    ) -> Result<Vec<(usize, Seq)>> {
        let keys: Vec<Bson> = wanted.iter().map(|at| self.key(operations, *at).to_bson()).collect();
        let filter = doc! { "id": { "$in": self.members(wanted) }, "_id": { "$in": keys } };
        let by_key = Hint::Keys(doc! { "_id": 1 });
        let found: HashMap<_, _> = read_places(shared, filter, by_key)
            .await?
            .into_iter()
            .map(|place| (place.key, place.seq))
            .collect();
        let sequence = |at: &usize| Some((*at, *found.get(&self.key(operations, *at))?));
        Ok(wanted.iter().filter_map(sequence).collect())
    }

    /// Finds what lies at the places of copies.
    async fn holders(&self, shared: &Shared, wanted: &[usize]) -> Result<HashMap<(String, Seq), EntryId>> {
        let mut holders = HashMap::new();
        for some in wanted.chunks(PLACES_MAX) {
            let place = |at: &usize| {
                let copy = &self.copies[*at];
                doc! { "id": copy.member.as_str(), "seq": copy.seq.to_i64() }
            };
            let places: Vec<Document> = some.iter().map(place).collect();
            let filter = doc! { "id": { "$in": self.members(some) }, "$or": places };
            let by_place = Hint::Keys(doc! { "id": 1, "seq": 1 });
            let found = read_places(shared, filter, by_place).await?;
            holders.extend(found.into_iter().map(|place| ((place.boxed, place.seq), place.key)));
        }
        Ok(holders)
    }

    async fn floors(&self, shared: &Shared, wanted: &[usize]) -> Result<HashMap<String, Seq>> {
        if wanted.is_empty() {
            return Ok(HashMap::new());
        }
        let tops = tops::read(&shared.database, Side::Inbox, &self.members(wanted)).await?;
        Ok(tops.into_iter().map(|(boxed, top)| (boxed, top.floor)).collect())
    }

    /// Returns the members of copies, each once.
    fn members(&self, copies: &[usize]) -> Vec<&str> {
        let mut members: Vec<_> = copies.iter().map(|at| self.copies[*at].member.as_str()).collect();
        members.sort_unstable();
        members.dedup();
        members
    }
}

/// The most places that one query asks for.
const PLACES_MAX: usize = 500;

/// Where a document of an inbox is.
struct FoundPlace {
    key: EntryId,
    boxed: String,
    seq: Seq,
}

/// Reads where documents of inboxes are.
async fn read_places(shared: &Shared, filter: Document, hint: Hint) -> Result<Vec<FoundPlace>> {
    let read = shared.database.call(move |collections| async move {
        let places = collections.inboxes.find(filter).projection(doc! { "_id": 1, "id": 1, "seq": 1 });
        let mut cursor = places.hint(hint).await?;
        let mut found: Vec<RawDocumentBuf> = Vec::new();
        while cursor.advance().await? {
            found.push(cursor.current().to_owned());
        }
        Ok(found)
    });
    let place = |document: &RawDocumentBuf| {
        let entry = EntryDoc::read(document, Side::Inbox)?;
        Ok(FoundPlace { key: entry.key, boxed: entry.boxed, seq: entry.seq })
    };
    read.await?.iter().map(place).collect()
}
