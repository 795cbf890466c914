//! The soak of timelines: a process that sends, edits, recalls, reads, acknowledges, purges and has
//! entries expire is killed with `kill -9` again and again, and a model knows what it was answered.
//!
//! ```text
//! soak-timeline SECONDS ROUNDS [SEED]     the whole, at least so long and with so many kills; ends
//!                                         with an error at the first broken promise
//! soak-timeline work DIRECTORY ROUND SEED the process that is killed: says what it tries and what was answered
//! ```
//!
//! After each kill the store is opened and compared with the model:
//!
//! - every acknowledged message is at its place, once, with a text that was acknowledged last or
//!   was being written when the process died; none is made up;
//! - every history and inbox is contiguous above its floor, and no floor falls;
//! - a sequence that a reader saw has the same message for ever;
//! - copies in inboxes say the same as their histories, what is gone there is gone here;
//! - cursors are where they were acknowledged or further, and the unread messages are exactly those
//!   that a reader counts.

mod checker;
mod line;
mod model;
mod round;
mod store;
mod talk;
mod users;
mod work;

use std::env;
use std::error::Error;
use std::io::{Write, stderr, stdout};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use crate::round::Soak;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let run = || -> Result<(), Box<dyn Error>> {
        let runtime = tokio::runtime::Runtime::new()?;
        match arguments.as_slice() {
            ["work", directory, round, seed] => {
                runtime.block_on(work::run(directory.as_ref(), round.parse()?, seed.parse()?))
            }
            [seconds, rounds, seed @ ..] => {
                let seed = match seed {
                    [seed, ..] => seed.parse()?,
                    [] => u64::from(std::process::id()),
                };
                runtime.block_on(soak(seconds.parse()?, rounds.parse()?, seed))
            }
            _ => Err("use `cargo xtask soak timeline`, or: SECONDS ROUNDS [SEED]".into()),
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

async fn soak(seconds: u64, rounds: u64, seed: u64) -> Result<(), Box<dyn Error>> {
    writeln!(stdout(), "seed {seed}")?;
    let begun = Instant::now();
    let mut soak = Soak::new(seed)?;
    // At least one round, whatever was asked.
    loop {
        let report = soak.round().await?;
        if soak.rounds() % 20 == 1 {
            writeln!(stdout(), "{:>4} s  {report}", begun.elapsed().as_secs())?;
        }
        if soak.rounds() >= rounds && begun.elapsed() >= Duration::from_secs(seconds) {
            break;
        }
    }
    let report = soak.end().await?;
    writeln!(stdout(), "{report} in {} s: no violation", begun.elapsed().as_secs())?;
    Ok(())
}
