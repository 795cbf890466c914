//! Intents: what a node is about to do, so that another one can end it.
//!
//! | field | type | what |
//! |---|---|---|
//! | `_id` | string | `<node>:<lane>` |
//! | `node` | string | who does it |
//! | `at` | date | when it was noted, by the server's clock |
//! | `ops` | array | what is done, see below |
//!
//! | of `ops` | type | what |
//! |---|---|---|
//! | `kind` | string | `send`, `change` or `purge` |
//! | `id` | string | the history |
//! | `seq` | int64 | the place of the entry that is sent or changed; 0 for a purge |
//! | `_id` | Binary(16) | the `_id` of that entry; absent if it is not known |

use mongodb::bson::{Bson, DateTime, Document, RawDocument, doc};

use super::super::box_id::{BoxId, Side};
use super::super::entry_id::EntryId;
use super::field::{Field, Unreadable, fields};
use crate::{Result, Seq};

/// What a node is about to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::distributed) struct IntentDoc {
    /// The lane of the node: `<node>:<lane>`.
    pub(in crate::distributed) lane: String,
    pub(in crate::distributed) node: String,
    /// When it was noted, by the server's clock.
    pub(in crate::distributed) at: DateTime,
    pub(in crate::distributed) ops: Vec<IntentOp>,
}

/// One thing that a node is about to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::distributed) struct IntentOp {
    pub(in crate::distributed) kind: IntentKind,
    pub(in crate::distributed) history: BoxId,
    /// The place of the entry that is sent or changed; 0 for a purge.
    pub(in crate::distributed) seq: Seq,
    /// The `_id` of that entry.
    pub(in crate::distributed) key: Option<EntryId>,
}

/// What a node is about to do with a history.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(in crate::distributed) enum IntentKind {
    /// An entry is written, and then its copies.
    Send,
    /// A message is changed.
    Change,
    /// All entries are deleted.
    Purge,
}

impl IntentOp {
    pub(in crate::distributed) fn to_document(&self) -> Document {
        let Self { kind, history, seq, key } = self;
        let mut document = doc! { "kind": kind.name(), "id": history.as_str(), "seq": seq.to_i64() };
        if let Some(key) = key {
            document.insert("_id", key.to_bson());
        }
        document
    }

    fn read(field: Field<'_>) -> Result<Self, Unreadable> {
        let (mut kind, mut history, mut seq, mut key) = (None, None, Seq::ZERO, None);
        for field in fields(field.document()?) {
            let field = field?;
            match field.name {
                "kind" => kind = Some(IntentKind::of(field)?),
                "id" => history = Some(BoxId::stored(Side::History, field.text()?)),
                "seq" => seq = field.seq()?,
                "_id" => key = Some(field.key()?),
                _ => {}
            }
        }
        let missing = |name| move || Unreadable::new(format!("has an operation without `{name}`"));
        Ok(Self {
            kind: kind.ok_or_else(missing("kind"))?,
            history: history.ok_or_else(missing("id"))?,
            seq,
            key,
        })
    }
}

impl IntentKind {
    fn name(self) -> &'static str {
        match self {
            Self::Send => "send",
            Self::Change => "change",
            Self::Purge => "purge",
        }
    }

    fn of(field: Field<'_>) -> Result<Self, Unreadable> {
        let name = field.text()?;
        let kind = [Self::Send, Self::Change, Self::Purge].into_iter().find(|kind| kind.name() == name);
        kind.ok_or_else(|| field.is_not("`send`, `change` or `purge`"))
    }
}

impl IntentDoc {
    /// Returns operations as they are written.
    pub(in crate::distributed) fn ops(ops: &[IntentOp]) -> Bson {
        ops.iter().map(IntentOp::to_document).collect()
    }

    /// Reads what a node is about to do.
    ///
    /// # Errors
    ///
    /// [`Corrupt`](crate::ErrorKind::Corrupt) names the lane.
    pub(in crate::distributed) fn read(document: &RawDocument) -> Result<Self> {
        Self::parse(document).map_err(|why| why.in_collection("intents", document))
    }

    fn parse(document: &RawDocument) -> Result<Self, Unreadable> {
        let (mut lane, mut node, mut at, mut ops) = (None, None, None, Vec::new());
        for field in fields(document) {
            let field = field?;
            match field.name {
                "_id" => lane = Some(field.text()?.to_owned()),
                "node" => node = Some(field.text()?.to_owned()),
                "at" => at = Some(field.value.as_datetime().ok_or_else(|| field.is_not("a date"))?),
                "ops" => ops = field.each(IntentOp::read)?,
                _ => {}
            }
        }
        Ok(Self {
            lane: lane.ok_or_else(|| Unreadable::without("_id"))?,
            node: node.ok_or_else(|| Unreadable::without("node"))?,
            at: at.ok_or_else(|| Unreadable::without("at"))?,
            ops,
        })
    }
}

#[cfg(test)]
mod tests {
    use mongodb::bson::RawDocumentBuf;

    use super::*;
    use crate::{Conversation, ErrorKind, GroupName};

    fn read(document: &Document) -> Result<IntentDoc> {
        IntentDoc::read(&RawDocumentBuf::try_from(document).unwrap())
    }

    #[test]
    fn intents_read_as_they_were_written() {
        let history = BoxId::history(&Conversation::group(GroupName::new("tea").unwrap()));
        let op = |kind, seq, key| IntentOp { kind, history: history.clone(), seq, key };
        let ops = vec![
            op(IntentKind::Send, Seq::MAX, Some(EntryId::fresh(1))),
            op(IntentKind::Change, Seq::ZERO.next(), None),
            op(IntentKind::Purge, Seq::ZERO, None),
        ];
        let at = DateTime::from_millis(7);
        let document = doc! { "_id": "n:0", "node": "n", "at": at, "ops": IntentDoc::ops(&ops) };
        let intent = IntentDoc { lane: "n:0".to_owned(), node: "n".to_owned(), at, ops };
        assert_eq!(read(&document).unwrap(), intent);
    }

    #[test]
    fn intents_that_cannot_be_read_are_corrupt_and_named() {
        for wrong in [
            doc! { "node": 7 },
            doc! { "at": 7 },
            doc! { "ops": ["send"] },
            doc! { "ops": [{ "kind": "send" }] },
            doc! { "ops": [{ "kind": "other", "id": "seq:a:b" }] },
        ] {
            let mut document = doc! { "_id": "n:0", "node": "n", "at": DateTime::from_millis(7) };
            document.extend(wrong);
            let error = read(&document).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Corrupt, "{document}");
            assert!(error.to_string().contains("\"n:0\" in the collection of intents"), "{error}");
        }
    }
}
