//! `cargo xtask soak NAME`: the long runs, each a binary of the package `tests`.

use std::process::Command;

use anyhow::{Result, bail};
use clap::ValueEnum;

use crate::binary::workspace;
use crate::{step, test};

/// What there is to run.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Name {
    /// Three processes on one Redis, compared with a model
    Presence,
    /// The real server, whose log nobody reads, with a small disk and few descriptors; needs root
    Server,
}

/// Builds the binary and runs it.
pub fn run(name: Name, minutes: f64, seed: Option<u64>) -> Result<()> {
    if !(0.0..=24.0 * 60.0).contains(&minutes) {
        bail!("--minutes is {minutes}; it must be from 0 to {}", 24 * 60);
    }
    let binary = match name {
        Name::Presence => "soak-presence",
        Name::Server => "soak-server",
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
    step::show(&mut soak)
}
