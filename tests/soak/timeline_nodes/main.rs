//! The soak of timelines on MongoDB: several processes are the nodes of one store, and users send,
//! edit, recall, purge, read and acknowledge at any of them, while nodes and databases are killed,
//! frozen, crowded, emptied, set back, deposed or rolled back, one at a time and each in its turn.
//!
//! ```text
//! soak-timeline-nodes mongo|redis+mongo SECONDS [SEED [ROLLBACKS]]
//!     the whole; ends with an error at the first broken promise
//! soak-timeline-nodes node AHEAD-MS primary|secondaries MONGO DATABASE [REDIS]
//!     a node: does what it is asked on standard input
//! ```
//!
//! Users send with a message id, and repeat what failed or takes long at another node, while the
//! first one may still be doing it. At every page that anybody reads, and all together at the end
//! of each cycle:
//!
//! - every acknowledged message is at its place, once, and in the inboxes of all who were not named
//!   as failed;
//! - no reader is reset, skips an entry, or gets one twice; floors do not fall, and an inbox that
//!   was acknowledged to its end counts on;
//! - a sequence that anybody saw has the same message for ever, in inboxes and in histories, also
//!   where those are read from secondaries, as one of the nodes does;
//! - histories, inboxes and cursors are as the checker of the embedded soak wants them.
//!
//! With ROLLBACKS nothing fails but primaries whose last writes are undone, until there were so
//! many; it is an error if the time is too short for that. A run of ten minutes or more without it
//! fails if one of the disturbances never took effect.
//!
//! The seed decides what fails and what users do. When exactly is up to the machine. The clock of
//! each node is up to an hour ahead of the machine's, or behind, and another one after each start.

mod ask;
mod bag;
#[path = "../timeline/checker.rs"]
mod checker;
mod disturbance;
mod effects;
mod fault;
mod history_reader;
mod ledger;
#[path = "../timeline/line.rs"]
mod line;
#[path = "../timeline/model.rs"]
mod model;
mod mongo_servers;
mod node;
mod node_process;
mod nodes;
mod pause;
mod place;
mod reader;
mod redis_kind;
mod redis_servers;
mod scene;
mod seen_history;
mod servers;
mod soak;
#[path = "../start.rs"]
mod start;
#[path = "../timeline/talk.rs"]
mod talk;
mod user;
mod users;

use std::io::{Write, stdout};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use tokio::runtime::Runtime;

use crate::bag::Bag;
use crate::disturbance::Disturbance;
use crate::fault::Fault;
use crate::place::Place;
use crate::redis_kind::RedisKind;
use crate::soak::{Pace, Soak};

fn main() -> ExitCode {
    start::run(|arguments| -> Result<(), Fault> {
        match arguments {
            ["node", ahead_ms, place @ ..] => {
                let place = Place::of(place).ok_or("a node needs the addresses of its databases")?;
                Runtime::new()?.block_on(node::run(&place, ahead_ms.parse()?))
            }
            [store @ ("mongo" | "redis+mongo"), length @ ..] => {
                let (length, rollbacks) = match length {
                    [length @ .., rollbacks] if length.len() == 2 => (length, rollbacks.parse()?),
                    length => (length, 0),
                };
                let (time, seed) = start::length(length, "timeline --store")?;
                Runtime::new()?.block_on(soak(*store == "redis+mongo", time, seed, rollbacks))
            }
            _ => {
                let usage = "use `cargo xtask soak timeline --store`, or: \
                             mongo|redis+mongo SECONDS [SEED [ROLLBACKS]]";
                Err(usage.into())
            }
        }
    })
}

/// How long a run is that has to show all of the disturbances.
const WHOLE: Duration = Duration::from_secs(600);

async fn soak(with_redis: bool, lasts: Duration, seed: u64, rollbacks: usize) -> Result<(), Fault> {
    let begun = Instant::now();
    let (second, minute) = (Duration::from_secs(1), Duration::from_secs(60));
    // A short run is one short cycle.
    let pace = if lasts < minute {
        Pace { disturbances: 1, calm: second, longest: second }
    } else {
        Pace { disturbances: 3, calm: second, longest: minute }
    };
    let redis = match (with_redis, lasts < minute) {
        (false, _) => RedisKind::None,
        // Sentinels need a while to find together.
        (true, true) => RedisKind::One,
        (true, false) => RedisKind::Watched,
    };
    let bag = if rollbacks > 0 { Bag::of(Disturbance::PrimaryRolledBack) } else { Bag::of_all(redis) };
    let mut soak = Soak::start(redis, seed, pace, bag).await?;
    let mut cycles = 0;
    loop {
        let time_is_up = begun.elapsed() + minute >= lasts;
        // The last cycle compares everything.
        let is_last = if rollbacks > 0 { soak.rolled_back() >= rollbacks } else { time_is_up };
        if time_is_up && !is_last {
            return Err(format!("only {} of {rollbacks} rollbacks, seed {seed}", soak.rolled_back()).into());
        }
        let report = soak.cycle(is_last).await.map_err(|fault| {
            let (at, events) = (begun.elapsed().as_secs(), soak.events());
            format!("{events}violation after {at} s, seed {seed}: {fault}")
        })?;
        cycles += 1;
        writeln!(stdout(), "{:>4} s  {report}", begun.elapsed().as_secs())?;
        if is_last {
            break;
        }
    }
    writeln!(stdout(), "took effect: {}", soak.effects())?;
    let never = soak.effects().never();
    if lasts >= WHOLE && !never.is_empty() {
        return Err(format!("never took effect in {lasts:?}: {}; seed {seed}", never.join(", ")).into());
    }
    writeln!(stdout(), "{cycles} cycles, {} rollbacks: no violation", soak.rolled_back())?;
    Ok(())
}
