//! The soak of the server: the real binary on an unlucky machine.
//!
//! Its log has no reader, its disk fills and empties, its descriptors run out, and it is killed and
//! frozen, while people send, read, come and go. After each fault everything has to be well again
//! without help: `/readyz` says so, what was acknowledged is in the inboxes once and in order,
//! presence is right, and memory stays level.
//!
//! ```text
//! soak-server SECONDS [SEED]           goes into a mount namespace of its own, for the small disk; needs root
//! soak-server inside SECONDS SEED      the same, already in there
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

use std::env;
use std::error::Error;
use std::io::{Write, stderr, stdout};
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use crate::cycle::Soak;
use crate::random::Random;

/// What the tasks of this program fail with.
pub(crate) type Failure = Box<dyn Error + Send + Sync>;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let own_seed = std::process::id().to_string();
    let done = match arguments.as_slice() {
        ["inside", seconds, seed] => inside(seconds, seed),
        [seconds] => outside(seconds, &own_seed),
        [seconds, seed] => outside(seconds, seed),
        _ => Err("use `cargo xtask soak server`, or: SECONDS [SEED]".into()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            drop(writeln!(stderr(), "{error}"));
            ExitCode::FAILURE
        }
    }
}

/// Runs this program again where it may mount a small disk that nobody else sees.
fn outside(seconds: &str, seed: &str) -> Result<(), Failure> {
    if !rustix::process::geteuid().is_root() {
        return Err(
            "the soak of the server fills a small disk, which only root can mount: nothing was run".into()
        );
    }
    let mut command = Command::new("unshare");
    command.args(["--mount", "--propagation", "private", "--"]).arg(env::current_exe()?);
    let status = command.args(["inside", seconds, seed]).status()?;
    if status.success() { Ok(()) } else { Err("the soak failed".into()) }
}

fn inside(seconds: &str, seed: &str) -> Result<(), Failure> {
    let (time, seed) = (Duration::from_secs(seconds.parse()?), seed.parse()?);
    writeln!(stdout(), "seed {seed}")?;
    crowd::raise_limit()?;
    tokio::runtime::Runtime::new()?.block_on(soak(time, seed))
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
