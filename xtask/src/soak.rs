//! `cargo xtask soak NAME`: the long runs, each a binary of the package `tests`.

use std::process::{self, Command};

use anyhow::{Context, Result, bail};
use clap::ValueEnum;

use crate::binary::workspace;
use crate::{step, test};

/// What there is to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Name {
    /// Five hubs that are sisters, killed, frozen and cut off from each other, with a checker
    Hub,
    /// Three processes on a replica set of three members, compared with a model
    Mongo,
    /// Three processes on one Redis, compared with a model
    Presence,
    /// The real server, whose log nobody reads, with a small disk and few descriptors; needs root
    Server,
    /// A process with an embedded timeline store that is killed and killed, or three with a store
    /// on databases that fail, compared with a model
    Timeline,
}

/// Where the timelines of a soak are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Store {
    /// In a directory of one process
    #[default]
    Embedded,
    /// On a MongoDB replica set of three members, with three nodes
    Mongo,
    /// On the same with Redis
    #[value(name = "redis+mongo")]
    RedisAndMongo,
}

/// How often the process with the embedded store is killed at least, unless it is told otherwise.
const ROUNDS: u64 = 200;

/// Builds the binary and runs it.
///
/// `rounds` is for the embedded store, `rollbacks` for the stores on databases.
pub fn run(
    name: Name,
    store: Store,
    minutes: f64,
    (rounds, rollbacks): (Option<u64>, Option<u32>),
    seed: Option<u64>,
) -> Result<()> {
    if rollbacks.is_some() && (name != Name::Timeline || store == Store::Embedded) {
        bail!("--rollbacks is for `cargo xtask soak timeline --store mongo` or `redis+mongo`");
    }
    // It comes after the seed.
    let seed = seed.or_else(|| rollbacks.map(|_| u64::from(process::id())));
    let mut soak = command(name, store, minutes, rounds, seed)?;
    soak.args(rollbacks.map(|rollbacks| rollbacks.to_string()));
    step::show(&mut soak)
}

/// Runs one cycle of each soak, and returns what they wrote; so does the error.
pub(crate) fn smoke() -> Result<String> {
    let mut written = String::new();
    for (name, store, minutes) in [
        (Name::Hub, Store::Embedded, 0.2),
        (Name::Presence, Store::Embedded, 0.1),
        (Name::Mongo, Store::Embedded, 0.1),
        (Name::Server, Store::Embedded, 0.0),
        (Name::Timeline, Store::Embedded, 0.2),
        (Name::Timeline, Store::Mongo, 0.2),
        (Name::Timeline, Store::RedisAndMongo, 0.2),
    ] {
        let mut soak = command(name, store, minutes, None, None)?;
        let output = soak.output().with_context(|| format!("cannot run {}", step::words(&soak)))?;
        written += &String::from_utf8_lossy(&output.stdout);
        if !output.status.success() {
            bail!("{written}{}{}", String::from_utf8_lossy(&output.stderr), output.status);
        }
    }
    Ok(written)
}

fn command(
    name: Name,
    store: Store,
    minutes: f64,
    rounds: Option<u64>,
    seed: Option<u64>,
) -> Result<Command> {
    if !(0.0..=24.0 * 60.0).contains(&minutes) {
        bail!("--minutes is {minutes}; it must be from 0 to {}", 24 * 60);
    }
    let (binary, first) = match (name, store) {
        (Name::Hub, Store::Embedded) => ("soak-hub", None),
        (Name::Mongo, Store::Embedded) => ("soak-mongo", None),
        (Name::Presence, Store::Embedded) => ("soak-presence", None),
        (Name::Server, Store::Embedded) => ("soak-server", None),
        (Name::Timeline, Store::Embedded) => ("soak-timeline", None),
        (Name::Timeline, Store::Mongo) => ("soak-timeline-nodes", Some("mongo")),
        (Name::Timeline, Store::RedisAndMongo) => ("soak-timeline-nodes", Some("redis+mongo")),
        _ => bail!("--store is for `cargo xtask soak timeline` only"),
    };
    let counts_rounds = binary == "soak-timeline";
    if rounds.is_some() && !counts_rounds {
        bail!("--rounds is for `cargo xtask soak timeline` with the embedded store only");
    }
    // As everything else is built, so that nothing is built twice with other features.
    test::build()?;
    let mut soak = Command::new(step::target().join("debug").join(binary));
    soak.current_dir(workspace());
    soak.args(first);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked above")]
    soak.arg(((minutes * 60.0) as u64).to_string());
    if counts_rounds {
        soak.arg(rounds.unwrap_or(if minutes < 1.0 { 1 } else { ROUNDS }).to_string());
    }
    soak.args(seed.map(|seed| seed.to_string()));
    // The server that was just built.
    soak.env("TIDINGS_BINARY", step::target().join("debug/tidings"));
    Ok(soak)
}
