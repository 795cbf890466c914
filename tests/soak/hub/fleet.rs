//! The nodes, as processes, and what links them.

use std::env;
use std::error::Error;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

use crate::NODES;
use crate::graph::Graph;
use crate::namespaces::Namespaces;
use crate::node;
use crate::notices::{Notice, NoticeKind};
use crate::wire::{Wire, WireMode};

/// All nodes and what links them; the processes are gone with it.
pub(crate) struct Fleet {
    nodes: Vec<Node>,
    graph: Graph,
    links: Links,
    notices: mpsc::Sender<Notice>,
    tasks: TaskTracker,
}

/// What is between the nodes.
enum Links {
    /// From each node to each that it dials.
    Wires(Vec<(usize, usize, Wire)>),
    /// A network of the kernel's.
    Namespaces(Arc<Namespaces>),
}

struct Node {
    port: u16,
    child: Child,
    /// Which node it is in this life.
    id: String,
}

impl Fleet {
    /// Starts nodes that are to be linked so.
    ///
    /// They are in these namespaces, or without any have wires between them.
    pub(crate) async fn start(
        graph: Graph,
        namespaces: Option<Arc<Namespaces>>,
        notices: mpsc::Sender<Notice>,
    ) -> Result<Self, Box<dyn Error>> {
        let tasks = TaskTracker::new();
        let ports: Vec<u16> = (0..NODES).map(|_| test_support::free_port()).collect::<Result<_, _>>()?;
        let links = match namespaces {
            Some(namespaces) => {
                namespaces.part(|_| false).await?;
                Links::Namespaces(namespaces)
            }
            None => {
                let mut wires = Vec::new();
                for (from, to) in (0..NODES).flat_map(|from| graph.dialled(from).map(move |to| (from, to))) {
                    wires.push((from, to, Wire::to(ports[to], &tasks).await?));
                }
                Links::Wires(wires)
            }
        };
        let mut fleet = Self { nodes: Vec::new(), graph, links, notices, tasks };
        for number in 0..NODES {
            let (child, id) = fleet.spawn(number, &ports).await?;
            fleet.nodes.push(Node { port: ports[number], child, id });
        }
        Ok(fleet)
    }

    /// Where writers and members reach a node.
    pub(crate) fn address(&self, node: usize) -> SocketAddr {
        let port = self.nodes[node].port;
        match &self.links {
            Links::Wires(_) => SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
            Links::Namespaces(_) => Namespaces::clients_address(node, port),
        }
    }

    pub(crate) fn id(&self, node: usize) -> &str {
        &self.nodes[node].id
    }

    /// Kills a node, and starts it anew.
    pub(crate) async fn restart(&mut self, number: usize) -> Result<(), Box<dyn Error>> {
        self.nodes[number].child.kill().await?;
        let ports: Vec<u16> = self.nodes.iter().map(|node| node.port).collect();
        let (child, id) = self.spawn(number, &ports).await?;
        let node = &mut self.nodes[number];
        (node.child, node.id) = (child, id);
        Ok(())
    }

    /// Stops a node where it is, or has it go on.
    pub(crate) fn freeze(&self, number: usize, frozen: bool) -> Result<(), Box<dyn Error>> {
        let pid = self.nodes[number].child.id().ok_or("the node has ended")?;
        let pid = Pid::from_raw(i32::try_from(pid)?).ok_or("the node has no process")?;
        kill_process(pid, if frozen { Signal::STOP } else { Signal::CONT })?;
        Ok(())
    }

    /// Parts the nodes that are on the other side from those that are not, and tells neither.
    pub(crate) async fn part(&self, is_apart: impl Fn(usize) -> bool) -> Result<(), Box<dyn Error>> {
        match &self.links {
            Links::Namespaces(namespaces) => return namespaces.part(is_apart).await,
            Links::Wires(wires) => {
                set(wires, WireMode::Silent, |from, to| is_apart(from) != is_apart(to));
            }
        }
        Ok(())
    }

    /// Ends all links of a node and has it get no other; in a namespace it is parted from all.
    pub(crate) async fn cut_off(&self, node: usize) -> Result<(), Box<dyn Error>> {
        match &self.links {
            Links::Namespaces(namespaces) => return namespaces.part(|at| at == node).await,
            Links::Wires(wires) => set(wires, WireMode::Cut, |from, to| from == node || to == node),
        }
        Ok(())
    }

