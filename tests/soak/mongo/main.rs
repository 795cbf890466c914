//! The soak of presence on MongoDB: three processes ping and watch, while they or the members of a
//! replica set are killed, frozen or deposed, and a model knows who must be alive and who may have
//! died.
//!
//! ```text
//! soak-mongo SECONDS [SEED]              the whole; ends with an error at the first false death, ghost, or growth
//! soak-mongo work URL DATABASE NAME      one of the processes: says on standard output what it does and what it is told
//! ```
//!
//! It goes in cycles: keys come and go, something fails, everybody pauses, and then the watchers of
//! all processes, one that begins now, and the model have to agree within the bound. What they were
//! told in between is judged, too: no key died more often than it may have.

mod clock;
mod cycle;
mod fault;
mod model;
mod observer;
#[path = "../presence/random.rs"]
mod random;
mod witness;
mod work;
mod worker;

use std::env;
use std::error::Error;
use std::io::{Write, stderr, stdout};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use crate::cycle::Soak;
use crate::random::Random;

fn main() -> ExitCode {
    // `RUST_LOG=presence_mongo=debug` shows what the processes think.
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
        .with_writer(stderr)
        .init();
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let run = || -> Result<(), Box<dyn Error>> {
        let runtime = tokio::runtime::Runtime::new()?;
        match arguments.as_slice() {
            ["work", url, database, name] => runtime.block_on(work::run(url, database, name)),
            [seconds] => runtime.block_on(soak(seconds.parse()?, u64::from(std::process::id()))),
            [seconds, seed] => runtime.block_on(soak(seconds.parse()?, seed.parse()?)),
            _ => Err("use `cargo xtask soak mongo`, or: SECONDS [SEED]".into()),
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
    // A short run is one short cycle.
    let load = Duration::from_millis(if seconds < 60 { 1_500 } else { 5_000 });
    let mut soak = Soak::start(Random::new(seed), load).await?;
    let mut cycles = 0;
    loop {
        let report = soak.cycle().await?;
        cycles += 1;
        writeln!(stdout(), "{:>4} s  {report}", begun.elapsed().as_secs())?;
        if begun.elapsed() >= Duration::from_secs(seconds) {
            break;
        }
    }
    writeln!(stdout(), "{cycles} cycles, {} changes told: no false death, no ghost", soak.changes())?;
    Ok(())
}
