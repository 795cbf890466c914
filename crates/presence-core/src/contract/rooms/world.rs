//! What a store of rooms must offer to be tested.

use futures_util::future::BoxFuture;

use crate::contract::World;
use crate::contract::worlds::{AnyWorld, Erase, Worlds};
use crate::error::Error;
use crate::rooms::Rooms;

/// A [`World`] that keeps rooms.
pub trait RoomWorld: World {
    /// Starts one more node on the store and returns its rooms.
    ///
    /// It is one more handle if there can be but one node.
    /// [`Terms::events_max`](crate::contract::Terms::events_max) is about how many events of one
    /// room it keeps.
    ///
    /// # Errors
    ///
    /// As the backend does.
    fn rooms(&self) -> impl Future<Output = Result<Rooms, Error>> + Send;
}

/// The [`Worlds`] of one type, as the laws of rooms know them.
pub type RoomWorlds = Worlds<dyn AnyRoomWorld>;

/// A [`RoomWorld`] without its type: the same methods, on an object.
pub trait AnyRoomWorld: AnyWorld {
    /// As [`RoomWorld::rooms`].
    fn rooms(&self) -> BoxFuture<'_, Result<Rooms, Error>>;
}

impl<W: RoomWorld> AnyRoomWorld for W {
    fn rooms(&self) -> BoxFuture<'_, Result<Rooms, Error>> {
        Box::pin(RoomWorld::rooms(self))
    }
}

impl<W: RoomWorld> Erase<dyn AnyRoomWorld> for W {
    fn erase(self) -> Box<dyn AnyRoomWorld> {
        Box::new(self)
    }
}
