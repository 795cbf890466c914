//! `cargo xtask ci`: everything that CI does.

use std::{panic, thread};

use anyhow::{Result, bail};

use crate::binary::{binary, workspace};
use crate::step::{Steps, cargo, show};
use crate::{budget, codegen, conformance, features, msrv, setup, soak, test, tidy};

/// Runs every step, also after one that failed, and ends with how long each took.
///
/// The steps share one target directory and one profile; the order puts the cheap ones first and
/// the tests, whose summary is the answer, last.
pub fn run() -> Result<()> {
    let mut steps = Steps::default();
    steps.run("fmt", || show(&mut cargo(&["fmt", "--all", "--check"])));
    steps.run("tidy", tidy::run);
    steps.run("codegen", || codegen::run(true));
    steps.run("clippy", || {
        show(
            cargo(&["clippy", "--quiet", "--workspace", "--all-targets", "--all-features"])
                .args(["--", "-D", "warnings"]),
        )
    });
    steps.run("docs", || {
        let mut doc = cargo(&["doc", "--quiet", "--workspace", "--all-features", "--no-deps"]);
        show(doc.env("RUSTDOCFLAGS", "-D warnings"))
    });
    steps.run("features", features::run);
    msrv::steps(&mut steps);
    steps.run("build", test::build);
    // All that follows needs servers or tools.
    steps.run("setup", || setup::run(false));
    steps.run("budgets and soaks, smoke", smoke);
    match conformance::Runtime::find() {
        Ok(_) => steps.run("conformance", || conformance::run(conformance::Part::Quick)),
        Err(none) => steps.skip("conformance", &format!("{none:#}")),
    }
    let mut closing = String::new();
    steps.run("test", || test::run_quietly(None, &mut closing));
    steps.run("deny", deny);
    print!("\n{}{closing}", steps.table());
    steps.verdict()
}

/// Tries the harness of the budgets, which judges nothing, and beside it one cycle of each soak.
fn smoke() -> Result<()> {
    thread::scope(|scope| {
        let soaks = scope.spawn(soak::smoke);
        let budgets = budget::run(None, true);
        let soaks = soaks.join().unwrap_or_else(|panic| panic::resume_unwind(panic));
        let soaks = soaks.map(|written| print!("{written}"));
        match (budgets, soaks) {
            (Err(budgets), Err(soaks)) => bail!("{budgets:#}; and {soaks:#}"),
            (budgets, soaks) => budgets.and(soaks),
        }
    })
}

/// Checks bans, licences and sources; the advisories need a network that CI may lack.
fn deny() -> Result<()> {
    let Some(deny) = binary(&["cargo-deny"]) else {
        bail!("cargo-deny is not installed; run `cargo xtask setup`")
    };
    let mut deny = std::process::Command::new(deny);
    show(
        deny.args(["--all-features", "--log-level", "error", "check", "bans", "licenses", "sources"])
            .current_dir(workspace()),
    )
}
