//! The calls that delete whole conversations and members.

use std::time::Duration;

use tokio::time::Instant;

use super::Timeline;
use crate::page::COUNT_MAX;
use crate::store::GroupChange;
use crate::{
    Change, Conversation, Count, Entry, EntryKind, Error, ErrorKind, MemberId, MessageChange, PageRequest,
    Parties, Result, Seq,
};

/// For how long one call deletes the messages of a member, one after the other.
///
/// It is less than a server waits for an answer, mostly. What is left is for the next call.
const DELETING_MAX: Duration = Duration::from_secs(8);

impl Timeline {
    /// Deletes all entries of a history.
    ///
    /// Returns the place of the purge, the entry that tells of it to those whose list has the
    /// conversation. The deletion is durable before that, and from then on no reader gets a text of
    /// the history, from an inbox neither. A history that has nothing but a purge is left as it is.
    ///
    /// # Cancel safety
    ///
    /// A dropped call takes effect whole or not at all; repeat it to know.
    ///
    /// # Errors
    ///
    /// [`Unavailable`](crate::ErrorKind::Unavailable) when it is unknown whether it was deleted;
    /// [`Corrupt`](crate::ErrorKind::Corrupt) or [`Closed`](crate::ErrorKind::Closed).
    pub async fn purge(&self, conversation: &Conversation) -> Result<Seq> {
        self.store.purge(conversation).await
    }

    /// Deletes what a member has sent, and what is kept for them.
    ///
    /// Returns how many messages that were. Their messages are deleted one by one from the
    /// conversations that they were in, as by [`delete_message`](Self::delete_message). Then they
    /// leave every group, and their inbox is freed to its end. The program sees to it that they
    /// send nothing meanwhile.
    ///
    /// It deletes for 8 s at most. When messages are left then, it says how many it has deleted in
    /// the text of an error of kind [`Unavailable`](crate::ErrorKind::Unavailable): repeat it until
    /// it returns a number.
    ///
    /// # Cancel safety
    ///
    /// A dropped call has done a part of it. Repeated, it goes on where that ended, and counts what
    /// is left.
    ///
    /// # Errors
    ///
    /// [`Conflict`](crate::ErrorKind::Conflict) when there are messages of which the store does not
    /// know where their copies are: the others are deleted, and the member stays;
    /// [`purge`](Self::purge) the conversation that the text names, and repeat the call. Other
    /// errors end it where it is: [`Unavailable`](crate::ErrorKind::Unavailable),
    /// [`Corrupt`](crate::ErrorKind::Corrupt) or [`Closed`](crate::ErrorKind::Closed).
    pub async fn delete_member(&self, member: &MemberId) -> Result<u64> {
        let (mut deletion, mut after) = (Deletion::default(), None);
        loop {
            let page = self.store.views(member, after.as_ref(), Count::new(COUNT_MAX)).await?;
            for view in &page.views {
                self.delete_sent(member, &view.conversation, &mut deletion).await?;
            }
            after = page.views.last().map(|view| view.conversation.clone());
            if !page.more || after.is_none() {
                break;
            }
        }
        if let Some(error) = deletion.unknown {
            return Err(error);
        }
        self.leave_all(member).await?;
        self.store.forget(member).await?;
        Ok(deletion.deleted)
    }

    /// Deletes what a member has sent to one conversation.
    async fn delete_sent(
        &self,
        member: &MemberId,
        conversation: &Conversation,
        deletion: &mut Deletion,
    ) -> Result<()> {
        let mut last_read = Seq::ZERO;
        loop {
            let request = PageRequest::after(last_read, Count::new(COUNT_MAX));
            // Waits at a place that is not closed yet: what lies behind it is deleted as well.
            let page = self.history(conversation, request).await?;
            for place in places_of(&page.entries, member) {
                deletion.check_time(member)?;
                let change = MessageChange::new(conversation.clone(), place, None, Change::Delete);
                match self.store.change_message(change).await {
                    Ok(_) => deletion.deleted += 1,
                    // It went meanwhile.
                    Err(error) if error.kind() == ErrorKind::NotFound => {}
                    Err(error) if error.kind() == ErrorKind::Conflict => {
                        deletion.unknown.get_or_insert_with(|| unchangeable(conversation, error));
                    }
                    Err(error) => return Err(error),
                }
            }
            match page.entries.last() {
                Some(last) if page.more => last_read = last.sequence,
                None if page.more => return Err(unread(member, conversation)),
                _ => return Ok(()),
            }
        }
    }

    /// Lets a member leave every group.
    async fn leave_all(&self, member: &MemberId) -> Result<()> {
        let mut after = None;
        loop {
            let page = self.store.groups_of(member, after.as_ref(), Count::new(COUNT_MAX)).await?;
            for group in &page.groups {
                let change = GroupChange::Leave { members: vec![member.clone()] };
                self.store.change_group(&group.name, change).await?;
            }
            after = page.groups.last().map(|group| group.name.clone());
            if !page.more || after.is_none() {
                return Ok(());
            }
        }
    }
}

/// How far the deletion of a member is.
#[derive(Default)]
struct Deletion {
    /// How many messages are deleted.
    deleted: u64,
    /// The error of the first message whose copies are not known.
    unknown: Option<Error>,
    /// When the first message was deleted: the time before does not count, as nothing of it is
    /// kept.
    begun: Option<Instant>,
}

impl Deletion {
    /// Ends the call when its time is up.
    fn check_time(&mut self, member: &MemberId) -> Result<()> {
        if self.begun.get_or_insert_with(Instant::now).elapsed() < DELETING_MAX {
            return Ok(());
        }
        let text = format!(
            "{} messages of {member} are deleted, and more are left: repeat the call, which goes on",
            self.deleted
        );
        Err(Error::new(ErrorKind::Unavailable, text))
    }
}

/// Returns the places of the messages that a member has sent.
fn places_of(entries: &[Entry], member: &MemberId) -> Vec<Seq> {
    let is_theirs = |entry: &&Entry| entry.kind == EntryKind::Message && entry.from.as_ref() == Some(member);
    entries.iter().filter(is_theirs).map(|entry| entry.sequence).collect()
}

fn unread(member: &MemberId, conversation: &Conversation) -> Error {
    let text = format!(
        "not all messages of {member} were deleted: in the conversation of {} one that is being written is in \
         front of others; repeat the call in a moment",
        whose(conversation)
    );
    Error::new(ErrorKind::Unavailable, text)
}

fn unchangeable(conversation: &Conversation, cause: Error) -> Error {
    let text = format!(
        "the conversation of {} has messages that cannot be deleted one by one; purge it, and repeat the call",
        whose(conversation)
    );
    Error::with_source(ErrorKind::Conflict, text, cause)
}

fn whose(conversation: &Conversation) -> String {
    match conversation.parties() {
        Parties::Pair(one, other) => format!("{one} and {other}"),
        Parties::Group(group) => format!("the group {group}"),
    }
}

#[cfg(all(test, feature = "memory"))]
#[expect(clippy::unwrap_used, reason = "clippy does not see that these are tests")]
mod tests;
