//! What the Go service did not note of its boxes: whose they are.
//!
//! It had no lists of conversations, so nothing says who has one. Of a pair the id of the history
//! does. Of a group nobody knows the members: it is in their lists from its next message on.

use std::mem;

use mongodb::Collection;
use mongodb::bson::{Bson, Document, RawDocument, doc};
use mongodb::error::Result as DriverResult;
use tokio::time::Instant;

use super::super::box_id::{BoxId, Side};
use super::super::config::Config;
use super::super::database::{Database, of_link};
use super::super::documents::RowDoc;
use super::super::entry_id::EntryId;
use super::super::{clock, keeper, rows};
use super::check::LIMIT;
use super::scan::whole;
use crate::{Conversation, MemberId, Parties, Result, Seq};

/// What was entered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Entered {
    /// Pairs that are in the lists of their members.
    pub(super) pairs: u64,
    /// Groups of which the members are not known.
    pub(super) groups: u64,
}

/// How many boxes are entered with one command of each kind.
const BOXES: usize = 500;

/// Enters what is known of boxes with a last entry of the Go service.
///
/// What is there already stays as it is.
pub(super) async fn enter(database: &Database, config: &Config) -> Result<Entered> {
    let mut entered = Entered::default();
    for (side, name) in [(Side::History, &config.histories), (Side::Inbox, &config.inboxes)] {
        if side == Side::Inbox && config.retention.of_inboxes().age_max().is_none() {
            // Of inboxes there is nothing else to enter.
            continue;
        }
        let (name, part) = (name.clone(), Part { database: database.clone(), config: config.clone(), side });
        let work =
            move |database: mongodb::Database| async move { part.walk(&database.collection(&name)).await };
        let of_side = database.link().call_within(LIMIT, work).await.map_err(of_link)??;
        entered.add(of_side);
    }
    Ok(entered)
}

impl Entered {
    fn add(&mut self, other: Self) {
        self.pairs += other.pairs;
        self.groups += other.groups;
    }
}

/// One of the two collections.
struct Part {
    database: Database,
    config: Config,
    side: Side,
}

impl Part {
    /// Reads the collection in the order of its boxes, and enters these on the way.
    async fn walk(&self, of: &Collection<Document>) -> DriverResult<Result<Entered>> {
        let (fields, order) = (doc! { "_id": 1, "id": 1, "seq": 1 }, doc! { "id": 1, "seq": 1 });
        let mut cursor = of.find(doc! {}).projection(fields).sort(order).allow_disk_use(true).await?;
        let (mut ends, mut some, mut entered) = (Ends::default(), Vec::new(), Entered::default());
        loop {
            let is_over = !cursor.advance().await?;
            some.extend(if is_over { ends.0.take() } else { ends.take(cursor.current()) });
            if is_over || some.len() >= BOXES {
                match self.enter(mem::take(&mut some)).await {
                    Ok(part) => entered.add(part),
                    Err(error) => return Ok(Err(error)),
                }
            }
            if is_over {
                return Ok(Ok(entered));
            }
        }
    }

    async fn enter(&self, ends: Vec<End>) -> Result<Entered> {
        let (mut entered, mut statements, mut aging) = (Entered::default(), Vec::new(), Vec::new());
        for end in ends {
            let Some(at_ms) = end.at_ms() else { continue };
            let boxed = BoxId::stored(self.side, &end.id);
            if let Some(conversation) = boxed.to_conversation().filter(|_| self.side == Side::History) {
                match conversation.parties() {
                    Parties::Pair(..) => entered.pairs += 1,
                    Parties::Group(_) => entered.groups += 1,
                }
                statements.extend(rows_of(&conversation, end.top, at_ms));
            }
            if keeper::of_retention(&self.config.retention, &boxed).age_max().is_some() {
                aging.push(boxed);
            }
        }
        rows::update(&self.database, &statements, Instant::now() + self.config.timeout).await?;
        let now_ms = i64::try_from(clock::unix_ms()).unwrap_or(i64::MAX);
        keeper::enter(&self.database, &aging, now_ms).await?;
        Ok(entered)
    }
}

/// The end of a box.
#[derive(Debug, PartialEq)]
struct End {
    id: String,
    top: Seq,
    /// The `_id` of the last entry, if it is one of ours or of the Go service.
    key: Option<EntryId>,
}

impl End {
    /// Returns the time of the last entry, if that is one of the Go service.
    fn at_ms(&self) -> Option<u64> {
        let Some(EntryId::Go(id)) = self.key else { return None };
        Some(u64::try_from(id.timestamp().timestamp_millis()).unwrap_or_default())
    }
}

/// The end of the box that is read, as far as it was.
#[derive(Debug, Default)]
struct Ends(Option<End>);

