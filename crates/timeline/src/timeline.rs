//! The handle that programs use.

mod acknowledgements;
mod batches;
mod conversations;
mod deletions;
mod group_sends;
mod groups;
pub(crate) mod holes;
mod message_changes;
mod watching;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest, Sha256};
use tokio::sync::watch;

pub use self::batches::{SENDS_BYTES_MAX, SENDS_MAX};
pub use self::group_sends::GroupSent;
use self::holes::HoleWaits;
use crate::store::{Append, IdempotencyKey};
use crate::{
    Config, Conversation, Count, Destination, Error, HistoryPage, InboxPage, MemberId, Message, MessageId,
    NewMessage, PageRequest, Position, Result, Seq, State, Store,
};

/// Inboxes and histories over a [`Store`].
///
/// It is cheap to clone. [`start`](Self::start) makes it, [`shutdown`](Self::shutdown) ends it and
/// waits until what was accepted is written. Dropping the last clone ends the same without waiting;
/// what was acknowledged is safe either way.
#[derive(Debug, Clone)]
pub struct Timeline {
    store: Arc<dyn Store>,
    config: Arc<Config>,
}

/// The answer to a [`NewMessage`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Sent {
    /// The sequence in the inbox of the receiver.
    pub sequence: Seq,
    /// The place in the history of the two, by which the message can be changed.
    ///
    /// 0 when a send is repeated that a store took before it kept places.
    pub place: Seq,
}

impl Timeline {
    /// Starts a timeline over a store.
    ///
    /// An `Arc` of a store is one, too, for programs that choose it at run time.
    ///
    /// # Errors
    ///
    /// [`Config`](crate::ErrorKind::Config) when a bound is out of range; the text names the
    /// setting, its value and its bounds.
    pub fn start(config: Config, store: impl Store + 'static) -> Result<Self> {
        config.validate()?;
        Ok(Self { store: Arc::new(store), config: Arc::new(config) })
    }

    /// Stores a message from one member to another.
    ///
    /// It is stored in the history of the two and in the inboxes of both. The call returns when it
    /// is durable. Sent again with the same `message_id` it has no further effect and gives the
    /// same answer, also concurrently and after a crash.
    ///
    /// # Cancel safety
    ///
    /// A dropped call takes effect whole or not at all; repeat it with its `message_id` to know.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) for a message that is too large;
    /// [`Conflict`](crate::ErrorKind::Conflict) when the two used the `message_id` before for
    /// another sender or message; [`Unavailable`](crate::ErrorKind::Unavailable) or
    /// [`UnknownOutcome`](crate::ErrorKind::UnknownOutcome) when it is unknown whether it was
    /// stored, the latter with the [id](Error::message_id) to repeat it with;
    /// [`Closed`](crate::ErrorKind::Closed).
    pub async fn send(&self, send: NewMessage) -> Result<Sent> {
        let appended = self.store.append(self.append_of(send)?).await?;
        Ok(Sent { sequence: appended.sequence, place: appended.place })
    }

    /// Returns what a member has not read yet: the inbox entries after `last_read`.
    ///
    /// Call it with the last sequence of its answer until that is `latest_seq`. A [`Seq`] is a
    /// [`Position`]; one with the tag of its entry also notices a store that was restored and has
    /// grown past it. When the answer says [`reset`](InboxPage::reset), start over.
    ///
    /// After a node has died an entry may be missing in front of others that are there. Then the
    /// answer has what is before it, and the next call waits until the place is closed, 5 s at
    /// most. An answer without entries whose `latest_seq` is higher says that more is coming: call
    /// again.
    ///
    /// # Errors
    ///
    /// [`Unavailable`](crate::ErrorKind::Unavailable), [`Corrupt`](crate::ErrorKind::Corrupt) or
    /// [`Closed`](crate::ErrorKind::Closed); a member never heard of is not an error but has an
    /// empty inbox.
    pub async fn sync(
        &self,
        member: &MemberId,
        last_read: impl Into<Position>,
        count: Count,
    ) -> Result<InboxPage> {
        let (position, waits) = (last_read.into(), HoleWaits::begin());
        loop {
            let (page, hole) = self.sync_now(member, position, count).await?;
            match hole {
                Some(hole) if self.wait_at(&hole, &waits).await => {}
                _ => return Ok(page),
            }
        }
    }

    /// Returns a page of the history of a conversation.
    ///
    /// It begins above the [floor](HistoryPage::floor): what retention removed or a purge deleted
    /// is gone for everybody.
    ///
    /// Where an entry is missing in front of others, as after a node has died, it waits until the
    /// place is closed, 5 s at most. [`lacks`](HistoryPage::lacks) says if it is not by then.
    ///
    /// # Errors
    ///
    /// [`Unavailable`](crate::ErrorKind::Unavailable), [`Corrupt`](crate::ErrorKind::Corrupt) or
    /// [`Closed`](crate::ErrorKind::Closed); a conversation never heard of is not an error but
    /// empty.
    pub async fn history(&self, conversation: &Conversation, page: PageRequest) -> Result<HistoryPage> {
        let waits = HoleWaits::begin();
        loop {
            let (page, hole) = self.history_now(conversation, page, &waits).await?;
            match hole {
                Some(hole) if self.wait_at(&hole, &waits).await => {}
                _ => return Ok(page),
            }
        }
    }

