//! The soak of the server: the real binary on an unlucky machine.
//!
//! Its log has no reader, its disk fills and empties, its descriptors run out, and it is killed and
//! frozen, while people send, read, come and go. After each fault everything has to be well again
//! without help: `/readyz` says so, what was acknowledged is in the inboxes once and in order,
//! presence is right, and memory stays level.
//!
//! ```text
//! soak-server SECONDS [SEED]           goes into a mount namespace of its own, for the small disk; needs root
//! soak-server inside SECONDS [SEED]    the same, already in there
//! ```

mod crowd;
mod cycle;
mod disk;
mod fault;
mod mail;
mod people;
mod process;
#[path = "../presence/random.rs"]
mod random;
mod sender;
#[path = "../start.rs"]
mod start;

use std::env;
use std::error::Error;
use std::io::{Write, stdout};
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use tokio::runtime::Runtime;

use crate::cycle::Soak;
use crate::random::Random;

/// What the tasks of this program fail with.
pub(crate) type Failure = Box<dyn Error + Send + Sync>;

fn main() -> ExitCode {
    start::run(|arguments| match arguments {
        ["inside", arguments @ ..] => inside(arguments),
        arguments => outside(arguments),
    })
}

/// Runs this program again where it may mount a small disk that nobody else sees.
fn outside(arguments: &[&str]) -> Result<(), Failure> {
    if !rustix::process::geteuid().is_root() {
        return Err(
            "the soak of the server fills a small disk, which only root can mount: nothing was run".into()
        );
    }
    let mut command = Command::new("unshare");
    command.args(["--mount", "--propagation", "private", "--"]).arg(env::current_exe()?);
    let status = command.arg("inside").args(arguments).status()?;
    if status.success() { Ok(()) } else { Err("the soak failed".into()) }
}

fn inside(arguments: &[&str]) -> Result<(), Failure> {
    let (time, seed) = start::length(arguments, "server")?;
    crowd::raise_limit()?;
    Runtime::new()?.block_on(soak(time, seed))
}

async fn soak(time: Duration, seed: u64) -> Result<(), Failure> {
    let begun = Instant::now();
    let mut soak = Soak::start(Random::new(seed)).await?;
    let mut cycles = 0;
    while cycles == 0 || begun.elapsed() < time {
        // A process that is killed begins with fresh memory, so in the second half none is.
        let report = soak.cycle(begun.elapsed() < time / 2).await?;
        cycles += 1;
        writeln!(stdout(), "{:>4} s  {report}", begun.elapsed().as_secs())?;
    }
    let end = soak.end().await?;
    writeln!(stdout(), "{cycles} cycles: {end}")?;
    Ok(())
}
