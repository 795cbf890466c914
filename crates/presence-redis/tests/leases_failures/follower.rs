//! A subscriber as programs write it: it believes the stream, and starts over when it lagged.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use presence_core::{ErrorKind, Event, Events, Presence, Since, Status, Update};
use tokio::time::{Instant, timeout, timeout_at};

use super::PATIENCE;

pub(crate) struct Follower {
    presence: Presence,
    events: Events,
    online: BTreeSet<String>,
    /// Changes told so far, by id; beginnings and starts over are none.
    pub(crate) told: BTreeMap<String, Vec<Status>>,
    pub(crate) outages: usize,
    pub(crate) lags: usize,
}

impl Follower {
    pub(crate) async fn start(presence: &Presence) -> Self {
        let events = presence.events(Since::Snapshot).await.expect("redis is there");
        let mut follower = Self {
            presence: presence.clone(),
            events,
            online: BTreeSet::new(),
            told: BTreeMap::new(),
            outages: 0,
            lags: 0,
        };
        follower.list().await;
        follower
    }

    pub(crate) fn online(&self) -> Vec<&str> {
        self.online.iter().map(String::as_str).collect()
    }

    /// Waits for one more change.
    pub(crate) async fn change(&mut self, within: Duration) -> Option<Event> {
        let until = Instant::now() + within;
        loop {
            match timeout_at(until, self.events.next()).await.ok()?.expect("the stream goes on") {
                Ok(Update::Change(event)) => {
                    self.note(&event);
                    return Some(event);
                }
                Ok(update) => panic!("unexpected {update:?}"),
                Err(error) if error.kind() == ErrorKind::Unavailable => self.outages += 1,
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::Lagged);
                    self.lags += 1;
                    self.start_over().await;
                }
            }
        }
    }

    pub(crate) async fn expect(&mut self, id: &str, status: Status) -> Event {
        let event = self.change(PATIENCE).await.unwrap_or_else(|| panic!("no event: {id} {status}"));
        assert_eq!((event.id.as_str(), event.status), (id, status));
        event
    }

    /// Follows for a while in which nothing may change.
    pub(crate) async fn silent(&mut self, duration: Duration) {
        if let Some(event) = self.change(duration).await {
            panic!("unexpected {event:?}");
        }
    }

    /// Follows until the picture is as said.
    pub(crate) async fn until(&mut self, online: &[&str]) {
        let until = Instant::now() + PATIENCE;
        while self.online() != online {
            assert!(Instant::now() < until, "{:?} instead of {online:?}", self.online());
            self.change(Duration::from_millis(50)).await;
        }
    }

    async fn start_over(&mut self) {
        let until = Instant::now() + PATIENCE;
        self.events = loop {
            match self.presence.events(Since::Snapshot).await {
                Ok(events) => break events,
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::Unavailable);
                    assert!(Instant::now() < until, "{error}");
                }
            }
        };
        self.list().await;
    }

    async fn list(&mut self) {
        let mut online = BTreeSet::new();
        loop {
            match timeout(PATIENCE, self.events.next()).await.expect("the snapshot ends").expect("it goes on")
            {
                Ok(Update::Present { id, status: Status::Online, .. }) => {
                    online.insert(id.to_string());
                }
                Ok(Update::Present { id, .. }) => {
                    online.remove(id.as_str());
                }
                Ok(Update::Synced(_)) => break,
                Ok(update) => panic!("unexpected {update:?}"),
                Err(error) => assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}"),
            }
        }
        self.online = online;
    }

    fn note(&mut self, event: &Event) {
        let id = event.id.to_string();
        let news = match event.status {
            Status::Online => self.online.insert(id.clone()),
            _ => self.online.remove(&id),
        };
        assert!(news, "told twice: {event:?}");
        self.told.entry(id).or_default().push(event.status);
    }
}
