//! The copies of messages, when these change or are gone.

use std::slice;

use mongodb::bson::{Bson, Document, doc};
use mongodb::options::Hint;

use super::rewriting::{Rewriting, expired};
use crate::distributed::documents::{EntryDoc, status_number};
use crate::distributed::send::{Operation, spread};
use crate::distributed::shared::Shared;
use crate::{EntryStatus, Result, Seq};

/// How many copies one command is about.
const COPIES_MAX: usize = 2_000;

/// Makes all copies of a message what the message is now.
///
/// `told` is the place of the entry that tells of it. Whoever comes later with an earlier change,
/// or after the message is gone, changes nothing.
pub(super) async fn rewrite(shared: &Shared, message: &Operation, told: Seq) -> Result<()> {
    let mut rewriting = Rewriting::to(&message.entry.entry);
    rewriting.set.insert("told", told.to_i64());
    let unless = doc! {
        "status": { "$ne": status_number(EntryStatus::Expired) },
        "told": { "$not": { "$gt": told.to_i64() } },
    };
    rewrite_all(shared, slice::from_ref(message), &unless, &rewriting.update()).await
}

/// Takes the texts out of all copies of messages that are gone from their histories.
pub(in crate::distributed) async fn expire(shared: &Shared, messages: &[Operation]) -> Result<()> {
    let messages: Vec<_> = messages.iter().map(without_text).collect();
    let Some(first) = messages.first() else { return Ok(()) };
    // The update names what all of them have in common.
    let update = Rewriting::to(&first.entry.entry).update();
    for some in batches(&messages) {
        rewrite_all(shared, some, &Document::new(), &update).await?;
    }
    Ok(())
}

/// Updates the copies of messages; those that are missing are written first.
async fn rewrite_all(
    shared: &Shared,
    messages: &[Operation],
    unless: &Document,
    update: &Document,
) -> Result<()> {
    let copies: Vec<_> = messages.iter().flat_map(copies_of).collect();
    if rewrite_there(shared, &copies, unless, update).await? == copies.len() as u64 {
        return Ok(());
    }
    // A send is not done yet, or some copies were acknowledged and removed. Written now, they are
    // what the message is now; a send that comes later finds them there.
    for written in spread(shared, messages).await {
        written?;
    }
    // What the send has written between the two had the text that it was sent with.
    rewrite_there(shared, &copies, unless, update).await.map(drop)
}

/// Updates those copies that are there, and returns how many that are.
async fn rewrite_there(
    shared: &Shared,
    copies: &[(&str, Bson)],
    unless: &Document,
    update: &Document,
) -> Result<u64> {
    let mut there = 0;
    for some in copies.chunks(COPIES_MAX) {
        let (mut members, keys): (Vec<&str>, Vec<Bson>) = some.iter().cloned().unzip();
        members.sort_unstable();
        members.dedup();
        let mut filter = doc! { "id": { "$in": members }, "_id": { "$in": keys } };
        filter.extend(unless.clone());
        let update = update.clone();
        let updated = shared.database.call(move |collections| async move {
            let by_key = Hint::Keys(doc! { "_id": 1 });
            collections.inboxes.update_many(filter, update).hint(by_key).await
        });
        there += updated.await?.matched_count;
    }
    Ok(there)
}

/// Returns whose inboxes have the copies of a message, and the `_id`s of these.
fn copies_of(message: &Operation) -> impl Iterator<Item = (&str, Bson)> {
    let members = message.entry.record.iter().flat_map(|record| &record.members);
    members.map(|member| (member.as_str(), message.entry.copy_key(member).to_bson()))
}

fn without_text(message: &Operation) -> Operation {
    let entry = EntryDoc { entry: expired(&message.entry.entry), ..message.entry.clone() };
    Operation { conversation: message.conversation.clone(), history: message.history.clone(), entry }
}

/// Splits messages so that no part has too many copies, unless a single one has.
fn batches(messages: &[Operation]) -> impl Iterator<Item = &[Operation]> {
    let mut left = messages;
    std::iter::from_fn(move || {
        let mut copies = 0;
        let fits = |message: &&Operation| {
            let is_first = copies == 0;
            copies += message.entry.record.as_ref().map_or(0, |record| record.members.len());
            is_first || copies <= COPIES_MAX
        };
        let count = left.iter().take_while(fits).count();
        let batch;
        (batch, left) = left.split_at(count);
        (!batch.is_empty()).then_some(batch)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::distributed::box_id::BoxId;
    use crate::distributed::documents::Record;
    use crate::distributed::entry_id::EntryId;
    use crate::{Conversation, Entry, EntryKind, GroupName, MemberId, Message};

    fn message(copies: usize) -> Operation {
        let conversation = Conversation::group(GroupName::new("g").unwrap());
        let history = BoxId::history(&conversation);
        let members: Vec<_> =
            (0..copies).map(|number| MemberId::new(format!("m{number}")).unwrap()).collect();
        let record = Record { digests: None, seqs: vec![Seq::ZERO; copies], members };
        let sent = Entry { at_ms: 7, ..Entry::new(Seq::ZERO.next(), Message::from_stored("{\"n\":1}")) };
        let entry = EntryDoc::of_history(&history, EntryId::fresh(7), Seq::ZERO.next(), sent, record);
        Operation { conversation, history, entry }
    }

    #[test]
    fn messages_are_taken_until_there_are_too_many_copies() {
        let sizes = |messages: &[Operation]| batches(messages).map(<[_]>::len).collect::<Vec<_>>();
        assert!(sizes(&[]).is_empty());
        assert_eq!(sizes(&[message(COPIES_MAX), message(1), message(1)]), [1, 2]);
        assert_eq!(sizes(&[message(COPIES_MAX - 1), message(1), message(1)]), [2, 1]);
        assert_eq!(sizes(&[message(COPIES_MAX + 1), message(1)]), [1, 1]);
    }

    #[test]
    fn a_message_that_is_gone_keeps_its_copies_and_loses_its_text() {
        let sent = message(2);
        let gone = without_text(&sent);
        assert_eq!(
            (gone.entry.entry.kind, gone.entry.entry.status),
            (EntryKind::Tombstone, EntryStatus::Expired)
        );
        assert_eq!(gone.entry.entry.message.as_str(), "{}");
        let copies = |message: &Operation| {
            copies_of(message).map(|(member, key)| (member.to_owned(), key)).collect::<Vec<_>>()
        };
        assert_eq!(copies(&gone), copies(&sent));
        assert_eq!(copies(&sent).len(), 2);
    }
}
