//! The calls that the committing thread makes for its callers, and their answers.

use std::sync::Arc;

use tokio::sync::oneshot;

use crate::embedded::plan::{self, Plan, PreparedSend};
use crate::embedded::shared::Shared;
use crate::embedded::{groups, verify};
use crate::message_change::{Change, Changed, MessageChange};
use crate::store::{Appended, GroupChange};
use crate::{Conversation, Error, Group, GroupName, MemberId, Result, Seq};

/// A caller that waits, and what for.
#[derive(Debug)]
pub(in crate::embedded) enum Job {
    /// Writes a send.
    Append(Box<PreparedSend>, oneshot::Sender<Result<WrittenSend>>),
    /// Raises how far an inbox was received.
    Received(MemberId, Seq, oneshot::Sender<Result<Seq>>),
    /// Frees an inbox.
    Ack(MemberId, Seq, oneshot::Sender<Result<Seq>>),
    /// Changes a group.
    Group(GroupName, Box<GroupChange>, oneshot::Sender<Result<Group>>),
    /// Changes a message.
    Change(Box<MessageChange>, oneshot::Sender<Result<Changed>>),
    /// Raises how far a conversation was read.
    Read(MemberId, Conversation, Seq, oneshot::Sender<Result<Seq>>),
    /// Frees a conversation for one member.
    Clear(MemberId, Conversation, oneshot::Sender<Result<()>>),
    /// Deletes all entries of a history.
    Purge(Conversation, oneshot::Sender<Result<Seq>>),
    /// Removes what is kept for a member alone, of the rows those behind a key.
    Forget(MemberId, Option<Vec<u8>>, oneshot::Sender<Result<Option<Vec<u8>>>>),
}

/// The answer to a send, with the send itself.
///
/// What the caller has made it lets go of as well; many callers do that faster than one thread.
#[derive(Debug)]
pub(in crate::embedded) struct WrittenSend {
    pub(in crate::embedded) appended: Appended,
    _send: Box<PreparedSend>,
}

/// Why calls are not made, if they are not.
#[derive(Debug)]
pub(super) struct Obstacles {
    /// Why nothing can be written.
    pub(super) failure: Option<Error>,
    /// Why nothing may be written that takes room; there is one whenever nothing can be written.
    pub(super) refusal: Option<Error>,
}

/// A caller and what it is told if the batch becomes durable.
#[derive(Debug)]
pub(in crate::embedded) enum Reply {
    Append(oneshot::Sender<Result<WrittenSend>>, Result<WrittenSend>),
    Sequence(oneshot::Sender<Result<Seq>>, Result<Seq>),
    Group(oneshot::Sender<Result<Group>>, Result<Group>),
    Change(oneshot::Sender<Result<Changed>>, Result<Changed>),
    Done(oneshot::Sender<Result<()>>, Result<()>),
    Forgotten(oneshot::Sender<Result<Option<Vec<u8>>>>, Result<Option<Vec<u8>>>),
}

/// As many bytes as a small call writes beside its names.
const SMALL_BYTES: usize = 128;

/// At least as many bytes as a purge, or all that is removed with a member, writes as a rule. How
/// much it is is known only when it was read.
const REMOVED_BYTES: usize = 16 * 1024;

