//! The call that stores a message to a group.

use super::{Timeline, distinct, key_of};
use crate::store::Append;
use crate::{Conversation, Destination, Error, MemberId, NewGroupMessage, Result, Seq};

/// The answer to a [`NewGroupMessage`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct GroupSent {
    /// The place in the history of the group, by which the message can be changed.
    ///
    /// 0 when a send is repeated that a store took before it kept places.
    pub place: Seq,
    /// The members whose inbox did not get the message.
    pub failed: Vec<MemberId>,
}

impl Timeline {
    /// Stores a message to a group.
    ///
    /// It is stored in the history of the group and in the inbox of each member that it names, also
    /// of a group that the store knows: nobody looks up who is in that. The call returns when it is
    /// durable, and says which inboxes did not get it. Repeated with the same
    /// `message_id` it gives the first answer; the members of the repetition do not matter.
    ///
    /// # Cancel safety
    ///
    /// A dropped call takes effect whole or not at all; repeat it with its `message_id` to know.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send); also [`InvalidInput`](crate::ErrorKind::InvalidInput) for no
    /// members or more than [allowed](crate::Config::group_members_max).
    pub async fn send_group(&self, send: NewGroupMessage) -> Result<GroupSent> {
        self.check_size(&send.message)?;
        let recipients = distinct(send.members);
        let most = self.config.group_members_max;
        if recipients.is_empty() {
            return Err(Error::invalid("the list must not be empty").in_field("group_members"));
        }
        if recipients.len() > most {
            let text =
                format!("the list has {} distinct members; at most {most} are allowed", recipients.len());
            return Err(Error::invalid(text).in_field("group_members"));
        }
        let to = Destination::Group(send.group.clone());
        let token = send.message_id.map(|id| key_of(id, send.from.as_ref(), &to, &send.message));
        let append = Append {
            conversation: Conversation::group(send.group),
            from: send.from,
            to,
            recipients,
            message: send.message,
            token,
        };
        let appended = self.store.append(append).await?;
        Ok(GroupSent { place: appended.place, failed: appended.failed })
    }
}
