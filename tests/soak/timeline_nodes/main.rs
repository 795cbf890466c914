//! The soak of timelines on MongoDB: several processes are the nodes of one store, and users send,
//! edit, recall, purge, read and acknowledge at any of them, while nodes and databases are killed,
//! frozen, emptied, set back or deposed, one at a time.
//!
//! ```text
//! soak-timeline-nodes mongo|redis+mongo SECONDS [SEED]   the whole; ends with an error at the first broken promise
//! soak-timeline-nodes node MONGO DATABASE [REDIS]        a node: does what it is asked on standard input
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
//! - a sequence that anybody saw has the same message for ever;
//! - histories, inboxes and cursors are as the checker of the embedded soak wants them.
//!
//! The seed decides what fails and what users do. When exactly is up to the machine. The clocks of
//! the nodes are the machine's: nothing sets them apart here.

mod ask;
#[path = "../timeline/checker.rs"]
mod checker;
mod disturbance;
mod fault;
mod ledger;
#[path = "../timeline/line.rs"]
mod line;
#[path = "../timeline/model.rs"]
mod model;
mod node;
mod node_process;
mod nodes;
mod place;
mod reader;
mod scene;
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

use crate::fault::Fault;
use crate::place::Place;
use crate::soak::{Pace, Soak};

fn main() -> ExitCode {
    start::run(|arguments| -> Result<(), Fault> {
        match arguments {
            ["node", place @ ..] => {
                let place = Place::of(place).ok_or("a node needs the addresses of its databases")?;
                Runtime::new()?.block_on(node::run(&place))
            }
            [store @ ("mongo" | "redis+mongo"), length @ ..] => {
                let (time, seed) = start::length(length, "timeline --store")?;
                Runtime::new()?.block_on(soak(*store == "redis+mongo", time, seed))
            }
            _ => {
                let usage = "use `cargo xtask soak timeline --store`, or: mongo|redis+mongo SECONDS [SEED]";
                Err(usage.into())
            }
        }
    })
}

async fn soak(with_redis: bool, lasts: Duration, seed: u64) -> Result<(), Fault> {
    let begun = Instant::now();
    let (second, minute) = (Duration::from_secs(1), Duration::from_secs(60));
    // A short run is one short cycle.
    let pace = if lasts < minute {
        Pace { disturbances: 1, calm: second, longest: second }
    } else {
        Pace { disturbances: 3, calm: second, longest: minute }
    };
    let mut soak = Soak::start(with_redis, seed, pace).await?;
    let mut cycles = 0;
    loop {
        // The last cycle compares everything.
        let is_last = begun.elapsed() + minute >= lasts;
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
    writeln!(stdout(), "{cycles} cycles: no violation")?;
    Ok(())
}
