//! What is sent: a message with its sender and its receivers.

use crate::{GroupName, MemberId, Message, MessageId};

/// A message from one member to another.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct NewMessage {
    /// The member who sends the message, and gets a copy as well.
    pub from: MemberId,
    /// The member who gets the message.
    ///
    /// A note to oneself is stored once.
    pub to: MemberId,
    /// The message that is sent.
    pub message: Message,
    /// What makes a repetition harmless.
    pub message_id: Option<MessageId>,
}

/// A message to a group.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct NewGroupMessage {
    /// Who sends the message, if that is known.
    ///
    /// Readers are told so; without it the entry has no sender.
    pub from: Option<MemberId>,
    /// The group that the message is sent to.
    pub group: GroupName,
    /// The members whose inboxes get the message.
    ///
    /// The sender's inbox gets it only if the sender is named. A member named twice gets one copy.
    pub members: Vec<MemberId>,
    /// The message that is sent.
    pub message: Message,
    /// What makes a repetition harmless.
    pub message_id: Option<MessageId>,
}

impl NewMessage {
    /// Creates a message without a message id.
    #[must_use]
    pub fn new(from: MemberId, to: MemberId, message: Message) -> Self {
        Self { from, to, message, message_id: None }
    }

    /// Sets the message id, which makes a repetition harmless.
    ///
    /// None by default. Give one wherever a send may be repeated.
    #[must_use]
    pub fn message_id(self, id: impl Into<Option<MessageId>>) -> Self {
        Self { message_id: id.into(), ..self }
    }
}

impl NewGroupMessage {
    /// Creates a message without a sender and without a message id.
    #[must_use]
    pub fn new(group: GroupName, members: impl IntoIterator<Item = MemberId>, message: Message) -> Self {
        Self { from: None, group, members: members.into_iter().collect(), message, message_id: None }
    }

    /// Sets who sends the message.
    ///
    /// Nobody by default. Give the sender wherever it is known, so that readers are told.
    #[must_use]
    pub fn from(self, from: impl Into<Option<MemberId>>) -> Self {
        Self { from: from.into(), ..self }
    }

    /// Sets the message id, which makes a repetition harmless.
    ///
    /// None by default. Give one wherever a send may be repeated.
    #[must_use]
    pub fn message_id(self, id: impl Into<Option<MessageId>>) -> Self {
        Self { message_id: id.into(), ..self }
    }
}
