//! Events of ids: who came or went, and why.

use std::time::{Duration, SystemTime};

use presence_core::feed::Logged;
use presence_core::{Cause, Event, Id, Position, Status, Update};
use redis::{Value, from_redis_value};

use crate::leases::record::{Happening, Record, StreamEntry};

impl Logged for Record<Cause> {
    fn bytes(&self) -> usize {
        size_of::<Self>() + self.id.as_bytes().len()
    }
}

impl Happening for Cause {
    type Update = Update;

    const SHOWS: bool = false;

    fn read(last: u64, fields: Vec<Value>) -> Option<StreamEntry<Self>> {
        // `life` and an epoch that begins; or `at` and a time, then a cause and an id in turn.
        let mut fields = fields.into_iter();
        let (first, value) = (fields.next()?, fields.next()?);
        if from_redis_value::<String>(first).ok()? == "life" {
            return Some(StreamEntry {
                before: last.saturating_sub(1),
                last,
                from: None,
                records: Vec::new(),
            });
        }
        let at = SystemTime::UNIX_EPOCH + Duration::from_millis(from_redis_value(value).ok()?);
        let count = fields.len() / 2;
        let before = last.checked_sub(count as u64)?;
        let (mut number, mut records) = (before, Vec::with_capacity(count));
        while let (Some(cause), Some(id)) = (fields.next(), fields.next()) {
            number += 1;
            let id = Id::new(&from_redis_value::<String>(id).ok()?).ok()?;
            let what = match from_redis_value::<String>(cause).ok()?.as_str() {
                "h" => Self::Heartbeat,
                "k" => Self::Held,
                "x" => Self::Expired,
                "e" => Self::Ended,
                "o" => Self::Explicit,
                _ => return None,
            };
            records.push(Record { number, id, what, at });
        }
        Some(StreamEntry { before, last, from: None, records })
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
