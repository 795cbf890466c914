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
#[path = "../start.rs"]
mod start;
mod witness;
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
        if let ["work", url, database, name] = arguments {
            return Runtime::new()?.block_on(work::run(url, database, name));
        }
        let (time, seed) = start::length(arguments, "mongo")?;
        Runtime::new()?.block_on(soak(time, seed))
    })
}

async fn soak(time: Duration, seed: u64) -> Result<(), Box<dyn Error>> {
    let begun = Instant::now();
    // A short run is one short cycle.
    let load = Duration::from_millis(if time < Duration::from_secs(60) { 1_500 } else { 5_000 });
    let mut soak = Soak::start(Random::new(seed), load).await?;
    let mut cycles = 0;
    loop {
        let report = soak.cycle().await?;
        cycles += 1;
        writeln!(stdout(), "{:>4} s  {report}", begun.elapsed().as_secs())?;
        if begun.elapsed() >= time {
            break;
        }
    }
    writeln!(stdout(), "{cycles} cycles, {} changes told: no false death, no ghost", soak.changes())?;
    Ok(())
}
