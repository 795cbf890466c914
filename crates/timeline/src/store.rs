//! Where entries live: the trait and the contract of its implementors.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::watch;

pub use crate::group_change::GroupChange;
pub use crate::inbox_changes::{InboxChanges, InboxWatchers};
use crate::{
    Conversation, Count, Destination, Entry, Group, GroupName, GroupPage, MemberId, Message, MessageId,
    PageRequest, Position, Result, Seq, State,
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
///   whole or not at all, a dropped `append_all` some of its messages.
///
/// The suite in `timeline::contract` (feature `contract`) checks this.
#[async_trait]
pub trait Store: Send + Sync + fmt::Debug {
    /// Writes a message into one history and the inboxes of its recipients.
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
    async fn inbox(&self, member: &MemberId, last_read: Position, count: Count) -> Result<InboxPage>;

    /// Returns a page of a history, ascending.
    ///
    /// A conversation never heard of has no entries.
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
}

impl IdempotencyKey {
    /// Creates a token.
    #[must_use]
    pub fn new(message_id: MessageId, digest: [u8; 16]) -> Self {
        Self { message_id, digest, digest_without_sender: None }
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
    /// The recipients whose inbox did not get the message.
    pub failed: Vec<MemberId>,
}

impl Appended {
    /// Creates an answer.
    #[must_use]
    pub fn new(sequence: Seq, failed: Vec<MemberId>) -> Self {
        Self { sequence, failed }
    }
}

/// What a member missed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct InboxPage {
    /// The last sequence of the inbox, or 0 for an empty one.
    ///
    /// A reader can reach it now.
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
}

impl InboxPage {
    /// Creates an answer; the last sequence of the entries is read off them.
    #[must_use]
    pub fn new(latest_seq: Seq, entries: Vec<Entry>) -> Self {
        let entry_set_last_seq = entries.last().map_or(Seq::ZERO, |entry| entry.sequence);
        Self { latest_seq, entry_set_last_seq, entries, reset: false, generation: 0, floor: Seq::ZERO }
    }
}

/// A page of a history.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct HistoryPage {
    /// The entries, ascending and without gaps.
    pub entries: Vec<Entry>,
    /// Whether there are further entries in the direction of the page.
    pub more: bool,
}

impl HistoryPage {
    /// Creates a page.
    #[must_use]
    pub fn new(entries: Vec<Entry>, more: bool) -> Self {
        Self { entries, more }
    }
}
