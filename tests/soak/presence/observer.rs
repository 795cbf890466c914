//! A subscriber that believes its stream, counts what it tells, and starts over when it lagged.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::time::Duration;

use presence_core::{ErrorKind, Event, Events, Presence, Since, Status, Update};
use tokio::time::{Instant, sleep, timeout_at};

pub(crate) struct Observer {
    presence: Presence,
    events: Events,
    pub(crate) online: BTreeSet<String>,
    /// Transitions since the last count.
    pub(crate) told: BTreeMap<String, Vec<Event>>,
    /// Whether it lagged since then, so that there may have been more.
    pub(crate) lagged: bool,
}

impl Observer {
    pub(crate) async fn start(presence: Presence) -> Result<Self, Box<dyn Error>> {
        let events = presence.events(Since::Snapshot).await?;
        let (online, told) = (BTreeSet::new(), BTreeMap::new());
        let mut observer = Self { presence, events, online, told, lagged: false };
        observer.list().await?;
        Ok(observer)
    }

    /// Listens until a moment.
    pub(crate) async fn listen(&mut self, until: Instant) -> Result<(), Box<dyn Error>> {
        while let Ok(item) = timeout_at(until, self.events.next()).await {
            match item.ok_or("the stream ended")? {
                Ok(Update::Change(event)) => {
                    let id = event.id.to_string();
                    let news = match event.status {
                        Status::Online => self.online.insert(id.clone()),
                        _ => self.online.remove(&id),
                    };
                    if !news {
                        return Err(format!("told twice: {event:?}").into());
                    }
                    self.told.entry(id).or_default().push(event);
                }
                Ok(update) => return Err(format!("unexpected {update:?}").into()),
                Err(error) if error.kind() == ErrorKind::Unavailable => {}
                Err(_lagged) => self.start_over().await?,
            }
        }
        Ok(())
    }

    pub(crate) fn reset(&mut self) {
        self.told.clear();
        self.lagged = false;
    }

    async fn start_over(&mut self) -> Result<(), Box<dyn Error>> {
        self.lagged = true;
        let until = Instant::now() + PATIENCE;
        self.events = loop {
            match self.presence.events(Since::Snapshot).await {
                Ok(events) => break events,
                Err(error) if Instant::now() > until => return Err(error.into()),
                Err(_) => sleep(Duration::from_millis(50)).await,
            }
        };
        self.list().await
    }

    async fn list(&mut self) -> Result<(), Box<dyn Error>> {
        self.online.clear();
        let until = Instant::now() + PATIENCE;
        loop {
            let item = timeout_at(until, self.events.next()).await.map_err(|_| "a snapshot does not end")?;
            match item.ok_or("the stream ended")? {
                Ok(Update::Present { id, status: Status::Online, .. }) => {
                    self.online.insert(id.to_string());
                }
                Ok(Update::Present { id, .. }) => {
                    self.online.remove(id.as_str());
                }
                Ok(Update::Synced(_)) => return Ok(()),
                Ok(update) => return Err(format!("unexpected {update:?}").into()),
                Err(error) if error.kind() == ErrorKind::Unavailable => {}
                Err(_lagged) => self.online.clear(),
            }
        }
    }
}

const PATIENCE: Duration = Duration::from_secs(60);
