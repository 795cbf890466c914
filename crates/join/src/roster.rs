//! Keeps a copy of who is online, ready to be told.
//!
//! It has a position, so that a snapshot and the changes fit.
//!
//! ```text
//! Presence ──changes──► RosterKeeper ──► Roster ──who──► whoever asks
//!                            └────────► $presence ────► whoever listens
//! ```
//!
//! A client binds the channel [`PRESENCE`](channel::PRESENCE), asks for [`Roster::who`], and from
//! then on ignores changes whose position is not above that of the answer.
//!
//! # Shapes
//!
//! ```text
//! who         {"ids":["alice","bob"],"count":2,"position":"123"}    at most 1,000 ids and 128 KiB, by name
//! $presence   {"id":"bob","status":"OFFLINE","at":1790000000000,"position":"124"}
//!             {"lagged":true,"position":"125"}                      the copy was made anew: ask again
//! ```
//!
//! `at` is in milliseconds since 1970; `position` counts the changes of this process's copy, in
//! decimal.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use conductor_hub::Hub;
use parking_lot::Mutex;
use presence_core::{ErrorKind, Event, Events, Id, Presence, Since, Status, Update};
use serde_json::json;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::tasks::Tasks;
use crate::{Error, channel, clock};

/// Ids in one snapshot, and their bytes; who needs more asks for the statuses of those who matter.
const SNAPSHOT_IDS_MAX: usize = 1_000;
const SNAPSHOT_BYTES_MAX: usize = 128 * 1024;

/// How long to wait before asking presence again after it failed.
const AGAIN: Duration = Duration::from_secs(1);

/// A copy of who is online; clones are the same copy.
///
/// It is true while a [`RosterKeeper`] keeps it so; before, nobody is online at position 0.
#[derive(Debug, Clone, Default)]
pub struct Roster {
    state: Arc<Mutex<Locked>>,
}

#[derive(Debug, Default)]
struct Locked {
    online: BTreeSet<Id>,
    /// Counts the changes. Each is published with its number, after the copy has it.
    position: u64,
    /// The answer to `who` at this position, once somebody has asked: many ask between two changes.
    who: Option<Bytes>,
}

impl Roster {
    /// Returns who is online, as many as one answer takes, as JSON of the shape above.
    ///
    /// It is made once between two changes, however many ask.
    #[must_use]
    pub fn who(&self) -> Bytes {
        let mut state = self.state.lock();
        if let Some(who) = &state.who {
            return who.clone();
        }
        let mut bytes = 0;
        let ids = state.online.iter().map(Id::as_str).take(SNAPSHOT_IDS_MAX).take_while(|id| {
            bytes += id.len();
            bytes <= SNAPSHOT_BYTES_MAX
        });
        let ids: Vec<&str> = ids.collect();
        let who = json!({ "ids": ids, "count": state.online.len(), "position": state.position.to_string() });
        let who = Bytes::from(who.to_string());
        state.who = Some(who.clone());
        who
    }

    /// Keeps the copy true and publishes each change, until `stop`.
    async fn follow(self, presence: Presence, hub: Hub, stop: CancellationToken) {
        let follow = async {
            loop {
                match presence.events(Since::Snapshot).await {
                    Ok(events) => match self.copy(events, &hub).await {
                        Some(lost) => {
                            tracing::warn!(
                                error = %lost,
                                "events of presence were lost; reading again who is online"
                            );
                        }
                        // Presence was shut down: nothing changes any more.
                        None => return stop.cancelled().await,
                    },
                    // An outage of presence is logged once by presence itself.
                    Err(error) => tracing::debug!(
                        error = %format_args!("{error:#}"),
                        "events of presence cannot be read; trying again"
                    ),
                }
                // The copy stays as it is while events cannot be read.
                sleep(AGAIN).await;
            }
        };
        stop.run_until_cancelled(follow).await;
    }

    /// Copies one stream to its end, or to where it lost events. An outage is neither: the stream
    /// goes on after it.
    async fn copy(&self, mut events: Events, hub: &Hub) -> Option<presence_core::Error> {
        // The snapshot is collected apart, and takes the place of the copy only when it is
        // complete. A stream that breaks in its middle changes nothing.
        let mut listed = BTreeSet::new();
        while let Some(update) = events.next().await {
            match update {
                Ok(Update::Present { id, status, .. }) => note(&mut listed, id, status),
                Ok(Update::Synced(_)) => self.replace(std::mem::take(&mut listed), hub),
                Ok(Update::Change(event)) => self.change(event, hub),
                // What later versions may add is not about who is online.
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::Unavailable => {
                    tracing::debug!(
                        error = %format_args!("{error:#}"),
                        "presence is out of reach; users who were online are still shown as online"
                    );
                }
                Err(lost) => return Some(lost),
            }
        }
        None
    }

    fn replace(&self, online: BTreeSet<Id>, hub: &Hub) {
        let position = {
            let mut state = self.state.lock();
            state.online = online;
            state.next()
        };
        publish(hub, &json!({ "lagged": true, "position": position.to_string() }));
    }

    fn change(&self, event: Event, hub: &Hub) {
        let at = clock::unix_ms(event.at);
        let mut body = json!({ "id": event.id.as_str(), "status": event.status.to_string(), "at": at });
        // The order matters: the copy has the change before it is published, so the answer to who
        // asks after hearing of it includes it. The lock is let go before the hub is called; the
        // order of what is published is kept, as the follower alone calls this.
        let position = {
            let mut state = self.state.lock();
            note(&mut state.online, event.id, event.status);
            state.next()
        };
        body["position"] = position.to_string().into();
        publish(hub, &body);
    }
}

