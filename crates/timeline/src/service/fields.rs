//! The fields of requests, read one by one; an error names the one at fault.

use crate::{Count, Error, GroupName, MemberId, Message, MessageId, PageRequest, Result, Seq};

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

pub(super) fn place(number: i64) -> Result<Seq> {
    Seq::try_from(number).map_err(|error| error.in_field("place"))
}

pub(super) fn count(number: i32) -> Result<Count> {
    Count::try_from(number).map_err(|error| error.in_field("count"))
}

/// The part of a history that a request asks for.
#[derive(Debug)]
pub(super) struct AskedPart {
    pub(super) last_read: i64,
    pub(super) count: i32,
    pub(super) backward: bool,
    pub(super) since_ms: Option<i64>,
    pub(super) until_ms: Option<i64>,
}

pub(super) fn page(part: &AskedPart) -> Result<PageRequest> {
    let (last_read, count) = (last_read(part.last_read)?, count(part.count)?);
    let is_by_sequence = part.backward || part.last_read != 0;
    match (part.since_ms, part.until_ms) {
        (None, None) if part.backward => Ok(PageRequest::before(last_read, count)),
        (None, None) => Ok(PageRequest::after(last_read, count)),
        (Some(since), None) if !is_by_sequence => Ok(PageRequest::since(time("since_ms", since)?, count)),
        (None, Some(until)) if !is_by_sequence => Ok(PageRequest::until(time("until_ms", until)?, count)),
        _ => Err(Error::invalid(ONE_BEGINNING)),
    }
}

const ONE_BEGINNING: &str = "the request says more than once where the page begins; give since_ms alone, or \
                             until_ms alone, or last_read and backward";

fn time(field: &str, ms: i64) -> Result<u64> {
    let negative = |_| Error::invalid(format!("{ms} is negative; it must be 0 or more")).in_field(field);
    u64::try_from(ms).map_err(negative)
}
