//! Copies of entries, written by whoever comes first, as often as it takes.
//!
//! A copy has one `_id` in every attempt of every node, so it is there once at most. Its sequence
//! was reserved for it; who finds another entry there takes a new one.
//!
//! ```text
//!  reserved a moment ago ──► insert ──┬─► written, or there already
//!        ▲                            ├─► place taken ──► new sequence ──┐
//!        │                            ├─► refused: failed                │
//!        │                            └─► unknown ──► wait ──────────────┤
//!        └────────────────────────────────────────────────────────────────┘
//!  reserved long ago, or by others ──► look: there, freed, place taken, or as above
//! ```
//!
//! What was reserved long ago may lie below a floor, where an insert would succeed unseen: the
//! reader is past it. So it is looked up first, and what is found holds for [`HOLD`].

use std::collections::HashMap;
use std::ops::Range;
use std::time::Duration;

use mongo_link::Backoff;
use mongodb::bson::{Bson, Document, RawDocumentBuf, doc};
use mongodb::options::Hint;
use tokio::time::{Instant, sleep};

use super::HOLD;
use super::batch::Boxes;
use super::insert::{Inserted, close_places, insert_entries};
use super::operation::Operation;
use crate::distributed::box_id::{BoxId, Side};
use crate::distributed::documents::EntryDoc;
use crate::distributed::entry_id::EntryId;
use crate::distributed::shared::Shared;
use crate::distributed::{clock, rows, tops};
use crate::{Entry, Error, ErrorKind, MemberId, Result, Seq};

/// How long the waits between two attempts are: the first, and any.
pub(super) const WAIT_FIRST: Duration = Duration::from_millis(20);
pub(super) const WAIT_MAX: Duration = Duration::from_millis(500);

/// Writes the copies of entries that are missing, and returns the sequence of each member's copy.
///
/// `None` stands for a copy of which it is known that its inbox does not take it. An error is
/// [`UnknownOutcome`](crate::ErrorKind::UnknownOutcome): some copies are missing still, and the
/// call may be repeated. A member whose copy was missing is in the conversation from then on.
pub(in crate::distributed) async fn spread(
    shared: &Shared,
    operations: &[Operation],
) -> Vec<Result<Vec<Option<Seq>>>> {
    complete(shared, operations, false).await
}

/// Does the same; `with_rows` says that the rows of all members are entered as well.
///
/// Otherwise that is done only if a copy is missing: who has left a group since its message was
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

/// The copies of several operations, until it is known of each where it is.
#[derive(Debug, Default)]
pub(super) struct Delivery {
    copies: Vec<InboxCopy>,
    /// Which copies belong to an operation, by its number.
    of_operation: HashMap<usize, Range<usize>>,
}

#[derive(Debug)]
struct InboxCopy {
    operation: usize,
    member: MemberId,
    /// The sequence that it has, or is to get.
    seq: Seq,
    /// Since when that sequence is known to be above the floor, or free.
    known_at: Option<Instant>,
    fate: Fate,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Open,
    There,
    Failed,
}

impl InboxCopy {
    /// Returns whether the place may lie below the floor, or have this copy, unseen.
    fn is_unsure(&self) -> bool {
        self.known_at.is_none_or(|known_at| known_at.elapsed() > HOLD / 2)
    }
}

impl Delivery {
    /// Adds the copies of an operation; `reserved_at` says when their sequences were reserved by
    /// this process.
    pub(super) fn add(&mut self, at: usize, operation: &Operation, reserved_at: Option<Instant>) {
        let begin = self.copies.len();
        self.copies.extend(operation.copies().map(|(member, seq)| InboxCopy {
            operation: at,
            member: member.clone(),
            seq,
            known_at: reserved_at,
            fate: Fate::Open,
        }));
        self.of_operation.insert(at, begin..self.copies.len());
    }

    /// Returns where the copies of an operation are; none while some of them are open.
    pub(super) fn sequences(&self, operation: usize) -> Option<Vec<Option<Seq>>> {
        let copies = self.copies.get(self.of_operation.get(&operation)?.clone())?;
        let sequence = |copy: &InboxCopy| match copy.fate {
            Fate::Open => None,
            Fate::There => Some(Some(copy.seq)),
            Fate::Failed => Some(None),
        };
        copies.iter().map(sequence).collect()
    }

