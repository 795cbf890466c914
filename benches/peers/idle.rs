//! What an idle connection costs a server in memory.

use std::error::Error;
use std::path::Path;
use std::time::Duration;

use benches::budget::Effort;
use tokio::runtime::Runtime;

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
        let mut members = Vec::new();
        room::join(peer, &server, &mut members, few).await?;
        tokio::time::sleep(rest).await;
        let before = server.resident_bytes()?;
        room::join(peer, &server, &mut members, many).await?;
        tokio::time::sleep(rest).await;
        Ok((server.resident_bytes()? - before) / (many - few) as f64)
    })
}
