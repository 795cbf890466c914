//! A stream that is checked while it is read: of ids, or of the members of a room.

use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

use tokio::time::{Instant, timeout, timeout_at};

use crate::error::{Error, ErrorKind};
use crate::event::{Cause, Event, Since, Status, Update};
use crate::events::Events;
use crate::name::Id;
use crate::position::Position;
use crate::presence::Presence;

/// What the items of a stream say.
pub(super) trait Told: fmt::Debug + Sized + Send + 'static {
    type Event: fmt::Debug + Send;
    /// What is known of one id.
    type Known: Clone + fmt::Debug + Send;

    fn part(self) -> Part<Self>;

    fn id(event: &Self::Event) -> &Id;

    /// What is known of an id that a complete snapshot does not have.
    fn nobody() -> Self::Known;

    /// Checks that an event fits to what was known of its id, and says what is known now.
    fn follow(event: &Self::Event, before: Option<&Self::Known>) -> Self::Known;

    /// Checks an event against what is known after it, if that is everything.
    fn check(_event: &Self::Event, _known: &HashMap<Id, Self::Known>) {}
}

/// Which part of a stream an item belongs to.
pub(super) enum Part<U: Told> {
    Snapshot(Id, U::Known),
    Synced(Position),
    Change(U::Event),
}

/// Reads a stream, checks its shape and that each event fits to what is known.
pub(super) struct StreamWatch<U: Told> {
    events: Events<U>,
    /// What the stream said last about each id.
    pub(super) known: HashMap<Id, U::Known>,
    /// Whether nothing more is known of an id that is not in `known` than that it is not there.
    complete: bool,
    pub(super) lagged: bool,
    pub(super) synced: Position,
    /// Whether the store may be away.
    pub(super) troubled: bool,
    /// Whether the stream has ended.
    over: bool,
}

/// Of a stream of ids: checks that the events of each alternate.
pub(super) type Watch = StreamWatch<Update>;

