//! The commands of the project: `cargo xtask --help` lists them.
#![expect(clippy::print_stdout, reason = "commands talk to the person who typed them")]
#![expect(
    unreachable_pub,
    reason = "a program has no public items; `pub` says what a module offers the others"
)]

use std::process::ExitCode;

use clap::Parser;

#[path = "../../crates/test-support/src/binary.rs"]
mod binary;
mod budget;
mod ci;
mod codegen;
mod conformance;
mod containers;
mod engine;
mod features;
mod images;
mod machine;
mod msrv;
mod package;
mod page;
mod peers;
mod readme;
mod setup;
mod soak;
mod spread;
mod step;
mod test;
mod tidy;

/// The commands of the project.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", disable_help_subcommand = true)]
enum Command {
    /// Gets the servers and tools that tests need, without questions: the distribution's packages
    /// as root, unpacked below target/servers otherwise
    Setup {
        /// Only say what is there and what is missing; exit code 1 if anything is
        #[arg(long)]
        check: bool,
    },
    /// Runs setup, then every test: workspace, documentation, pages; ends with one summary
    Test {
        /// Only tests whose name contains this
        filter: Option<String>,
    },
    /// Runs everything that CI runs: formatting, tidy, generated code, lints, docs, features, the
    /// oldest Rust of each crate, short runs of budgets and soaks, test, licences
    Ci,
    /// Checks the house rules that no compiler knows
    Tidy {
        /// Only list which file of each crate names which other, but for parents and children
        #[arg(long)]
        imports: bool,
    },
    /// Measures the budgets of the design; exit code 1 if any is over. A run of `hub` writes the
    /// budgets in docs/figures.md
    Budget {
        /// Only figures whose name contains this
        filter: Option<String>,
        /// Try the harness only: debug build, one short round, no verdict on the values
        #[arg(long)]
        smoke: bool,
    },
    /// Measures hubs of others beside ours; a whole run of three rounds or more writes
    /// docs/figures.md and the five figures of README.md
    Peers {
        /// Only peers whose name contains this; nothing is written then
        filter: Option<String>,
        /// How often everything is measured, in turn
        #[arg(long, default_value_t = 5)]
        rounds: usize,
        /// Try the harness only: debug build, short measurements, nothing is written
        #[arg(long)]
        smoke: bool,
    },
    /// Runs a crate for minutes while what it needs is killed, frozen and restarted
    Soak {
        /// Which: `hub`, `mongo`, `presence`, `server`, `timeline`
        name: soak::Name,
        /// For `timeline`: where the timelines are
        #[arg(long, value_enum, default_value_t)]
        store: soak::Store,
        /// For how long
        #[arg(long, default_value_t = 10.0)]
        minutes: f64,
        /// For `timeline` in a directory: at least so many kills, whatever time they take; 200
        /// unless it is said, in a run below a minute 1
        #[arg(long)]
        rounds: Option<u64>,
        /// What to repeat: printed at the beginning of a run
        #[arg(long)]
        seed: Option<u64>,
        /// For `timeline` with `--store`: have nothing fail but so many primaries whose last writes
        /// are undone
        #[arg(long)]
        rollbacks: Option<u32>,
    },
    /// Runs the Autobahn suite against the hub's WebSocket codec; needs Python 2.7
    Conformance {
        /// Which cases
        #[arg(value_enum, default_value_t)]
        part: conformance::Part,
    },
    /// Generates the Rust of the proto files
    Codegen {
        /// Only compare with what is checked in; exit code 1 if it differs
        #[arg(long)]
        check: bool,
    },
    /// Writes the README of each crate that is published, from the documentation of its lib.rs
    Readme,
    /// Builds every crate that is published from nothing but what its package holds
    Package,
    /// Compiles each published crate with the Rust that it states, where that is installed
    Msrv,
    /// Makes local Docker images of the servers' binaries, without a registry
    Images,
    /// Runs the tests that need a Docker engine, starting one if none answers (as root, with
    /// dockerd installed)
    Containers,
}

fn main() -> ExitCode {
    let done = match Command::parse() {
        Command::Setup { check } => setup::run(check),
        Command::Test { filter } => test::run(filter.as_deref()),
        Command::Ci => ci::run(),
        Command::Tidy { imports: true } => tidy::show_imports(),
        Command::Tidy { imports: false } => tidy::run(),
        Command::Budget { filter, smoke } => budget::run(filter.as_deref(), smoke),
        Command::Peers { filter, rounds, smoke } => peers::run(filter.as_deref(), rounds, smoke),
        Command::Soak { name, store, minutes, rounds, seed, rollbacks } => {
            soak::run(name, store, minutes, (rounds, rollbacks), seed)
        }
        Command::Conformance { part } => conformance::run(part),
        Command::Codegen { check } => codegen::run(check),
        Command::Readme => readme::run(),
        Command::Package => package::run(),
        Command::Msrv => msrv::run(),
        Command::Images => images::run(),
        Command::Containers => containers::run(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
