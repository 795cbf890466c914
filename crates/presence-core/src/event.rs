//! What subscribers hear: statuses, transitions and where a stream starts.

use std::fmt;
use std::time::SystemTime;

use crate::name::Id;
use crate::position::Position;

/// Whether an id is present.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "UPPERCASE"))]
#[expect(clippy::exhaustive_enums, reason = "an id is online, is offline, or it is not known")]
pub enum Status {
    /// Nobody could say: only ever found beside an error that names the id.
    #[default]
    Unknown,
    /// Not present, or never heard of.
    Offline,
    /// Present, or lost for less than the grace time.
    Online,
}

impl fmt::Display for Status {
    /// Writes `UNKNOWN`, `OFFLINE` or `ONLINE`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Unknown => "UNKNOWN",
            Self::Offline => "OFFLINE",
            Self::Online => "ONLINE",
        })
    }
}

/// Why an id changed its status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "UPPERCASE"))]
#[non_exhaustive]
pub enum Cause {
    /// Online: the first heartbeat.
    Heartbeat,
    /// Online: a device was held.
    Held,
    /// Offline: somebody said so.
    Explicit,
    /// Offline: the last device ended and the grace time passed.
    Ended,
    /// Offline: no heartbeat came in time, and the grace time passed.
    Expired,
}

impl Cause {
    /// Returns the status that an event of this cause leads to.
    #[must_use]
    pub fn status(self) -> Status {
        match self {
            Self::Heartbeat | Self::Held => Status::Online,
            Self::Explicit | Self::Ended | Self::Expired => Status::Offline,
        }
    }
}

/// One transition of one id.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(try_from = "EventFields"))]
#[non_exhaustive]
pub struct Event {
    /// The id that changed.
    pub id: Id,
    /// What the id became; the opposite of its event before.
    pub status: Status,
    /// When the backend decided the transition.
    #[cfg_attr(feature = "serde", serde(with = "crate::serialized::unix_ms"))]
    pub at: SystemTime,
    /// Why the id changed.
    pub cause: Cause,
    /// Where a stream goes on after this event: [`Since::Position`].
    pub position: Position,
}

impl Event {
    /// Creates the event that `cause` implies.
    ///
    /// This is for backends.
    #[must_use]
    pub fn new(id: Id, cause: Cause, at: SystemTime, position: Position) -> Self {
        Self { id, status: cause.status(), at, cause, position }
    }
}

/// An event as it is read, before its status was compared with its cause.
#[cfg(feature = "serde")]
#[derive(serde::Deserialize)]
struct EventFields {
    id: Id,
    status: Status,
    #[serde(with = "crate::serialized::unix_ms")]
    at: SystemTime,
    cause: Cause,
    position: Position,
}

#[cfg(feature = "serde")]
impl TryFrom<EventFields> for Event {
    type Error = String;

    fn try_from(fields: EventFields) -> Result<Self, String> {
        let EventFields { id, status, at, cause, position } = fields;
        if status != cause.status() {
            return Err(format!("an event of the cause {cause:?} cannot lead to {status}"));
        }
        Ok(Self::new(id, cause, at, position))
    }
}

/// Where a stream of events starts.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "lowercase"))]
#[non_exhaustive]
pub enum Since {
    /// With what happens after the call.
    Now,
    /// After an event, or a [`Update::Synced`], that was seen before.
    Position(Position),
    /// With everybody who is online, followed by the changes from there on.
    Snapshot,
}

/// One item of a stream of events.
///
/// A stream gives [`Present`](Self::Present) items if it began with [`Since::Snapshot`], then
/// exactly one [`Synced`](Self::Synced), then [`Change`](Self::Change) items for ever.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "lowercase"))]
#[non_exhaustive]
pub enum Update {
    /// Part of the snapshot: the status of an id, `Online` or `Offline`.
    ///
    /// Ids that are online come once. The world moves on while they are listed: an id that was
    /// listed and changed comes again with its newer status. The last one counts.
    #[non_exhaustive]
    Present {
        /// The id that was listed.
        id: Id,
        /// Its status as of now; an id that never comes is offline.
        status: Status,
    },
    /// The snapshot, if there was one, is complete and true at this position.
    ///
    /// It comes once in each stream, and says where the stream stands.
    Synced(Position),
    /// A transition after that.
    Change(Event),
}

impl Update {
    /// Creates an item of a snapshot.
    ///
    /// This is for backends.
    #[must_use]
    pub fn present(id: Id, status: Status) -> Self {
        Self::Present { id, status }
    }

    /// Returns the transition, if this is one.
    #[must_use]
    pub fn into_change(self) -> Option<Event> {
        match self {
            Self::Change(event) => Some(event),
            Self::Present { .. } | Self::Synced(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_display_in_capitals() {
        assert_eq!(
            [Status::Unknown, Status::Offline, Status::Online].map(|status| status.to_string()),
            ["UNKNOWN", "OFFLINE", "ONLINE"]
        );
        assert_eq!(Status::default(), Status::Unknown);
    }
}
