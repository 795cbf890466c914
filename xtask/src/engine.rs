//! A Docker engine: one that is there, or one of our own.

use std::env;
use std::io;
use std::io::BufRead;
use std::io::BufReader;
use std::path::Path;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;

use anyhow::Context;
use anyhow::Result;
use anyhow::bail;
use tempfile::TempDir;

use crate::binary::binary;
use crate::setup;
use crate::step;

/// A Docker engine that answers. One that we started is stopped on drop.
#[derive(Debug)]
pub(crate) struct Engine {
    host: String,
    // The daemon before the directory that it writes into.
    _daemon: Option<Daemon>,
    _directory: Option<TempDir>,
}

impl Engine {
    /// Finds the engine at `DOCKER_HOST` or at the usual socket.
    pub(crate) fn find() -> Result<Self> {
        let host = env::var("DOCKER_HOST").unwrap_or_else(|_| "unix:///var/run/docker.sock".to_owned());
        let engine = Self { host, _daemon: None, _directory: None };
        // A missing client and a missing engine are told apart by the one line that says so.
        engine.version().context("no Docker engine answers")?;
        Ok(engine)
    }

    /// Finds one, or as root starts one of our own, with a directory and a socket of its own.
    pub(crate) fn find_or_start() -> Result<Self> {
        let none = match Self::find() {
            Ok(engine) => return Ok(engine),
            Err(none) => none,
        };
        if !setup::is_root() {
            return Err(none.context("only root can start a Docker engine"));
        }
        setup::docker()?;
        let directory = tempfile::Builder::new().prefix("tidings-dockerd-").tempdir();
        let directory = directory.context("a directory for dockerd cannot be created")?;
        let host = format!("unix://{}", directory.path().join("docker.sock").display());
        println!("dockerd, at {host}");
        let daemon = Daemon::start(directory.path(), &host)?;
        let engine = Self { host, _daemon: Some(daemon), _directory: Some(directory) };
        let version = engine.version()?;
        println!("docker {version} answers");
        Ok(engine)
    }

    /// Returns the address as `DOCKER_HOST` has it.
    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    /// Returns a call of the client for this engine.
    pub(crate) fn docker(&self) -> Command {
        let mut docker = Command::new("docker");
        docker.env("DOCKER_HOST", &self.host);
        docker
    }

    fn version(&self) -> Result<String> {
        let version = step::capture(self.docker().args(["version", "--format", "{{.Server.Version}}"]))?;
        Ok(version.trim().to_owned())
    }
}

/// The process of an engine of ours.
#[derive(Debug)]
struct Daemon {
    child: Child,
    /// Whether the network device of the containers was made for us.
    bridge: bool,
}

/// The network device that every engine makes and none takes away.
const BRIDGE: &str = "docker0";

impl Daemon {
    /// Starts `dockerd` and returns when it says that it listens.
    fn start(directory: &Path, host: &str) -> Result<Self> {
        let bridge = !has_bridge();
        let mut command = match binary(&["setpriv"]) {
            // The kernel stops it should we be killed.
            Some(setpriv) => {
                let mut command = Command::new(setpriv);
                command.args(["--pdeathsig", "TERM", "--", "dockerd"]);
                command
            }
            None => Command::new("dockerd"),
        };
        command
            .args(["--host", host, "--data-root"])
            .arg(directory.join("data"))
            .arg("--exec-root")
            .arg(directory.join("exec"))
            .arg("--pidfile")
            .arg(directory.join("pid"))
            // Published ports go through the engine's own proxy: the machine's packet filter stays
            // as it is.
            .args(["--iptables=false", "--ip6tables=false", "--ip-forward=false", "--log-level", "info"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let mut child = command.spawn().context("cannot run dockerd")?;
        let log = child.stderr.take().context("the output of dockerd is not piped")?;
        let daemon = Self { child, bridge };
        let mut lines = BufReader::new(log).lines().map_while(io::Result::ok);
        let mut last = String::new();
        for line in lines.by_ref() {
            if line.contains("API listen on") {
                // Somebody has to read what it says from now on, or it would stop at a full pipe.
                std::thread::spawn(move || lines.for_each(drop));
                return Ok(daemon);
            }
            last = line;
        }
        bail!("dockerd ended before it was ready: {last}")
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // TERM, so that it stops its containers and its containerd.
        let asked = Command::new("kill").arg(self.child.id().to_string()).status();
        let ended = asked.and_then(|_| self.child.wait());
        if let Err(error) = ended {
            println!("error: dockerd {} may still run: {error}", self.child.id());
        }
        if self.bridge && has_bridge() {
            // Without the tool a device without addresses in use stays behind, as after every
            // engine.
            drop(Command::new("ip").args(["link", "delete", BRIDGE]).status());
        }
    }
}

fn has_bridge() -> bool {
    Path::new("/sys/class/net").join(BRIDGE).exists()
}