    /// Writes what is open, again and again until nothing is or time is up.
    async fn run(&mut self, shared: &Shared, operations: &[Operation], until: Instant) -> Result<()> {
        let mut backoff = Backoff::new(WAIT_FIRST, WAIT_MAX);
        loop {
            let attempt = self.attempt(shared, operations).await;
            if self.open(|_| true).is_empty() {
                return Ok(());
            }
            let wait = backoff.failed();
            if Instant::now() + wait >= until {
                return Err(attempt.err().unwrap_or_else(contended));
            }
            sleep(wait).await;
        }
    }

    /// Looks up what is there already, again and again until that is known or time is up.
    async fn look(&mut self, shared: &Shared, operations: &[Operation], until: Instant) -> Result<()> {
        let mut backoff = Backoff::new(WAIT_FIRST, WAIT_MAX);
        loop {
            let Err(error) = self.look_up(shared, operations).await else { return Ok(()) };
            let wait = backoff.failed();
            if Instant::now() + wait >= until {
                return Err(error);
            }
            sleep(wait).await;
        }
    }

    /// Tries once to write what is open.
    pub(super) async fn attempt(&mut self, shared: &Shared, operations: &[Operation]) -> Result<()> {
        self.look_up(shared, operations).await?;
        let open = self.open(|_| true);
        if open.is_empty() {
            return Ok(());
        }
        let entries = open.iter().map(|at| self.entry(operations, *at)).collect();
        let inserted = insert_entries(&shared.database, Side::Inbox, entries).await;
        let (mut written, mut there, mut taken, mut vacant) =
            (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let mut failure = Ok(());
        for (at, inserted) in open.into_iter().zip(inserted) {
            match inserted {
                Inserted::Written => written.push((at, self.copies[at].seq)),
                Inserted::IsThere => there.push(at),
                Inserted::Taken => taken.push(at),
                Inserted::Refused(error) => vacant.push(self.refused(at, &error)),
                Inserted::Unknown(error) => failure = Err(error),
            }
        }
        if !there.is_empty() {
            // An earlier attempt arrived, maybe under another sequence.
            match self.find(shared, operations, &there).await {
                Ok(found) => written.extend(found),
                Err(error) => failure = Err(error),
            }
        }
        self.tell(shared, operations, &written);
        if !vacant.is_empty() {
            shared.teller.given_up(&vacant);
            let places = vacant.into_iter().map(|(member, seq)| (BoxId::inbox(&member), seq));
            close_places(&shared.database, Side::Inbox, places.collect()).await;
        }
        self.renumber(shared, &taken).await?;
        failure
    }

    /// Notes that copies are there, and tells everybody of them.
    fn tell(&mut self, shared: &Shared, operations: &[Operation], written: &[(usize, Seq)]) {
        let mut news: Vec<(MemberId, Entry)> = Vec::with_capacity(written.len());
        let mut given_up = Vec::new();
        for (at, seq) in written {
            let copy = &mut self.copies[*at];
            if copy.seq != *seq {
                given_up.push((copy.member.clone(), copy.seq));
            }
            (copy.seq, copy.fate) = (*seq, Fate::There);
            news.push((copy.member.clone(), self.entry(operations, *at).entry));
        }
        for (member, entry) in &news {
            shared.sequencer.seen(&BoxId::inbox(member), entry.sequence, entry.at_ms);
        }
        if !given_up.is_empty() {
            shared.teller.given_up(&given_up);
        }
        if !news.is_empty() {
            shared.teller.committed(news);
        }
    }

    fn refused(&mut self, at: usize, error: &Error) -> (MemberId, Seq) {
        let copy = &mut self.copies[at];
        copy.fate = Fate::Failed;
        tracing::warn!(member = copy.member.as_str(), "an inbox did not take a message: {error:#}");
        (copy.member.clone(), copy.seq)
    }

    /// Gives copies new sequences, whose places other entries have.
    async fn renumber(&mut self, shared: &Shared, taken: &[usize]) -> Result<()> {
        if taken.is_empty() {
            return Ok(());
        }
        let mut boxes = Boxes::default();
        for at in taken {
            boxes.add(BoxId::inbox(&self.copies[*at].member));
        }
        let now = Instant::now();
        let reserved = shared.sequencer.again(&boxes.wants(), clock::unix_ms()).await?;
        let mut given = boxes.reserved(&reserved);
        let (mut before, mut after) = (Vec::new(), Vec::new());
        for at in taken {
            let copy = &mut self.copies[*at];
            before.push((copy.member.clone(), copy.seq));
            (copy.seq, copy.known_at) = (given.take(&BoxId::inbox(&copy.member))?.0, Some(now));
            after.push((copy.member.clone(), copy.seq));
        }
        shared.teller.given_up(&before);
        shared.teller.reserved(&after);
        Ok(())
    }

    /// Looks up those copies that may be there already, or whose places may be below the floor.
    async fn look_up(&mut self, shared: &Shared, operations: &[Operation]) -> Result<()> {
        let now = Instant::now();
        let unsure = self.open(InboxCopy::is_unsure);
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

    /// Finds copies by their `_id`s, and returns those that are there with their sequences.
    async fn find(
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

    fn open(&self, is_wanted: impl Fn(&InboxCopy) -> bool) -> Vec<usize> {
        let open = |(_, copy): &(usize, &InboxCopy)| copy.fate == Fate::Open && is_wanted(copy);
        self.copies.iter().enumerate().filter(open).map(|(at, _)| at).collect()
    }

    fn entry(&self, operations: &[Operation], at: usize) -> EntryDoc {
        let copy = &self.copies[at];
        operations[copy.operation].entry.copy_for(&copy.member, copy.seq)
    }

    fn key(&self, operations: &[Operation], at: usize) -> EntryId {
        let copy = &self.copies[at];
        operations[copy.operation].entry.copy_key(&copy.member)
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

/// The error of a call whose outcome is open.
pub(super) fn unknown(error: &Error) -> Error {
    let text =
        format!("it is unknown whether the message was stored ({error}); repeat it with its message id");
    Error::with_source(ErrorKind::UnknownOutcome, text, error.clone())
}

/// The error of an operation that found its places taken, as long as it tried.
pub(super) fn contended() -> Error {
    let text = "other nodes took each place of the message before it was there";
    Error::new(ErrorKind::Unavailable, text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::distributed::send::operation::Places;
    use crate::store::Append;
    use crate::{Conversation, Destination, Message};

    fn member(id: &str) -> MemberId {
        MemberId::new(id).unwrap()
    }

    fn seq(number: u64) -> Seq {
        Seq::new(number).unwrap()
    }

    fn operation() -> Operation {
        let conversation = Conversation::single(member("a"), member("b"));
        let history = BoxId::history(&conversation);
        let append = Append {
            conversation,
            from: Some(member("a")),
            to: Destination::Member(member("b")),
            recipients: vec![member("a"), member("b")],
            message: Message::from_stored("{}"),
            token: None,
        };
        let places = Places { place: seq(7), at_ms: 1, copies: vec![seq(3), seq(5)] };
        Operation::of_send(append, history, EntryId::fresh(1), places)
    }

    #[test]
    fn an_operation_is_known_when_each_of_its_copies_is() {
        let mut delivery = Delivery::default();
        delivery.add(4, &operation(), None);
        delivery.add(9, &operation(), None);
        delivery.copies[0].fate = Fate::There;
        assert_eq!((delivery.sequences(4), delivery.sequences(9)), (None, None));
        delivery.copies[1].fate = Fate::Failed;
        assert_eq!(delivery.sequences(4), Some(vec![Some(seq(3)), None]));
        assert_eq!(delivery.open(|_| true), [2, 3]);
        assert_eq!(delivery.sequences(5), None);
    }

    #[test]
    fn answers_have_the_sequence_of_the_last_recipient_and_name_who_got_nothing() {
        let operation = operation();
        let both = operation.answer(&[Some(seq(3)), Some(seq(6))]);
        assert_eq!((both.sequence, both.place, both.failed), (seq(6), seq(7), Vec::new()));
        let one = operation.answer(&[Some(seq(3)), None]);
        assert_eq!((one.sequence, one.failed), (Seq::ZERO, vec![member("b")]));
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_reserved_a_moment_ago_is_not_looked_up() {
        let mut delivery = Delivery::default();
        let now = Instant::now();
        delivery.add(0, &operation(), Some(now));
        let unsure = |delivery: &Delivery| delivery.open(InboxCopy::is_unsure).len();
        assert_eq!(unsure(&delivery), 0);
        tokio::time::advance(HOLD / 2 + Duration::from_millis(1)).await;
        assert_eq!(unsure(&delivery), 2);
    }
}
