//! The calls, from requests of the proto file to replies.

mod changes;
mod conversations;
mod cursors;
mod deletions;
mod groups;
mod inboxes;

use std::fmt;
use std::sync::Arc;

use http::{Extensions, HeaderMap};

use super::fields::AskedPart;
use super::rules::Rules;
use super::{CallRefused, Caller, Callers, fields};
use crate::proto::v1;
use crate::timeline::holes::{HoleAt, HoleWaits};
use crate::{Conversation, Entry, Error, NewGroupMessage, NewMessage, Position, Result, Tag, Timeline};

/// The calls over a timeline, by those who may. Every field is checked, and an error names the one
/// at fault.
#[derive(Clone)]
pub(crate) struct Calls {
    timeline: Timeline,
    callers: Arc<dyn Callers>,
}

impl Calls {
    pub(crate) fn new(timeline: Timeline, callers: Arc<dyn Callers>) -> Self {
        Self { timeline, callers }
    }

    /// Returns who makes a call.
    pub(crate) fn caller(
        &self,
        extensions: &Extensions,
        headers: &HeaderMap,
    ) -> std::result::Result<Caller, CallRefused> {
        self.callers.caller(extensions, headers)
    }

    pub(crate) async fn send(
        &self,
        caller: &Caller,
        request: v1::SendMessageRequest,
    ) -> Result<v1::SendMessageReply> {
        let sent = self.timeline.send(new_message(Rules::of(caller), request)?).await?;
        Ok(v1::SendMessageReply { sequence: sent.sequence.to_i64(), place: sent.place.to_i64() })
    }

    pub(crate) async fn send_group(
        &self,
        caller: &Caller,
        request: v1::SendGroupRequest,
    ) -> Result<v1::SendGroupReply> {
        let rules = Rules::of(caller);
        // For anybody a group is whoever the send names, as it is for the Go service.
        let has_to_name = *caller == Caller::Anybody;
        if request.group_name.is_empty() || has_to_name && request.group_members.is_empty() {
            return Err(no_group());
        }
        let send = NewGroupMessage {
            from: fields::optional(rules.filled_in(request.from), |id| fields::member("from", id))?,
            group: fields::group("group_name", request.group_name)?,
            members: fields::members("group_members", request.group_members)?,
            message: fields::message(request.message)?,
            message_id: fields::message_id(request.message_id)?,
        };
        if let Some(from) = &send.from {
            rules.send_as(from)?;
        }
        let send = match caller {
            Caller::Anybody => send,
            Caller::Service => self.with_all_members(send).await?,
            Caller::Member(_) => self.within_group(rules, send).await?,
        };
        let sent = self.timeline.send_group(send).await?;
        let failed_members = sent.failed.iter().map(ToString::to_string).collect();
        Ok(v1::SendGroupReply { failed_members, place: sent.place.to_i64() })
    }

    pub(crate) async fn sync(
        &self,
        caller: &Caller,
        request: v1::SyncMessageRequest,
    ) -> Result<Paged<v1::SyncMessageReply>> {
        let rules = Rules::of(caller);
        let position = Position::new(fields::last_read(request.last_read)?, request.last_tag.map(Tag::new));
        let count = fields::count(request.count)?;
        let member = fields::member("member", rules.filled_in(request.member))?;
        rules.read_inbox(&member)?;
        let (page, hole) = self.timeline.sync_now(&member, position, count).await?;
        Ok(Paged { reply: (&page).into(), hole })
    }

    pub(crate) async fn single_history(
        &self,
        caller: &Caller,
        request: v1::GetSingleHistoryMessageRequest,
        waits: &HoleWaits,
    ) -> Result<Paged<v1::GetSingleHistoryMessageReply>> {
        let rules = Rules::of(caller);
        let from = fields::member("from", rules.filled_in(request.from))?;
        let to = fields::member("to", request.to)?;
        rules.read_single_history(&from, &to)?;
        let page = fields::page(&AskedPart {
            last_read: request.last_read,
            count: request.count,
            backward: request.backward,
            since_ms: request.since_ms,
            until_ms: request.until_ms,
        })?;
        let (page, hole) = self.timeline.history_now(&Conversation::single(from, to), page, waits).await?;
        let (entry_set, floor) = (entry_set(&page.entries), page.floor.to_i64());
        Ok(Paged { reply: v1::GetSingleHistoryMessageReply { entry_set, more: page.more, floor }, hole })
    }

    pub(crate) async fn group_history(
        &self,
        caller: &Caller,
        request: v1::GetGroupHistoryMessageRequest,
        waits: &HoleWaits,
    ) -> Result<Paged<v1::GetGroupHistoryMessageReply>> {
        let rules = Rules::of(caller);
        let name = fields::group("group", request.group)?;
        let page = fields::page(&AskedPart {
            last_read: request.last_read,
            count: request.count,
            backward: request.backward,
            since_ms: request.since_ms,
            until_ms: request.until_ms,
        })?;
        rules.read_group_history(&name, self.judged(rules, &name).await?.as_ref())?;
        let (page, hole) = self.timeline.history_now(&Conversation::group(name), page, waits).await?;
        let (entry_set, floor) = (entry_set(&page.entries), page.floor.to_i64());
        Ok(Paged { reply: v1::GetGroupHistoryMessageReply { entry_set, more: page.more, floor }, hole })
    }

    /// Waits at the hole of a page, without the room of an answer; false when its time is up.
    pub(crate) async fn wait_at(&self, hole: &HoleAt, waits: &HoleWaits) -> bool {
        self.timeline.wait_at(hole, waits).await
    }
}

/// The reply of a page, and where it lacks entries that are there.
pub(crate) struct Paged<R> {
    pub(crate) reply: R,
    pub(crate) hole: Option<HoleAt>,
}

impl fmt::Debug for Calls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Calls").field("timeline", &self.timeline).finish_non_exhaustive()
    }
}

/// Reads a send, of somebody who may send it.
fn new_message(rules: Rules<'_>, request: v1::SendMessageRequest) -> Result<NewMessage> {
    let from = rules.filled_in(request.from);
    // Both are checked together, as the Go service does. Clients compare the reason and not this
    // text.
    if from.is_empty() || request.to.is_empty() {
        return Err(Error::invalid("the request must name the sender in from and the receiver in to"));
    }
    let send = NewMessage {
        from: fields::member("from", from)?,
        to: fields::member("to", request.to)?,
        message: fields::message(request.message)?,
        message_id: fields::message_id(request.message_id)?,
    };
    rules.send_as(&send.from)?;
    Ok(send)
}

fn no_group() -> Error {
    Error::invalid("the request must name a group in group_name and its members in group_members")
}

fn entry_set(entries: &[Entry]) -> Vec<v1::TimelineEntry> {
    entries.iter().map(Into::into).collect()
}
