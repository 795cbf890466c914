//! What the driver sees of the servers.

use std::collections::BTreeMap;

use mongodb::bson::Document;
use mongodb::bson::oid::ObjectId;
use mongodb::event::EventHandler;
use mongodb::event::sdam::{SdamEvent, TopologyDescription};
use mongodb::{ServerInfo, ServerType};
use tokio::sync::watch;

use crate::error::said;
use crate::misfit::Misfit;

/// Who answers, by what the driver saw last.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Seen {
    /// Whether a member of the replica set answers, primary or not.
    pub(crate) has_member: bool,
    pub(crate) has_primary: bool,
    /// The latest election that a primary has told of.
    pub(crate) elected: Option<ObjectId>,
    /// Whether the driver has left out every server, and asks none any more.
    pub(crate) has_no_server: bool,
    /// What a server said, or the connection to it, by the address of each that does not answer.
    pub(crate) faults: BTreeMap<String, String>,
    /// The servers that answer and are no members, also those that the driver asks no longer.
    pub(crate) misfits: BTreeMap<String, Misfit>,
}

impl Seen {
    /// Takes note of what the driver makes of what it has heard.
    fn describe(&mut self, description: &TopologyDescription) {
        let servers = description.servers();
        self.has_member = servers.values().any(is_member);
        self.has_primary = description.has_writable_server();
        self.has_no_server = servers.is_empty();
        let fault = |server: &ServerInfo<'_>| Some((server.address().to_string(), said(server.error()?)));
        self.faults = servers.values().filter_map(fault).collect();
    }

    /// Takes note of what a server says of itself.
    fn hear(&mut self, address: &str, hello: &Document, set: Option<&str>) {
        match Misfit::of(hello, address, set) {
            Some(misfit) => self.misfits.insert(address.to_owned(), misfit),
            None => self.misfits.remove(address),
        };
        // Only a primary has it. Later ones are greater, so one that does not know yet that another
        // one was elected changes nothing.
        self.elected = self.elected.max(hello.get_object_id("electionId").ok());
    }

    /// Returns why nobody can be written to, behind "mongodb at host".
    pub(crate) fn reason(&self) -> String {
        let mut reason = if self.has_member {
            "has members that answer, and none of them is primary".to_owned()
        } else {
            "has no primary that can be reached".to_owned()
        };
        let faults = self.faults.iter().filter(|(address, _)| !self.misfits.contains_key(*address));
        let details = faults.map(|(address, fault)| format!("{address}: {fault}"));
        let details: Vec<_> = self.strangers().into_iter().chain(details).collect();
        for (number, detail) in details.iter().take(DETAILS_MAX).enumerate() {
            reason.push_str(if number == 0 { ": " } else { "; " });
            reason.push_str(detail);
        }
        if let Some(more) = details.len().checked_sub(DETAILS_MAX).filter(|more| *more > 0) {
            reason.push_str(&format!("; and {more} more"));
        }
        reason
    }

    /// Returns a sentence for each server that answers and is no member.
    pub(crate) fn strangers(&self) -> Vec<String> {
        self.misfits.iter().map(|(address, misfit)| format!("{address} {misfit}")).collect()
    }
}

/// Of how many servers a reason tells at most.
const DETAILS_MAX: usize = 4;

fn is_member(server: &ServerInfo<'_>) -> bool {
    matches!(server.server_type(), ServerType::RsPrimary | ServerType::RsSecondary | ServerType::Mongos)
}

/// Returns the handler of a client by which it reports what it sees.
///
/// `set` is the name of the replica set in the address.
pub(crate) fn handler_for(seen: watch::Sender<Seen>, set: Option<String>) -> EventHandler<SdamEvent> {
    EventHandler::callback(move |event: SdamEvent| {
        seen.send_if_modified(|seen| {
            let old = seen.clone();
            match &event {
                SdamEvent::TopologyDescriptionChanged(changed) => seen.describe(&changed.new_description),
                // A server that is no member is left out of every description.
                SdamEvent::ServerHeartbeatSucceeded(heard) => {
                    seen.hear(&heard.server_address.to_string(), &heard.reply, set.as_deref());
                }
                SdamEvent::ServerHeartbeatFailed(failed) => {
                    seen.misfits.remove(&failed.server_address.to_string());
                }
                _ => {}
            }
            *seen != old
        });
    })
}

#[cfg(test)]
mod tests {
    use mongodb::bson::doc;

    use super::*;

    #[test]
    fn reason_names_each_server_once_with_what_to_do() {
        let mut seen = Seen::default();
        assert_eq!(seen.reason(), "has no primary that can be reached");
        let faults = ["a:1", "b:2"].map(|address| (address.to_owned(), "connection refused".to_owned()));
        seen.faults = faults.into();
        seen.hear("a:1", &doc! { "isreplicaset": true }, Some("rs"));
        assert_eq!(
            seen.reason(),
            "has no primary that can be reached: a:1 is in no replica set yet; run rs.initiate() there, or \
             rs.add() on its primary; b:2: connection refused"
        );
        seen.hear("a:1", &doc! { "setName": "rs", "hosts": ["a:1"] }, Some("rs"));
        assert!(seen.strangers().is_empty());
    }

    #[test]
    fn the_latest_election_is_known_whoever_tells_of_an_earlier_one() {
        let election = |term: u8| ObjectId::from_bytes([0x7f, 255, 255, 255, 0, 0, 0, 0, 0, 0, 0, term]);
        let mut seen = Seen::default();
        let mut hear = |hello: Document| {
            seen.hear("a:1", &hello, Some("rs"));
            seen.elected
        };
        assert_eq!(hear(doc! { "setName": "rs", "hosts": ["a:1"], "secondary": true }), None);
        let primary = |term| doc! { "setName": "rs", "hosts": ["a:1"], "electionId": election(term) };
        assert_eq!(hear(primary(5)), Some(election(5)));
        assert_eq!(hear(primary(6)), Some(election(6)));
        assert_eq!(hear(primary(5)), Some(election(6)), "it was replaced, and does not know it");
        assert_eq!(hear(doc! { "setName": "rs", "hosts": ["a:1"] }), Some(election(6)));
    }

    #[test]
    fn reason_of_many_servers_stays_short() {
        let faults = (0..9).map(|number| (format!("a:{number}"), "connection refused".to_owned()));
        let seen = Seen { has_member: true, faults: faults.collect(), ..Seen::default() };
        assert!(seen.reason().ends_with("a:3: connection refused; and 5 more"), "{}", seen.reason());
    }
}