impl Ends {
    /// Takes the next document, and returns the end of the box before.
    ///
    /// They come in the order of boxes and sequences.
    fn take(&mut self, document: &RawDocument) -> Option<End> {
        let value = |name: &str| document.get(name).ok().flatten();
        let id = document.get_str("id").ok()?;
        let seq = value("seq").and_then(|seq| Bson::try_from(seq).ok());
        let top = Seq::try_from(seq.as_ref().and_then(whole)?).ok()?;
        let key = value("_id").and_then(EntryId::read);
        match &mut self.0 {
            Some(last) if last.id == id => {
                (last.top, last.key) = (top, key);
                None
            }
            last => last.replace(End { id: id.to_owned(), top, key }),
        }
    }
}

/// Returns the statements that enter the rows of a pair, unless they are there.
///
/// Nobody knows what was read of it, so nothing that is there counts as unread.
fn rows_of(conversation: &Conversation, top: Seq, at_ms: u64) -> Vec<Document> {
    let Parties::Pair(one, other) = conversation.parties() else { return Vec::new() };
    let history = BoxId::history(conversation);
    let mut members = vec![one, other];
    members.dedup();
    let statement = |member: &MemberId| {
        let row = RowDoc {
            member: member.clone(),
            conversation: conversation.clone(),
            read: Seq::ZERO,
            joined: top,
            cleared: Seq::ZERO,
            since_ms: at_ms,
            has_left: false,
        };
        let mut new = row.to_document();
        new.remove("_id");
        let filter = doc! { "_id": RowDoc::key(member, &history) };
        doc! { "q": filter, "u": { "$setOnInsert": new }, "upsert": true }
    };
    members.into_iter().map(statement).collect()
}

#[cfg(test)]
mod tests {
    use mongodb::bson::RawDocumentBuf;
    use mongodb::bson::oid::ObjectId;

    use super::*;
    use crate::GroupName;

    fn key(second: u32) -> ObjectId {
        ObjectId::from_parts(second, [0; 5], [0; 3])
    }

    fn pair(one: &str, other: &str) -> Conversation {
        Conversation::single(MemberId::new(one).unwrap(), MemberId::new(other).unwrap())
    }

    #[test]
    fn each_box_ends_with_its_last_entry() {
        let documents = [
            doc! { "_id": key(1), "id": "seq:a:b", "seq": 1_i64 },
            doc! { "_id": key(2), "id": "seq:a:b", "seq": 2 },
            doc! { "_id": key(3), "id": "seq:a:c" },
            doc! { "_id": EntryId::Ours([7; 16]).to_bson(), "id": "seq:a:d", "seq": 0_i64 },
            doc! { "_id": key(4), "id": "seq:a:d", "seq": 9_i64 },
            doc! { "_id": EntryId::Ours([8; 16]).to_bson(), "id": "seq:a:e", "seq": 3_i64 },
        ];
        let mut ends = Ends::default();
        let raw = documents.iter().map(|document| RawDocumentBuf::try_from(document).unwrap());
        let mut ended: Vec<_> = raw.filter_map(|document| ends.take(&document)).collect();
        ended.extend(ends.0);
        let known: Vec<_> = ended.iter().map(|end| (&*end.id, end.top.get(), end.at_ms())).collect();
        assert_eq!(
            known,
            [("seq:a:b", 2, Some(2_000)), ("seq:a:d", 9, Some(4_000)), ("seq:a:e", 3, None)],
            "what has no sequence is no entry, and who wrote to a box later has entered its rows"
        );
    }

    #[test]
    fn a_pair_has_a_row_for_each_of_its_members_and_nothing_is_unread() {
        let rows = rows_of(&pair("a", "b"), Seq::new(9).unwrap(), 4_000);
        let known: Vec<_> = rows
            .iter()
            .map(|row| {
                let new = row.get_document("u").unwrap().get_document("$setOnInsert").unwrap();
                assert!(!new.contains_key("_id") && row.get_bool("upsert").unwrap());
                let number = |name: &str| new.get_i64(name).unwrap();
                (
                    new.get_str("member").unwrap(),
                    new.get_str("id").unwrap(),
                    number("joined"),
                    number("since"),
                )
            })
            .collect();
        assert_eq!(known, [("a", "seq:a:b", 9, 4_000), ("b", "seq:a:b", 9, 4_000)]);
        assert_ne!(rows[0].get_document("q").unwrap(), rows[1].get_document("q").unwrap());
    }

    #[test]
    fn notes_to_oneself_have_one_row_and_groups_none() {
        let rows = |conversation: &Conversation| rows_of(conversation, Seq::ZERO.next(), 0).len();
        assert_eq!(rows(&pair("a", "a")), 1);
        assert_eq!(rows(&Conversation::group(GroupName::new("tea").unwrap())), 0);
    }
}
