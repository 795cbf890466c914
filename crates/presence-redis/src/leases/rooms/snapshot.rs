//! A snapshot of a room, for the beginning of a stream.
//!
//! The members are listed while the world moves on, and brought up to the position where the
//! changes begin.

use std::collections::{HashSet, VecDeque};
use std::mem;

use presence_core::rooms::{Room, RoomUpdate};
use presence_core::{Error, Id};

use super::space::RoomSpace;
use crate::leases::shared::Shared;

/// How far a snapshot is.
#[derive(Debug, Default)]
pub(super) struct Snapshot {
    scan: Option<Scan>,
    /// Who was given as a member, which is what the subscriber believes.
    given: HashSet<Id>,
}

/// A listing under way.
#[derive(Debug)]
struct Scan {
    epoch: String,
    /// The number of the last event before it.
    mark: u64,
    cursor: u64,
    found: HashSet<Id>,
}

impl Snapshot {
    /// Reads some more, and says in which life and at which number it is complete, once it is.
    pub(super) async fn turn(
        &mut self,
        core: &Shared<RoomSpace>,
        room: &Room,
        ready: &mut VecDeque<Result<RoomUpdate, Error>>,
    ) -> Result<Option<(String, u64)>, Error> {
        let Some(scan) = &mut self.scan else {
            let (registration, looked) = core.look_at(room).await?;
            let (epoch, mark) = (registration.epoch, looked.last);
            self.scan = Some(Scan { epoch, mark, cursor: 0, found: HashSet::new() });
            return Ok(None);
        };
        let (next, members) = core.scan_room(room, scan.cursor, PAGE).await?;
        scan.cursor = next;
        for member in members {
            if scan.found.insert(member.id.clone()) {
                self.given.insert(member.id.clone());
                ready.push_back(Ok(RoomUpdate::Present(member)));
            }
        }
        if next == 0 { self.finish(core, room, ready).await } else { Ok(None) }
    }

    /// Applies what happened during the listing.
    async fn finish(
        &mut self,
        core: &Shared<RoomSpace>,
        room: &Room,
        ready: &mut VecDeque<Result<RoomUpdate, Error>>,
    ) -> Result<Option<(String, u64)>, Error> {
        let Some(Scan { epoch, mut mark, mut found, .. }) = self.scan.take() else { return Ok(None) };
        let (registration, looked) = core.look_at(room).await?;
        let mut corrections = Vec::new();
        while registration.epoch == epoch && mark < looked.last {
            let stretch = core.read_back(room, mark, looked.last, looked.forgot).await?;
            if stretch.lost.is_some() {
                break;
            }
            mark = stretch.read;
            corrections.extend(stretch.records);
        }
        if registration.epoch != epoch || mark < looked.last {
            // Too much happened, or the data was lost: list it again. Who is not found then is
            // taken back.
            return Ok(None);
        }
        for record in corrections {
            let update = record.into_correction();
            match &update {
                RoomUpdate::Present(member) => drop(found.insert(member.id.clone())),
                RoomUpdate::Absent(id) => drop(found.remove(id)),
                _ => {}
            }
            ready.push_back(Ok(update));
        }
        let given = mem::take(&mut self.given);
        ready.extend(given.difference(&found).map(|id| Ok(RoomUpdate::Absent(id.clone()))));
        Ok(Some((registration.epoch, looked.last)))
    }
}

/// How many members are read at once.
const PAGE: usize = 500;
