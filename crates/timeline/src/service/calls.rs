//! The five calls, from requests of the proto file to replies.

use crate::proto::v1;
use crate::{
    Conversation, Count, Entry, Error, GroupName, MemberId, Message, MessageId, NewGroupMessage, NewMessage,
    PageRequest, Position, Result, Seq, Tag, Timeline,
};

/// The five calls over a timeline. Every field is checked, and an error names the one at fault.
#[derive(Debug, Clone)]
pub(crate) struct Calls {
    timeline: Timeline,
}

impl Calls {
    pub(crate) fn new(timeline: Timeline) -> Self {
        Self { timeline }
    }

    pub(crate) async fn send(&self, request: v1::SendMessageRequest) -> Result<v1::SendMessageReply> {
        // Both are checked together, as the Go service does. Clients compare the reason and not
        // this text.
        if request.from.is_empty() || request.to.is_empty() {
            return Err(Error::invalid("the request must name the sender in from and the receiver in to"));
        }
        let send = NewMessage {
            from: member("from", request.from)?,
            to: member("to", request.to)?,
            message: message(request.message)?,
            message_id: message_id(request.message_id)?,
        };
        let sent = self.timeline.send(send).await?;
        Ok(v1::SendMessageReply { sequence: sent.sequence.to_i64() })
    }

    pub(crate) async fn send_group(&self, request: v1::SendGroupRequest) -> Result<v1::SendGroupReply> {
        if request.group_name.is_empty() || request.group_members.is_empty() {
            return Err(Error::invalid(
                "the request must name a group in group_name and its members in group_members",
            ));
        }
        let members = request.group_members.into_iter().enumerate();
        let send = NewGroupMessage {
            from: optional(request.from, |id| member("from", id))?,
            group: group("group_name", request.group_name)?,
            members: members
                .map(|(index, id)| {
                    MemberId::new(id).map_err(|e| e.in_field(&format!("group_members[{index}]")))
                })
                .collect::<Result<_>>()?,
            message: message(request.message)?,
            message_id: message_id(request.message_id)?,
        };
        let failed = self.timeline.send_group(send).await?;
        Ok(v1::SendGroupReply { failed_members: failed.iter().map(ToString::to_string).collect() })
    }

    pub(crate) async fn sync(&self, request: v1::SyncMessageRequest) -> Result<v1::SyncMessageReply> {
        let position = Position::new(last_read(request.last_read)?, request.last_tag.map(Tag::new));
        let count = count(request.count)?;
        let inbox = self.timeline.sync(&member("member", request.member)?, position, count).await?;
        Ok(v1::SyncMessageReply {
            latest_seq: inbox.latest_seq.to_i64(),
            entry_set_last_seq: inbox.entry_set_last_seq.to_i64(),
            entry_set: entry_set(&inbox.entries),
            reset: inbox.reset,
            generation: inbox.generation,
            floor: inbox.floor.to_i64(),
        })
    }

    pub(crate) async fn single_history(
        &self,
        request: v1::GetSingleHistoryMessageRequest,
    ) -> Result<v1::GetSingleHistoryMessageReply> {
        let conversation = Conversation::single(member("from", request.from)?, member("to", request.to)?);
        let page = page(request.last_read, request.count, request.backward)?;
        let page = self.timeline.history(&conversation, page).await?;
        Ok(v1::GetSingleHistoryMessageReply { entry_set: entry_set(&page.entries), more: page.more })
    }

    pub(crate) async fn group_history(
        &self,
        request: v1::GetGroupHistoryMessageRequest,
    ) -> Result<v1::GetGroupHistoryMessageReply> {
        let conversation = Conversation::group(group("group", request.group)?);
        let page = page(request.last_read, request.count, request.backward)?;
        let page = self.timeline.history(&conversation, page).await?;
        Ok(v1::GetGroupHistoryMessageReply { entry_set: entry_set(&page.entries), more: page.more })
    }
}

fn member(field: &str, id: String) -> Result<MemberId> {
    MemberId::new(id).map_err(|error| error.in_field(field))
}

fn group(field: &str, name: String) -> Result<GroupName> {
    GroupName::new(name).map_err(|error| error.in_field(field))
}

fn message(text: String) -> Result<Message> {
    Message::new(text).map_err(|error| error.in_field("message"))
}

fn message_id(id: String) -> Result<Option<MessageId>> {
    optional(id, |id| MessageId::new(id).map_err(|error| error.in_field("message_id")))
}

/// The proto file has no difference between an empty text and none.
fn optional<T>(text: String, read: impl FnOnce(String) -> Result<T>) -> Result<Option<T>> {
    if text.is_empty() { Ok(None) } else { read(text).map(Some) }
}

fn last_read(number: i64) -> Result<Seq> {
    Seq::try_from(number).map_err(|error| error.in_field("last_read"))
}

fn count(number: i32) -> Result<Count> {
    Count::try_from(number).map_err(|error| error.in_field("count"))
}

fn page(last: i64, number: i32, backward: bool) -> Result<PageRequest> {
    let (last_read, count) = (last_read(last)?, count(number)?);
    Ok(if backward { PageRequest::before(last_read, count) } else { PageRequest::after(last_read, count) })
}

fn entry_set(entries: &[Entry]) -> Vec<v1::TimelineEntry> {
    entries.iter().map(Into::into).collect()
}
