//! Histories of members of rooms.

use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use tokio::runtime::Runtime;

use super::explain::What;
use super::ids::number;
use super::model::{Act, Kind, NAMES};
use super::runner::run;
use super::scene::{Look, Scene, Told, snapshot};
use crate::contract::{AnyRoomWorld, RoomWorlds};
use crate::error::Error;
use crate::event::{Cause, Since};
use crate::page::Cursor;
use crate::rooms::{Action, Payload, RoomEvent, RoomUpdate, Rooms};

/// Runs random histories of rooms.
///
/// [`rooms_history!`](crate::rooms_history!) calls it.
pub fn run_rooms(worlds: RoomWorlds, runtime: fn() -> Runtime, cases: u32) {
    run::<Seats>(worlds, runtime, cases);
}

/// Name `n` is a member of room `n % 2`.
struct Seats;

impl Kind for Seats {
    const ROOMS: bool = true;
}

impl Scene for Seats {
    type World = dyn AnyRoomWorld;
    type Node = Rooms;

    const STREAMS: usize = 2;

    async fn node(world: &Self::World) -> Rooms {
        world.rooms().await.unwrap()
    }

    async fn act(rooms: &Rooms, names: &[usize], act: Act) -> Option<bool> {
        let (room, id) = (room(names[0] % 2), names[0].to_string());
        let (device, payload) = (|device: usize| device.to_string(), |payload: u8| [payload]);
        match act {
            Act::Beat { device: Some(number), payload: shown } => {
                rooms.join_beating(room, id, device(number), &payload(shown)).await.unwrap();
            }
            Act::Hold { device: number, payload: shown } => {
                rooms.join(room, id, device(number), &payload(shown)).await.unwrap();
            }
            Act::End { device: number } => rooms.leave(room, id, device(number)).await.unwrap(),
            Act::Remove => rooms.remove(room, id).await.unwrap(),
            Act::Continue { device: number } => {
                return Some(rooms.beat(room, id, device(number)).await.unwrap());
            }
            Act::Show { payload: shown } => {
                return Some(rooms.update(room, id, &payload(shown)).await.unwrap());
            }
            Act::Beat { device: None, .. } => unreachable!("this is of ids"),
        }
        None
    }

    async fn stream(rooms: &Rooms, stream: usize, since: Since) -> BoxStream<'static, Result<Told, Error>> {
        let events = rooms.events(room(stream), since).await.unwrap();
        events.map(|update| update.map(told)).boxed()
    }

    async fn look(rooms: &Rooms) -> Look {
        let (mut listed, mut present, mut count) = (vec![None; NAMES], vec![None; NAMES], 0);
        for stream in 0..Self::STREAMS {
            let page = rooms.members(room(stream), Cursor::default(), 100).await.unwrap();
            assert_eq!(page.next, None, "a few members are one page");
            for member in &page.members {
                listed[number(&member.id)] = Some(shown(&member.payload));
            }
            let here = snapshot::<Self>(rooms, stream).await;
            present.iter_mut().zip(here).for_each(|(all, here)| *all = all.or(here));
            count += rooms.count(room(stream)).await.unwrap();
        }
        Look { ways: vec![("listing", listed), ("snapshot", present)], count }
    }
}

fn told(update: RoomUpdate) -> Told {
    match update {
        RoomUpdate::Present(member) => Told::Present(number(&member.id), Some(shown(&member.payload))),
        RoomUpdate::Absent(id) => Told::Present(number(&id), None),
        RoomUpdate::Synced(_) => Told::Synced,
        RoomUpdate::Change(RoomEvent { id, action, position, .. }) => {
            let what = match action {
                Action::Joined(payload) => What::Came(shown(&payload)),
                Action::Updated(payload) => What::Showed(shown(&payload)),
                Action::Left(cause) => What::Left { told: cause == Cause::Explicit },
            };
            Told::Change(number(&id), what, position)
        }
    }
}

fn room(stream: usize) -> String {
    format!("room {stream}")
}

fn shown(payload: &Payload) -> u8 {
    payload.as_bytes()[0]
}
