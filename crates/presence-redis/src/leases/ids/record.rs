//! Events of ids: who came or went, and why.

use std::time::{Duration, SystemTime};

use presence_core::feed::Logged;
use presence_core::{Cause, Error, Event, Id, Position, Status, Update};
use redis::Value;

use crate::leases::answer::decode;
use crate::leases::record::{Happening, Record, StreamEntry, unexpected_entry};

impl Logged for Record<Cause> {
    fn bytes(&self) -> usize {
        size_of::<Self>() + self.id.as_bytes().len()
    }
}

impl Happening for Cause {
    type Update = Update;

    const SHOWS: bool = false;

    fn read(last: u64, fields: Vec<Value>) -> Result<StreamEntry<Self>, Error> {
        let mut fields = fields.into_iter();
        let (Some(first), Some(value)) = (fields.next(), fields.next()) else {
            return Err(unexpected_entry());
        };
        if decode::<String>(first)? == "life" {
            return Ok(StreamEntry { before: last.saturating_sub(1), last, from: None, records: Vec::new() });
        }
        let at = SystemTime::UNIX_EPOCH + Duration::from_millis(decode(value)?);
        let count = fields.len() / 2;
        let before = last.checked_sub(count as u64).ok_or_else(unexpected_entry)?;
        let (mut number, mut records) = (before, Vec::with_capacity(count));
        while let (Some(cause), Some(id)) = (fields.next(), fields.next()) {
            number += 1;
            let id = Id::new(&decode::<String>(id)?).map_err(|_| unexpected_entry())?;
            let what = match decode::<String>(cause)?.as_str() {
                "h" => Self::Heartbeat,
                "k" => Self::Held,
                "x" => Self::Expired,
                "e" => Self::Ended,
                "o" => Self::Explicit,
                _ => return Err(unexpected_entry()),
            };
            records.push(Record { number, id, what, at });
        }
        Ok(StreamEntry { before, last, from: None, records })
    }

    fn change(record: Record<Self>, position: Position) -> Update {
        Update::Change(Event::new(record.id, record.what, record.at, position))
    }

    fn correction(record: Record<Self>) -> (Id, Option<Update>) {
        let is_online = record.what.status() == Status::Online;
        let update = is_online.then(|| Update::present(record.id.clone(), Status::Online));
        (record.id, update)
    }

    fn absent(id: Id) -> Update {
        Update::present(id, Status::Offline)
    }

    fn synced(position: Position) -> Update {
        Update::Synced(position)
    }
}
