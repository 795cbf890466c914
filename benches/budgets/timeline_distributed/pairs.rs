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

/// Returns how many times as many sends a second 64 callers make as the original, call after call.
///
/// Each call of that is one increment and one insert for each box, one after the other.
pub(crate) fn ratio(mode: Mode, effort: Effort) -> Result<f64, Box<dyn Error>> {
    let Rates { ours, one_at_a_time, .. } = rates(mode, effort)?;
    Ok(ours / one_at_a_time)
}

/// Returns how many times as many they make as 64 callers of the original at once.
pub(crate) fn ratio_at_once(mode: Mode, effort: Effort) -> Result<f64, Box<dyn Error>> {
    let Rates { ours, at_once, .. } = rates(mode, effort)?;
    Ok(ours / at_once)
}

/// Returns the part that they make of what a bare writer of the same documents does.
pub(crate) fn part_of_bare(mode: Mode, effort: Effort) -> Result<f64, Box<dyn Error>> {
    let Rates { ours, bare, .. } = rates(mode, effort)?;
    Ok(ours / bare)
}

/// Sends a second.
struct Rates {
    ours: f64,
    one_at_a_time: f64,
    at_once: f64,
    bare: f64,
}

fn rates(mode: Mode, effort: Effort) -> Result<Rates, Box<dyn Error>> {
    let time = effort.pick(Duration::from_secs(3), Duration::from_millis(50));
    Runtime::new()?.block_on(async {
        let world = World::start().await?;
        let one_at_a_time = original::rate(&world, 1, time).await?;
        let at_once = original::rate(&world, CALLERS, time).await?;
        let node = world.node(mode).await?;
        let callers = (0..CALLERS).map(|number| Caller::of_pair(&node, number)).collect::<Result<_, _>>()?;
        let ours = rate(callers, time).await?;
        ended(&node).await?;
        let bare = Written::read(&world).await?.insert(AT_ONCE, WRITERS).await?.rate();
        writeln!(
            stderr(),
            "{mode:?}: ours {ours:.0} sends/s, the original one at a time {one_at_a_time:.0}, {CALLERS} at \
             once {at_once:.0}, bare inserts of {AT_ONCE} sends at once {bare:.0}"
        )?;
        Ok(Rates { ours, one_at_a_time, at_once, bare })
    })
}

/// What the bare writer does: as many sends at once, and commands under way, as a node may have
/// when all callers wait.
const AT_ONCE: usize = 16;
const WRITERS: usize = 4;
