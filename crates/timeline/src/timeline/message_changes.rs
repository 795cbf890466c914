//! The calls that change a message after it was sent.

use super::Timeline;
use crate::{Change, Changed, Conversation, MemberId, Message, MessageChange, Result, Seq};

impl Timeline {
    /// Gives a message another text, and returns where the entry lies that tells of it.
    ///
    /// The text is replaced in the history and in every inbox that still has a copy, durably and in
    /// one step; the entry that tells of it goes to all who got the message. `by` is who edits: a
    /// member edits messages that they have sent, `None` is the program itself. Repeated with the
    /// same text it has no further effect and gives the same answer.
    ///
    /// # Cancel safety
    ///
    /// A dropped call takes effect whole or not at all, here and in the other calls that change a
    /// message; repeat it to know.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) for a message that is too large;
    /// [`NotFound`](crate::ErrorKind::NotFound) when there is no message at the place, or not any
    /// more; [`Forbidden`](crate::ErrorKind::Forbidden) when `by` has not sent it;
    /// [`Conflict`](crate::ErrorKind::Conflict) when it was taken back or deleted, and for a
    /// message from before the store kept where copies are;
    /// [`Unavailable`](crate::ErrorKind::Unavailable) when it is unknown whether it was changed;
    /// [`Closed`](crate::ErrorKind::Closed).
    pub async fn edit(
        &self,
        conversation: &Conversation,
        place: Seq,
        by: Option<MemberId>,
        message: Message,
    ) -> Result<Changed> {
        self.check_size(&message)?;
        self.change(conversation, place, by, Change::Edit(message)).await
    }

    /// Takes a message back, and returns where the entry lies that tells of it.
    ///
    /// The text is gone from the history and from every inbox; its place stays as a
    /// [`Tombstone`](crate::EntryKind::Tombstone), and readers see that it was taken back. `by` is
    /// as for [`edit`](Self::edit). Taken back again, or when it was deleted, it stays as it is.
    ///
    /// # Errors
    ///
    /// As [`edit`](Self::edit), but what was taken back or deleted is no
    /// [`Conflict`](crate::ErrorKind::Conflict).
    pub async fn recall(
        &self,
        conversation: &Conversation,
        place: Seq,
        by: Option<MemberId>,
    ) -> Result<Changed> {
        self.change(conversation, place, by, Change::Recall).await
    }

    /// Deletes a message, and returns where the entry lies that tells of it.
    ///
    /// It is as [`recall`](Self::recall), but readers see that it was deleted. One that was taken
    /// back can be deleted, too.
    ///
    /// # Errors
    ///
    /// As [`recall`](Self::recall).
    pub async fn delete_message(
        &self,
        conversation: &Conversation,
        place: Seq,
        by: Option<MemberId>,
    ) -> Result<Changed> {
        self.change(conversation, place, by, Change::Delete).await
    }

    async fn change(
        &self,
        conversation: &Conversation,
        place: Seq,
        by: Option<MemberId>,
        change: Change,
    ) -> Result<Changed> {
        self.store.change_message(MessageChange::new(conversation.clone(), place, by, change)).await
    }
}
