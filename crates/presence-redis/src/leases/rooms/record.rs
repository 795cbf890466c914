//! Events of rooms: who joined, left, or shows something else.

use std::time::{Duration, SystemTime};

use presence_core::feed::Logged;
use presence_core::rooms::{Action, Member, Payload, RoomEvent, RoomUpdate};
use presence_core::{Cause, Id, Position};
use redis::{Value, from_redis_value};

use crate::leases::record::{Happening, Record, StreamEntry};

/// What became of a member.
#[derive(Debug, Clone)]
pub(in crate::leases) struct MemberChange {
    action: Action,
    /// How many members there were after it.
    count: u64,
}

impl Logged for Record<MemberChange> {
    fn bytes(&self) -> usize {
        let payload = match &self.what.action {
            Action::Joined(payload) | Action::Updated(payload) => payload.as_bytes().len(),
            _ => 0,
        };
        size_of::<Self>() + self.id.as_bytes().len() + payload
    }
}

impl Happening for MemberChange {
    type Update = RoomUpdate;

    const SHOWS: bool = true;

    fn read(last: u64, fields: Vec<Value>) -> Option<StreamEntry<Self>> {
        // `from`, `at` and `count`, each behind its name; then an event and a payload in turn.
        // `count` is that before the first event.
        let (head, events) = fields.split_at_checked(6)?;
        let head = |at: usize| from_redis_value::<u64>(head[at].clone()).ok();
        let (from, at, mut count) =
            (head(1)?, SystemTime::UNIX_EPOCH + Duration::from_millis(head(3)?), head(5)?);
        let before = last.saturating_sub(events.len() as u64 / 2);
        let mut records = Vec::with_capacity(events.len() / 2);
        for (number, event) in (before + 1..).zip(events.chunks_exact(2)) {
            let [Value::BulkString(event), Value::BulkString(payload)] = event else {
                return None;
            };
            let (code, id) = event.split_first()?;
            let id = Id::new(std::str::from_utf8(id).ok()?).ok()?;
            let payload = || Payload::new(payload).ok();
            let action = match code {
                b'h' | b'k' => Action::Joined(payload()?),
                b's' => Action::Updated(payload()?),
                b'x' => Action::Left(Cause::Expired),
                b'e' => Action::Left(Cause::Ended),
                b'o' => Action::Left(Cause::Explicit),
                _ => return None,
            };
            count = match action {
                Action::Joined(_) => count + 1,
                Action::Left(_) => count.saturating_sub(1),
                _ => count,
            };
            records.push(Record { number, id, what: Self { action, count }, at });
        }
        Some(StreamEntry { before, last, from: Some(from), records })
    }

    fn change(record: Record<Self>, position: Position) -> RoomUpdate {
        let Record { id, what: Self { action, count }, at, .. } = record;
        RoomUpdate::Change(RoomEvent::new(id, action, count, at, position))
    }

    fn correction(record: Record<Self>) -> (Id, Option<RoomUpdate>) {
        let update = match record.what.action {
            Action::Joined(payload) | Action::Updated(payload) => {
                Some(RoomUpdate::Present(Member::new(record.id.clone(), payload)))
            }
            _ => None,
        };
        (record.id, update)
    }

    fn absent(id: Id) -> RoomUpdate {
        RoomUpdate::Absent(id)
    }

    fn synced(position: Position) -> RoomUpdate {
        RoomUpdate::Synced(position)
    }
}
