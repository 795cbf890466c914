//! Where entries live: the trait and the contract of its implementors.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::watch;

pub use crate::group_change::GroupChange;
pub use crate::inbox_changes::{InboxChanges, InboxWatchers};
use crate::{
    Changed, Conversation, ConversationMark, ConversationPage, ConversationView, Count, Destination, Entry,
    Group, GroupName, GroupPage, MemberId, Message, MessageChange, MessageId, PageRequest, Position,
    ReadCursor, Result, Seq, State, ViewPage,
};

/// Where histories, inboxes, cursors and groups live.
///
/// Callers use a [`Timeline`](crate::Timeline), which checks every bound first.
///
/// # Contract
///
/// - Every history and every inbox counts for itself: 1, 2, 3 and so on, without a gap and without
///   a repetition, whatever fails and however many callers there are.
/// - `append` returns `Ok` only when the history entry, the inbox entry of every recipient that is
///   not in [`Appended::failed`], and the answer to a repetition are durable. After an error it is
///   unknown whether the send took effect; a repetition with the same token settles it.
/// - `change_group` gives each change the group as the change before left it, however many callers
///   there are. It returns `Ok` only when the group and the lists of all members concerned are
///   durable; they change together or not at all. Every call that begins later sees it.
/// - An entry has the time of the clock when it was written, and never an earlier one than the last
///   entry of its history, also when the clock is set back. Its copies have the same; so within an
///   inbox times may fall, and what lies there behind an entry that was ahead of the clock may stay
///   for as much longer than retention says.
/// - Nothing is visible to a reader before it is durable, and a read never has a gap: a reader that
///   goes on from the last sequence it got misses nothing.
/// - The floor of an inbox rises durably before anything is removed, and never falls. What is above
///   it is there; the top, and with it the next sequence, stays also when nothing is left.
/// - Whoever waits for [`inbox_changes`](Self::inbox_changes) is woken after each change of the
///   inbox can be read, and at the end of the store.
/// - A store has at most one [`Observer`](crate::Observer), called as that trait says.
/// - A failed read is an error, never an empty page.
/// - Pages hold at most [`PAGE_BYTES_MAX`](crate::page::PAGE_BYTES_MAX) bytes of messages, but at
///   least one entry if there is one.
/// - `state` follows what calls meet: while sends are refused because something failed it is not
///   `Well`, and it is `Well` again when they are taken again. The last state of a store that
///   was shut down is `Down`.
/// - Calls may be dropped at any await; a dropped `append`, `ack` or `change_group` takes effect
///   whole or not at all, a dropped `append_all` some of its messages. A dropped `forget` may leave
///   a part, which a repetition removes.
///
/// The suite in `timeline::contract` (feature `contract`) checks this.
#[async_trait]
pub trait Store: Send + Sync + fmt::Debug {
    /// Writes a message into one history and the inboxes of its recipients.
    ///
    /// Its sender has read up to it. The watchers of a sender who is no recipient are told that, as
    /// by [`read`](Self::read); a copy says it itself.
    async fn append(&self, append: Append) -> Result<Appended>;

    /// Writes several messages, and returns what became of each, in their order.
    ///
    /// Each stands for itself: one that fails keeps no other back. Those of one sender take effect
    /// in their order. A store that can write them together does better than this, which waits for
    /// each.
    async fn append_all(&self, appends: Vec<Append>) -> Vec<Result<Appended>> {
        let mut answers = Vec::with_capacity(appends.len());
        for append in appends {
            answers.push(self.append(append).await);
        }
        answers
    }

    /// Returns the inbox entries after `last_read`, oldest first.
    ///
    /// A member never heard of has none. To a position below the floor the answer begins with the
    /// first entry that is left. A position that this inbox cannot have given out (one beyond its
    /// end, or one whose entry has another tag) is answered without entries and with
    /// [`InboxPage::reset`].
    ///
    /// It does not wait for what is missing in front of other entries. The page ends there, and its
    /// `latest_seq` is what is behind; whoever waits for [`inbox_changes`](Self::inbox_changes) is
    /// woken when the place is closed.
    async fn inbox(&self, member: &MemberId, last_read: Position, count: Count) -> Result<InboxPage>;

    /// Returns a page of a history, ascending.
    ///
    /// A conversation never heard of has no entries. As [`inbox`](Self::inbox) it does not wait for
    /// what is missing in front of other entries: the page [lacks](HistoryPage::lacks) them.
    async fn history(&self, conversation: &Conversation, page: PageRequest) -> Result<HistoryPage>;

