//! The laws of every [`RoomBackend`](crate::rooms::RoomBackend).

mod closing;
mod diffs;
mod failures;
mod laws;
mod listing;
mod members;
mod payloads;
mod streams;
mod watch;
mod world;

pub use self::closing::*;
pub use self::diffs::*;
pub use self::failures::*;
#[doc(hidden)]
pub use self::laws::{check_room_list, room_law};
pub use self::listing::*;
pub use self::members::*;
pub use self::payloads::*;
pub use self::streams::*;
pub use self::world::{AnyRoomWorld, RoomWorld, RoomWorlds};

/// The room that laws take place in, unless they need others.
const ROOM: &str = "lobby";
