//! Entries of a shard's log, as Redis gives them.

use std::time::{Duration, SystemTime};

use presence_core::{Cause, Error, ErrorKind, Id};
use redis::Value;

use crate::leases::answer::decode;

/// One event of a shard.
#[derive(Debug, Clone)]
pub(in crate::leases) struct Record {
    pub(in crate::leases) number: u64,
    pub(in crate::leases) id: Id,
    pub(in crate::leases) cause: Cause,
    pub(in crate::leases) at: SystemTime,
}

/// One entry: the beginning of a life, or events in a row.
#[derive(Debug)]
pub(in crate::leases) struct StreamEntry {
    /// The number of the last event.
    pub(in crate::leases) last: u64,
    /// Empty where a life begins.
    pub(in crate::leases) records: Vec<Record>,
}

impl StreamEntry {
    /// Reads one entry: its id, then its fields and values in turn.
    pub(in crate::leases) fn read((id, fields): (String, Vec<Value>)) -> Result<Self, Error> {
        let last =
            id.split('-').next().and_then(|number| number.parse().ok()).ok_or_else(unexpected_answer)?;
        let mut fields = fields.into_iter();
        let (Some(first), Some(value)) = (fields.next(), fields.next()) else {
            return Err(unexpected_answer());
        };
        if decode::<String>(first)? == "life" {
            return Ok(Self { last, records: Vec::new() });
        }
        let at = SystemTime::UNIX_EPOCH + Duration::from_millis(decode(value)?);
        let count = fields.len() / 2;
        let mut records = Vec::with_capacity(count);
        let mut number = last.checked_sub(count as u64).ok_or_else(unexpected_answer)?;
        while let (Some(cause), Some(id)) = (fields.next(), fields.next()) {
            number += 1;
            let id = Id::new(&decode::<String>(id)?).map_err(|_| unexpected_answer())?;
            let cause = match decode::<String>(cause)?.as_str() {
                "h" => Cause::Heartbeat,
                "k" => Cause::Held,
                "x" => Cause::Expired,
                "e" => Cause::Ended,
                "o" => Cause::Explicit,
                _ => return Err(unexpected_answer()),
            };
            records.push(Record { number, id, cause, at });
        }
        Ok(Self { last, records })
    }

    /// The number before its first event.
    pub(in crate::leases) fn before(&self) -> u64 {
        self.last.saturating_sub(self.records.len().max(1) as u64)
    }
}

fn unexpected_answer() -> Error {
    Error::new(
        ErrorKind::Unavailable,
        "the event log in redis has an entry that presence did not write; check what else uses its prefix",
    )
}
