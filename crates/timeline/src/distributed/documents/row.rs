//! Rows: a conversation as one member has it.
//!
//! | field | type | what |
//! |---|---|---|
//! | `_id` | Binary(16) | [`EntryId::of_row`] |
//! | `member` | string | whose row it is |
//! | `id` | string | the history |
//! | `pair` | array of two strings | the members of a pair, the smaller one (by bytes) first |
//! | `group` | string | the group; a row has this or `pair` |
//! | `read` | int64 | how far the member has read |
//! | `joined` | int64 | what was there when they came |
//! | `cleared` | int64 | up to where they have cleared it |
//! | `since` | int64 ms | when they came |
//! | `left` | boolean | whether they have left the group; absent is false |
//! | `left_at` | int64 | what was there when they left last; absent is 0 |
//!
//! Sends are entered in no order, and again after a failure. `left_at` tells those from before a
//! member left, which are entered late, from the one that they are back by. A known limit: one that
//! is entered late brings back who has left the group meanwhile, with what was there when they left
//! as `joined`. Nothing says of a send whether its members were entered before.

use mongodb::bson::{Bson, Document, RawDocument, doc};

use super::super::box_id::BoxId;
use super::super::entry_id::EntryId;
use super::field::{Unreadable, fields};
use super::time;
use crate::{Conversation, MemberId, Parties, Result, Seq};

/// What one member has of one conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::distributed) struct RowDoc {
    pub(in crate::distributed) member: MemberId,
    pub(in crate::distributed) conversation: Conversation,
    /// Up to where the member has read.
    pub(in crate::distributed) read: Seq,
    /// What was there when the member came, which is not unread.
    pub(in crate::distributed) joined: Seq,
    /// Up to where the member has cleared the conversation.
    pub(in crate::distributed) cleared: Seq,
    /// When the member came, in milliseconds since 1970.
    pub(in crate::distributed) since_ms: u64,
    pub(in crate::distributed) has_left: bool,
}

impl RowDoc {
    /// Returns the `_id` of the row of a member.
    pub(in crate::distributed) fn key(member: &MemberId, history: &BoxId) -> Bson {
        EntryId::of_row(member, history).to_bson()
    }

    /// Returns what of a row says whose it is: all but its `_id` and what changes.
    pub(in crate::distributed) fn identity(member: &MemberId, conversation: &Conversation) -> Document {
        let mut document = doc! { "member": member.as_str(), "id": BoxId::history(conversation).as_str() };
        match conversation.parties() {
            Parties::Pair(one, other) => document.insert("pair", [one.as_str(), other.as_str()]),
            Parties::Group(group) => document.insert("group", group.as_str()),
        };
        document
    }

    pub(in crate::distributed) fn to_document(&self) -> Document {
        let Self { member, conversation, read, joined, cleared, since_ms, has_left } = self;
        let mut document = doc! { "_id": Self::key(member, &BoxId::history(conversation)) };
        document.extend(Self::identity(member, conversation));
        document.extend(doc! {
            "read": read.to_i64(),
            "joined": joined.to_i64(),
            "cleared": cleared.to_i64(),
            "since": time(*since_ms),
            "left": *has_left,
        });
        document
    }

    /// Reads a row.
    ///
    /// # Errors
    ///
    /// [`Corrupt`](crate::ErrorKind::Corrupt) names the history.
    pub(in crate::distributed) fn read(document: &RawDocument) -> Result<Self> {
        Self::parse(document).map_err(|why| why.in_collection("rows", document))
    }

    fn parse(document: &RawDocument) -> Result<Self, Unreadable> {
        let (mut member, mut conversation) = (None, None);
        let (mut read, mut joined, mut cleared) = (Seq::ZERO, Seq::ZERO, Seq::ZERO);
        let (mut since_ms, mut has_left) = (0, false);
        for field in fields(document) {
            let field = field?;
            match field.name {
                "member" => member = Some(field.member()?),
                "pair" => {
                    let Ok([one, other]) = <[MemberId; 2]>::try_from(field.members()?) else {
                        return Err(field.is_not("an array of two members"));
                    };
                    conversation = Some(Conversation::single(one, other));
                }
                "group" => conversation = Some(Conversation::group(field.group()?)),
                "read" => read = field.seq()?,
                "joined" => joined = field.seq()?,
                "cleared" => cleared = field.seq()?,
                "since" => since_ms = field.millis()?,
                "left" => has_left = field.boolean()?,
                _ => {}
            }
        }
        Ok(Self {
            member: member.ok_or_else(|| Unreadable::without("member"))?,
            conversation: conversation.ok_or_else(|| Unreadable::new("has neither `pair` nor `group`"))?,
            read,
            joined,
            cleared,
            since_ms,
            has_left,
        })
    }
}

#[cfg(test)]
mod tests {
    use mongodb::bson::RawDocumentBuf;

    use super::*;
    use crate::{ErrorKind, GroupName};

    fn read(document: &Document) -> Result<RowDoc> {
        RowDoc::read(&RawDocumentBuf::try_from(document).unwrap())
    }

    fn row(conversation: Conversation) -> RowDoc {
        let seq = |number| Seq::new(number).unwrap();
        RowDoc {
            member: MemberId::new("b").unwrap(),
            conversation,
            read: seq(3),
            joined: seq(1),
            cleared: seq(2),
            since_ms: 4,
            has_left: true,
        }
    }

    fn pair() -> Conversation {
        Conversation::single(MemberId::new("b").unwrap(), MemberId::new("a:c").unwrap())
    }

    #[test]
    fn rows_read_as_they_were_written() {
        for row in [row(pair()), row(Conversation::group(GroupName::new("tea").unwrap()))] {
            assert_eq!(read(&row.to_document()).unwrap(), row);
        }
    }

    #[test]
    fn a_row_that_was_just_made_has_zeros() {
        let member = MemberId::new("b").unwrap();
        let row = read(&RowDoc::identity(&member, &pair())).unwrap();
        assert_eq!((row.read, row.joined, row.cleared), (Seq::ZERO, Seq::ZERO, Seq::ZERO));
        assert_eq!((row.conversation, row.since_ms, row.has_left), (pair(), 0, false));
    }

    #[test]
    fn rows_that_cannot_be_read_are_corrupt_and_named() {
        for wrong in [
            doc! { "member": "" },
            doc! { "pair": ["a"] },
            doc! { "pair": [1, 2] },
            doc! { "group": 7 },
            doc! { "read": -1 },
            doc! { "left": 1 },
        ] {
            let mut document = row(pair()).to_document();
            document.extend(wrong);
            let error = read(&document).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Corrupt, "{document}");
            assert!(error.to_string().contains("\"p3:a:c:b\" in the collection of rows"), "{error}");
        }
        for missing in ["member", "pair"] {
            let mut document = row(pair()).to_document();
            document.remove(missing);
            assert_eq!(read(&document).unwrap_err().kind(), ErrorKind::Corrupt, "{missing}");
        }
    }
}
