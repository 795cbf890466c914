//! The tidings server: presence, timelines and a WebSocket hub in one binary.
//!
//! It has a chat page. It reads its configuration, starts, and waits for the end; `docs/server.md`
//! has what can be set and asked.

mod access;
mod causes;
mod check;
mod clock;
mod config;
mod data_dir;
mod depth;
mod descriptors;
mod export;
mod grpc;
mod health;
mod http;
mod import;
mod join;
mod keys;
mod listen;
mod log;
mod progress;
mod random;
mod rates;
mod redis_at_start;
mod redis_trial;
mod registration;
mod repair;
mod revocation;
mod salvage;
mod server;
mod signals;
mod stores;
mod supervisor;
mod telemetry;
mod threads;
mod timelines;
mod tls;
mod token;
mod transition;
mod webhook;

use std::fmt::Display;
use std::process::ExitCode;

use anyhow::Context as _;

use crate::config::{Command, Config, Instead, Invocation};
use crate::signals::Signals;

#[cfg(feature = "mimalloc")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The exit code when the configuration is wrong.
const MISCONFIGURED: u8 = 2;
/// The exit code when a salvage has lost something.
const SALVAGED_WITH_LOSSES: u8 = 3;
/// The exit code when a revocation is written and no running server is known to have it.
const REVOKED_UNHEARD: u8 = 3;

fn main() -> ExitCode {
    if let Err(error) = log::open() {
        return fail(&format_args!("{}: {error}", threads::TOO_FEW));
    }
    let code = start();
    log::close();
    code
}

fn start() -> ExitCode {
    let invocation = match Invocation::parse(std::env::args_os()) {
        Ok(invocation) => invocation,
        Err(Instead::Print(text)) => return print(&text),
        Err(Instead::Refuse(problems)) => return refuse(&problems),
    };
    let config = match Config::load(&invocation) {
        Ok(config) => config,
        Err(problems) => return refuse(&problems),
    };
    let runtime = match threads::runtime() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&causes::in_one_line(&error)),
    };
    let result = runtime.block_on(run(invocation.command, config));
    // What was not finished within its time is not waited for again.
    runtime.shutdown_background();
    match result {
        Ok(code) => code,
        Err(error) => fail(&causes::in_one_line(&error)),
    }
}

/// Runs the command, and returns how the process ends.
async fn run(command: Command, config: Config) -> anyhow::Result<ExitCode> {
    // This comes before anything is written, by every command.
    signals::outlive_file_limits().context("signals of the system cannot be caught")?;
    match command {
        Command::Check { deep } => {
            Ok(if check::check(&config, deep).await { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
        Command::Salvage { from, to } => {
            let outcome = salvage::salvage(from, to).await?;
            if let Err(error) = log::print(&outcome.report) {
                // The exit code says the result, so it is not lost.
                log::complain(format_args!(
                    "the data was salvaged, but the report cannot be written: {error}"
                ));
            }
            Ok(if outcome.is_whole { ExitCode::SUCCESS } else { ExitCode::from(SALVAGED_WITH_LOSSES) })
        }
        Command::Repair => Ok(print(&repair::repair(&config).await?)),
        Command::Export(wish) => Ok(print(&export::export(&config, wish).await?)),
        Command::Import(wish) => Ok(print(&import::import(wish).await?)),
        Command::Token(wish) => {
            let token = token::token(&config.logins, *wish)?;
            Ok(print(&format!("{token}\n")))
        }
        Command::Keys(wish) => Ok(print(&keys::keys(&wish)?)),
        Command::Revoke(wish) => {
            let answer = revocation::command::revoke(&config, wish).await?;
            if let Err(error) = log::print(&answer.text) {
                // The exit code says the result, so it is not lost.
                log::complain(format_args!("the answer cannot be written: {error}"));
            }
            Ok(if answer.is_known { ExitCode::SUCCESS } else { ExitCode::from(REVOKED_UNHEARD) })
        }
        Command::Serve => {
            // Signals come first: from here on none of them cuts anything.
            let signals = Signals::install().context("signals of the system cannot be caught")?;
            log::start(&config)?;
            server::run(config, signals).await.map(|()| ExitCode::SUCCESS)
        }
    }
}

/// Prints what was asked for.
fn print(text: &str) -> ExitCode {
    match log::print(text) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&format_args!("the output cannot be written: {error}")),
    }
}

fn refuse(problems: &config::Problems) -> ExitCode {
    for line in problems.lines() {
        log::complain(line);
    }
    ExitCode::from(MISCONFIGURED)
}

fn fail(error: &dyn Display) -> ExitCode {
    log::complain(error);
    ExitCode::FAILURE
}
