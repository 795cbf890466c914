//! The soak of sisters: five hubs, each a process, that pass on what is written while nodes are
//! killed or frozen and wires are cut or go silent.
//!
//! ```text
//! soak-hub SECONDS [SEED]     the whole; ends with an error at the first message that came twice, out of
//!                             order, or not at all without a notice
//! soak-hub node PORT WIRE...  one of the nodes: says on standard output who it is and what it is told
//! ```
//!
//! ```text
//! writer 0 ─► node 0 ─► wire ─► node 1 ─► member 1
//!                 └───► wire ─► node 2 ─► member 2 ─► checker ◄─ notices of each node
//! ```
//!
//! Nodes reach each other only over wires, which are in this process: a wire that is cut ends its
//! connections, one that is silent passes nothing on, as a partition does. Members and writers are
//! clients of another library. Every cycle has another graph: a mesh or a ring.

mod checker;
mod cycle;
mod fleet;
mod member;
mod node;
mod wire;
mod writer;

use std::env;
use std::error::Error;
use std::io::{Write, stderr, stdout};
use std::process::ExitCode;
use std::time::{Duration, Instant};

fn main() -> ExitCode {
    // `RUST_LOG=conductor_hub=info` shows what the nodes think.
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
        .with_writer(stderr)
        .init();
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let run = || -> Result<(), Box<dyn Error>> {
        let runtime = tokio::runtime::Runtime::new()?;
        match arguments.as_slice() {
            ["node", port, wires @ ..] => runtime.block_on(node::run(port.parse()?, wires)),
            [seconds] => runtime.block_on(soak(seconds.parse()?, u64::from(std::process::id()))),
            [seconds, seed] => runtime.block_on(soak(seconds.parse()?, seed.parse()?)),
            _ => Err("use `cargo xtask soak hub`, or: SECONDS [SEED]".into()),
        }
    };
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            drop(writeln!(stderr(), "{error}"));
            ExitCode::FAILURE
        }
    }
}

async fn soak(seconds: u64, seed: u64) -> Result<(), Box<dyn Error>> {
    writeln!(stdout(), "seed {seed}")?;
    let begun = Instant::now();
    let mut random = fastrand::Rng::with_seed(seed);
    let mut total = cycle::Report::default();
    let mut cycles = 0;
    while cycles == 0 || begun.elapsed() < Duration::from_secs(seconds) {
        // A short run has short cycles.
        let report = cycle::run(&mut random, cycles % 2 == 0, seconds < 60).await?;
        cycles += 1;
        writeln!(stdout(), "{:>4} s  {report}", begun.elapsed().as_secs())?;
        total.add(&report);
    }
    writeln!(stdout(), "{cycles} cycles, {total}: nothing twice, out of order or missing without a notice")?;
    Ok(())
}
