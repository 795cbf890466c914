//! The tidings server: presence, timelines and a WebSocket hub in one binary, with a chat page.
//!
//! Reads its configuration, starts, and waits for the end; `docs/server.md` has what can be set and asked.

mod check;
mod clock;
mod config;
mod data_dir;
mod grpc;
mod http;
mod join;
mod listen;
mod random;
mod server;
mod signals;
mod stores;
mod telemetry;
mod transition;
mod webhook;

use std::fmt::Display;
use std::process::ExitCode;

use crate::config::{Command, Config, Instead, Invocation};
use crate::signals::Signals;

#[cfg(feature = "mimalloc")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The configuration makes no sense.
const MISCONFIGURED: u8 = 2;

fn main() -> ExitCode {
    let invocation = match Invocation::parse(std::env::args_os()) {
        Ok(invocation) => invocation,
        Err(Instead::Print(text)) => {
            print(&text);
            return ExitCode::SUCCESS;
        }
        Err(Instead::Refuse(problems)) => return refuse(&problems),
    };
    let config = match Config::load(&invocation) {
        Ok(config) => config,
        Err(problems) => return refuse(&problems),
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&format_args!("cannot start threads: {error}")),
    };
    let result = runtime.block_on(run(invocation.command, config));
    // What was not finished within its time is not waited for again.
    runtime.shutdown_background();
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => fail(&format_args!("{error:#}")),
    }
}

/// Whether it went well.
async fn run(command: Command, config: Config) -> anyhow::Result<bool> {
    match command {
        Command::Check => check::check(&config).await,
        Command::Serve => {
            telemetry::log(&config)?;
            let signals = Signals::install()?;
            server::run(config, signals).await.map(|()| true)
        }
    }
}

fn refuse(problems: &config::Problems) -> ExitCode {
    for line in problems.lines() {
        complain(line);
    }
    ExitCode::from(MISCONFIGURED)
}

fn fail(error: &dyn Display) -> ExitCode {
    complain(error);
    ExitCode::FAILURE
}

#[expect(clippy::print_stderr, reason = "this is what the user is to read, also when no log is written")]
fn complain(line: impl Display) {
    eprintln!("tidings: {line}");
}

#[expect(clippy::print_stdout, reason = "the help that was asked for")]
fn print(text: &str) {
    print!("{text}");
}
