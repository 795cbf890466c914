//! Sends to a large group: what they cost mongod beside the bare inserts.

use std::error::Error;
use std::io::{Write, stderr};

use benches::budget::Effort;
use tokio::runtime::Runtime;

use crate::counts::Counts;
use crate::scene::{Caller, send_until, warmed};
use crate::world::{Mode, World, ended};
use crate::written::Written;

const MEMBERS: u64 = 500;

/// Returns the processor time of mongod for a send, divided by that for two bare inserts of the
/// same documents. One caller sends, so nothing is merged.
///
/// # Errors
///
/// If a send is more than one script and two bulk inserts.
pub(crate) fn ratio(effort: Effort) -> Result<f64, Box<dyn Error>> {
    let sends = effort.pick(200, 4);
    Runtime::new()?.block_on(async {
        let world = World::start().await?;
        let node = world.node(Mode::RedisAndMongo).await?;
        let caller = warmed(vec![Caller::to_group(&node, 0, "hall", MEMBERS)?]).await?;
        let (counts, before) = (Counts::of(&world).await?, world.mongod_ns()?);
        send_until(caller, move |sent| sent >= sends).await?;
        let ours = (world.mongod_ns()? - before) / sends as f64;
        check(Counts::of(&world).await?.since(counts), i64::try_from(sends)?)?;
        ended(&node).await?;
        let bare = Written::read(&world).await?.insert(1, 1).await?.mongod_ns_each();
        writeln!(
            stderr(),
            "a group of {MEMBERS}: mongod has {:.0} µs for a send, {:.0} µs for the bare inserts",
            ours / 1e3,
            bare / 1e3
        )?;
        Ok(ours / bare)
    })
}

/// Checks what so many sends, one after the other, were to the servers.
fn check(counts: Counts, sends: i64) -> Result<(), Box<dyn Error>> {
    let documents = sends * (1 + i64::try_from(MEMBERS)?);
    if counts.scripts == sends && counts.inserts == 2 * sends && counts.documents >= documents {
        return Ok(());
    }
    Err(format!("{sends} sends were {counts:?}, not one script and two inserts each").into())
}
