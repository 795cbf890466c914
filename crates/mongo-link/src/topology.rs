//! What the driver sees of the servers.

use std::sync::Arc;

use mongodb::event::EventHandler;
use mongodb::event::sdam::{SdamEvent, TopologyDescription};
use mongodb::{ServerInfo, ServerType};
use tokio::sync::watch;

/// Who answers, by what the driver saw last.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Seen {
    /// Whether a member of the replica set answers, primary or not.
    pub(crate) has_member: bool,
    pub(crate) has_primary: bool,
}

impl Seen {
    fn of(description: &TopologyDescription) -> Self {
        Self {
            has_member: description.servers().values().any(is_member),
            has_primary: description.has_writable_server(),
        }
    }
}

fn is_member(server: &ServerInfo<'_>) -> bool {
    matches!(server.server_type(), ServerType::RsPrimary | ServerType::RsSecondary | ServerType::Mongos)
}

/// A handler for a client that tells what it sees.
pub(crate) fn told_to(seen: &Arc<watch::Sender<Seen>>) -> EventHandler<SdamEvent> {
    let seen = Arc::clone(seen);
    EventHandler::callback(move |event: SdamEvent| {
        if let SdamEvent::TopologyDescriptionChanged(changed) = event {
            let new = Seen::of(&changed.new_description);
            seen.send_if_modified(|old| std::mem::replace(old, new) != new);
        }
    })
}
