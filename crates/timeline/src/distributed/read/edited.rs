//! The texts that edits tell of: those that their messages have now.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::mem;

use mongodb::bson::{Bson, Document, RawDocument, doc};

use super::super::box_id::{BoxId, Side};
use super::super::documents::{EntryDoc, Head};
use super::super::shared::Shared;
use super::finds::{self, Source};
use crate::page::PAGE_BYTES_MAX;
use crate::{Conversation, Destination, Entry, EntryKind, Message, Result, Seq};

/// How many entries are looked up at once at first.
///
/// Their texts may be as large as messages can be.
const FIRST_AT_ONCE: usize = 16;

/// How many are at most, when it is known how large texts are.
const AT_ONCE: usize = 64;

/// The messages that edits are about, by their histories.
type Wanted = BTreeMap<BoxId, BTreeSet<Seq>>;

/// What was found of a history: its floor, and the messages.
#[derive(Debug, Default)]
struct Found {
    floor: Seq,
    messages: HashMap<Seq, Message>,
}

/// Gives the edits among entries of a box the texts that their messages have now.
///
/// The entries are in the order in which a page takes them. Once they are more than a page can
/// have, those behind are left as they are.
pub(super) async fn fill(
    shared: &Shared,
    boxed: &BoxId,
    mut entries: Vec<&mut Entry>,
    source: Source,
) -> Result<()> {
    if !entries.iter().any(|entry| is_edit(entry)) {
        return Ok(());
    }
    let (mut bytes, mut texts, mut text_bytes) = (0, 0, 0);
    let mut rest = entries.as_mut_slice();
    while !rest.is_empty() {
        let count = at_once(texts, text_bytes).min(rest.len());
        let (part, behind) = mem::take(&mut rest).split_at_mut(count);
        rest = behind;
        let edits = part.iter().filter(|entry| is_edit(entry));
        let targets: Vec<_> = edits.filter_map(|edit| target_of(boxed, edit)).collect();
        let found =
            if targets.is_empty() { HashMap::new() } else { find(shared, &wanted(targets), source).await? };
        for entry in part.iter_mut() {
            if is_edit(entry) {
                entry.edited = text_of(boxed, entry, &found);
            }
            if let Some(text) = &entry.edited {
                texts += 1;
                text_bytes += text.as_str().len();
            }
            bytes += entry.bytes();
        }
        if bytes > PAGE_BYTES_MAX {
            break;
        }
    }
    Ok(())
}

/// Returns how many entries are looked up at once, after these texts.
///
/// A page has no room for much more than these.
fn at_once(texts: usize, bytes: usize) -> usize {
    match bytes.checked_div(texts) {
        None => FIRST_AT_ONCE,
        Some(each) => (PAGE_BYTES_MAX / each.max(1)).clamp(1, AT_ONCE),
    }
}

/// Shortens entries to what fits into a page, and returns whether some were left out.
///
/// The first one always fits.
pub(super) fn cut(entries: &mut Vec<Entry>) -> bool {
    let mut bytes = 0;
    let fits = |entry: &&Entry| {
        let is_first = bytes == 0;
        bytes += entry.bytes();
        is_first || bytes <= PAGE_BYTES_MAX
    };
    let fitting = entries.iter().take_while(fits).count();
    let is_cut = fitting < entries.len();
    entries.truncate(fitting);
    is_cut
}

fn is_edit(entry: &Entry) -> bool {
    entry.kind == EntryKind::Edit
}

/// Returns the history of the message that an edit is about, and its place.
fn target_of(boxed: &BoxId, edit: &Entry) -> Option<(BoxId, Seq)> {
    let history = match boxed.side() {
        Side::History => boxed.clone(),
        Side::Inbox => BoxId::history(&conversation_of(boxed, edit)?),
    };
    Some((history, edit.target))
}

/// Returns the conversation that an entry of an inbox belongs to.
fn conversation_of(inbox: &BoxId, entry: &Entry) -> Option<Conversation> {
    match entry.to.as_ref()? {
        Destination::Group(group) => Some(Conversation::group(group.clone())),
        Destination::Member(to) => {
            // What nobody sent names the other member.
            let one = entry.from.clone().or_else(|| inbox.to_member())?;
            Some(Conversation::single(one, to.clone()))
        }
    }
}

fn wanted(targets: Vec<(BoxId, Seq)>) -> Wanted {
    let mut wanted = Wanted::new();
    for (history, target) in targets {
        wanted.entry(history).or_default().insert(target);
    }
    wanted
}

/// Returns what finds these messages, and the heads of their histories.
fn filter(wanted: &Wanted) -> Document {
    let of_history = |(history, targets): (&BoxId, &BTreeSet<Seq>)| {
        let seqs = std::iter::once(Seq::ZERO).chain(targets.iter().copied());
        let seqs: Vec<_> = seqs.map(|seq| Bson::Int64(seq.to_i64())).collect();
        doc! { "id": history.as_str(), "seq": { "$in": seqs } }
    };
    let mut filters: Vec<_> = wanted.iter().map(of_history).collect();
    match filters.len() {
        1 => filters.remove(0),
        _ => doc! { "$or": filters },
    }
}

async fn find(shared: &Shared, wanted: &Wanted, source: Source) -> Result<HashMap<String, Found>> {
    let filter = filter(wanted);
    let read = shared.database.call(move |collections| async move {
        let mut find = source.entries(Side::History, &collections).find(filter);
        if let Some(fields) = finds::without_record(Side::History) {
            find = find.projection(fields);
        }
        let (mut cursor, mut found) = (find.await?, HashMap::new());
        while cursor.advance().await? {
            if let Err(error) = take(cursor.current(), &mut found) {
                return Ok(Err(error));
            }
        }
        Ok(Ok(found))
    });
    read.await?
}