    /// Notes that a member's program has received its inbox up to `sequence`.
    ///
    /// The note is durable. Returns how far the program has received the inbox. The cursor never
    /// falls: a lower or repeated report changes nothing.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) when the inbox does not reach `sequence`;
    /// [`Unavailable`](crate::ErrorKind::Unavailable) or [`Closed`](crate::ErrorKind::Closed).
    pub async fn received(&self, member: &MemberId, sequence: Seq) -> Result<Seq> {
        self.store.received(member, sequence).await
    }

    /// Returns how far a member's program has received its inbox; 0 if it never said.
    ///
    /// # Errors
    ///
    /// [`Unavailable`](crate::ErrorKind::Unavailable), [`Corrupt`](crate::ErrorKind::Corrupt) or
    /// [`Closed`](crate::ErrorKind::Closed).
    pub async fn received_of(&self, member: &MemberId) -> Result<Seq> {
        self.store.received_of(member).await
    }

    /// Returns how the store is, now and from now on.
    ///
    /// A state says whether the store takes sends, and if not, why.
    #[must_use]
    pub fn state(&self) -> watch::Receiver<State> {
        self.store.state()
    }

    /// Ends the timeline and its store for all clones, and waits for the end.
    ///
    /// Calls that come fail with [`Closed`](crate::ErrorKind::Closed), and every send that was
    /// accepted is finished. Returns whether all ended within `grace` and was written to the last
    /// byte; if not, the log says why. What has not ended by then goes on ending by itself. May be
    /// called again, which waits for the same end.
    ///
    /// # Cancel safety
    ///
    /// A call that is dropped after it was first polled has ended the timeline all the same.
    pub async fn shutdown(&self, grace: Duration) -> bool {
        self.store.shutdown(grace).await
    }

    /// Returns a checked send as the store gets it.
    fn append_of(&self, send: NewMessage) -> Result<Append> {
        self.check_size(&send.message)?;
        let to = Destination::Member(send.to.clone());
        let token = send.message_id.map(|id| key_of(id, Some(&send.from), &to, &send.message));
        // The receiver comes last: the answer is the last recipient's sequence.
        let recipients = if send.from == send.to {
            vec![send.to.clone()]
        } else {
            vec![send.from.clone(), send.to.clone()]
        };
        Ok(Append {
            conversation: Conversation::single(send.from.clone(), send.to),
            from: Some(send.from),
            to,
            recipients,
            message: send.message,
            token,
        })
    }

    pub(crate) fn check_size(&self, message: &Message) -> Result<()> {
        let (bytes, most) = (message.as_str().len(), self.config.message_bytes_max);
        if bytes > most {
            let text = format!("the text has {bytes} bytes; at most {most} are allowed");
            return Err(Error::invalid(text).in_field("message"));
        }
        Ok(())
    }
}

/// Returns each member once, in a list that takes no more room than that: it waits in a queue, and
/// the list of a client may name one member a hundred thousand times.
fn distinct(members: Vec<MemberId>) -> Vec<MemberId> {
    let (mut seen, mut distinct) = (HashSet::new(), Vec::new());
    for member in members {
        if seen.insert(member.clone()) {
            distinct.push(member);
        }
    }
    distinct.shrink_to_fit();
    distinct
}

/// Returns what makes repetitions of a send harmless.
pub(crate) fn key_of(
    id: MessageId,
    from: Option<&MemberId>,
    to: &Destination,
    message: &Message,
) -> IdempotencyKey {
    let text = message.as_str();
    match (from, to) {
        (None, _) => IdempotencyKey::new(id, digest(&[text])),
        (Some(from), Destination::Member(_)) => IdempotencyKey::new(id, digest(&[from.as_str(), text])),
        // Sent before by a program that named no sender, it is still the same message.
        (Some(from), Destination::Group(_)) => IdempotencyKey {
            digest_without_sender: Some(digest(&[text])),
            ..IdempotencyKey::new(id, digest(&[from.as_str(), text]))
        },
    }
}

/// Digests what a message id stands for; each part is preceded by its length, so that no two lists
/// digest alike.
fn digest(parts: &[&str]) -> [u8; 16] {
    // The digest is stored with the answer: if this made another one, every repetition of a send
    // from before would be a conflict.
    let mut sha = Sha256::new();
    for part in parts {
        sha.update((part.len() as u64).to_be_bytes());
        sha.update(part);
    }
    let mut digest = [0; 16];
    digest.copy_from_slice(&sha.finalize()[..16]);
    digest
}
