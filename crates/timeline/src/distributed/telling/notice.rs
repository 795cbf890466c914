//! What nodes say to each other, as text.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::distributed::entry_id::EntryId;
use crate::{Conversation, Error, ErrorKind, GroupName, MemberId, Parties, ReadCursor, Result, Seq};

/// What one message says.
///
/// The names of the fields are those of the JSON that the module shows.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct NoticeText<'a> {
    node: Cow<'a, str>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    inboxes: Vec<(Cow<'a, str>, u64, u64)>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    cursors: Vec<CursorText<'a>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    left: Vec<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    forgotten: Vec<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "is_false")]
    all: bool,
    /// About how many bytes the text has.
    #[serde(skip)]
    bytes: usize,
}

#[derive(Debug, Serialize, Deserialize)]
struct CursorText<'a> {
    told: Cow<'a, str>,
    member: Cow<'a, str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pair: Option<(Cow<'a, str>, Cow<'a, str>)>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    group: Option<Cow<'a, str>>,
    read: u64,
}

/// What another node has said.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct HeardNotice {
    pub(super) node: String,
    /// Inboxes that changed, with the first and the last new sequence; 0 and 0 if there is none.
    pub(super) inboxes: Vec<(MemberId, Seq, Seq)>,
    /// Cursors that rose, with whom they concern.
    pub(super) cursors: Vec<(MemberId, ReadCursor)>,
    /// The rows of members who have left their groups, or may have.
    pub(super) left: Vec<EntryId>,
    /// Members who were forgotten, or may have been.
    pub(super) forgotten: Vec<MemberId>,
    /// Whether other inboxes and cursors may have changed as well.
    pub(super) all: bool,
}

/// How many bytes a text has at most.
const BYTES_MAX: usize = 1_000_000;

/// What an inbox or a cursor has beside its names.
const NUMBERS_BYTES: usize = 128;

impl<'a> NoticeText<'a> {
    pub(super) fn new(node: &'a str, all: bool) -> Self {
        Self { node: node.into(), all, bytes: NUMBERS_BYTES, ..Self::default() }
    }

    /// Adds an inbox; `false` if it does not fit.
    pub(super) fn add_inbox(&mut self, member: &'a MemberId, first: Seq, top: Seq) -> bool {
        let fits = self.take_room(&[member.as_str()]);
        if fits {
            self.inboxes.push((member.as_str().into(), first.get(), top.get()));
        }
        fits
    }

    /// Adds a cursor; `false` if it does not fit.
    pub(super) fn add_cursor(
        &mut self,
        told: &'a MemberId,
        member: &'a MemberId,
        conversation: &'a Conversation,
        read: Seq,
    ) -> bool {
        let (pair, group) = match conversation.parties() {
            Parties::Pair(one, other) => (Some((one.as_str(), other.as_str())), None),
            Parties::Group(group) => (None, Some(group.as_str())),
        };
        let (one, other) = pair.unwrap_or_default();
        let fits = self.take_room(&[told.as_str(), member.as_str(), one, other, group.unwrap_or_default()]);
        if fits {
            self.cursors.push(CursorText {
                told: told.as_str().into(),
                member: member.as_str().into(),
                pair: pair.map(|(one, other)| (one.into(), other.into())),
                group: group.map(Cow::from),
                read: read.get(),
            });
        }
        fits
    }

    /// Adds the row of a member who has left a group; `false` if it does not fit.
    pub(super) fn add_left(&mut self, row: &EntryId) -> bool {
        let EntryId::Ours(bytes) = row else { return true };
        let row = format!("{:032x}", u128::from_be_bytes(*bytes));
        let fits = self.take_room(&[row.as_str()]);
        if fits {
            self.left.push(row.into());
        }
        fits
    }

    /// Adds a member who was forgotten; `false` if it does not fit.
    pub(super) fn add_forgotten(&mut self, member: &'a MemberId) -> bool {
        let fits = self.take_room(&[member.as_str()]);
        if fits {
            self.forgotten.push(member.as_str().into());
        }
        fits
    }

    pub(super) fn is_empty(&self) -> bool {
        let has_inboxes = !self.inboxes.is_empty() || !self.cursors.is_empty() || self.all;
        !has_inboxes && self.left.is_empty() && self.forgotten.is_empty()
    }

    /// Returns the text.
    pub(super) fn into_json(self) -> String {
        serde_json::to_string(&self).expect("texts and numbers can be written as JSON")
    }

    fn take_room(&mut self, names: &[&str]) -> bool {
        // Ids have no control characters, so a character becomes two at most.
        let bytes = self.bytes + NUMBERS_BYTES + names.iter().map(|name| 2 * name.len()).sum::<usize>();
        let fits = bytes <= BYTES_MAX;
        if fits {
            self.bytes = bytes;
        }
        fits
    }
}

