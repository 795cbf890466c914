//! `cargo xtask containers`: the tests with containers, on an engine that is there or one of our
//! own.

use anyhow::Result;

use crate::engine::Engine;
use crate::images;
use crate::setup;
use crate::step;

/// Runs the tests with containers; nothing is skipped.
pub fn run() -> Result<()> {
    setup::run(false)?;
    let engine = Engine::find_or_start()?;
    images::make(&engine)?;
    let mut cargo = step::cargo(&["test", "--workspace", "--all-features", "--test", "integration"]);
    cargo
        .args(["containers::", "--", "--nocapture"])
        .env("DOCKER_HOST", engine.host())
        .env("REQUIRE_SERVERS", "1");
    step::show(&mut cargo)
}