/// Takes a head, or a message that is still there.
fn take(document: &RawDocument, found: &mut HashMap<String, Found>) -> Result<()> {
    if Head::is(document) {
        let id = document.get_str("id").unwrap_or_default();
        let head = Head::read(document, &BoxId::stored(Side::History, id))?;
        found.entry(id.to_owned()).or_default().floor = head.floor;
        return Ok(());
    }
    let EntryDoc { boxed, seq, entry, is_claim, .. } = EntryDoc::read(document, Side::History)?;
    if entry.kind == EntryKind::Message && !is_claim {
        found.entry(boxed).or_default().messages.insert(seq, entry.message);
    }
    Ok(())
}

fn text_of(boxed: &BoxId, edit: &Entry, found: &HashMap<String, Found>) -> Option<Message> {
    let (history, target) = target_of(boxed, edit)?;
    let found = found.get(history.as_str())?;
    found.messages.get(&target).filter(|_| target > found.floor).cloned()
}

#[cfg(test)]
mod tests {
    use mongodb::bson::RawDocumentBuf;

    use super::*;
    use crate::{GroupName, MemberId};

    fn member(id: &str) -> MemberId {
        MemberId::new(id).unwrap()
    }

    fn seq(number: u64) -> Seq {
        Seq::new(number).unwrap()
    }

    fn edit(from: Option<&str>, to: Destination, target: u64) -> Entry {
        Entry {
            kind: EntryKind::Edit,
            from: from.map(member),
            to: Some(to),
            target: seq(target),
            ..Entry::new(seq(9), Message::from_stored("{}"))
        }
    }

    #[test]
    fn an_edit_in_an_inbox_is_about_a_message_of_its_conversation() {
        let inbox = BoxId::inbox(&member("b"));
        let of = |entry: &Entry| target_of(&inbox, entry).map(|(history, _)| history.to_string());
        let to = |id| Destination::Member(member(id));
        let group = Destination::Group(GroupName::new("g").unwrap());
        assert_eq!(of(&edit(Some("a"), to("b"), 1)).as_deref(), Some("seq:a:b"));
        assert_eq!(of(&edit(Some("b"), to("a"), 1)).as_deref(), Some("seq:a:b"));
        assert_eq!(of(&edit(None, to("a"), 1)).as_deref(), Some("seq:a:b"), "by the program");
        assert_eq!(of(&edit(None, to("b"), 1)).as_deref(), Some("seq:b:b"), "a note to oneself");
        assert_eq!(of(&edit(None, group, 1)).as_deref(), Some("seq:group:g"));
        let history = BoxId::stored(Side::History, "seq:a:b:c");
        let told = target_of(&history, &edit(None, to("b"), 4));
        assert_eq!(told, Some((history, seq(4))), "its own, also if nobody can say whose it is");
    }

    #[test]
    fn messages_are_found_by_one_filter_with_each_history_once() {
        let history = |id| BoxId::stored(Side::History, id);
        let one = wanted(vec![(history("seq:a:b"), seq(4)), (history("seq:a:b"), seq(2))]);
        let of_one = doc! { "id": "seq:a:b", "seq": { "$in": [0_i64, 2_i64, 4_i64] } };
        assert_eq!(filter(&one), of_one);
        let two = wanted(vec![(history("seq:a:b"), seq(4)), (history("seq:a:c"), seq(4))]);
        let branch = |id| doc! { "id": id, "seq": { "$in": [0_i64, 4_i64] } };
        assert_eq!(filter(&two), doc! { "$or": [branch("seq:a:b"), branch("seq:a:c")] });
    }

    #[test]
    fn what_is_gone_or_no_message_any_more_has_no_text() {
        let mut found = HashMap::new();
        let key = || super::super::super::entry_id::EntryId::fresh(1).to_bson();
        for document in [
            doc! { "_id": key(), "id": "seq:a:b", "seq": 0_i64, "floor": 2_i64 },
            doc! { "_id": key(), "id": "seq:a:b", "seq": 2_i64, "at": 1_i64, "message": "{\"n\":2}" },
            doc! { "_id": key(), "id": "seq:a:b", "seq": 3_i64, "at": 1_i64, "message": "{\"n\":3}" },
            doc! { "_id": key(), "id": "seq:a:b", "seq": 4_i64, "at": 1_i64, "kind": 3, "status": 2 },
        ] {
            take(&RawDocumentBuf::try_from(&document).unwrap(), &mut found).unwrap();
        }
        let inbox = BoxId::inbox(&member("b"));
        let text =
            |target| text_of(&inbox, &edit(Some("a"), Destination::Member(member("b")), target), &found);
        assert_eq!(text(3), Some(Message::from_stored("{\"n\":3}")));
        assert_eq!([text(2), text(4), text(5)], [None, None, None]);
    }

    #[test]
    fn fewer_texts_are_looked_up_at_once_the_larger_they_are() {
        assert_eq!(at_once(0, 0), FIRST_AT_ONCE);
        assert_eq!(at_once(16, 16 * 100), AT_ONCE);
        assert_eq!(at_once(2, 2 * PAGE_BYTES_MAX / 4), 4);
        assert_eq!((at_once(1, 2 * PAGE_BYTES_MAX), at_once(3, 0)), (1, AT_ONCE));
    }

    #[test]
    fn a_page_is_cut_after_1_mib_but_has_one_entry() {
        let large = Entry::new(seq(1), Message::from_stored("x".repeat(PAGE_BYTES_MAX / 2)));
        let mut entries = vec![large.clone(), large.clone(), large];
        assert!(cut(&mut entries));
        assert_eq!(entries.len(), 1);
        assert!(!cut(&mut entries));
    }
}
