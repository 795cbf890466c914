//! The soak of presence on Redis: three processes whose users come and go, while Redis or a process
//! is killed, frozen or restarted, and a model that knows how many transitions each id must have
//! had.
//!
//! ```text
//! soak-presence SECONDS [SEED]     the whole; ends with an error at the first transition lost, doubled or made up
//! soak-presence work URL NAME      one of the processes: says on standard output what it tries and what was done
//! ```
//!
//! It goes in cycles of 20 to 30 s: everybody comes and goes, something fails, everybody pauses,
//! and then what the subscribers heard, what Redis says and what the model expects have to be the
//! same.

mod cycle;
mod fault;
mod model;
mod observer;
mod random;
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
    // `RUST_LOG=presence_redis=debug` shows what the processes think.
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
        .with_writer(stderr)
        .init();
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let run = || -> Result<(), Box<dyn Error>> {
        let runtime = tokio::runtime::Runtime::new()?;
        match arguments.as_slice() {
            ["work", url, name] => runtime.block_on(work::run(url, name)),
            [seconds] => runtime.block_on(soak(seconds.parse()?, u64::from(std::process::id()))),
            [seconds, seed] => runtime.block_on(soak(seconds.parse()?, seed.parse()?)),
            _ => Err("use `cargo xtask soak presence`, or: SECONDS [SEED]".into()),
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
    let mut soak = Soak::start(Random::new(seed)).await?;
    let mut cycles = 0;
    while begun.elapsed() < Duration::from_secs(seconds) {
        let report = soak.cycle().await?;
        cycles += 1;
        writeln!(stdout(), "{:>4} s  {report}", begun.elapsed().as_secs())?;
    }
    writeln!(stdout(), "{cycles} cycles, {} transitions: none lost, none doubled", soak.transitions())?;
    Ok(())
}
