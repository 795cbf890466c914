//! How `redis-server` is started.

use std::path::Path;
use std::process::Command;

use crate::error::Result;
use crate::server::Recipe;

/// A server that keeps data, in memory unless its options say otherwise.
pub(super) const STORE: Recipe = Recipe {
    name: "redis",
    binary: "redis-server",
    variable: "REDIS_URL",
    default_port: 6379,
    command: store,
    listening: "Ready to accept connections",
    image: ("redis", "7", &["redis-server", "--save", "", "--bind", "0.0.0.0", "--protected-mode", "no"]),
};

/// A sentinel, which reads and rewrites [`SENTINEL_FILE`] in its directory.
pub(super) const SENTINEL: Recipe =
    Recipe { name: "sentinel", command: sentinel, listening: "Sentinel ID is", ..STORE };

pub(super) const SENTINEL_FILE: &str = "sentinel.conf";

#[expect(clippy::unnecessary_wraps, reason = "others need a second port")]
fn store(program: &Path, port: u16, directory: &Path) -> Result<Command> {
    let mut command = Command::new(program);
    command
        .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
        .args(["--daemonize", "no", "--loglevel", "notice", "--logfile", "", "--dir"])
        .arg(directory)
        .current_dir(directory);
    Ok(command)
}

#[expect(clippy::unnecessary_wraps, reason = "others need a second port")]
fn sentinel(program: &Path, port: u16, directory: &Path) -> Result<Command> {
    let mut command = Command::new(program);
    command
        .arg(directory.join(SENTINEL_FILE))
        .args(["--sentinel", "--port", &port.to_string(), "--bind", "127.0.0.1"])
        .args(["--daemonize", "no", "--loglevel", "notice", "--logfile", "", "--dir"])
        .arg(directory)
        .current_dir(directory);
    Ok(command)
}
