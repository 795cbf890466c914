//! `cargo xtask soak NAME`: the long runs, each a binary of the package `tests`.

use std::process::Command;

use anyhow::{Context, Result, bail};
use clap::ValueEnum;

use crate::binary::workspace;
use crate::{step, test};

/// What there is to run.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Name {
    /// Three processes on a replica set of three members, compared with a model
    Mongo,
    /// Three processes on one Redis, compared with a model
    Presence,
    /// The real server, whose log nobody reads, with a small disk and few descriptors; needs root
    Server,
    /// A process with an embedded timeline store that is killed and killed, compared with a model
    Timeline,
}

/// Builds the binary and runs it.
pub fn run(name: Name, minutes: f64, seed: Option<u64>) -> Result<()> {
    step::show(&mut command(name, minutes, seed)?)
}

/// Runs one cycle of each soak, and returns what they wrote; so does the error.
pub(crate) fn smoke() -> Result<String> {
    let mut written = String::new();
    for (name, minutes) in
        [(Name::Presence, 0.1), (Name::Mongo, 0.1), (Name::Server, 0.0), (Name::Timeline, 0.2)]
    {
        let mut soak = command(name, minutes, None)?;
        let output = soak.output().with_context(|| format!("cannot run {}", step::words(&soak)))?;
        written += &String::from_utf8_lossy(&output.stdout);
        if !output.status.success() {
            bail!("{written}{}{}", String::from_utf8_lossy(&output.stderr), output.status);
        }
    }
    Ok(written)
}

fn command(name: Name, minutes: f64, seed: Option<u64>) -> Result<Command> {
    if !(0.0..=24.0 * 60.0).contains(&minutes) {
        bail!("--minutes is {minutes}; it must be from 0 to {}", 24 * 60);
    }
    let binary = match name {
        Name::Mongo => "soak-mongo",
        Name::Presence => "soak-presence",
        Name::Server => "soak-server",
        Name::Timeline => "soak-timeline",
    };
    // As everything else is built, so that nothing is built twice with other features.
    test::build()?;
    let mut soak = Command::new(step::target().join("debug").join(binary));
    soak.current_dir(workspace());
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked above")]
    soak.arg(((minutes * 60.0) as u64).to_string());
    soak.args(seed.map(|seed| seed.to_string()));
    // The server that was just built.
    soak.env("TIDINGS_BINARY", step::target().join("debug/tidings"));
    Ok(soak)
}
