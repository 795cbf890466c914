//! A stream of a room that is checked while it is read.

use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::time::Duration;

use futures_util::StreamExt;
use tokio::time::{Instant, timeout, timeout_at};

use crate::contract::World;
use crate::contract::watch::PATIENCE;
use crate::error::ErrorKind;
use crate::event::{Cause, Since};
use crate::events::Events;
use crate::position::Position;
use crate::rooms::{Action, Payload, RoomEvent, RoomUpdate, Rooms};

/// Who is in a room, and what they show.
pub(super) type Picture = BTreeMap<String, Payload>;

/// Reads a stream, checks its shape and that each event fits to what is known.
pub(super) struct RoomWatch<W> {
    events: Events<RoomUpdate>,
    /// What the stream said last about each id; `None` is no member.
    known: BTreeMap<String, Option<Payload>>,
    /// Whether an id that is not in `known` is no member.
    complete: bool,
    pub(super) lagged: bool,
    pub(super) synced: Position,
    /// Whether the store may be away.
    pub(super) troubled: bool,
    world: PhantomData<W>,
}

impl<W: World> RoomWatch<W> {
    /// Opens a stream and reads it up to [`RoomUpdate::Synced`].
    pub(super) async fn open(rooms: &Rooms, room: &str, since: Since) -> Self {
        Self::open_slowly(rooms, room, since, || std::future::ready(())).await
    }

    /// The same, with something else after each item of the snapshot.
    pub(super) async fn open_slowly<F>(
        rooms: &Rooms,
        room: &str,
        since: Since,
        mut between: impl FnMut() -> F,
    ) -> Self
    where
        F: Future<Output = ()>,
    {
        let complete = since == Since::Snapshot;
        let mut events = rooms.events(room, since).await.expect("stream begins");
        let (mut known, mut lagged) = (BTreeMap::new(), false);
        let synced = loop {
            match timeout(PATIENCE, events.next()).await.expect("stream syncs").expect("stream goes on") {
                Ok(RoomUpdate::Present(member)) => {
                    assert!(complete, "only a stream from a snapshot has one");
                    known.insert(member.id.to_string(), Some(member.payload));
                    between().await;
                }
                Ok(RoomUpdate::Absent(id)) => {
                    assert!(complete, "only a stream from a snapshot has one");
                    known.insert(id.to_string(), None);
                }
                Ok(RoomUpdate::Synced(position)) => break position,
                Ok(RoomUpdate::Change(event)) => panic!("change before the stream was synced: {event:?}"),
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::Lagged, "{error}");
                    lagged = true;
                }
            }
        };
        assert_eq!(synced.marks().len(), 1, "a room has one log");
        Self { events, known, complete, lagged, synced, troubled: false, world: PhantomData }
    }

    /// Waits for one more event; `None` after `within`, or at the end of the stream.
    pub(super) async fn change(&mut self, within: Duration) -> Option<RoomEvent> {
        let until = Instant::now() + within;
        loop {
            match timeout_at(until, self.events.next()).await.ok()?? {
                Ok(RoomUpdate::Change(event)) => {
                    self.note(&event);
                    return Some(event);
                }
                Ok(update) => panic!("stream was synced already: {update:?}"),
                Err(error) if self.troubled && error.kind() == ErrorKind::Unavailable => {}
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::Lagged, "{error}");
                    assert_ne!(error.missed(), Some(0), "a stream that missed nothing does not lag");
                    (self.lagged, self.complete) = (true, false);
                    self.known.clear();
                }
            }
        }
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
        let event = self.change(PATIENCE).await.unwrap_or_else(|| panic!("no event: {id} {action:?}"));
        assert_eq!((event.id.as_str(), &event.action), (id, &action));
        event
    }

    /// Reads so many events.
    pub(super) async fn take(&mut self, count: usize) -> Vec<RoomEvent> {
        let mut all = Vec::new();
        while all.len() < count {
            let event = self.change(PATIENCE).await;
            all.push(event.unwrap_or_else(|| panic!("{} of {count} events, and no more", all.len())));
        }
        all
    }

    /// Reads until there is one of `id`, which is the last.
    pub(super) async fn until(&mut self, id: &str) -> Vec<RoomEvent> {
        let mut all = Vec::new();
        while all.last().is_none_or(|event: &RoomEvent| event.id.as_str() != id) {
            all.push(self.change(PATIENCE).await.unwrap_or_else(|| panic!("no event of {id}")));
        }
        all
    }

    /// Fails if there is an event within `duration`.
    pub(super) async fn silent(&mut self, duration: Duration) {
        if let Some(event) = self.change(duration).await {
            panic!("unexpected event: {event:?}");
        }
    }

    /// Fails unless the stream is at its end.
    pub(super) async fn ended(&mut self) {
        let item = timeout(PATIENCE, self.events.next()).await.expect("stream ends");
        assert!(item.is_none(), "stream ended with {item:?}");
    }

    /// Returns who is a member according to the stream.
    pub(super) fn picture(&self) -> Picture {
        let members = self.known.iter().filter_map(|(id, payload)| Some((id.clone(), payload.clone()?)));
        members.collect()
    }

    fn note(&mut self, event: &RoomEvent) {
        let now = match &event.action {
            Action::Joined(payload) | Action::Updated(payload) => Some(payload.clone()),
            Action::Left(_) => None,
        };
        let before = self.known.insert(event.id.to_string(), now);
        match (before.or_else(|| self.complete.then_some(None)), &event.action) {
            (None, _) | (Some(None), Action::Joined(_)) | (Some(Some(_)), Action::Left(_)) => {}
            (Some(Some(before)), Action::Updated(payload)) => {
                assert_ne!(before, *payload, "no change: {event:?}");
            }
            (before, _) => panic!("{event:?} after {before:?}"),
        }
        if self.complete {
            assert_eq!(event.count, self.picture().len() as u64, "{event:?}");
        }
    }
}