/// The task that keeps a [`Roster`] true and publishes its changes.
///
/// They go to the clients of a hub, on the channel [`PRESENCE`](channel::PRESENCE).
///
/// [`start`](Self::start) makes it, [`shutdown`](Self::shutdown) ends it and waits; dropping the
/// last handle ends it without waiting. While presence is out of reach, the copy stays as it is:
/// a read that fails says nothing of anybody.
#[derive(Debug, Clone)]
pub struct RosterKeeper {
    tasks: Tasks,
}

impl RosterKeeper {
    /// Starts to follow presence, which makes the copy, and publishes from then on.
    ///
    /// Dropped, it ends at once.
    ///
    /// # Errors
    ///
    /// [`Config`](crate::ErrorKind::Config) outside a tokio runtime.
    pub fn start(roster: Roster, presence: Presence, hub: Hub) -> Result<Self, Error> {
        let tasks = Tasks::new()?;
        let stop = tasks.stop.clone();
        tasks.keep("the follower of presence", move || {
            roster.clone().follow(presence.clone(), hub.clone(), stop.clone())
        });
        Ok(Self { tasks })
    }

    /// Waits until its task cannot go on, and returns why.
    ///
    /// The task is started again when it ends before its time; this returns when that happened five
    /// times within a minute. It waits for ever while all is well, and after the shutdown.
    ///
    /// # Cancel safety
    ///
    /// May be dropped and called again at any time.
    pub async fn failed(&self) -> Error {
        self.tasks.failed().await
    }

    /// Ends the task, for all clones of this handle; the roster stays as it is then.
    ///
    /// Returns whether it ended within `grace`. A second call waits for the same end.
    ///
    /// # Cancel safety
    ///
    /// A call that is dropped after it was first polled has ended it all the same.
    pub async fn shutdown(&self, grace: Duration) -> bool {
        self.tasks.shutdown(grace).await
    }
}

impl Locked {
    /// What was answered before is out of date.
    fn next(&mut self) -> u64 {
        self.who = None;
        self.position += 1;
        self.position
    }
}

fn note(online: &mut BTreeSet<Id>, id: Id, status: Status) {
    if status == Status::Online {
        online.insert(id);
    } else {
        online.remove(&id);
    }
}

fn publish(hub: &Hub, body: &serde_json::Value) {
    if let Err(error) = hub.publish(channel::PRESENCE, body.to_string()) {
        tracing::warn!(
            error = %format_args!("{error:#}"),
            "an event of presence could not be published to clients"
        );
    }
}

#[cfg(test)]
mod tests {
    use conductor_hub::{Config, Hooks};
    use futures_util::stream;
    use presence_core::{Cause, Error, Position};

    // The error of presence is another one than ours.
    use super::{ErrorKind, Event, Events, Hub, Roster, Status, Update};

    fn present(id: &str) -> Result<Update, Error> {
        Ok(Update::present(id.parse().unwrap(), Status::Online))
    }

    fn synced() -> Result<Update, Error> {
        Ok(Update::Synced(Position::new(1, 1)))
    }

    fn change(id: &str, cause: Cause) -> Result<Update, Error> {
        let at = std::time::SystemTime::UNIX_EPOCH;
        Ok(Update::Change(Event::new(id.parse().unwrap(), cause, at, Position::new(1, 2))))
    }

    fn outage() -> Result<Update, Error> {
        Err(Error::new(ErrorKind::Unavailable, "away"))
    }

    /// Copies a stream that ends after these; who is online then, and the kind of the loss.
    async fn copy(roster: &Roster, updates: Vec<Result<Update, Error>>) -> (Vec<String>, Option<ErrorKind>) {
        let hub = Hub::start(Config::default(), Hooks::default()).unwrap();
        let lost = roster.copy(Events::new(stream::iter(updates)), &hub).await;
        let who: serde_json::Value = serde_json::from_slice(&roster.who()).unwrap();
        let ids = who["ids"].as_array().unwrap().iter().map(|id| id.as_str().unwrap().to_owned()).collect();
        (ids, lost.map(|lost| lost.kind()))
    }

    #[tokio::test]
    async fn an_outage_changes_nothing_and_the_changes_go_on() {
        let updates = vec![
            present("alice"),
            present("bob"),
            outage(),
            present("carol"),
            synced(),
            outage(),
            change("bob", Cause::Ended),
            change("dave", Cause::Held),
        ];
        let (ids, lost) = copy(&Roster::default(), updates).await;
        assert_eq!((ids.join(" ").as_str(), lost), ("alice carol dave", None));
    }

    #[tokio::test]
    async fn after_a_loss_the_old_copy_stays_until_the_next_is_complete() {
        let roster = Roster::default();
        let lagged = || Err(Error::lagged(Some(1)));
        let (ids, lost) =
            copy(&roster, vec![present("alice"), synced(), lagged(), change("eve", Cause::Held)]).await;
        assert_eq!((ids.join(" ").as_str(), lost), ("alice", Some(ErrorKind::Lagged)));
        let (ids, lost) = copy(&roster, vec![present("bob"), outage(), lagged()]).await;
        assert_eq!((ids.join(" ").as_str(), lost), ("alice", Some(ErrorKind::Lagged)));
        let (ids, lost) = copy(&roster, vec![present("bob"), synced()]).await;
        assert_eq!((ids.join(" ").as_str(), lost), ("bob", None));
    }
}