impl<U: Told> StreamWatch<U> {
    /// Reads a stream up to the item that ends its snapshot, with something else after each item.
    pub(super) async fn begin<F>(
        mut events: Events<U>,
        snapshot: bool,
        mut between: impl FnMut() -> F,
    ) -> Self
    where
        F: Future<Output = ()>,
    {
        let (mut known, mut lagged) = (HashMap::new(), false);
        let synced = loop {
            let item = timeout(PATIENCE, events.next()).await.expect("stream syncs");
            match item.expect("stream goes on").map(Told::part) {
                Ok(Part::Snapshot(id, what)) => {
                    assert!(snapshot, "only a stream from a snapshot has one");
                    known.insert(id, what);
                    between().await;
                }
                Ok(Part::Synced(position)) => break position,
                Ok(Part::Change(event)) => panic!("change before the stream was synced: {event:?}"),
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::Lagged, "{error}");
                    lagged = true;
                }
            }
        };
        Self { events, known, complete: snapshot, lagged, synced, troubled: false, over: false }
    }

    /// Waits for one more event; `None` after `within`, or at the end of the stream: then
    /// [`why_none`](Self::why_none) says which.
    pub(super) async fn change(&mut self, within: Duration) -> Option<U::Event> {
        let until = Instant::now() + within;
        loop {
            let Some(item) = timeout_at(until, self.events.next()).await.ok()? else {
                self.over = true;
                return None;
            };
            match item.map(Told::part) {
                Ok(Part::Change(event)) => {
                    self.note(&event);
                    return Some(event);
                }
                Ok(Part::Snapshot(id, what)) => panic!("stream was synced already: {id} {what:?}"),
                Ok(Part::Synced(position)) => panic!("stream was synced already: {position}"),
                Err(error) => self.lag(&error),
            }
        }
    }

    /// Says why there was no event.
    pub(super) fn why_none(&self) -> &'static str {
        if self.over { "the stream has ended" } else { "the stream goes on and gives nothing" }
    }

    /// Reads so many events.
    pub(super) async fn take(&mut self, count: usize) -> Vec<U::Event> {
        let mut all = Vec::new();
        while all.len() < count {
            let event = self.change(PATIENCE).await;
            let Some(event) = event else {
                panic!("{} of {count} events, and no more: {}", all.len(), self.why_none());
            };
            all.push(event);
        }
        all
    }

    /// Reads until there is one of `id`, which is the last.
    pub(super) async fn until(&mut self, id: &str) -> Vec<U::Event> {
        let mut all = Vec::new();
        while all.last().is_none_or(|event| U::id(event).as_str() != id) {
            let event = self.change(PATIENCE).await;
            all.push(event.unwrap_or_else(|| panic!("no event of {id}: {}", self.why_none())));
        }
        all
    }

    /// Says whether there is no event of `id` within `duration`.
    ///
    /// A process that is late renewing what it holds may lose it: such laws are tried again.
    pub(super) async fn is_silent_about(&mut self, id: &str, duration: Duration) -> bool {
        let until = Instant::now() + duration;
        while let Some(event) = self.change(until.saturating_duration_since(Instant::now())).await {
            if U::id(&event).as_str() == id {
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

    fn note(&mut self, event: &U::Event) {
        let id = U::id(event);
        // Of an id that was never told of something is known only after a complete snapshot: that
        // it was not there.
        let before = self.known.get(id).cloned().or_else(|| self.complete.then(U::nobody));
        self.known.insert(id.clone(), U::follow(event, before.as_ref()));
        if self.complete {
            U::check(event, &self.known);
        }
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

impl Watch {
    /// Opens a stream and reads it up to [`Update::Synced`].
    pub(super) async fn open(presence: &Presence, since: Since) -> Self {
        Self::open_slowly(presence, since, || std::future::ready(())).await
    }

    /// The same, with something else after each item of the snapshot.
    pub(super) async fn open_slowly<F>(presence: &Presence, since: Since, between: impl FnMut() -> F) -> Self
    where
        F: Future<Output = ()>,
    {
        let snapshot = since == Since::Snapshot;
        Self::begin(presence.events(since).await.expect("stream begins"), snapshot, between).await
    }

    /// Waits for the next event, which must be `status` of `id`.
    pub(super) async fn expect(&mut self, id: &str, status: Status) -> Event {
        let event = self.change(PATIENCE).await;
        let event = event.unwrap_or_else(|| panic!("no event: {id} {status}: {}", self.why_none()));
        assert_eq!((event.id.as_str(), event.status), (id, status));
        event
    }

    /// Reads until exactly these are online, and it stays so for the time that an event may take.
    pub(super) async fn until_online(&mut self, ids: &[&str], delivery: Duration) {
        loop {
            let is_so = self.online() == ids;
            let event = self.change(if is_so { delivery } else { PATIENCE }).await;
            if is_so && event.is_none() {
                return;
            }
            assert!(event.is_some(), "{:?} are online, not {ids:?}: {}", self.online(), self.why_none());
        }
    }

    /// Reads until `id` is offline, and returns why it is.
    pub(super) async fn until_offline(&mut self, id: &str) -> Cause {
        loop {
            let event = self.change(PATIENCE).await;
            let event = event.unwrap_or_else(|| panic!("{id} does not go offline: {}", self.why_none()));
            if (event.id.as_str(), event.status) == (id, Status::Offline) {
                return event.cause;
            }
        }
    }

    /// Returns who is online according to the stream.
    pub(super) fn online(&self) -> Vec<&str> {
        let online = self.known.iter().filter(|(_, status)| **status == Status::Online);
        let mut online: Vec<_> = online.map(|(id, _)| id.as_str()).collect();
        online.sort_unstable();
        online
    }
}

impl Told for Update {
    type Event = Event;
    type Known = Status;

    fn part(self) -> Part<Self> {
        match self {
            Self::Present { id, status } => {
                assert_ne!(status, Status::Unknown, "a snapshot knows");
                Part::Snapshot(id, status)
            }
            Self::Synced(position) => Part::Synced(position),
            Self::Change(event) => Part::Change(event),
        }
    }

    fn id(event: &Event) -> &Id {
        &event.id
    }

    fn nobody() -> Status {
        Status::Offline
    }

    fn follow(event: &Event, before: Option<&Status>) -> Status {
        assert_eq!(event.status, event.cause.status(), "the cause of {event:?}");
        assert_ne!(before, Some(&event.status), "{} was {} already", event.id, event.status);
        event.status
    }
}

/// For what must come, however busy the machine is.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);
