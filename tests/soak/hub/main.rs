//! The soak of sisters: five hubs, each a process, that pass on what is written while nodes are
//! killed, frozen and parted, and links are cut or go silent.
//!
//! ```text
//! soak-hub SECONDS [SEED]            the whole; ends with an error at the first message that came twice, out of
//!                                    order, or not at all without a notice, if a stream of a node that is
//!                                    there has not ended, and if memory grows
//! soak-hub inside SECONDS [SEED]     the same, in a network namespace of its own
//! soak-hub node ADDRESS MOST SISTER...
//!                                    one of the nodes, which looks for so many sisters, or for as many as by
//!                                    default: says on standard output who it is and what it is told
//! ```
//!
//! ```text
//! writer 0 ─► node 0 ─► link ─► node 1 ─► member 1
//!                 └───► link ─► node 2 ─► member 2 ─► checker ◄─ notices of each node
//! ```
//!
//! Every cycle has another graph and other links: a mesh, a ring, or each third time a mesh whose
//! nodes look for two sisters, so that links are given up as too many while others fail. Wires are
//! in this process: one that is cut ends its connections, one that is silent passes nothing on.
//! Where the machine lets it, every second cycle has each node in a network namespace instead, and
//! the kernel parts them. Members and writers are clients of another library.
//!
//! The last half of the time is one cycle in which nobody is killed. Its line says how much memory
//! a node had after a quarter of it and at the end, which may be 1.25 times as much and 4 MiB.

mod checker;
mod cycle;
mod fleet;
mod graph;
mod member;
mod namespaces;
mod node;
mod notices;
mod report;
#[path = "../start.rs"]
mod start;
mod wire;
mod writer;

use std::env;
use std::error::Error;
use std::io::{Write, stdout};
use std::process::{Command, ExitCode};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::runtime::Runtime;

use crate::cycle::Plan;
use crate::graph::Graph;
use crate::namespaces::Namespaces;
use crate::report::Report;

/// How many hubs there are.
pub(crate) const NODES: usize = 5;

fn main() -> ExitCode {
    start::run(|arguments| -> Result<(), Box<dyn Error>> {
        match arguments {
            ["node", address, most, sisters @ ..] => {
                Runtime::new()?.block_on(node::run(address, most, sisters))
            }
            ["inside", arguments @ ..] => {
                let (time, seed) = start::length(arguments, "hub")?;
                Runtime::new()?.block_on(soak(time, seed, true))
            }
            arguments => outside(arguments),
        }
    })
}

/// Runs this program again where it may make network namespaces, or goes on without them.
fn outside(arguments: &[&str]) -> Result<(), Box<dyn Error>> {
    if let Some(why) = Namespaces::refused() {
        writeln!(stdout(), "without network namespaces, as {why}: only wires part the nodes")?;
        let (time, seed) = start::length(arguments, "hub")?;
        return Runtime::new()?.block_on(soak(time, seed, false));
    }
    let mut command = Command::new("unshare");
    command.args(["--net", "--"]).arg(env::current_exe()?).arg("inside");
    let status = command.args(arguments).status()?;
    if status.success() { Ok(()) } else { Err("the soak failed".into()) }
}

async fn soak(time: Duration, seed: u64, with_namespaces: bool) -> Result<(), Box<dyn Error>> {
    let begun = Instant::now();
    let mut random = fastrand::Rng::with_seed(seed);
    let namespaces = if with_namespaces { Some(Arc::new(Namespaces::open().await?)) } else { None };
    let is_short = time < Duration::from_secs(60);
    let mut total = Report::default();
    let mut cycles = 0;
    loop {
        // The last half of a long run is one cycle, whose memory is looked at.
        let left = time.saturating_sub(begun.elapsed());
        let level = (!is_short && left <= time / 2).then_some(left);
        let plan = Plan { graph: Graph::of(cycles), is_short, level };
        // In the course of twelve cycles all graphs have both kinds of links.
        let spaces = namespaces.clone().filter(|_| matches!(cycles % 4, 0 | 3));
        let report = cycle::run(&mut random, plan, spaces).await?;
        cycles += 1;
        writeln!(stdout(), "{:>4} s  {report}", begun.elapsed().as_secs())?;
        total.add(&report);
        if level.is_some() {
            report.judge_memory()?;
        }
        if level.is_some() || begun.elapsed() >= time {
            break;
        }
    }
    writeln!(stdout(), "{cycles} cycles, {total}: nothing twice, out of order, or missing untold")?;
    Ok(())
}
