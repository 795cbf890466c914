//! The soak of timelines: a process that sends, edits, recalls, reads, acknowledges, purges and has
//! entries expire is killed with `kill -9` again and again, and a model knows what it was answered.
//!
//! ```text
//! soak-timeline SECONDS ROUNDS [SEED]     the whole, at least so long and with so many kills; ends
//!                                         with an error at the first broken promise
//! soak-timeline work DIRECTORY ROUND SEED AHEAD-MS
//!                                         the process that is killed: says what it tries and what
//!                                         was answered; it begins with the sends that it reads
//!                                         from its standard input, in a list of JSON
//! ```
//!
//! Each process has another clock, up to an hour ahead of the machine's or behind, and so has who
//! compares: the time goes to and fro between any two openings of the store.
//!
//! After each kill the store is opened and compared with the model:
//!
//! - every acknowledged message is at its place, once, with a text that was acknowledged last or
//!   was being written when the process died; none is made up;
//! - a send that was not answered is repeated by the next process, and is there once;
//! - entries go no earlier than they may by their age or number, while files are written anew
//!   without the texts that were taken away;
//! - every history and inbox is contiguous above its floor, and no floor falls;
//! - a sequence that a reader saw has the same message for ever;
//! - copies in inboxes say the same as their histories, what is gone there is gone here;
//! - times never fall within a history, whatever the clocks show, and a copy has the same time;
//! - cursors are where they were acknowledged or further, and the unread messages are exactly those
//!   that a reader counts.

mod checker;
mod line;
mod model;
mod round;
#[path = "../start.rs"]
mod start;
mod store;
mod talk;
mod users;
mod work;

use std::error::Error;
use std::io::{Write, stdout};
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use tokio::runtime::Runtime;

use crate::round::Soak;

fn main() -> ExitCode {
    start::run(|arguments| -> Result<(), Box<dyn Error>> {
        match arguments {
            ["work", directory, round, seed, ahead_ms] => {
                let directory = Path::new(*directory);
                let work = work::run(directory, round.parse()?, seed.parse()?, ahead_ms.parse()?);
                Runtime::new()?.block_on(work)
            }
            [seconds, rounds, seed @ ..] => {
                let (time, seed) = start::length(&[&[*seconds], seed].concat(), "timeline")?;
                Runtime::new()?.block_on(soak(time, rounds.parse()?, seed))
            }
            _ => Err("use `cargo xtask soak timeline`, or: SECONDS ROUNDS [SEED]".into()),
        }
    })
}

async fn soak(time: Duration, rounds: u64, seed: u64) -> Result<(), Box<dyn Error>> {
    let begun = Instant::now();
    let mut soak = Soak::new(seed)?;
    // At least one round, whatever was asked.
    loop {
        let report = soak.round().await?;
        if soak.rounds() % 20 == 1 {
            writeln!(stdout(), "{:>4} s  {report}", begun.elapsed().as_secs())?;
        }
        if soak.rounds() >= rounds && begun.elapsed() >= time {
            break;
        }
    }
    let report = soak.end().await?;
    writeln!(stdout(), "{report} in {} s: no violation", begun.elapsed().as_secs())?;
    Ok(())
}
