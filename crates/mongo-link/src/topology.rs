//! What the driver sees of the servers.

use std::sync::Arc;

use mongodb::event::EventHandler;
use mongodb::event::sdam::{SdamEvent, TopologyDescription};
use mongodb::{ServerInfo, ServerType};
use tokio::sync::watch;

use crate::error::said;

/// Who answers, by what the driver saw last.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Seen {
    /// Whether a member of the replica set answers, primary or not.
    pub(crate) has_member: bool,
    pub(crate) has_primary: bool,
    /// What a server said, or the connection to it, if none answers.
    fault: Option<String>,
}

impl Seen {
    fn of(description: &TopologyDescription) -> Self {
        let servers = description.servers();
        // The least, as they come in any order, and a reason is not to change with it.
        let fault = servers.values().filter_map(|server| server.error()).map(said).min();
        Self {
            has_member: servers.values().any(is_member),
            has_primary: description.has_writable_server(),
            fault,
        }
    }

    /// Returns why nobody can be written to, behind "mongodb at host".
    pub(crate) fn reason(&self) -> String {
        match &self.fault {
            _ if self.has_member => "has members that answer, and none of them is primary".to_owned(),
            Some(fault) => format!("has no primary that can be reached: {fault}"),
            None => "has no primary that can be reached".to_owned(),
        }
    }
}

fn is_member(server: &ServerInfo<'_>) -> bool {
    matches!(server.server_type(), ServerType::RsPrimary | ServerType::RsSecondary | ServerType::Mongos)
}

/// Returns the handler of a client by which it reports what it sees.
pub(crate) fn handler_for(seen: &Arc<watch::Sender<Seen>>) -> EventHandler<SdamEvent> {
    let seen = Arc::clone(seen);
    EventHandler::callback(move |event: SdamEvent| {
        if let SdamEvent::TopologyDescriptionChanged(changed) = event {
            let new = Seen::of(&changed.new_description);
            seen.send_if_modified(|old| {
                let is_other = *old != new;
                *old = new;
                is_other
            });
        }
    })
}
