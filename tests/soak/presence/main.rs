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
#[path = "../start.rs"]
mod start;
mod work;
mod worker;

use std::error::Error;
use std::io::{Write, stdout};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use tokio::runtime::Runtime;

use crate::cycle::Soak;
use crate::random::Random;

fn main() -> ExitCode {
    start::run(|arguments| -> Result<(), Box<dyn Error>> {
        if let ["work", url, name] = arguments {
            return Runtime::new()?.block_on(work::run(url, name));
        }
        let (time, seed) = start::length(arguments, "presence")?;
        Runtime::new()?.block_on(soak(time, seed))
    })
}

async fn soak(time: Duration, seed: u64) -> Result<(), Box<dyn Error>> {
    let begun = Instant::now();
    let mut soak = Soak::start(Random::new(seed)).await?;
    let mut cycles = 0;
    while begun.elapsed() < time {
        let report = soak.cycle().await?;
        cycles += 1;
        writeln!(stdout(), "{:>4} s  {report}", begun.elapsed().as_secs())?;
    }
    writeln!(stdout(), "{cycles} cycles, {} transitions: none lost, none doubled", soak.transitions())?;
    Ok(())
}
