//! A stream that is checked while it is read.

use std::collections::HashMap;
use std::marker::PhantomData;
use std::time::Duration;

use futures_util::StreamExt;
use tokio::time::{Instant, timeout, timeout_at};

use super::world::World;
use crate::error::{Error, ErrorKind};
use crate::event::{Cause, Event, Since, Status, Update};
use crate::events::Events;
use crate::name::Id;
use crate::position::Position;
use crate::presence::Presence;

/// Reads a stream, checks its shape and that the events of each id alternate.
pub(super) struct Watch<W> {
    events: Events,
    /// What the stream said last about each id.
    pub(super) known: HashMap<Id, Status>,
    /// Whether an id that is not in `known` is offline.
    complete: bool,
    pub(super) lagged: bool,
    pub(super) synced: Position,
    /// Whether the store may be away.
    pub(super) troubled: bool,
    world: PhantomData<W>,
}

impl<W: World> Watch<W> {
    /// Opens a stream and reads it up to [`Update::Synced`].
    pub(super) async fn open(presence: &Presence, since: Since) -> Self {
        Self::open_slowly(presence, since, || std::future::ready(())).await
    }

    /// The same, with something else after each item of the snapshot.
    pub(super) async fn open_slowly<F>(
        presence: &Presence,
        since: Since,
        mut between: impl FnMut() -> F,
    ) -> Self
    where
        F: Future<Output = ()>,
    {
        let complete = since == Since::Snapshot;
        let mut events = presence.events(since).await.expect("stream begins");
        let (mut known, mut lagged) = (HashMap::new(), false);
        let synced = loop {
            match timeout(PATIENCE, events.next()).await.expect("stream syncs").expect("stream goes on") {
                Ok(Update::Present { id, status }) => {
                    assert!(complete, "only a stream from a snapshot has one");
                    assert_ne!(status, Status::Unknown, "a snapshot knows");
                    known.insert(id, status);
                    between().await;
                }
                Ok(Update::Synced(position)) => break position,
                Ok(Update::Change(event)) => panic!("change before the stream was synced: {event:?}"),
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::Lagged, "{error}");
                    lagged = true;
                }
            }
        };
        Self { events, known, complete, lagged, synced, troubled: false, world: PhantomData }
    }

    /// Waits for one more event; `None` after `within`, or at the end of the stream.
    pub(super) async fn change(&mut self, within: Duration) -> Option<Event> {
        let until = Instant::now() + within;
        loop {
            match timeout_at(until, self.events.next()).await.ok()?? {
                Ok(Update::Change(event)) => {
                    self.note(&event);
                    return Some(event);
                }
                Ok(update) => panic!("stream was synced already: {update:?}"),
                Err(error) => self.lag(&error),
            }
        }
    }

    /// Waits for the next event, which must be `status` of `id`.
    pub(super) async fn expect(&mut self, id: &str, status: Status) -> Event {
        let event = self.change(PATIENCE).await.unwrap_or_else(|| panic!("no event: {id} {status}"));
        assert_eq!((event.id.as_str(), event.status), (id, status));
        event
    }

    /// Reads so many events.
    pub(super) async fn take(&mut self, count: usize) -> Vec<Event> {
        let mut all = Vec::new();
        while all.len() < count {
            let event = self.change(PATIENCE).await;
            all.push(event.unwrap_or_else(|| panic!("{} of {count} events, and no more", all.len())));
        }
        all
    }

    /// Reads until there is one of `id`, which is the last.
    pub(super) async fn until(&mut self, id: &str) -> Vec<Event> {
        let mut all = Vec::new();
        while all.last().is_none_or(|event: &Event| event.id.as_str() != id) {
            all.push(self.change(PATIENCE).await.unwrap_or_else(|| panic!("no event of {id}")));
        }
        all
    }

    /// Reads until exactly these are online, and it stays so.
    pub(super) async fn until_online(&mut self, ids: &[&str]) {
        loop {
            let is_so = self.online() == ids;
            let event = self.change(if is_so { W::DELIVERY } else { PATIENCE }).await;
            if is_so && event.is_none() {
                return;
            }
            assert!(event.is_some(), "{:?} are online, not {ids:?}", self.online());
        }
    }

    /// Reads until `id` is offline, and returns why it is.
    pub(super) async fn until_offline(&mut self, id: &str) -> Cause {
        loop {
            let event = self.change(PATIENCE).await.unwrap_or_else(|| panic!("{id} does not go offline"));
            if (event.id.as_str(), event.status) == (id, Status::Offline) {
                return event.cause;
            }
        }
    }

    /// Says whether there is no event of `id` within `duration`.
    ///
    /// A process that is late renewing what it holds may lose it: such laws are tried again.
    pub(super) async fn is_silent_about(&mut self, id: &str, duration: Duration) -> bool {
        let until = Instant::now() + duration;
        while let Some(event) = self.change(until.saturating_duration_since(Instant::now())).await {
            if event.id.as_str() == id {
                return false;
            }
        }
        true
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

    /// Returns who is online according to the stream.
    pub(super) fn online(&self) -> Vec<&str> {
        let online = self.known.iter().filter(|(_, status)| **status == Status::Online);
        let mut online: Vec<_> = online.map(|(id, _)| id.as_str()).collect();
        online.sort_unstable();
        online
    }

    fn note(&mut self, event: &Event) {
        assert_eq!(event.status, event.cause.status(), "the cause of {event:?}");
        let before = self.known.insert(event.id.clone(), event.status);
        let before = before.or_else(|| self.complete.then_some(Status::Offline));
        assert_ne!(before, Some(event.status), "{} was {} already", event.id, event.status);
    }

    fn lag(&mut self, error: &Error) {
        if self.troubled && error.kind() == ErrorKind::Unavailable {
            return;
        }
        assert_eq!(error.kind(), ErrorKind::Lagged, "{error}");
        assert_ne!(error.missed(), Some(0), "a stream that missed nothing does not lag");
        self.lagged = true;
        self.complete = false;
        self.known.clear();
    }
}

/// For what must come, however busy the machine is.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);