    /// Frees the member's inbox up to `sequence`, and returns the floor.
    ///
    /// The floor never falls. It is durable before anything is removed, and the top of the inbox
    /// stays. A sequence beyond the inbox's latest is
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) in the field `sequence`, and frees nothing.
    async fn ack(&self, member: &MemberId, sequence: Seq) -> Result<Seq>;

    /// Returns what wakes a reader of this inbox.
    ///
    /// It does so when the inbox has grown or was freed, and when the store ends. A store keeps one
    /// [`InboxWatchers`] for this.
    fn inbox_changes(&self, member: &MemberId) -> InboxChanges;

    /// Raises the member's cursor to `sequence` durably and returns it; it never falls.
    ///
    /// A sequence beyond the inbox's latest is [`InvalidInput`](crate::ErrorKind::InvalidInput).
    async fn received(&self, member: &MemberId, sequence: Seq) -> Result<Seq>;

    /// Returns the member's cursor, 0 if there is none.
    async fn received_of(&self, member: &MemberId) -> Result<Seq>;

    /// Changes a group as [`GroupChange::apply`] says, and returns what became of it.
    ///
    /// A change that is refused, or changes nothing, leaves no trace. No send to the group comes
    /// between the look at its history and its creation.
    async fn change_group(&self, group: &GroupName, change: GroupChange) -> Result<Group>;

    /// Returns a group, `None` if there is none.
    async fn group(&self, group: &GroupName) -> Result<Option<Group>>;

    /// Returns a page of the groups of a member, ascending by the bytes of their names.
    ///
    /// It has those behind `after`, or begins with the first. A member never heard of has none.
    async fn groups_of(
        &self,
        member: &MemberId,
        after: Option<&GroupName>,
        count: Count,
    ) -> Result<GroupPage>;

    /// Changes a message that was sent.
    ///
    /// Returns where the entry lies that tells of it.
    ///
    /// In one step, durable before it returns: the message is changed in the history and in every
    /// inbox that has a copy above its floor, and an entry that tells of it is written into the
    /// history and those inboxes. A message that is taken back or deleted becomes a
    /// [`Tombstone`](crate::EntryKind::Tombstone) with the tag that it had. A change that would
    /// leave the message as it is writes nothing, and returns the place of the last one.
    ///
    /// [`NotFound`](crate::ErrorKind::NotFound) when the history has no message at the place, or
    /// not any more; [`Forbidden`](crate::ErrorKind::Forbidden) when [`by`](MessageChange::by) is
    /// not who sent it; [`Conflict`](crate::ErrorKind::Conflict) for an edit of what was taken back
    /// or deleted, and for a message of which the store does not know where its copies are.
    async fn change_message(&self, change: MessageChange) -> Result<Changed>;

    /// Raises how far a member has read a conversation, and returns it.
    ///
    /// It is durable, and never falls.
    ///
    /// The watchers of the member's inbox are told, and in a pair those of the other member.
    /// [`NotFound`](crate::ErrorKind::NotFound) for a conversation that the member was never in;
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) in the field `sequence` for one beyond the
    /// last entry.
    async fn read(&self, member: &MemberId, conversation: &Conversation, sequence: Seq) -> Result<Seq>;

    /// Returns how far these members have read a conversation.
    ///
    /// The answers are in the order of the members; 0 for who was never in it.
    async fn read_of(&self, conversation: &Conversation, members: &[MemberId]) -> Result<Vec<Seq>>;

    /// Returns a conversation as a member sees it, `None` if they were never in it.
    async fn view(&self, member: &MemberId, conversation: &Conversation) -> Result<Option<ConversationView>>;

    /// Returns a page of all conversations that a member was ever in.
    ///
    /// They are in an order of the store. Those that they left or cleared are there, too. It begins
    /// after `after`, or with the first.
    async fn views(&self, member: &MemberId, after: Option<&Conversation>, count: Count) -> Result<ViewPage>;

    /// Returns a page of a member's list of conversations, the most recent first.
    ///
    /// It has those behind `after`, or begins with the most recent one. Groups that the member has
    /// left are not in it, nor are conversations without an entry since they were purged, or
    /// without a message since they were cleared; a group that never had an entry is. It ends
    /// early as [`ConversationPage::fitting`] does, without having read what is behind that.
    async fn conversations(
        &self,
        member: &MemberId,
        after: Option<&ConversationMark>,
        count: Count,
    ) -> Result<ConversationPage>;

    /// Frees a conversation for one member.
    ///
    /// Nothing that is in it now is shown or counted to them any more.
    ///
    /// It comes back into their list with its next message. The history stays for the others.
    /// [`NotFound`](crate::ErrorKind::NotFound) for a conversation that the member was never in.
    async fn clear(&self, member: &MemberId, conversation: &Conversation) -> Result<()>;

    /// Deletes all entries of a history.
    ///
    /// Returns the place of the purge that tells of it.
    ///
    /// Durable before it returns, and from then on no reader sees a text of it, in inboxes neither.
    /// The purge is written into the history and into the inboxes of those who have it in their
    /// list as far as the store knows them: of both members of a pair, of the members of a group
    /// that it knows, and of the recipients of the last message. A history that has no entries but
    /// a purge is left as it is. The message ids of the entries are free again.
    async fn purge(&self, conversation: &Conversation) -> Result<Seq>;

    /// Removes what is kept for a member alone.
    ///
    /// Their inbox is freed to its end, their cursors and their list of conversations are removed.
    /// Groups and histories stay; [`Timeline::delete_member`](crate::Timeline::delete_member) sees
    /// to those before. The inbox never counts from 1 again.
    async fn forget(&self, member: &MemberId) -> Result<()>;

    /// Returns how the store is, now and from now on.
    fn state(&self) -> watch::Receiver<State>;

    /// Finishes what was accepted, and frees what the store holds.
    ///
    /// Calls that come fail with [`Closed`](crate::ErrorKind::Closed). Returns true if all ended
    /// within `grace`, and everything was written; what keeps it from that is logged. What has not
    /// ended by then goes on ending by itself. It may be called again, and waits for the same end
    /// then. Dropping the store ends the same without waiting.
    async fn shutdown(&self, grace: Duration) -> bool;
}

