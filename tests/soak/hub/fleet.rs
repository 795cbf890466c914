//! The nodes, as processes, and the wires between them.

use std::env;
use std::error::Error;
use std::fs;
use std::process::Stdio;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

use crate::wire::{Wire, WireMode};

pub(crate) const NODES: usize = 5;

/// What a node was told, and when.
#[derive(Clone, Debug)]
pub(crate) struct Notice {
    /// Which node was told.
    pub(crate) node: usize,
    pub(crate) kind: NoticeKind,
    /// Of which node's life.
    pub(crate) origin: String,
    pub(crate) at: Instant,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoticeKind {
    Found,
    Gap,
    Lost,
}

/// All nodes and wires; the processes are gone with it.
pub(crate) struct Fleet {
    nodes: Vec<Node>,
    /// From each node to each that it dials.
    wires: Vec<(usize, usize, Wire)>,
    notices: mpsc::Sender<Notice>,
    tasks: TaskTracker,
}

struct Node {
    port: u16,
    child: Child,
    /// Which node it is in this life.
    id: String,
}

impl Fleet {
    /// Starts nodes that are all linked, or that are linked in a ring.
    pub(crate) async fn start(is_mesh: bool, notices: mpsc::Sender<Notice>) -> Result<Self, Box<dyn Error>> {
        let tasks = TaskTracker::new();
        let ports: Vec<u16> = (0..NODES).map(|_| test_support::free_port()).collect::<Result<_, _>>()?;
        let mut wires = Vec::new();
        for from in 0..NODES {
            for (to, port) in ports.iter().enumerate() {
                let is_next = to == (from + 1) % NODES;
                if is_next || (is_mesh && from < to && (to + 1) % NODES != from) {
                    wires.push((from, to, Wire::to(*port, &tasks).await?));
                }
            }
        }
        let mut fleet = Self { nodes: Vec::new(), wires, notices, tasks };
        for (number, port) in ports.into_iter().enumerate() {
            let (child, id) = fleet.spawn(number, port).await?;
            fleet.nodes.push(Node { port, child, id });
        }
        Ok(fleet)
    }

    pub(crate) fn port(&self, node: usize) -> u16 {
        self.nodes[node].port
    }

    pub(crate) fn id(&self, node: usize) -> &str {
        &self.nodes[node].id
    }

    /// Kills a node, and starts it anew.
    pub(crate) async fn restart(&mut self, number: usize) -> Result<(), Box<dyn Error>> {
        self.nodes[number].child.kill().await?;
        let (child, id) = self.spawn(number, self.nodes[number].port).await?;
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

    /// Sets what the wires do that `chosen` says, by their ends.
    pub(crate) fn set(&self, mode: WireMode, chosen: impl Fn(usize, usize) -> bool) {
        self.wires.iter().filter(|(from, to, _)| chosen(*from, *to)).for_each(|(_, _, wire)| wire.set(mode));
    }

    pub(crate) fn wires_len(&self) -> usize {
        self.wires.len()
    }

    pub(crate) fn ends_of_wire(&self, number: usize) -> (usize, usize) {
        let (from, to, _) = self.wires[number];
        (from, to)
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

    async fn spawn(&self, number: usize, port: u16) -> Result<(Child, String), Box<dyn Error>> {
        let mut command = Command::new(env::current_exe()?);
        command.arg("node").arg(port.to_string());
        let wires = self.wires.iter().filter(|(from, _, _)| *from == number);
        command.args(wires.map(|(_, _, wire)| wire.port.to_string()));
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
                let kind = match words.next() {
                    Some("found") => NoticeKind::Found,
                    Some("gap") => NoticeKind::Gap,
                    Some("lost") => NoticeKind::Lost,
                    _ => continue,
                };
                let origin = words.next().unwrap_or_default().to_owned();
                let notice = Notice { node: number, kind, origin, at: Instant::now() };
                if notices.send(notice).await.is_err() {
                    return;
                }
            }
        });
        Ok((child, id))
    }
}
