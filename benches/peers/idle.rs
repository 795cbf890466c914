//! What an idle connection costs a server in memory.

use std::error::Error;
use std::path::Path;
use std::time::Duration;

use benches::budget::Effort;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

use crate::member::{Fault, Member};
use crate::peer::Peer;
use crate::room;
use crate::server::Server;

/// How long a server may collect what the handshakes have left behind.
const REST: Duration = Duration::from_secs(3);

/// Returns the bytes of resident memory that each connection adds, once there are many.
///
/// It is the slope between two numbers of connections, all members of one channel: what a server
/// has once is in neither.
pub(crate) fn memory(peer: &Peer, folder: &Path, effort: Effort) -> Result<f64, Box<dyn Error>> {
    let (few, many) = effort.pick((8_000, 16_000), (100, 300));
    let rest = effort.pick(REST, Duration::ZERO);
    let server = Server::start(peer, folder)?;
    Runtime::new()?.block_on(async {
        let mut staying = JoinSet::new();
        let mut resident = Vec::new();
        for count in [few, many] {
            let mut members = Vec::new();
            room::join(peer, &server, &mut members, count - staying.len()).await?;
            for member in members {
                staying.spawn(stay(member));
            }
            tokio::time::sleep(rest).await;
            // What a server in JavaScript holds until it next collects garbage is no cost of a
            // connection.
            server.process.nudge()?;
            tokio::time::sleep(rest).await;
            resident.push(server.process.resident_bytes()?);
        }
        // One that has gone would count as one that costs nothing.
        match staying.try_join_next() {
            None => Ok((resident[1] - resident[0]) / (many - few) as f64),
            Some(Ok(fault)) => Err(fault as Box<dyn Error>),
            Some(Err(panicked)) => Err(panicked.into()),
        }
    })
}

/// Reads what comes, and answers pings, until the connection has ended; returns why.
async fn stay(mut member: Member) -> Fault {
    let mut buffer = [0; 512];
    loop {
        if let Err(fault) = member.read(&mut buffer).await {
            return fault;
        }
    }
}