/// Asks the store that it shares.
#[async_trait]
impl<S: Store + ?Sized> Store for Arc<S> {
    async fn append(&self, append: Append) -> Result<Appended> {
        (**self).append(append).await
    }

    async fn append_all(&self, appends: Vec<Append>) -> Vec<Result<Appended>> {
        (**self).append_all(appends).await
    }

    async fn inbox(&self, member: &MemberId, last_read: Position, count: Count) -> Result<InboxPage> {
        (**self).inbox(member, last_read, count).await
    }

    async fn history(&self, conversation: &Conversation, page: PageRequest) -> Result<HistoryPage> {
        (**self).history(conversation, page).await
    }

    async fn ack(&self, member: &MemberId, sequence: Seq) -> Result<Seq> {
        (**self).ack(member, sequence).await
    }

    fn inbox_changes(&self, member: &MemberId) -> InboxChanges {
        (**self).inbox_changes(member)
    }

    async fn received(&self, member: &MemberId, sequence: Seq) -> Result<Seq> {
        (**self).received(member, sequence).await
    }

    async fn received_of(&self, member: &MemberId) -> Result<Seq> {
        (**self).received_of(member).await
    }

    async fn change_group(&self, group: &GroupName, change: GroupChange) -> Result<Group> {
        (**self).change_group(group, change).await
    }

    async fn group(&self, group: &GroupName) -> Result<Option<Group>> {
        (**self).group(group).await
    }

    async fn groups_of(
        &self,
        member: &MemberId,
        after: Option<&GroupName>,
        count: Count,
    ) -> Result<GroupPage> {
        (**self).groups_of(member, after, count).await
    }

    async fn change_message(&self, change: MessageChange) -> Result<Changed> {
        (**self).change_message(change).await
    }

    async fn read(&self, member: &MemberId, conversation: &Conversation, sequence: Seq) -> Result<Seq> {
        (**self).read(member, conversation, sequence).await
    }

    async fn read_of(&self, conversation: &Conversation, members: &[MemberId]) -> Result<Vec<Seq>> {
        (**self).read_of(conversation, members).await
    }

    async fn view(&self, member: &MemberId, conversation: &Conversation) -> Result<Option<ConversationView>> {
        (**self).view(member, conversation).await
    }

    async fn views(&self, member: &MemberId, after: Option<&Conversation>, count: Count) -> Result<ViewPage> {
        (**self).views(member, after, count).await
    }

    async fn conversations(
        &self,
        member: &MemberId,
        after: Option<&ConversationMark>,
        count: Count,
    ) -> Result<ConversationPage> {
        (**self).conversations(member, after, count).await
    }

    async fn clear(&self, member: &MemberId, conversation: &Conversation) -> Result<()> {
        (**self).clear(member, conversation).await
    }

    async fn purge(&self, conversation: &Conversation) -> Result<Seq> {
        (**self).purge(conversation).await
    }

    async fn forget(&self, member: &MemberId) -> Result<()> {
        (**self).forget(member).await
    }

    fn state(&self) -> watch::Receiver<State> {
        (**self).state()
    }

    async fn shutdown(&self, grace: Duration) -> bool {
        (**self).shutdown(grace).await
    }
}

/// One send, as a store gets it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Append {
    /// The history that it belongs to.
    pub conversation: Conversation,
    /// Who sends the message, if that is known.
    pub from: Option<MemberId>,
    /// Whom the message is sent to.
    pub to: Destination,
    /// Whose inboxes get a copy: distinct, at least one.
    pub recipients: Vec<MemberId>,
    /// The message that is sent.
    pub message: Message,
    /// What makes a repetition harmless, if the sender gave a message id.
    pub token: Option<IdempotencyKey>,
}

