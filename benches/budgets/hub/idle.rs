//! What an idle connection with one bind costs the server in memory.

use std::error::Error;

use benches::budget::Effort;
use futures_util::future::try_join_all;
use tokio::runtime::Runtime;

use crate::client;
use crate::process::Server;

/// Connections that are made at the same time.
const AT_ONCE: u64 = 100;

/// Returns the bytes of resident memory that each connection adds.
pub(crate) fn memory(server: &str, effort: Effort) -> Result<f64, Box<dyn Error>> {
    let connections = effort.pick(10_000, 200);
    let server = Server::start(server)?;
    let runtime = Runtime::new()?;
    runtime.block_on(async {
        let mut open = Vec::new();
        // The first connections also pay for what all share.
        open.extend(connect(&server, 0..AT_ONCE).await?);
        let before = server.resident_bytes()?;
        for first in (AT_ONCE..AT_ONCE + connections).step_by(100) {
            open.extend(connect(&server, first..first + AT_ONCE).await?);
        }
        let more = server.resident_bytes()?.saturating_sub(before);
        #[expect(clippy::cast_precision_loss, reason = "less than 2^52 bytes")]
        let each = more as f64 / connections as f64;
        Ok(each)
    })
}

async fn connect(
    server: &Server,
    numbers: std::ops::Range<u64>,
) -> Result<Vec<tokio::net::TcpStream>, Box<dyn Error>> {
    let connecting =
        numbers.map(async |number| client::connect(server.address, "/", &format!("channel {number}")).await);
    try_join_all(connecting).await.map_err(|error| error as _)
}
