//! Histories of ids.

use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use tokio::runtime::Runtime;

use super::explain::What;
use super::model::{Act, Kind, NAMES};
use super::runner::run;
use super::scene::{Look, Scene, Told, snapshot};
use crate::contract::{AnyWorld, Worlds};
use crate::error::Error;
use crate::event::{Cause, Event, Since, Status, Update};
use crate::page::Cursor;
use crate::presence::Presence;

/// Runs random histories of ids.
///
/// [`history!`](crate::history!) calls it.
pub fn run_ids(worlds: Worlds, runtime: fn() -> Runtime, cases: u32) {
    run::<Ids>(worlds, runtime, cases);
}

struct Ids;

impl Kind for Ids {
    const ROOMS: bool = false;
}

impl Scene for Ids {
    type World = dyn AnyWorld;
    type Node = Presence;

    const STREAMS: usize = 1;

    async fn node(world: &Self::World) -> Presence {
        world.node().await.unwrap()
    }

    async fn act(presence: &Presence, names: &[usize], act: Act) -> Option<bool> {
        let ids: Vec<_> = names.iter().map(ToString::to_string).collect();
        let device = |device: usize| device.to_string();
        match act {
            Act::Beat { device: None, .. } => presence.online(&ids).await.unwrap(),
            Act::Beat { device: Some(number), .. } => {
                presence.beat_device(&ids[0], device(number)).await.unwrap();
            }
            Act::Hold { device: number, .. } => presence.hold_device(&ids[0], device(number)).await.unwrap(),
            Act::End { device: number } => presence.end_device(&ids[0], device(number)).await.unwrap(),
            Act::Remove => presence.offline(&ids).await.unwrap(),
            Act::Continue { .. } | Act::Show { .. } => unreachable!("these are of rooms"),
        }
        None
    }

    async fn stream(presence: &Presence, _: usize, since: Since) -> BoxStream<'static, Result<Told, Error>> {
        let events = presence.events(since).await.unwrap();
        events.map(|update| update.map(told)).boxed()
    }

    async fn look(presence: &Presence) -> Look {
        let shown = |online| if online { Some(0) } else { None };
        let ids: Vec<_> = (0..NAMES).map(|name| name.to_string()).collect();
        let statuses = presence.status(&ids).await.unwrap();
        let statuses = statuses.into_iter().map(|status| shown(status == Status::Online)).collect();
        let page = presence.online_ids(Cursor::default(), 100).await.unwrap();
        assert_eq!(page.next, None, "a few ids are one page");
        let listed = |id: &String| shown(page.ids.iter().any(|listed| listed.as_str() == id));
        let listed = ids.iter().map(listed).collect();
        let present = snapshot::<Self>(presence, 0).await;
        Look {
            ways: vec![("status", statuses), ("listing", listed), ("snapshot", present)],
            count: presence.count().await.unwrap(),
        }
    }
}

fn told(update: Update) -> Told {
    match update {
        Update::Present { id, status } => Told::Present(number(&id), (status == Status::Online).then_some(0)),
        Update::Synced(_) => Told::Synced,
        Update::Change(Event { id, cause, position, .. }) => {
            let what = match cause {
                Cause::Heartbeat | Cause::Held => What::Came(0),
                Cause::Explicit => What::Left { told: true },
                Cause::Ended | Cause::Expired => What::Left { told: false },
            };
            Told::Change(number(&id), what, position)
        }
    }
}

pub(super) fn number(id: &crate::name::Id) -> usize {
    id.as_str().parse().expect("one of ours")
}
