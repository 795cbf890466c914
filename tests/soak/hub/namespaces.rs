//! A network namespace for each node, so that the kernel itself parts them.
//!
//! ```text
//! node 0 ── sisters ── w0 ─┐
//! node 1 ── sisters ── w1 ─┴─ bridge `together`, or `apart` for those on the other side
//! node 0 ── clients ── c0 ─── writers and members in this process, never parted from their node
//! ```
//!
//! A packet from one bridge to the other goes nowhere, and nobody is told. All of this is in the
//! namespace of this process, and gone with it.

use std::error::Error;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::Stdio;
use std::time::Duration;

use rustix::process::geteuid;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::NODES;

/// How long a namespace may take until it is there.
const PATIENCE: Duration = Duration::from_secs(20);

/// The namespaces of all nodes, whatever runs in them.
pub(crate) struct Namespaces {
    /// A process in each keeps it there; it ends when this is dropped.
    keepers: Vec<Child>,
}

impl Namespaces {
    /// Returns why this machine gives no namespaces, if it does not.
    pub(crate) fn refused() -> Option<&'static str> {
        if !geteuid().is_root() {
            return Some("only root may make network namespaces");
        }
        let may = |program: &str, arguments: &[&str]| {
            let mut command = std::process::Command::new(program);
            let output = command.args(arguments).stdin(Stdio::null()).output();
            output.is_ok_and(|output| output.status.success())
        };
        let tries = "ip link add together type bridge && ip link add w0 type veth peer name c0";
        if !may("nsenter", &["--version"]) || !may("unshare", &["--net", "sh", "-c", tries]) {
            return Some("`unshare`, `nsenter` and `ip` make no namespaces, bridges and pairs here");
        }
        None
    }

    /// Makes them, in a process that has a namespace of its own.
    pub(crate) async fn open() -> Result<Self, Box<dyn Error>> {
        shell("ip link set lo up").await?;
        for bridge in ["together", "apart"] {
            let add = format!("ip link add {bridge} type bridge forward_delay 0");
            shell(&format!("{add} && ip link set {bridge} up")).await?;
        }
        let mut namespaces = Self { keepers: Vec::new() };
        for node in 0..NODES {
            namespaces.add(node).await?;
        }
        Ok(namespaces)
    }

    /// Where sisters reach a node.
    pub(crate) fn sisters_address(node: usize, port: u16) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::new(10, 77, 0, octet(node) + 1), port))
    }

    /// Where writers and members reach a node.
    pub(crate) fn clients_address(node: usize, port: u16) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::new(10, 78, octet(node), 2), port))
    }

    /// Begins a command that runs in the namespace of a node.
    pub(crate) fn command(&self, node: usize) -> Result<Command, Box<dyn Error>> {
        let mut command = Command::new("nsenter");
        command.arg(format!("--net={}", self.path(node)?)).arg("--");
        Ok(command)
    }

    /// Parts the nodes that are on the other side from those that are not.
    pub(crate) async fn part(&self, is_apart: impl Fn(usize) -> bool) -> Result<(), Box<dyn Error>> {
        let bridge = |node| if is_apart(node) { "apart" } else { "together" };
        let sets = (0..NODES).map(|node| format!("ip link set w{node} master {}", bridge(node)));
        shell(&sets.collect::<Vec<_>>().join(" && ")).await
    }

    async fn add(&mut self, node: usize) -> Result<(), Box<dyn Error>> {
        let mut command = Command::new("unshare");
        command.args(["--net", "--", "sh", "-c", "echo there && exec cat"]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut keeper = command.spawn()?;
        let output = keeper.stdout.take().ok_or("the keeper of a namespace has no output")?;
        let mut lines = BufReader::new(output).lines();
        timeout(PATIENCE, lines.next_line()).await??.ok_or("a namespace is refused")?;
        let id = keeper.id().ok_or("the keeper of a namespace has ended")?;
        self.keepers.push(keeper);
        let (sister, client) = (Self::sisters_address(node, 0).ip(), Self::clients_address(node, 0).ip());
        let inside = format!(
            "ip link set lo up && ip addr add {sister}/24 dev sisters && ip link set sisters up \
             && ip addr add {client}/24 dev clients && ip link set clients up"
        );
        let path = self.path(node)?;
        shell(&format!(
            "ip link add w{node} type veth peer name sisters netns {id} \
             && ip link set w{node} master together up \
             && ip link add c{node} type veth peer name clients netns {id} \
             && ip addr add 10.78.{node}.1/24 dev c{node} && ip link set c{node} up \
             && nsenter --net={path} -- sh -c '{inside}'"
        ))
        .await
    }

    fn path(&self, node: usize) -> Result<String, Box<dyn Error>> {
        let id = self.keepers[node].id().ok_or("the keeper of a namespace has ended")?;
        Ok(format!("/proc/{id}/ns/net"))
    }
}

fn octet(node: usize) -> u8 {
    u8::try_from(node).expect("there are a few nodes")
}

async fn shell(commands: &str) -> Result<(), Box<dyn Error>> {
    let mut command = Command::new("sh");
    let output = command.args(["-c", commands]).stdin(Stdio::null()).kill_on_drop(true).output().await?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(format!("`{commands}` failed: {}", said.trim()).into());
    }
    Ok(())
}
