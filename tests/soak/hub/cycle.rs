//! One cycle: nodes come together, something fails, they come together again, and what was heard is
//! judged.

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::sleep_until;

use crate::checker::Checker;
use crate::fleet::{Fleet, NODES, Notice};
use crate::member::{self, Heard};
use crate::wire::WireMode;
use crate::writer::{self, Orders};

/// How long nodes may take until all hear all.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a cycle has seen.
#[derive(Debug, Default)]
pub(crate) struct Report {
    mesh: bool,
    written: u64,
    heard: u64,
    missing: u64,
    gaps: usize,
    origins: usize,
    whole: u64,
    aborted: u64,
    faults: Vec<String>,
    memory_kib: (u64, u64),
}

impl Report {
    pub(crate) fn add(&mut self, other: &Self) {
        self.written += other.written;
        self.heard += other.heard;
        self.missing += other.missing;
        self.gaps += other.gaps;
        self.origins += other.origins;
        self.whole += other.whole;
        self.aborted += other.aborted;
        self.faults.extend(other.faults.iter().cloned());
        self.memory_kib.0 = self.memory_kib.0.max(other.memory_kib.0);
        self.memory_kib.1 = self.memory_kib.1.max(other.memory_kib.1);
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} written, {} heard, {} missing in {} gaps told, {} lives, {} streams whole, {} aborted, {} faults, \
             at most {} KiB, then {} KiB",
            self.written,
            self.heard,
            self.missing,
            self.gaps,
            self.origins,
            self.whole,
            self.aborted,
            self.faults.len(),
            self.memory_kib.0,
            self.memory_kib.1,
        )?;
        if !self.faults.is_empty() && self.faults.len() < 20 {
            write!(f, " ({}: {})", if self.mesh { "mesh" } else { "ring" }, self.faults.join(", "))?;
        }
        Ok(())
    }
}

/// All that takes part in a cycle.
struct Scene {
    fleet: Fleet,
    orders: Arc<Orders>,
    checker: Checker,
    heard: mpsc::Receiver<Heard>,
    hears: mpsc::Sender<Heard>,
    notices: mpsc::Receiver<Notice>,
    /// The writer and the member of each node.
    clients: Vec<JoinSet<()>>,
}

/// Runs one cycle.
pub(crate) async fn run(
    random: &mut fastrand::Rng,
    is_mesh: bool,
    is_short: bool,
) -> Result<Report, Box<dyn Error>> {
    let (told, notices) = mpsc::channel(10_000);
    let (hears, heard) = mpsc::channel(100_000);
    let mut scene = Scene {
        fleet: Fleet::start(is_mesh, told).await?,
        orders: Arc::new(Orders::default()),
        checker: Checker::default(),
        heard,
        hears,
        notices,
        clients: (0..NODES).map(|_| JoinSet::new()).collect(),
    };
    scene.orders.pause.store(true, Ordering::Release);
    (0..NODES).for_each(|node| scene.connect(node));
    scene.settle().await?;
    scene.orders.pause.store(false, Ordering::Release);
    scene.listen(Duration::from_secs(1)).await?;
    let before = scene.fleet.memory_kib();
    let mut faults = Vec::new();
    for _ in 0..if is_short { 2 } else { 5 } {
        faults.push(scene.fail(random, is_short).await?);
        scene.heal()?;
        scene.listen(Duration::from_millis(random.u64(100..3_000))).await?;
    }
    scene.settle().await?;
    scene.orders.pause.store(true, Ordering::Release);
    scene.settle().await?;
    scene.listen(Duration::from_secs(3)).await?;
    let memory_kib = (before, scene.fleet.memory_kib());
    let checker = &scene.checker;
    Ok(Report {
        mesh: is_mesh,
        written: scene.orders.written.load(Ordering::Relaxed),
        heard: checker.heard,
        missing: checker.missing().map_err(|error| format!("{error}; faults: {}", faults.join(", ")))?,
        gaps: checker.gaps(),
        origins: checker.origins(),
        whole: checker.whole_streams,
        aborted: checker.aborted_streams,
        faults,
        memory_kib,
    })
}

impl Scene {
    /// Has a writer and a member connect to a node.
    fn connect(&mut self, node: usize) {
        let (port, id) = (self.fleet.port(node), self.fleet.id(node).to_owned());
        let clients = &mut self.clients[node];
        clients.abort_all();
        let (orders, origin) = (Arc::clone(&self.orders), id.clone());
        let hears = self.hears.clone();
        clients.spawn(async move { writer::run(port, &origin, orders).await });
        clients.spawn(async move { member::run(node, port, id, hears).await });
    }

    /// Does something bad for a while.
    async fn fail(&mut self, random: &mut fastrand::Rng, is_short: bool) -> Result<String, Box<dyn Error>> {
        let node = random.usize(0..NODES);
        let time = Duration::from_millis(random.u64(500..if is_short { 2_000 } else { 8_000 }));
        let fault = match random.u8(0..if is_short { 4 } else { 5 }) {
            0 => {
                self.fleet.restart(node).await?;
                self.connect(node);
                format!("node {node} killed")
            }
            1 => {
                self.fleet.freeze(node, true)?;
                format!("node {node} frozen for {time:?}")
            }
            2 => {
                let alone = random.usize(1..NODES);
                let is_there = |at: usize| (at + node) % NODES < alone;
                self.fleet.set(WireMode::Silent, |from, to| is_there(from) != is_there(to));
                format!("{alone} of {NODES} apart for {time:?}")
            }
            3 => {
                let wire = self.fleet.ends_of_wire(random.usize(0..self.fleet.wires_len()));
                self.fleet.set(WireMode::Cut, |from, to| (from, to) == wire);
                format!("wire {wire:?} cut for {time:?}")
            }
            _ => {
                self.fleet.set(WireMode::Cut, |from, to| from == node || to == node);
                self.fleet.restart((node + 1) % NODES).await?;
                self.connect((node + 1) % NODES);
                format!("node {node} cut off for {time:?}, its neighbour killed")
            }
        };
        self.listen(time).await?;
        Ok(fault)
    }

    fn heal(&self) -> Result<(), Box<dyn Error>> {
        self.fleet.set(WireMode::Open, |_, _| true);
        (0..NODES).try_for_each(|node| self.fleet.freeze(node, false))
    }

    /// Waits until every member hears every writer.
    async fn settle(&mut self) -> Result<(), Box<dyn Error>> {
        let lives: Vec<String> = (0..NODES).map(|node| self.fleet.id(node).to_owned()).collect();
        let base = self.orders.marker.load(Ordering::Acquire) + 1;
        let until = Instant::now() + PATIENCE;
        while let Err(not_yet) = self.checker.heard_mark(&lives, base) {
            if Instant::now() > until {
                return Err(format!("after {PATIENCE:?}: {not_yet}").into());
            }
            self.orders.marker.fetch_add(1, Ordering::AcqRel);
            self.listen(Duration::from_millis(200)).await?;
        }
        Ok(())
    }

    /// Hears what members and nodes say for a while.
    async fn listen(&mut self, time: Duration) -> Result<(), Box<dyn Error>> {
        let until = tokio::time::Instant::now() + time;
        loop {
            tokio::select! {
                Some(notice) = self.notices.recv() => self.checker.note(notice),
                Some(heard) = self.heard.recv() => self.checker.hear(heard)?,
                () = sleep_until(until) => return Ok(()),
            }
        }
    }
}
