//! A change of a group, from the first attempt to the end.
//!
//! ```text
//!  turn of the group on this node
//!    ┌► read the group and the end of its history
//!    │  GroupChange::apply ──► refused, or nothing to change: answered
//!    │  transaction ──► the group or its history changed meanwhile, or it is unknown what
//!    └─────────────────  became of it: once more
//! ```
//!
//! The document notes which calls wrote it last. So a call whose transaction was committed without
//! an answer finds its own change when it looks again, also below those of others, and does not
//! take it for another one.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use mongo_link::{Backoff, ErrorKind as LinkErrorKind};
use mongodb::bson::Bson;
use tokio::time::{Instant, sleep};

use super::super::box_id::{BoxId, Side};
use super::super::database::of_link;
use super::super::documents::{GroupDoc, RowDoc, time};
use super::super::entry_id::EntryId;
use super::super::shared::Shared;
use super::super::tops::{self, Top};
use super::super::{call_end, clock};
use super::bound::bounded;
use super::page::{EARLIER_MARKS, Found, MARK, find};
use super::transaction::{Claim, Transaction, Written};
use crate::store::GroupChange;
use crate::{Conversation, Error, ErrorKind, Group, GroupName, MemberId, Result, Seq};

/// How long the waits between two attempts are: the first, and any.
const WAIT_FIRST: Duration = Duration::from_millis(8);
const WAIT_MAX: Duration = Duration::from_millis(256);

/// How many marks of earlier calls a group keeps: more changes of one hardly fit into a call.
const EARLIER_MAX: usize = 16;

/// A change of one group.
struct Call<'a> {
    name: &'a GroupName,
    conversation: Conversation,
    history: BoxId,
    change: GroupChange,
    at_ms: u64,
    /// Tells the documents that this call writes from those of others.
    mark: EntryId,
}

/// What became of an attempt.
enum Attempt {
    Done(Group),
    /// It may have been made: what is stored says so.
    Again(Error),
}

/// Changes a group, and returns what became of it.
///
/// # Errors
///
/// Those of [`GroupChange::apply`]; [`Unavailable`](ErrorKind::Unavailable) when it is unknown
/// whether it was changed.
pub(in crate::distributed) async fn change(
    shared: &Arc<Shared>,
    name: &GroupName,
    change: GroupChange,
) -> Result<Group> {
    // Before all else: no message that is sent to a group that was not there yet is older than it.
    let at_ms = clock::unix_ms();
    let change = bounded(change)?;
    let end = call_end::end(shared.config.timeout);
    let conversation = Conversation::group(name.clone());
    let history = BoxId::history(&conversation);
    let call = Call { name, conversation, history, change, at_ms, mark: EntryId::fresh(at_ms) };
    let _turn = shared.group_turns.wait(name, end).await?;
    let mut backoff = Backoff::new(WAIT_FIRST, WAIT_MAX);
    loop {
        let error = match call.attempt(shared, end).await? {
            Attempt::Done(group) => return Ok(group),
            Attempt::Again(error) => error,
        };
        let wait = backoff.failed();
        if Instant::now() + wait >= end {
            return Err(error);
        }
        tracing::debug!(group = name.as_str(), "a change of a group is tried again: {error}");
        sleep(wait).await;
    }
}