/// What makes a repeated send harmless.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct IdempotencyKey {
    /// The message id, which is unique within the conversation.
    pub message_id: MessageId,
    /// Tells a repetition of the send from another use of the id.
    ///
    /// The same digest gets the same answer, another one is a
    /// [`Conflict`](crate::ErrorKind::Conflict).
    pub digest: [u8; 16],
    /// The digest that the send has without its sender.
    ///
    /// It is that of programs that did not name a sender, and counts as much as the other.
    pub digest_without_sender: Option<[u8; 16]>,
    /// Whether the store made the id, as the sender gave none.
    ///
    /// Readers are not told such an id.
    pub(crate) is_made: bool,
}

impl IdempotencyKey {
    /// Creates a token.
    #[must_use]
    pub fn new(message_id: MessageId, digest: [u8; 16]) -> Self {
        Self { message_id, digest, digest_without_sender: None, is_made: false }
    }

    /// Returns whether a send with this token repeats the one that had `digest`.
    #[must_use]
    pub fn repeats(&self, digest: &[u8; 16]) -> bool {
        self.digest == *digest || self.digest_without_sender.as_ref() == Some(digest)
    }
}

/// What became of a send.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Appended {
    /// The sequence in the inbox of the last recipient; 0 if that one failed.
    pub sequence: Seq,
    /// The place in the history; 0 if a send from before places were kept is repeated.
    pub place: Seq,
    /// The recipients whose inbox did not get the message.
    pub failed: Vec<MemberId>,
}

impl Appended {
    /// Creates an answer.
    #[must_use]
    pub fn new(sequence: Seq, place: Seq, failed: Vec<MemberId>) -> Self {
        Self { sequence, place, failed }
    }
}

/// What a member missed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct InboxPage {
    /// The last sequence of the inbox, or 0 for an empty one.
    ///
    /// A reader who goes on reaches it. That is so now, but for an entry that is missing in front
    /// of others as its writer has died or is late: it is waited for, and the store closes its
    /// place after the grace.
    pub latest_seq: Seq,
    /// The last sequence of `entries`; 0 without any.
    pub entry_set_last_seq: Seq,
    /// The entries, ascending and without gaps.
    pub entries: Vec<Entry>,
    /// Whether the reader's position does not belong to this inbox.
    ///
    /// Then the store was restored or repaired. There are no entries; the reader starts over from
    /// `floor`.
    pub reset: bool,
    /// The generation of the store; another one after it was salvaged or imported.
    pub generation: u64,
    /// The last sequence that was freed; 0 if all entries are there.
    ///
    /// The first entry that can be read is the next. It rises as the inbox is
    /// [acknowledged](crate::Timeline::ack), and never falls. A reader whose position is lower is
    /// not reset: it gets what is left, and finds what it missed in the histories.
    pub floor: Seq,
    /// How far conversations were read meanwhile.
    ///
    /// By the member, and by the other members of pairs.
    ///
    /// Only pages of a [`Watch`](crate::Watch) have cursors: those that rose since the page before,
    /// each conversation and reader once. They have no place in the inbox, and a page may have
    /// nothing else.
    pub cursors: Vec<ReadCursor>,
    /// Whether more cursors rose than a page can tell, or may have risen unheard.
    ///
    /// Unheard: this node did not hear the others for a while. Ask for the list of conversations.
    pub cursors_cut: bool,
}

impl InboxPage {
    /// Creates an answer; the last sequence of the entries is read off them.
    #[must_use]
    pub fn new(latest_seq: Seq, entries: Vec<Entry>) -> Self {
        let entry_set_last_seq = entries.last().map_or(Seq::ZERO, |entry| entry.sequence);
        Self {
            latest_seq,
            entry_set_last_seq,
            entries,
            reset: false,
            generation: 0,
            floor: Seq::ZERO,
            cursors: Vec::new(),
            cursors_cut: false,
        }
    }
}

/// A page of a history.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct HistoryPage {
    /// The entries, ascending and without gaps.
    pub entries: Vec<Entry>,
    /// Whether there are further entries in the direction of the page.
    ///
    /// The next one may be waited for, as its writer has died or is late.
    pub more: bool,
    /// The entries up to this one are gone.
    ///
    /// Retention removed them, or they were purged.
    pub floor: Seq,
    /// An entry that is there, and that the page lacks; 0 if there is none.
    ///
    /// One in front of it is missing, as its writer has died or is late, and the store closes its
    /// place after the grace. The page has nothing if it begins there. The newest page has what is
    /// before that, and this is the newest of all.
    pub lacks: Seq,
}

impl HistoryPage {
    /// Creates a page.
    #[must_use]
    pub fn new(entries: Vec<Entry>, more: bool, floor: Seq) -> Self {
        Self { entries, more, floor, lacks: Seq::ZERO }
    }
}
