//! The fields of requests, read one by one; an error names the one at fault.

use crate::{Count, GroupName, MemberId, Message, MessageId, PageRequest, Result, Seq};

pub(super) fn member(field: &str, id: String) -> Result<MemberId> {
    MemberId::new(id).map_err(|error| error.in_field(field))
}

pub(super) fn members(field: &str, ids: Vec<String>) -> Result<Vec<MemberId>> {
    let read = |(index, id): (usize, String)| member(&format!("{field}[{index}]"), id);
    ids.into_iter().enumerate().map(read).collect()
}

pub(super) fn group(field: &str, name: String) -> Result<GroupName> {
    GroupName::new(name).map_err(|error| error.in_field(field))
}

pub(super) fn message(text: String) -> Result<Message> {
    Message::new(text).map_err(|error| error.in_field("message"))
}

pub(super) fn message_id(id: String) -> Result<Option<MessageId>> {
    optional(id, |id| MessageId::new(id).map_err(|error| error.in_field("message_id")))
}

/// The proto file has no difference between an empty text and none.
pub(super) fn optional<T>(text: String, read: impl FnOnce(String) -> Result<T>) -> Result<Option<T>> {
    if text.is_empty() { Ok(None) } else { read(text).map(Some) }
}

pub(super) fn last_read(number: i64) -> Result<Seq> {
    Seq::try_from(number).map_err(|error| error.in_field("last_read"))
}

pub(super) fn sequence(number: i64) -> Result<Seq> {
    Seq::try_from(number).map_err(|error| error.in_field("sequence"))
}

pub(super) fn count(number: i32) -> Result<Count> {
    Count::try_from(number).map_err(|error| error.in_field("count"))
}

pub(super) fn page(last: i64, number: i32, backward: bool) -> Result<PageRequest> {
    let (last_read, count) = (last_read(last)?, count(number)?);
    Ok(if backward { PageRequest::before(last_read, count) } else { PageRequest::after(last_read, count) })
}
