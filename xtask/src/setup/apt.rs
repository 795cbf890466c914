//! The distribution's packages: installed as root, unpacked otherwise.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::Context;
use anyhow::Result;
use anyhow::bail;

use super::apt_get::apt_get;
use super::folders::executable;
use super::need::Need;
use super::need::Origin;
use super::need::is_root;
use super::unpacked;
use crate::binary::binary;
use crate::step;

/// Where Debian's scripts ask whether a service may start.
const POLICY: &str = "/usr/sbin/policy-rc.d";

/// Gets all packages with one call of apt.
pub(super) fn get(needs: &[&Need]) -> Result<()> {
    let mut packages = Vec::new();
    for need in needs {
        if let Origin::Package(package) = need.origin {
            packages.push(package);
        }
        // A page without a font shows boxes.
        if need.name == "chromium" {
            packages.push("fonts-dejavu-core");
        }
    }
    if packages.is_empty() { Ok(()) } else { get_packages(&packages) }
}

/// Gets packages by name.
pub(super) fn get_packages(packages: &[&str]) -> Result<()> {
    if binary(&["apt-get"]).is_none() {
        bail!(
            "there is no apt-get here; install these with your system's package manager: {}",
            packages.join(", ")
        );
    }
    if is_root() { install(packages) } else { unpacked::get(packages) }
}

fn install(packages: &[&str]) -> Result<()> {
    println!("apt-get install {}", packages.join(" "));
    let _no_service = NoService::new()?;
    let before: Vec<&str> = packages.iter().copied().filter(|package| is_installed(package)).collect();
    // A fresh machine has no lists, an old one has stale ones: both show as a failed first try.
    if step::capture(apt_get(&["install", "--no-install-recommends"]).args(packages)).is_err() {
        println!("apt-get update");
        step::capture(&mut apt_get(&["update"])).context("are the package servers reachable?")?;
        step::capture(apt_get(&["install", "--no-install-recommends"]).args(packages))?;
    }
    // Only what was installed just now: a service that was there before is left as it was.
    for package in packages {
        if !before.contains(package) {
            keep_from_starting(package)?;
        }
    }
    Ok(())
}

/// Takes back what the package's script did for the next boot, where there is a systemd that boots.
fn keep_from_starting(package: &str) -> Result<()> {
    let services: &[&str] = match package {
        "redis-server" => &["redis-server.service"],
        "etcd-server" => &["etcd.service"],
        "nginx" => &["nginx.service"],
        "docker.io" => &["docker.socket", "docker.service", "containerd.service"],
        _ => return Ok(()),
    };
    if Path::new("/run/systemd/system").exists() {
        step::capture(Command::new("systemctl").args(["disable", "--now"]).args(services))?;
    }
    Ok(())
}

fn is_installed(package: &str) -> bool {
    let status = Command::new("dpkg-query").args(["-W", "-f=${Status}", package]).output();
    status.is_ok_and(|output| output.stdout.ends_with(b" installed"))
}

/// Keeps packages from starting their services while it lives, as Debian's policy asks to be told.
#[derive(Debug)]
struct NoService {
    ours: bool,
}

impl NoService {
    fn new() -> Result<Self> {
        // A machine with a policy of its own has decided.
        if Path::new(POLICY).exists() {
            return Ok(Self { ours: false });
        }
        fs::write(POLICY, "#!/bin/sh\nexit 101\n")
            .and_then(|()| executable(Path::new(POLICY)))
            .context(POLICY)?;
        Ok(Self { ours: true })
    }
}

impl Drop for NoService {
    fn drop(&mut self) {
        if self.ours
            && let Err(error) = fs::remove_file(POLICY)
        {
            println!("error: {POLICY} is left behind, remove it: {error}");
        }
    }
}
