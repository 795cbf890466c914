//! Who is online, ready to be told: a copy of presence with a position, so that a snapshot and the
//! changes fit.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt as _;
use parking_lot::Mutex;
use serde_json::json;
use tidings::hub::Hub;
use tidings::presence::{Error, ErrorKind, Event, Events, Id, Presence, Since, Status, Update};
use tokio_util::sync::CancellationToken;

use super::channel;
use crate::clock;

/// Ids in one snapshot, and their bytes; who needs more asks for the statuses of those who matter.
const SNAPSHOT_IDS_MAX: usize = 1_000;
const SNAPSHOT_BYTES_MAX: usize = 128 * 1024;

/// How long to wait before asking presence again after it failed.
const AGAIN: Duration = Duration::from_secs(1);

/// A copy of who is online.
#[derive(Debug, Default)]
pub(super) struct Roster {
    state: Mutex<Locked>,
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
    /// Returns who is online, as many as one answer takes, as JSON.
    pub(super) fn who(&self) -> Bytes {
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

    /// Keeps the copy true and publishes each change, until `stop` or until presence is closed.
    pub(super) async fn follow(self: Arc<Self>, presence: Presence, hub: Hub, stop: CancellationToken) {
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
                        None => return,
                    },
                    // The state of presence, which the log tells once, says so too.
                    Err(error) => tracing::debug!(%error, "events of presence cannot be read; trying again"),
                }
                // Meanwhile the copy stays as it is: what cannot be read is no news.
                tokio::time::sleep(AGAIN).await;
            }
        };
        stop.run_until_cancelled(follow).await;
    }

    /// Copies one stream to its end, or to where it lost events. An outage is neither: the stream
    /// goes on after it.
    async fn copy(&self, mut events: Events, hub: &Hub) -> Option<Error> {
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
                        %error,
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
        let mut body = json!({ "id": event.id.as_str(), "status": event.status.to_string(), "at": clock::unix_ms(event.at) });
        let position = {
            let mut state = self.state.lock();
            note(&mut state.online, event.id, event.status);
            state.next()
        };
        body["position"] = position.to_string().into();
        publish(hub, &body);
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
        tracing::warn!(%error, "an event of presence could not be published to clients");
    }
}

#[cfg(test)]
mod tests {
    use futures_util::stream;
    use tidings::presence::{Cause, Position};

    use super::*;

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
        let hub = Hub::start(tidings::hub::Config::default(), tidings::hub::Hooks::default()).unwrap();
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
