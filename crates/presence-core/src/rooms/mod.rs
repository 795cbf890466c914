//! Who is in which room: members with a payload each, and what becomes of them.
//!
//! ```text
//!   join(room, id, device, payload)        ┌───────┐      events(room, since)  Present, …, Synced, Change, …
//!   update(room, id, payload)        ────► │ Rooms │ ───► diffs(room, since)   many joins and leaves in one item
//!   leave(room, id, device)                └───┬───┘      counts(room)         how many, whoever they are
//!                                       dyn RoomBackend
//! ```
//!
//! A *room* is a channel, a document, a game: anything in which one wants to see who else is there.
//! An id that has a device in it is a *member*, and shows the others a [`Payload`]. The devices,
//! deadlines and grace time are those of [the crate](crate): several devices of an id are one
//! member, who leaves when the last one was lost or has left, and the grace time has passed.
//! Membership and being online are independent of each other.
//!
//! ```
//! use std::time::Duration;
//!
//! use presence_core::Since;
//! use presence_core::memory::{Config, Memory};
//! use presence_core::rooms::{Batching, Rooms};
//!
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() -> Result<(), presence_core::Error> {
//! let rooms = Rooms::new(Memory::start(Config::default())?);
//! rooms.join("lobby", "alice", "tab 1", r#"{"name":"Alice"}"#).await?;
//!
//! let mut diffs = rooms.diffs("lobby", Since::Snapshot, Batching::default()).await?;
//! let all = diffs.next().await.transpose()?.expect("a snapshot is one diff at least");
//! assert_eq!(all.joined[0].id.as_str(), "alice");
//!
//! rooms.join("lobby", "bob", "phone", r#"{"name":"Bob"}"#).await?;
//! rooms.update("lobby", "alice", r#"{"name":"Alice","typing":true}"#).await?;
//! rooms.remove("lobby", "bob").await?; // before anybody heard of him
//! let diff = diffs.next().await.transpose()?.expect("the room goes on");
//! assert_eq!((diff.joined.len(), diff.updated.len(), diff.left.len(), diff.count), (0, 1, 0, 1));
//! # Ok(())
//! # }
//! ```
//!
//! # Large rooms
//!
//! Each join of a room of 10,000 is 10,000 deliveries. [`Rooms::diffs`] merges what happens within
//! a short time: a thousand joins are one item, and somebody who joins and leaves in between is in
//! none. Where a number is enough, [`Rooms::counts`] follows no events at all.
//!
//! # Delivery
//!
//! A stream of a room keeps the promises of [the crate](crate#delivery): one event per change, in
//! one order for the whole room, nothing missed from the return of the call on,
//! [`Lagged`](crate::ErrorKind::Lagged) where the backend could not keep what was missed.
//!
//! # Bounds
//!
//! A payload has at most [`Payload::BYTES_MAX`] bytes, and a page of members at most
//! [`MemberPage::BYTES_MAX`]. A room that is empty and that nobody follows
//! costs nothing, and is forgotten. How many events of a room are kept is stated by the backend.

mod backend;
mod counts;
mod diff;
mod diffs;
mod event;
mod handle;
mod member;
mod payload;
mod pending;

pub use self::backend::RoomBackend;
pub use self::counts::Counts;
pub use self::diff::Diff;
pub use self::diffs::{Batching, Diffs};
pub use self::event::{Action, RoomEvent, RoomUpdate};
pub use self::handle::Rooms;
pub use self::member::{Member, MemberKey, MemberPage};
pub use self::payload::{IntoPayload, InvalidPayload, Payload};
pub use crate::name::Room;
