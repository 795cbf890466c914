//! Durable sends between two users: how many times those of the original.

use std::error::Error;
use std::io::{Write, stderr};
use std::time::Duration;

use benches::budget::Effort;
use tokio::runtime::Runtime;

use crate::original;
use crate::scene::{CALLERS, Caller, rate};
use crate::world::{Mode, World, ended};
use crate::written::Written;

/// Returns how many times as many sends a second as the way of the original as many callers make.
pub(crate) fn ratio(mode: Mode, effort: Effort) -> Result<f64, Box<dyn Error>> {
    let time = effort.pick(Duration::from_secs(3), Duration::from_millis(50));
    Runtime::new()?.block_on(async {
        let world = World::start().await?;
        let original = original::rate(&world, time).await?;
        let node = world.node(mode).await?;
        let callers = (0..CALLERS).map(|number| Caller::of_pair(&node, number)).collect::<Result<_, _>>()?;
        let ours = rate(callers, time).await?;
        ended(&node).await?;
        let bare = Written::read(&world).await?.insert(&world, AT_ONCE, WRITERS).await?.rate();
        writeln!(
            stderr(),
            "{mode:?}: ours {ours:.0} sends/s, the way of the original {original:.0}, bare inserts of \
             {AT_ONCE} sends at once {bare:.0}"
        )?;
        Ok(ours / original)
    })
}

/// What the bare writer does: as many sends at once, and commands under way, as a node may have
/// when all callers wait.
const AT_ONCE: usize = 16;
const WRITERS: usize = 4;
