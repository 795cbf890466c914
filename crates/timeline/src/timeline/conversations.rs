//! The calls about the conversations of one member.

use super::Timeline;
use crate::page::COUNT_MAX;
use crate::{
    Conversation, ConversationMark, ConversationPage, ConversationView, Count, MemberId, Result, Seq, Unread,
    ViewPage,
};

impl Timeline {
    /// Notes that a member has read a conversation up to `place`.
    ///
    /// The note is durable. Returns how far the member has read, which never falls: a lower or
    /// repeated note changes nothing. When it rises the watches of the member are told, and those
    /// of the other member of a pair. A send counts as read by its sender.
    ///
    /// # Cancel safety
    ///
    /// A dropped call takes effect whole or not at all; repeat it to know.
    ///
    /// # Errors
    ///
    /// [`NotFound`](crate::ErrorKind::NotFound) when the member was never in the conversation;
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) when the history does not reach `place`;
    /// [`Unavailable`](crate::ErrorKind::Unavailable) when it is unknown whether it was noted;
    /// [`Closed`](crate::ErrorKind::Closed).
    pub async fn read(&self, member: &MemberId, conversation: &Conversation, place: Seq) -> Result<Seq> {
        self.store.read(member, conversation, place).await
    }

    /// Returns how far some members have read a conversation, in their order.
    ///
    /// It is 0 for a member who was never in it.
    ///
    /// # Errors
    ///
    /// [`Unavailable`](crate::ErrorKind::Unavailable), [`Corrupt`](crate::ErrorKind::Corrupt) or
    /// [`Closed`](crate::ErrorKind::Closed), here and in the other calls that only read.
    pub async fn read_of(&self, conversation: &Conversation, members: &[MemberId]) -> Result<Vec<Seq>> {
        self.store.read_of(conversation, members).await
    }

    /// Returns how many messages of a conversation a member has not read.
    ///
    /// There are none for a member who was never in it.
    ///
    /// # Errors
    ///
    /// As [`read_of`](Self::read_of).
    pub async fn unread(&self, member: &MemberId, conversation: &Conversation) -> Result<Unread> {
        Ok(self.view(member, conversation).await?.map_or_else(Unread::default, |view| view.unread))
    }

    /// Returns a page of the conversations in which a member has something unread.
    ///
    /// They are in an order of the store, without the groups that the member has left. It begins
    /// behind `after`, or with the first: call it with the last conversation of its answer as long
    /// as there are [more](ViewPage::more). The whole list is read for it, page by page, until
    /// enough are found.
    ///
    /// # Errors
    ///
    /// As [`read_of`](Self::read_of).
    pub async fn unread_of(
        &self,
        member: &MemberId,
        after: Option<&Conversation>,
        count: Count,
    ) -> Result<ViewPage> {
        let (mut found, mut after) = (Vec::new(), after.cloned());
        // One more than fits says that there are more.
        while found.len() <= count.get() {
            let page = self.store.views(member, after.as_ref(), Count::new(COUNT_MAX)).await?;
            after = page.views.last().map(|view| view.conversation.clone());
            let is_unread = |view: &ConversationView| view.unread > Unread::default() && !view.has_left;
            found.extend(page.views.into_iter().filter(is_unread));
            if !page.more || after.is_none() {
                break;
            }
        }
        let more = found.len() > count.get();
        found.truncate(count.get());
        Ok(ViewPage::new(found, more))
    }

    /// Returns a page of a member's list of conversations, the most recent first.
    ///
    /// It begins behind `after`, or with the most recent one: go on with the
    /// [`mark`](crate::ConversationSummary::mark) of the last one. Groups that the member has left,
    /// and conversations with nothing in them since they were cleared or purged, are not in it. A
    /// page ends early when it has 1 MiB.
    ///
    /// # Errors
    ///
    /// As [`read_of`](Self::read_of).
    pub async fn conversations(
        &self,
        member: &MemberId,
        after: Option<&ConversationMark>,
        count: Count,
    ) -> Result<ConversationPage> {
        self.store.conversations(member, after, count).await
    }

    /// Returns a conversation as a member sees it; `None` if they were never in it.
    ///
    /// # Errors
    ///
    /// As [`read_of`](Self::read_of).
    pub async fn view(
        &self,
        member: &MemberId,
        conversation: &Conversation,
    ) -> Result<Option<ConversationView>> {
        self.store.view(member, conversation).await
    }

    /// Frees a conversation for one member, and keeps it for the others.
    ///
    /// Nothing that is in it now counts for the member any more, and it leaves their list until its
    /// next message. The [`floor`](ConversationView::floor) of the view says up to where it was
    /// cleared: a program shows the history from there on.
    ///
    /// # Cancel safety
    ///
    /// A dropped call takes effect whole or not at all; repeat it to know.
    ///
    /// # Errors
    ///
    /// [`NotFound`](crate::ErrorKind::NotFound) when the member was never in the conversation;
    /// [`Unavailable`](crate::ErrorKind::Unavailable) when it is unknown whether it was cleared;
    /// [`Closed`](crate::ErrorKind::Closed).
    pub async fn clear(&self, member: &MemberId, conversation: &Conversation) -> Result<()> {
        self.store.clear(member, conversation).await
    }
}
