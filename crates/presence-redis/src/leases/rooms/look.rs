//! Reads of one room: how it stands, and pages of its members.

use std::time::Duration;

use presence_core::rooms::{Member, MemberPage, Payload, Room};
use presence_core::{Cursor, Error, ErrorKind, Id};
use tokio::time::Instant;

use super::space::RoomSpace;
use crate::leases::answer::Answered;
use crate::leases::keys::ShardKeys;
use crate::leases::listing::{self, ShardCursor};
use crate::leases::script::{ROOM, ms};
use crate::leases::scripts::{Looked, Scripts};
use crate::leases::shard::Registration;
use crate::leases::shared::Shared;

impl Scripts<'_, RoomSpace> {
    /// Looks at a room.
    async fn room(&self, epoch: &str, allowance: Duration, room: &Room) -> Answered<Looked> {
        let keys = self.keys;
        let keys = [&*keys.life, &keys.leases, &keys.awaited, &keys.members(room), &keys.log(room)];
        let answer = ROOM.call(self.link, &keys, |command| {
            command.arg(epoch).arg(ms(allowance));
        });
        type Shape = (String, u64, u64, u64, Vec<String>, u64);
        self.read(answer.await?, |(_, last, online, recovering, overdue, forgot): Shape| Looked {
            last,
            online,
            recovering: Duration::from_millis(recovering),
            overdue,
            forgot,
        })
    }
}

impl Shared<RoomSpace> {
    /// The shard that a room lies in.
    pub(super) fn shard_of(&self, room: &Room) -> usize {
        self.tracker.ledger().shard_at(room.as_bytes())
    }

    pub(super) fn room_keys(&self, room: &Room) -> &ShardKeys {
        &self.keys.shards[self.shard_of(room)]
    }

    /// Looks at a room whose shard has recovered and holds nobody whose lease is over.
    pub(super) async fn look_at(&self, room: &Room) -> Result<(Registration, Looked), Error> {
        let shard = self.shard_of(room);
        let look = |registration: Registration, allowance| async move {
            self.scripts(shard).room(&registration.epoch, allowance, room).await
        };
        self.look_by(shard, Instant::now() + self.patience(), look).await
    }

    /// Lists a page of the members. See [`ShardCursor`] for its cursor.
    pub(super) async fn page(&self, room: &Room, cursor: Cursor, limit: usize) -> Result<MemberPage, Error> {
        if listing::ShardListing::shard_of(cursor) != 0 {
            return Err(Error::new(
                ErrorKind::InvalidInput,
                "the cursor comes from another backend; list again from the first page",
            ));
        }
        // The epoch is asked for with each page, as the data may have been lost since the last one.
        let (registration, _) = self.look_at(room).await?;
        let page = listing::ShardListing::new(0, &registration.epoch);
        let (mut at, mut members) = (page.resume(cursor), Vec::new());
        while let Some(count) = at.count(&members, limit) {
            let (next, found) = self.scan_room(room, at.cursor, count).await?;
            if let Some(after) = at.fill(found, limit, &mut members) {
                at.after = after;
                break;
            }
            at = ShardCursor { cursor: next, after: 0 };
            if next == 0 {
                return Ok(MemberPage::new(members, None));
            }
        }
        Ok(MemberPage::new(members, Some(page.cursor(at))))
    }

    /// Reads some of the members, about `count`.
    pub(super) async fn scan_room(
        &self,
        room: &Room,
        cursor: u64,
        count: usize,
    ) -> Result<(u64, Vec<Member>), Error> {
        let mut scan = redis::cmd("HSCAN");
        let members = self.room_keys(room).members(room);
        scan.arg(&members).arg(cursor).arg("COUNT").arg(count);
        let answer = self.link.query(&members, &scan).await?;
        let (next, pairs): (u64, Vec<(String, Vec<u8>)>) = self.link.read(&members, answer)?;
        let member = |(id, payload): (String, Vec<u8>)| {
            Some(Member::new(Id::new(&id).ok()?, Payload::new(payload).ok()?))
        };
        Ok((next, pairs.into_iter().filter_map(member).collect()))
    }
}
