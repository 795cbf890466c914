//! Who is online, ready to be told: a copy of presence with a position, so that a snapshot and the changes fit.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use parking_lot::Mutex;
use serde_json::json;
use tidings::hub::Hub;
use tidings::presence::{Error, Event, Events, Id, Presence, Since, Status, Update};
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
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    online: BTreeSet<Id>,
    /// Counts the changes. Each is published with its number, after the copy has it.
    position: u64,
}

/// The copy at one position.
#[derive(Debug)]
pub(super) struct Snapshot {
    pub(super) ids: Vec<Id>,
    pub(super) count: usize,
    pub(super) position: u64,
}

impl Roster {
    /// Everybody, or as many as one answer takes.
    pub(super) fn snapshot(&self) -> Snapshot {
        let state = self.state.lock();
        let mut bytes = 0;
        let ids = state.online.iter().take(SNAPSHOT_IDS_MAX).take_while(|id| {
            bytes += id.as_str().len();
            bytes <= SNAPSHOT_BYTES_MAX
        });
        Snapshot { ids: ids.cloned().collect(), count: state.online.len(), position: state.position }
    }

    /// Keeps the copy true and publishes each change, until `stop` or until presence is closed.
    pub(super) async fn follow(self: Arc<Self>, presence: Presence, hub: Hub, stop: CancellationToken) {
        let follow = async {
            loop {
                match presence.events(Since::Snapshot).await {
                    Ok(events) => match self.copy(events, &hub).await {
                        Some(lost) => {
                            tracing::warn!(error = %lost, "presence events were lost; starting over");
                        }
                        None => return,
                    },
                    Err(error) => {
                        tracing::warn!(%error, "presence cannot be followed; trying again");
                        tokio::time::sleep(AGAIN).await;
                    }
                }
            }
        };
        stop.run_until_cancelled(follow).await;
    }

    /// Copies one stream to its end, or to the first event it lost.
    async fn copy(&self, mut events: Events, hub: &Hub) -> Option<Error> {
        let mut listed = BTreeSet::new();
        while let Some(update) = events.next().await {
            match update {
                Ok(Update::Present { id, status, .. }) => note(&mut listed, id, status),
                Ok(Update::Synced(_)) => self.replace(std::mem::take(&mut listed), hub),
                Ok(Update::Change(event)) => self.change(event, hub),
                // What later versions may add is not about who is online.
                Ok(_) => {}
                Err(lost) => return Some(lost),
            }
        }
        None
    }

    fn replace(&self, online: BTreeSet<Id>, hub: &Hub) {
        let position = {
            let mut state = self.state.lock();
            state.online = online;
            state.position += 1;
            state.position
        };
        publish(hub, &json!({ "lagged": true, "position": position.to_string() }));
    }

    fn change(&self, event: Event, hub: &Hub) {
        let mut body = json!({ "id": event.id.as_str(), "status": event.status.to_string(), "at": clock::unix_ms(event.at) });
        let position = {
            let mut state = self.state.lock();
            note(&mut state.online, event.id, event.status);
            state.position += 1;
            state.position
        };
        body["position"] = position.to_string().into();
        publish(hub, &body);
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
        tracing::warn!(%error, "a presence event was not published");
    }
}