impl HeardNotice {
    /// Reads a text.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](ErrorKind::InvalidInput) if it is not one that a node says.
    pub(super) fn parse(text: &[u8]) -> Result<Self> {
        let said: NoticeText<'_> = serde_json::from_slice(text).map_err(|error| {
            Error::with_source(ErrorKind::InvalidInput, "the text is not what a node says", error)
        })?;
        let inbox = |(member, first, top): (Cow<'_, str>, u64, u64)| -> Result<(MemberId, Seq, Seq)> {
            Ok((MemberId::new(&*member)?, Seq::new(first)?, Seq::new(top)?))
        };
        Ok(Self {
            node: said.node.into_owned(),
            inboxes: said.inboxes.into_iter().map(inbox).collect::<Result<_>>()?,
            cursors: said.cursors.iter().map(CursorText::to_cursor).collect::<Result<_>>()?,
            left: said.left.iter().map(|row| row_of(row)).collect::<Result<_>>()?,
            forgotten: said.forgotten.iter().map(|member| MemberId::new(&**member)).collect::<Result<_>>()?,
            all: said.all,
        })
    }
}

impl CursorText<'_> {
    fn to_cursor(&self) -> Result<(MemberId, ReadCursor)> {
        let member = |id: &Cow<'_, str>| MemberId::new(&**id);
        let conversation = match (&self.pair, &self.group) {
            (Some((one, other)), None) => Conversation::single(member(one)?, member(other)?),
            (None, Some(group)) => Conversation::group(GroupName::new(&**group)?),
            _ => return Err(Error::invalid("a cursor needs either a pair or a group")),
        };
        let cursor = ReadCursor::new(member(&self.member)?, conversation, Seq::new(self.read)?);
        Ok((member(&self.told)?, cursor))
    }
}

/// Reads the `_id` of a row.
fn row_of(text: &str) -> Result<EntryId> {
    let number = u128::from_str_radix(text, 16).map_err(|error| {
        Error::with_source(ErrorKind::InvalidInput, "the `_id` of a row is no number", error)
    })?;
    Ok(EntryId::Ours(number.to_be_bytes()))
}

fn is_false(all: &bool) -> bool {
    !all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(id: &str) -> MemberId {
        MemberId::new(id).unwrap()
    }

    fn seq(number: u64) -> Seq {
        Seq::new(number).unwrap()
    }

    #[test]
    fn another_node_hears_what_was_said() {
        let (bob, eve) = (member("bob"), member(r#"eve "the\one" é"#));
        let pair = Conversation::single(bob.clone(), eve.clone());
        let group = Conversation::group(GroupName::new("tea").unwrap());
        let mut text = NoticeText::new("9f", true);
        assert!(text.add_inbox(&bob, seq(57), seq(58)) && text.add_inbox(&eve, Seq::ZERO, Seq::ZERO));
        assert!(text.add_cursor(&bob, &eve, &pair, seq(7)) && text.add_cursor(&eve, &eve, &group, seq(8)));
        let row = EntryId::Ours([7; 16]);
        assert!(text.add_left(&row) && text.add_forgotten(&eve));
        assert!(!text.is_empty());
        let heard = HeardNotice::parse(text.into_json().as_bytes()).unwrap();
        let expected = HeardNotice {
            node: "9f".to_owned(),
            inboxes: vec![(bob.clone(), seq(57), seq(58)), (eve.clone(), Seq::ZERO, Seq::ZERO)],
            cursors: vec![
                (bob, ReadCursor::new(eve.clone(), pair, seq(7))),
                (eve.clone(), ReadCursor::new(eve.clone(), group, seq(8))),
            ],
            left: vec![row],
            forgotten: vec![eve],
            all: true,
        };
        assert_eq!(heard, expected);
    }

    #[test]
    fn a_field_of_a_later_version_is_passed_over_and_nonsense_is_refused() {
        let heard = HeardNotice::parse(br#"{"node":"9f","inboxes":[["bob",1,2]],"later":[7]}"#).unwrap();
        assert_eq!((heard.inboxes.len(), heard.cursors.len(), heard.all), (1, 0, false));
        for wrong in [
            "",
            "[]",
            r#"{"inboxes":[]}"#,
            r#"{"node":"9f","inboxes":[["",1,2]]}"#,
            r#"{"node":"9f","left":["tea"]}"#,
            r#"{"node":"9f","forgotten":[""]}"#,
            r#"{"node":"9f","inboxes":[["bob",1,18446744073709551615]]}"#,
            r#"{"node":"9f","cursors":[{"told":"a","member":"b","read":1}]}"#,
        ] {
            let error = HeardNotice::parse(wrong.as_bytes()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{wrong}");
        }
    }

    #[test]
    fn a_text_never_has_a_mebibyte() {
        let quotes = "\"".repeat(500);
        let ids: Vec<_> = (0..10_000).map(|number| member(&format!("{number:0>4}{quotes}"))).collect();
        let mut text = NoticeText::new("9f", false);
        let fitting = ids.iter().take_while(|id| text.add_inbox(id, seq(1), seq(1))).count();
        assert!((500..10_000).contains(&fitting), "{fitting}");
        let json = text.into_json();
        assert!((500_000..1024 * 1024).contains(&json.len()), "{}", json.len());
    }
}
