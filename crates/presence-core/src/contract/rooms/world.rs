//! What a store of rooms must offer to be tested.

use crate::contract::World;
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