impl Call<'_> {
    async fn attempt(&self, shared: &Arc<Shared>, end: Instant) -> Result<Attempt> {
        let history = [self.history.as_str()];
        let (found, tops) = tokio::try_join!(
            find(&shared.database, self.name),
            tops::read(&shared.database, Side::History, &history),
        )?;
        let top = tops.get(self.history.as_str()).copied().unwrap_or_default();
        if let Some(Found { known, marks }) = &found
            && marks.contains(&self.mark)
        {
            return Ok(Attempt::Done(known.group.clone()));
        }
        let before = found.as_ref().map(|found| &found.known.group);
        let after = self.change.apply(self.name, before, self.at_ms, || Ok(top.seq > top.floor))?;
        if before == Some(&after) {
            return Ok(Attempt::Done(after));
        }
        let transaction = self.transaction(found.as_ref(), &after, top);
        let leavers = transaction.left.clone();
        let cache = Arc::clone(shared);
        let written = shared
            .database
            .call_raw(move |collections| async move {
                let written = transaction.run(&collections, end).await;
                // Also where nobody waits any more, and where it is unknown whether they left.
                if !leavers.is_empty() {
                    cache.rows.left(&leavers);
                    cache.teller.left(&leavers);
                }
                written
            })
            .await;
        match written {
            Ok(Written::Committed) => Ok(Attempt::Done(after)),
            Ok(Written::HasHistory) => {
                // As if it had been there before: which is refused.
                let refused = self.change.apply(self.name, None, self.at_ms, || Ok(true));
                refused.map(|_| Attempt::Again(self.met_another()))
            }
            Ok(Written::Stale) => Ok(Attempt::Again(self.met_another())),
            Err(error) if matches!(error.kind(), LinkErrorKind::Unavailable | LinkErrorKind::Conflict) => {
                Ok(Attempt::Again(of_link(error)))
            }
            Err(error) => Err(of_link(error)),
        }
    }

    /// Returns what is written to make a group what it is after the change.
    fn transaction(&self, before: Option<&Found>, after: &Group, top: Top) -> Transaction {
        let members = |group: &Group| -> HashSet<MemberId> {
            group.members.iter().map(|known| known.member.clone()).collect()
        };
        let (were_in, are_in) =
            (before.map(|found| members(&found.known.group)).unwrap_or_default(), members(after));
        let rev = before.map(|found| found.known.rev);
        let known = GroupDoc { group: after.clone(), rev: rev.unwrap_or_default() + 1 };
        let mut group = known.to_document();
        group.insert(MARK, self.mark.to_bson());
        let earlier = before.iter().flat_map(|found| &found.marks).take(EARLIER_MAX);
        group.insert(EARLIER_MARKS, earlier.map(|mark| mark.to_bson()).collect::<Bson>());
        let is_alone = matches!(self.change, GroupChange::Create { without_history: true, .. });
        Transaction {
            group,
            rev,
            joined: are_in.difference(&were_in).map(|member| self.row(member, top.seq)).collect(),
            left: were_in.difference(&are_in).map(|member| EntryId::of_row(member, &self.history)).collect(),
            at: time(self.at_ms),
            top: top.seq,
            claim: (is_alone && before.is_none())
                .then(|| Claim { history: self.history.clone(), at_ms: self.at_ms }),
        }
    }

    /// Returns the row of a member who joins, and was never in the group before.
    fn row(&self, member: &MemberId, top: Seq) -> RowDoc {
        RowDoc {
            member: member.clone(),
            conversation: self.conversation.clone(),
            read: Seq::ZERO,
            joined: top,
            cleared: Seq::ZERO,
            since_ms: self.at_ms,
            has_left: false,
        }
    }

    fn met_another(&self) -> Error {
        let text = format!("other nodes keep changing the group {}; try again later", self.name);
        Error::new(ErrorKind::Unavailable, text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{GroupMember, Role};

    fn group(ids: &[&str]) -> Group {
        let member = |id: &&str| GroupMember::new(MemberId::new(*id).unwrap(), Role::Member);
        let members = ids.iter().map(member).collect();
        Group { members, ..Group::new(GroupName::new("tea").unwrap(), 7) }
    }

    fn transaction(change: GroupChange, before: Option<&[&str]>, after: &[&str]) -> Transaction {
        let name = GroupName::new("tea").unwrap();
        let conversation = Conversation::group(name.clone());
        let history = BoxId::history(&conversation);
        let mark = EntryId::Ours([7; 16]);
        let call = Call { name: &name, conversation, history, change, at_ms: 9, mark };
        let marks = vec![EntryId::Ours([6; 16]); EARLIER_MAX];
        let before = before.map(|ids| Found { known: GroupDoc { group: group(ids), rev: 4 }, marks });
        let top = Top { seq: Seq::new(3).unwrap(), at_ms: 8, floor: Seq::new(3).unwrap() };
        call.transaction(before.as_ref(), &group(after), top)
    }

    fn create(without_history: bool) -> GroupChange {
        GroupChange::Create { title: String::new(), open: false, members: Vec::new(), without_history }
    }

    #[test]
    fn a_change_writes_the_rows_of_those_who_come_and_go() {
        let rename = GroupChange::Rename { title: String::new() };
        let written = transaction(rename, Some(&["a", "b"]), &["b", "c"]);
        let joined: Vec<_> =
            written.joined.iter().map(|row| (row.member.as_str(), row.joined.get())).collect();
        assert_eq!(joined, [("c", 3)]);
        let history = BoxId::history(&Conversation::group(GroupName::new("tea").unwrap()));
        assert_eq!(written.left, [EntryId::of_row(&MemberId::new("a").unwrap(), &history)]);
        assert_eq!(written.rev, Some(4));
        assert_eq!(written.group.get_i64("rev").unwrap(), 5);
        assert!(written.claim.is_none());
    }

    #[test]
    fn a_call_is_found_again_below_the_change_of_another_one() {
        let rename = GroupChange::Rename { title: String::new() };
        let written = transaction(rename, Some(&["a"]), &["a"]).group;
        assert_eq!(written.get(MARK), Some(&EntryId::Ours([7; 16]).to_bson()));
        let earlier = vec![EntryId::Ours([6; 16]).to_bson(); EARLIER_MAX];
        assert_eq!(written.get_array(EARLIER_MARKS).unwrap(), &earlier);
        let first = transaction(create(false), None, &["a"]).group;
        assert!(first.get_array(EARLIER_MARKS).unwrap().is_empty(), "nobody was there before");
    }

    #[test]
    fn a_group_that_is_to_have_no_history_claims_its_places() {
        let alone = transaction(create(true), None, &["a"]);
        assert!(alone.claim.is_some() && alone.rev.is_none());
        assert_eq!(alone.group.get_i64("rev").unwrap(), 1);
        assert!(transaction(create(false), None, &["a"]).claim.is_none());
    }
}