    /// Cuts one link of several, or has it pass nothing on; returns what it did.
    ///
    /// Between namespaces there are no single links: there a node is parted from all others.
    pub(crate) async fn harm_link(&self, random: &mut fastrand::Rng) -> Result<String, Box<dyn Error>> {
        match &self.links {
            Links::Namespaces(namespaces) => {
                let node = random.usize(0..NODES);
                namespaces.part(|at| at == node).await?;
                Ok(format!("node {node} alone"))
            }
            Links::Wires(wires) => {
                let (from, to, wire) = &wires[random.usize(0..wires.len())];
                let mode = if random.bool() { WireMode::Cut } else { WireMode::Silent };
                wire.set(mode);
                Ok(format!("wire {from} to {to} {mode:?}"))
            }
        }
    }

    /// Has all links be as they were.
    pub(crate) async fn mend(&self) -> Result<(), Box<dyn Error>> {
        match &self.links {
            Links::Namespaces(namespaces) => return namespaces.part(|_| false).await,
            Links::Wires(wires) => set(wires, WireMode::Open, |_, _| true),
        }
        Ok(())
    }

    /// Says what links the nodes.
    pub(crate) fn kind(&self) -> &'static str {
        match (&self.links, self.graph) {
            (Links::Wires(_), Graph::Mesh) => "mesh of wires",
            (Links::Wires(_), Graph::Ring) => "ring of wires",
            (Links::Wires(_), Graph::ThinMesh) => "thin mesh of wires",
            (Links::Namespaces(_), Graph::Mesh) => "mesh of namespaces",
            (Links::Namespaces(_), Graph::Ring) => "ring of namespaces",
            (Links::Namespaces(_), Graph::ThinMesh) => "thin mesh of namespaces",
        }
    }

    /// Returns the most memory that a node has, in KiB.
    pub(crate) fn memory_kib(&self) -> u64 {
        let of = |node: &Node| {
            let status = fs::read_to_string(format!("/proc/{}/status", node.child.id()?)).ok()?;
            let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
            line.split_whitespace().nth(1)?.parse().ok()
        };
        self.nodes.iter().filter_map(of).max().unwrap_or(0)
    }

    async fn spawn(&self, number: usize, ports: &[u16]) -> Result<(Child, String), Box<dyn Error>> {
        let program = env::current_exe()?;
        let (mut command, host, sisters) = match &self.links {
            Links::Wires(wires) => {
                let own = wires.iter().filter(|(from, _, _)| *from == number);
                let sisters = own.map(|(_, _, wire)| SocketAddr::from((Ipv4Addr::LOCALHOST, wire.port)));
                (Command::new(program), Ipv4Addr::LOCALHOST, sisters.collect::<Vec<_>>())
            }
            Links::Namespaces(namespaces) => {
                let mut command = namespaces.command(number)?;
                command.arg(program);
                let dialled = self.graph.dialled(number);
                let sisters = dialled.map(|to| Namespaces::sisters_address(to, ports[to]));
                (command, Ipv4Addr::UNSPECIFIED, sisters.collect())
            }
        };
        command.arg("node").arg(SocketAddr::from((host, ports[number])).to_string());
        let most = self.graph.max_sisters().map(|most| most.to_string());
        command.arg(most.as_deref().unwrap_or(node::AS_BY_DEFAULT));
        command.args(sisters.iter().map(SocketAddr::to_string));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn()?;
        let output = child.stdout.take().ok_or("the node has an output")?;
        let mut lines = BufReader::new(output).lines();
        let first = timeout(Duration::from_secs(20), lines.next_line()).await??;
        let id =
            first.as_deref().and_then(|line| line.strip_prefix("id ")).ok_or("the node does not start")?;
        let id = id.to_owned();
        let notices = self.notices.clone();
        self.tasks.spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                let mut words = line.split(' ');
                let (kind, origin) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
                let rows = words.filter_map(|row| row.parse().ok());
                let Some(kind) = NoticeKind::read(kind, rows) else { continue };
                let notice = Notice { node: number, kind, origin: origin.to_owned(), at: Instant::now() };
                if notices.send(notice).await.is_err() {
                    return;
                }
            }
        });
        Ok((child, id))
    }
}

/// Sets what the wires do that `chosen` says, by their ends.
fn set(wires: &[(usize, usize, Wire)], mode: WireMode, chosen: impl Fn(usize, usize) -> bool) {
    wires.iter().filter(|(from, to, _)| chosen(*from, *to)).for_each(|(_, _, wire)| wire.set(mode));
}
