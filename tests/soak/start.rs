//! How every soak begins and ends: its arguments, its log, and the line that says why it failed.

use std::io::{Write, stderr, stdout};
use std::process::ExitCode;
use std::time::Duration;
use std::{env, fmt};

/// Runs a program with its arguments, and says on standard error why it failed.
///
/// The variable `RUST_LOG` shows what the parts think, such as `RUST_LOG=conductor_hub=info`.
pub(crate) fn run<E: fmt::Display>(program: impl FnOnce(&[&str]) -> Result<(), E>) -> ExitCode {
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
        .with_writer(stderr)
        .init();
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match program(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            drop(writeln!(stderr(), "{error}"));
            ExitCode::FAILURE
        }
    }
}

/// Reads `SECONDS [SEED]`, and says which seed it is; without one it is another each time.
pub(crate) fn length(arguments: &[&str], name: &str) -> Result<(Duration, u64), String> {
    let (seconds, seed) = match arguments {
        [seconds] => (seconds, u64::from(std::process::id())),
        [seconds, seed] => {
            (seconds, seed.parse::<u64>().map_err(|_| format!("the seed {seed} is no number"))?)
        }
        _ => return Err(format!("use `cargo xtask soak {name}`, or: SECONDS [SEED]")),
    };
    let seconds = seconds.parse::<u64>().map_err(|_| format!("{seconds} is no number of seconds"))?;
    writeln!(stdout(), "seed {seed}").map_err(|error| error.to_string())?;
    Ok((Duration::from_secs(seconds), seed))
}
