//! Measures, and writes what was measured.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::install;
use super::listing::Listing;
use super::table::Table;
use crate::{machine, page, setup, step};

/// Rounds below which nothing is written: a median of fewer says little.
const WRITTEN_ROUNDS: usize = 3;

/// Measures ours and the peers whose name the filter lets through, in turn, round by round.
///
/// Prints each value and the tables. A whole run of at least three rounds also writes
/// `docs/figures.md` and the front page.
pub fn run(filter: Option<&str>, rounds: usize, smoke: bool) -> Result<()> {
    if !(1..=100).contains(&rounds) {
        bail!("--rounds is {rounds}; it must be from 1 to 100");
    }
    let client = build(smoke)?;
    let mut listing = Listing::of(&client)?;
    // The first one is ours, to which all are compared.
    let mut at = 0..;
    listing
        .peers
        .retain(|peer| at.next() == Some(0) || filter.is_none_or(|filter| peer.name.contains(filter)));
    if listing.peers.len() < 2 {
        bail!("no peer has {:?} in its name; `cargo xtask peers` measures all", filter.unwrap_or_default());
    }
    let peers = listing.peers.iter().skip(1);
    let versions = peers
        .map(|peer| install::install(&peer.package).with_context(|| format!("{} cannot be got", peer.name)))
        .collect::<Result<_>>()?;
    let mut table = Table::new(listing, versions);
    for round in 0..rounds {
        measure(&client, &mut table, round, rounds, smoke)?;
    }
    let node = setup::version("node".as_ref()).unwrap_or_default();
    let measured = machine::sentence(&format!("{COMMAND} --rounds {rounds}"), &format!(" and Node {node}"))?;
    let part = format!("{measured}\n\n{}", table.markdown());
    println!("\n{part}");
    if filter.is_none() && !smoke && rounds >= WRITTEN_ROUNDS {
        page::write("docs/figures.md", COMMAND, &part)?;
        page::write("README.md", COMMAND, &table.closest())?;
    }
    Ok(())
}

/// What writes those parts of the pages.
const COMMAND: &str = "cargo xtask peers";

/// Measures every peer in every column once, each time beginning with another one.
///
/// Whoever comes first or last in every round would have the machine always as the others left it.
fn measure(client: &Path, table: &mut Table, round: usize, rounds: usize, smoke: bool) -> Result<()> {
    let (peers, shown) = (table.listing().peers.len(), format!("round {} of {rounds}", round + 1));
    for column in 0..table.listing().columns.len() {
        for peer in (0..peers).map(|turn| (round + turn) % peers) {
            let (peer_name, listed) = (&table.listing().peers[peer].name, &table.listing().columns[column]);
            let mut command = Command::new(client);
            command.args(["measure", peer_name, &listed.name]).arg(install::folder());
            command.args(smoke.then_some("--smoke"));
            let output = step::capture(&mut command)?;
            let answer: Value = serde_json::from_str(output.trim())
                .with_context(|| format!("this is not a measurement: {output}"))?;
            let value = answer["value"]
                .as_f64()
                .with_context(|| format!("this measurement has no value: {output}"))?;
            println!("{shown} | {} | {peer_name} | {value:.3} {}", listed.name, listed.unit);
            table.add(column, peer, value);
        }
    }
    Ok(())
}

/// Builds the load client, and our server beside it, and returns the client.
fn build(smoke: bool) -> Result<PathBuf> {
    let mut cargo =
        step::cargo(&["build", "--package", "benches", "--bin", "hub-peers", "--bin", "budget-hub"]);
    let built = step::binaries(cargo.args((!smoke).then_some("--release")))?;
    let client = built.into_iter().find(|binary| binary.ends_with("hub-peers"));
    client.context("the load client was not built")
}
