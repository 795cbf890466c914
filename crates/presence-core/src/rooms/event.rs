//! What subscribers of a room hear.

use std::time::SystemTime;

use super::member::Member;
use super::payload::Payload;
use crate::event::Cause;
use crate::name::Id;
use crate::position::Position;

/// What one member did.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "lowercase"))]
#[non_exhaustive]
pub enum Action {
    /// It is a member now, and shows this.
    Joined(Payload),
    /// It shows something else, which is this.
    Updated(Payload),
    /// It is no longer a member.
    ///
    /// The cause is [`Explicit`](Cause::Explicit) if it was removed, [`Ended`](Cause::Ended) if its
    /// last device left, and [`Expired`](Cause::Expired) if it fell silent.
    Left(Cause),
}

/// One change of a room.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct RoomEvent {
    /// The member, or who was one.
    pub id: Id,
    /// What the member did.
    pub action: Action,
    /// How many members the room has after it.
    pub count: u64,
    /// When the backend decided the change.
    #[cfg_attr(feature = "serde", serde(with = "crate::serialized::unix_ms"))]
    pub at: SystemTime,
    /// Where a stream of this room goes on after this event.
    ///
    /// It is for [`Since::Position`](crate::Since::Position).
    pub position: Position,
}

impl RoomEvent {
    /// Creates an event.
    ///
    /// This is for backends.
    #[must_use]
    pub fn new(id: Id, action: Action, count: u64, at: SystemTime, position: Position) -> Self {
        Self { id, action, count, at, position }
    }
}

/// One item of a stream of a room.
///
/// A stream gives [`Present`](Self::Present) and [`Absent`](Self::Absent) items if it began with
/// [`Since::Snapshot`](crate::Since::Snapshot), then exactly one [`Synced`](Self::Synced), then
/// [`Change`](Self::Change) items for ever.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "lowercase"))]
#[non_exhaustive]
pub enum RoomUpdate {
    /// Part of the snapshot: this is a member, and what it shows.
    ///
    /// The world moves on while members are listed: one that was listed and changed comes again.
    /// The last one counts.
    Present(Member),
    /// Part of the snapshot: this is no longer a member, if it was listed before.
    Absent(Id),
    /// The snapshot, if there was one, is complete and true at this position.
    ///
    /// It comes once in each stream, and says where the stream stands.
    Synced(Position),
    /// A change after that.
    Change(RoomEvent),
}

impl RoomUpdate {
    /// Returns the change, if this is one.
    #[must_use]
    pub fn into_change(self) -> Option<RoomEvent> {
        match self {
            Self::Change(event) => Some(event),
            Self::Present(_) | Self::Absent(_) | Self::Synced(_) => None,
        }
    }
}
