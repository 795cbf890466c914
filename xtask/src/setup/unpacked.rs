//! Debian packages unpacked below `target/servers`, for those who may not install any.
//!
//! ```text
//! target/servers/bin/redis-server    a script that sets the library path and runs the program in root/
//! target/servers/root/usr/…          what the packages hold
//! target/servers/fonts.conf          the system's fonts and those in root/
//! target/servers/apt/                package lists of our own, only where the system has none
//! ```

use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

use anyhow::Context;
use anyhow::Result;

use super::apt_get::apt_get;
use super::folders::executable;
use super::folders::servers;
use crate::step;

/// The programs that get a script, where the packages have put them.
const PROGRAMS: &[(&str, &str)] = &[
    ("redis-server", "usr/bin/redis-server"),
    ("etcd", "usr/bin/etcd"),
    ("chromium", "usr/lib/chromium/chromium"),
    ("mongod", "usr/bin/mongod"),
    ("nginx", "usr/sbin/nginx"),
];

/// The programs find unpacked fonts only by name; a page without a font is blank.
const FONTS: &str = r#"<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <include ignore_missing="yes">/etc/fonts/fonts.conf</include>
  <dir>/usr/share/fonts</dir>
  <dir prefix="relative">root/usr/share/fonts</dir>
  <cachedir prefix="xdg">fontconfig</cachedir>
</fontconfig>
"#;

/// Downloads packages with all they need and the system has not, and unpacks them.
pub(super) fn get(packages: &[&str]) -> Result<()> {
    let downloads = servers().join("downloads");
    fs::create_dir_all(&downloads)?;
    println!("apt-get download {} and what they need, to {}", packages.join(" "), step::shown(&servers()));
    if download(packages, &[], &downloads).is_err() {
        // The system's lists are empty or stale, and only root may change them.
        let own = own_lists()?;
        println!("apt-get update, into {}", step::shown(&servers().join("apt")));
        step::capture(apt_get(&["update"]).args(&own)).context("are the package servers reachable?")?;
        download(packages, &own, &downloads)?;
    }
    let root = servers().join("root");
    fs::create_dir_all(&root)?;
    for package in fs::read_dir(&downloads)? {
        step::capture(Command::new("dpkg-deb").arg("-x").arg(package?.path()).arg(&root))?;
    }
    fs::remove_dir_all(&downloads)?;
    link()
}

/// Writes the scripts for what is unpacked.
pub(super) fn link() -> Result<()> {
    let scripts = servers().join("bin");
    fs::create_dir_all(&scripts)?;
    fs::write(servers().join("fonts.conf"), FONTS)?;
    for (name, place) in PROGRAMS {
        if servers().join("root").join(place).exists() {
            let script = scripts.join(name);
            fs::write(&script, self::script(place)).with_context(|| step::shown(&script))?;
            executable(&script)?;
        }
    }
    Ok(())
}

fn download(packages: &[&str], options: &[String], folder: &Path) -> Result<()> {
    // What an installation would install is what the system lacks: `Inst libfoo2 (1.0 Debian:12
    // [amd64])`.
    let plan = step::capture(
        apt_get(&["install", "--simulate", "--no-install-recommends"]).args(options).args(packages),
    )?;
    let mut names: Vec<&str> = plan
        .lines()
        .filter_map(|line| line.strip_prefix("Inst "))
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    // A package that is installed without its program being on PATH would not be in the plan.
    names.extend(packages);
    names.sort_unstable();
    names.dedup();
    step::capture(apt_get(&["download"]).args(options).args(names).current_dir(folder)).map(drop)
}

/// Returns the options that make apt keep its lists and its cache in our folder.
fn own_lists() -> Result<Vec<String>> {
    let folder = servers().join("apt");
    for place in ["state/lists/partial", "cache/archives/partial"] {
        fs::create_dir_all(folder.join(place))?;
    }
    let state = folder.join("state");
    let cache = folder.join("cache");
    let options = [
        format!("Dir::State={}", state.display()),
        format!("Dir::Cache={}", cache.display()),
        "Dir::State::status=/var/lib/dpkg/status".to_owned(),
        "Debug::NoLocking=true".to_owned(),
    ];
    Ok(options.into_iter().flat_map(|option| ["-o".to_owned(), option]).collect())
}

/// Returns a script that finds the libraries beside the program, wherever the folder is moved to.
fn script(place: &str) -> String {
    let libraries = library_folders().join(":$root/");
    format!(
        "#!/bin/sh\n\
         # Written by `cargo xtask setup`.\n\
         root=$(dirname \"$(readlink -f \"$0\")\")/../root\n\
         LD_LIBRARY_PATH=\"$root/{libraries}${{LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}}\"\n\
         export LD_LIBRARY_PATH\n\
         export FONTCONFIG_FILE=\"$root/../fonts.conf\"\n\
         exec \"$root/{place}\" \"$@\"\n"
    )
}

/// Returns the folders of libraries in root/, of this machine's architecture.
fn library_folders() -> Vec<String> {
    let triplet = format!("{}-linux-gnu", std::env::consts::ARCH);
    let private = format!("usr/lib/{triplet}/pulseaudio");
    // The last one is found by a path within its own library where it is installed, but not here.
    [format!("usr/lib/{triplet}"), format!("lib/{triplet}"), private].into()
}

/// Returns where a program from elsewhere belongs to be found by its script.
pub(super) fn place(program: &str) -> PathBuf {
    servers().join("root/usr/bin").join(program)
}