impl Job {
    /// Returns about how many bytes it will write.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Append(send, ..) => send.bytes(),
            // The name is in two keys.
            Self::Received(member, ..)
            | Self::Ack(member, ..)
            | Self::Read(member, ..)
            | Self::Clear(member, ..) => SMALL_BYTES + 2 * member.as_str().len(),
            Self::Group(_, change, _) => groups::bytes_of(change),
            Self::Change(change, _) => plan::bytes_of_change(change),
            Self::Purge(..) | Self::Forget(..) => REMOVED_BYTES,
        }
    }

    /// Returns whether it is a send, which can be planned while the batch before is being written.
    pub(super) fn is_send(&self) -> bool {
        matches!(self, Self::Append(..))
    }

    /// Plans the call.
    pub(super) fn plan(self, plan: &mut Plan<'_>, obstacles: &Obstacles, shared: &Arc<Shared>) -> Reply {
        let (failure, refusal) = (obstacles.failure.as_ref(), obstacles.refusal.as_ref());
        // What is small, or makes room, is written also to a disk with little room.
        let writable = failure.map_or(Ok(()), |failure| Err(failure.clone()));
        let reply = match self {
            Self::Append(send, reply) => {
                let appended = plan.append(&send, refusal);
                Reply::Append(reply, appended.map(|appended| WrittenSend { appended, _send: send }))
            }
            Self::Group(name, change, reply) => {
                Reply::Group(reply, plan.change_group(&name, &change, refusal))
            }
            Self::Change(change, reply) => {
                let takes_room = matches!(change.change, Change::Edit(_));
                let refusal = if takes_room { refusal } else { failure };
                Reply::Change(reply, plan.change_message(&change, refusal))
            }
            Self::Purge(conversation, reply) => Reply::Sequence(reply, plan.purge(&conversation, failure)),
            Self::Received(member, sequence, reply) => {
                Reply::Sequence(reply, writable.and_then(|()| plan.received(&member, sequence)))
            }
            Self::Ack(member, sequence, reply) => {
                Reply::Sequence(reply, writable.and_then(|()| plan.ack(&member, sequence)))
            }
            Self::Read(member, conversation, sequence, reply) => {
                Reply::Sequence(reply, writable.and_then(|()| plan.read(&member, &conversation, sequence)))
            }
            Self::Clear(member, conversation, reply) => {
                Reply::Done(reply, writable.and_then(|()| plan.clear(&member, &conversation)))
            }
            Self::Forget(member, after, reply) => {
                Reply::Forgotten(reply, writable.and_then(|()| plan.forget(&member, after.as_deref())))
            }
        };
        // A read that failed may be damage, which is told as if a reader had met it.
        reply.judged(|error| verify::judge(shared, error))
    }

    /// Refuses the call.
    pub(super) fn refuse(self, error: Error) {
        let refused = match self {
            Self::Append(_, reply) => Reply::Append(reply, Err(error)),
            Self::Received(_, _, reply)
            | Self::Ack(_, _, reply)
            | Self::Read(_, _, _, reply)
            | Self::Purge(_, reply) => Reply::Sequence(reply, Err(error)),
            Self::Group(_, _, reply) => Reply::Group(reply, Err(error)),
            Self::Change(_, reply) => Reply::Change(reply, Err(error)),
            Self::Clear(_, _, reply) => Reply::Done(reply, Err(error)),
            Self::Forget(_, _, reply) => Reply::Forgotten(reply, Err(error)),
        };
        refused.send(&Ok(()));
    }
}

impl Reply {
    /// Answers the caller; one that has gone away is not missed.
    pub(super) fn send(self, committed: &Result<()>) {
        let gone = match self {
            Self::Append(reply, result) => reply.send(settle(result, committed)).is_err(),
            Self::Sequence(reply, result) => reply.send(settle(result, committed)).is_err(),
            Self::Group(reply, result) => reply.send(settle(result, committed)).is_err(),
            Self::Change(reply, result) => reply.send(settle(result, committed)).is_err(),
            Self::Done(reply, result) => reply.send(settle(result, committed)).is_err(),
            Self::Forgotten(reply, result) => reply.send(settle(result, committed)).is_err(),
        };
        if gone {
            tracing::trace!("a caller went away before its answer");
        }
    }

    fn judged(self, judge: impl FnOnce(Error) -> Error) -> Self {
        match self {
            Self::Append(reply, result) => Self::Append(reply, result.map_err(judge)),
            Self::Sequence(reply, result) => Self::Sequence(reply, result.map_err(judge)),
            Self::Group(reply, result) => Self::Group(reply, result.map_err(judge)),
            Self::Change(reply, result) => Self::Change(reply, result.map_err(judge)),
            Self::Done(reply, result) => Self::Done(reply, result.map_err(judge)),
            Self::Forgotten(reply, result) => Self::Forgotten(reply, result.map_err(judge)),
        }
    }
}

/// A refusal stands whatever became of the batch.
fn settle<T>(result: Result<T>, committed: &Result<()>) -> Result<T> {
    result.and_then(|value| committed.clone().map(|()| value))
}
