//! A stream of a room that is checked while it is read.

use std::collections::{BTreeMap, HashMap};

use crate::contract::watch::{PATIENCE, Part, StreamWatch, Told};
use crate::event::{Cause, Since};
use crate::name::Id;
use crate::rooms::{Action, Payload, RoomEvent, RoomUpdate, Rooms};

/// Who is in a room, and what they show.
pub(super) type Picture = BTreeMap<String, Payload>;

/// Of a stream of a room: checks that members join before they show something else or leave.
pub(super) type RoomWatch = StreamWatch<RoomUpdate>;

impl RoomWatch {
    /// Opens a stream and reads it up to [`RoomUpdate::Synced`].
    pub(super) async fn open(rooms: &Rooms, room: &str, since: Since) -> Self {
        Self::open_slowly(rooms, room, since, || std::future::ready(())).await
    }

    /// The same, with something else after each item of the snapshot.
    pub(super) async fn open_slowly<F>(
        rooms: &Rooms,
        room: &str,
        since: Since,
        between: impl FnMut() -> F,
    ) -> Self
    where
        F: Future<Output = ()>,
    {
        let snapshot = since == Since::Snapshot;
        let events = rooms.events(room, since).await.expect("stream begins");
        let watch = Self::begin(events, snapshot, between).await;
        assert_eq!(watch.synced.marks().len(), 1, "a room has one log");
        watch
    }

    /// Waits for the next event, which must be that `id` joined with `payload`.
    pub(super) async fn joined(&mut self, id: &str, payload: &str) -> RoomEvent {
        self.expect(id, Action::Joined(Payload::new(payload).unwrap())).await
    }

    /// Waits for the next event, which must be that `id` shows `payload`.
    pub(super) async fn updated(&mut self, id: &str, payload: &str) -> RoomEvent {
        self.expect(id, Action::Updated(Payload::new(payload).unwrap())).await
    }

    /// Waits for the next event, which must be that `id` left for this reason.
    pub(super) async fn left(&mut self, id: &str, cause: Cause) -> RoomEvent {
        self.expect(id, Action::Left(cause)).await
    }

    async fn expect(&mut self, id: &str, action: Action) -> RoomEvent {
        let event = self.change(PATIENCE).await;
        let event = event.unwrap_or_else(|| panic!("no event: {id} {action:?}: {}", self.why_none()));
        assert_eq!((event.id.as_str(), &event.action), (id, &action));
        event
    }

    /// Returns who is a member according to the stream.
    pub(super) fn picture(&self) -> Picture {
        let members = self.known.iter().filter_map(|(id, payload)| Some((id.to_string(), payload.clone()?)));
        members.collect()
    }
}

impl Told for RoomUpdate {
    type Event = RoomEvent;
    /// What it shows; `None` is not a member.
    type Known = Option<Payload>;

    fn part(self) -> Part<Self> {
        match self {
            Self::Present(member) => Part::Snapshot(member.id, Some(member.payload)),
            Self::Absent(id) => Part::Snapshot(id, None),
            Self::Synced(position) => Part::Synced(position),
            Self::Change(event) => Part::Change(event),
        }
    }

    fn id(event: &RoomEvent) -> &Id {
        &event.id
    }

    fn nobody() -> Option<Payload> {
        None
    }

    fn follow(event: &RoomEvent, before: Option<&Option<Payload>>) -> Option<Payload> {
        match (before, &event.action) {
            (None, _) | (Some(None), Action::Joined(_)) | (Some(Some(_)), Action::Left(_)) => {}
            (Some(Some(before)), Action::Updated(payload)) => {
                assert_ne!(before, payload, "no change: {event:?}");
            }
            (before, _) => panic!("{event:?} after {before:?}"),
        }
        match &event.action {
            Action::Joined(payload) | Action::Updated(payload) => Some(payload.clone()),
            Action::Left(_) => None,
        }
    }

    fn check(event: &RoomEvent, known: &HashMap<Id, Option<Payload>>) {
        assert_eq!(event.count, known.values().flatten().count() as u64, "{event:?}");
    }
}
