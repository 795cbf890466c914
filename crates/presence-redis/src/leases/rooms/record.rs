//! Entries of a room's log, as Redis gives them.

use std::time::{Duration, SystemTime};

use presence_core::rooms::{Action, Member, Payload, RoomEvent, RoomUpdate};
use presence_core::{Cause, Error, ErrorKind, Id, Position};
use redis::Value;

use crate::leases::answer::decode;

/// One event of a room.
#[derive(Debug, Clone)]
pub(super) struct Record {
    pub(super) number: u64,
    pub(super) id: Id,
    action: Action,
    /// How many members there were after it.
    count: u64,
    at: SystemTime,
}

/// Events in a row.
#[derive(Debug)]
pub(super) struct StreamEntry {
    /// The number of the last event.
    pub(super) last: u64,
    /// The number before the first event since the room began.
    pub(super) from: u64,
    pub(super) records: Vec<Record>,
}

impl StreamEntry {
    /// Reads one entry: its id, then its fields and values in turn.
    pub(super) fn read((id, fields): (String, Vec<Value>)) -> Result<Self, Error> {
        let last: u64 =
            id.split('-').next().and_then(|number| number.parse().ok()).ok_or_else(unexpected_answer)?;
        let (head, events) = fields.split_at_checked(6).ok_or_else(unexpected_answer)?;
        let head = |place: usize| decode::<u64>(head[place].clone());
        let (from, at, mut count) =
            (head(1)?, SystemTime::UNIX_EPOCH + Duration::from_millis(head(3)?), head(5)?);
        let first = 1 + last.saturating_sub(events.len() as u64 / 2);
        let mut records = Vec::with_capacity(events.len() / 2);
        for (number, event) in (first..).zip(events.chunks_exact(2)) {
            let [Value::BulkString(event), Value::BulkString(payload)] = event else {
                return Err(unexpected_answer());
            };
            let (code, id) = event.split_first().ok_or_else(unexpected_answer)?;
            let id =
                std::str::from_utf8(id).ok().and_then(|id| Id::new(id).ok()).ok_or_else(unexpected_answer)?;
            let payload = || Payload::new(payload).map_err(|_| unexpected_answer());
            let action = match code {
                b'h' | b'k' => Action::Joined(payload()?),
                b's' => Action::Updated(payload()?),
                b'x' => Action::Left(Cause::Expired),
                b'e' => Action::Left(Cause::Ended),
                b'o' => Action::Left(Cause::Explicit),
                _ => return Err(unexpected_answer()),
            };
            count = match action {
                Action::Joined(_) => count + 1,
                Action::Left(_) => count.saturating_sub(1),
                _ => count,
            };
            records.push(Record { number, id, action, count, at });
        }
        Ok(Self { last, from, records })
    }

    /// The number before its first event.
    pub(super) fn before(&self) -> u64 {
        self.last.saturating_sub(self.records.len() as u64)
    }

    /// Whether the room begins with it.
    pub(super) fn begins(&self) -> bool {
        self.before() == self.from
    }
}

impl Record {
    /// The event for those who follow the room.
    pub(super) fn into_change(self, epoch: u64) -> RoomUpdate {
        let position = Position::new(epoch, self.number);
        RoomUpdate::Change(RoomEvent::new(self.id, self.action, self.count, self.at, position))
    }

    /// What it says to who takes a snapshot.
    pub(super) fn into_correction(self) -> RoomUpdate {
        match self.action {
            Action::Joined(payload) | Action::Updated(payload) => {
                RoomUpdate::Present(Member::new(self.id, payload))
            }
            _ => RoomUpdate::Absent(self.id),
        }
    }
}

fn unexpected_answer() -> Error {
    Error::new(
        ErrorKind::Unavailable,
        "the event log of a room in redis has an entry that presence did not write; check what else uses \
         its prefix",
    )
}
