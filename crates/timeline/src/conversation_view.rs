//! What a conversation is to one of its members.
//!
//! That is how far it was read, and what is unread.

use crate::{Conversation, Entry, MemberId, Seq};

/// How far a member has read a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReadCursor {
    /// Who has read.
    pub member: MemberId,
    /// The history that was read.
    pub conversation: Conversation,
    /// The place in it up to which the member has read; 0 for nothing.
    pub read: Seq,
}

/// How many messages are unread: exact up to 999.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Unread(u32);

/// A conversation as one of its members sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConversationView {
    /// The history that it is about.
    pub conversation: Conversation,
    /// The place up to which the member has read.
    pub read: Seq,
    /// How many messages lie behind that place and are readable.
    ///
    /// Edits, recalls and tombstones are no messages. What the member sends counts as read.
    pub unread: Unread,
    /// The last place of the history; 0 if it never had an entry.
    pub latest: Seq,
    /// The entries up to this place are gone for the member.
    ///
    /// Retention removed them, the conversation was deleted, or the member cleared it.
    pub floor: Seq,
    /// When it got its last entry, or the member came into it.
    ///
    /// In milliseconds since 1970.
    pub at_ms: u64,
    /// Whether the member has left the group.
    pub has_left: bool,
}

/// A conversation in a member's list.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConversationSummary {
    /// How the member sees it.
    pub view: ConversationView,
    /// The title of a group that the store knows; empty for others.
    pub title: String,
    /// The newest entry that is a message or a tombstone.
    ///
    /// It is looked for among the last 100; `None` without any.
    pub last: Option<Entry>,
    /// How far the other member of a pair has read.
    ///
    /// 0 in groups and in notes to oneself.
    pub peer_read: Seq,
}

/// Where a list of conversations goes on: behind the last one of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConversationMark {
    /// The [`at_ms`](ConversationView::at_ms) of that one.
    pub at_ms: u64,
    /// The conversation itself, which parts those of one time.
    pub conversation: Conversation,
}

/// A page of a member's list of conversations, the most recent first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConversationPage {
    /// The conversations, the most recent first.
    ///
    /// Those of one time are in an order of the store.
    pub conversations: Vec<ConversationSummary>,
    /// Whether there are further ones.
    pub more: bool,
}

/// A page of what a member's conversations are to them, in the order of the store.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ViewPage {
    /// The conversations; the order stays as long as none comes.
    pub views: Vec<ConversationView>,
    /// Whether there are further ones: go on after the last one.
    pub more: bool,
}

impl ReadCursor {
    /// Creates a cursor.
    #[must_use]
    pub fn new(member: MemberId, conversation: Conversation, read: Seq) -> Self {
        Self { member, conversation, read }
    }
}

impl Unread {
    /// The most that is counted: it stands for itself and anything above.
    pub const MAX: u32 = 1_000;

    /// Creates a number; one above [`MAX`](Self::MAX) counts as that.
    #[must_use]
    pub fn new(messages: u64) -> Self {
        Self(u32::try_from(messages).map_or(Self::MAX, |messages| messages.min(Self::MAX)))
    }

    /// Returns the number, 1,000 if there are so many or more.
    #[must_use]
    pub fn get(self) -> u32 {
        self.0
    }

    /// Returns whether there are more than the number says for sure: 1,000 or more.
    #[must_use]
    pub fn is_capped(self) -> bool {
        self.0 >= Self::MAX
    }
}

impl std::fmt::Display for Unread {
    /// Writes the number, `999+` from 1,000 on.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.is_capped() { f.write_str("999+") } else { self.0.fmt(f) }
    }
}

impl ConversationView {
    /// Creates the view of a member who has read nothing of an empty history.
    #[must_use]
    pub fn new(conversation: Conversation) -> Self {
        Self {
            conversation,
            read: Seq::ZERO,
            unread: Unread::default(),
            latest: Seq::ZERO,
            floor: Seq::ZERO,
            at_ms: 0,
            has_left: false,
        }
    }
}

impl ConversationSummary {
    /// Creates a summary of a conversation without entries and title.
    #[must_use]
    pub fn new(view: ConversationView) -> Self {
        Self { view, title: String::new(), last: None, peer_read: Seq::ZERO }
    }

    /// Returns where a list goes on behind this conversation.
    #[must_use]
    pub fn mark(&self) -> ConversationMark {
        ConversationMark::new(self.view.at_ms, self.view.conversation.clone())
    }
}

impl ConversationMark {
    /// Creates a mark.
    #[must_use]
    pub fn new(at_ms: u64, conversation: Conversation) -> Self {
        Self { at_ms, conversation }
    }
}

impl ConversationPage {
    /// Creates a page.
    #[must_use]
    pub fn new(conversations: Vec<ConversationSummary>, more: bool) -> Self {
        Self { conversations, more }
    }
}

impl ViewPage {
    /// Creates a page.
    #[must_use]
    pub fn new(views: Vec<ConversationView>, more: bool) -> Self {
        Self { views, more }
    }
}
