//! The databases that servers share, and the servers on them.

use std::fs;
use std::process::Output;

use tempfile::TempDir;
use test_support::{Mongo, Redis, require};
use tests::Tidings;

use crate::looks::until;

/// Where the sequences of shared timelines come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// From Redis, which also has who is online.
    Redis,
    /// From the index of MongoDB; there is no Redis.
    Mongo,
}

impl Mode {
    pub(crate) const ALL: [Self; 2] = [Self::Redis, Self::Mongo];
}

/// What servers share, gone when dropped.
#[derive(Debug)]
pub(crate) struct Databases {
    pub(crate) mongo: Mongo,
    redis: Option<Redis>,
}

impl Databases {
    /// Starts what a mode needs; none if something of it is missing on this machine.
    pub(crate) async fn start(mode: Mode) -> Option<Self> {
        let mongo = require(Mongo::private().await)?;
        let redis = match mode {
            Mode::Redis => Some(require(Redis::private().await)?),
            Mode::Mongo => None,
        };
        Some(Self { mongo, redis })
    }

    pub(crate) fn redis(&self) -> &Redis {
        self.redis.as_ref().expect("the mode has a Redis")
    }

    /// The flags by which servers share all of it.
    pub(crate) fn flags(&self) -> Vec<String> {
        let mut flags = vec![format!("--mongo-url={}", self.mongo.url())];
        match &self.redis {
            Some(redis) => {
                flags.push(format!("--redis-url={}", redis.url()));
                flags.extend(["--timeline=redis+mongo", "--presence=redis"].map(str::to_owned));
            }
            None => flags.push("--timeline=mongo".to_owned()),
        }
        flags
    }

    /// Starts a server on them, with further flags, and returns it when it is ready.
    pub(crate) async fn server(&self, flags: &[&str]) -> Tidings {
        let shared = self.flags();
        let all: Vec<&str> = shared.iter().map(String::as_str).chain(flags.iter().copied()).collect();
        let server = Tidings::start_with(&all);
        until_ready(&server).await;
        server
    }
}

/// Runs a command that leaves nothing in its directory.
pub(crate) fn run(command: &str, flags: &[String]) -> Output {
    let directory = TempDir::new().unwrap();
    let base = [command, "--http=127.0.0.1:0", "--grpc=127.0.0.1:0", "--data-dir=data"];
    let flags: Vec<&str> = base.into_iter().chain(flags.iter().map(String::as_str)).collect();
    let output = Tidings::run(directory.path(), &flags, &[]);
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0, "{command} leaves something behind");
    output
}

/// Waits until new users are welcome.
pub(crate) async fn until_ready(server: &Tidings) {
    let ready = async || reqwest::get(server.url("/readyz")).await.unwrap().status() == 200;
    until("it is ready", ready).await;
}
