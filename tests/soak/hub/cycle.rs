//! One cycle: nodes come together, something fails, they come together again, and what was heard is
//! judged.

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::sleep_until;

use crate::NODES;
use crate::checker::Checker;
use crate::fleet::Fleet;
use crate::graph::Graph;
use crate::member::{self, Heard};
use crate::namespaces::Namespaces;
use crate::notices::Notice;
use crate::report::Report;
use crate::writer::{self, Orders};

/// How long nodes may take until all hear all.
const PATIENCE: Duration = Duration::from_secs(60);

/// How a cycle goes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    pub(crate) graph: Graph,
    /// Whether what fails is little, and fails for a short time.
    pub(crate) is_short: bool,
    /// How long a cycle lasts in which nobody is killed, so that memory would have time to grow.
    pub(crate) level: Option<Duration>,
}

impl Plan {
    fn is_over(&self, begun: Instant, faults: usize) -> bool {
        match self.level {
            Some(lasts) => begun.elapsed() >= lasts,
            None => faults >= if self.is_short { 2 } else { 5 },
        }
    }

    /// Whether it is time to look at the memory that is compared with that of the end.
    fn is_warm(&self, begun: Instant) -> bool {
        self.level.is_none_or(|lasts| begun.elapsed() >= lasts / 4)
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

/// Runs one cycle, in these namespaces or over wires.
pub(crate) async fn run(
    random: &mut fastrand::Rng,
    plan: Plan,
    namespaces: Option<Arc<Namespaces>>,
) -> Result<Report, Box<dyn Error>> {
    let (told, notices) = mpsc::channel(10_000);
    let (hears, heard) = mpsc::channel(100_000);
    let mut scene = Scene {
        fleet: Fleet::start(plan.graph, namespaces, told).await?,
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
    let (begun, mut faults, mut quarter_kib) = (Instant::now(), Vec::new(), None);
    while !plan.is_over(begun, faults.len()) {
        faults.push(scene.fail(random, plan).await?);
        scene.heal().await?;
        scene.listen(Duration::from_millis(random.u64(100..3_000))).await?;
        if quarter_kib.is_none() && plan.is_warm(begun) {
            quarter_kib = Some(scene.fleet.memory_kib());
        }
    }
    scene.settle().await?;
    scene.orders.pause.store(true, Ordering::Release);
    scene.settle().await?;
    scene.listen(Duration::from_secs(3)).await?;
    let end_kib = scene.fleet.memory_kib();
    let checker = &scene.checker;
    let with_faults = |error: String| format!("{error}; faults: {}", faults.join(", "));
    checker.heard_ends(&scene.lives()).map_err(with_faults)?;
    Ok(Report {
        kind: scene.fleet.kind(),
        written: scene.orders.written.load(Ordering::Relaxed),
        heard: checker.heard,
        missing: checker.missing().map_err(with_faults)?,
        gaps: checker.gaps(),
        origins: checker.origins(),
        whole: checker.whole_streams,
        aborted: checker.aborted_streams,
        faults,
        memory_kib: (quarter_kib.unwrap_or(end_kib), end_kib),
    })
}

impl Scene {
    /// Has a writer and a member connect to a node.
    fn connect(&mut self, node: usize) {
        let (address, id) = (self.fleet.address(node), self.fleet.id(node).to_owned());
        let clients = &mut self.clients[node];
        clients.abort_all();
        let (orders, origin) = (Arc::clone(&self.orders), id.clone());
        let hears = self.hears.clone();
        clients.spawn(async move { writer::run(address, &origin, orders).await });
        clients.spawn(async move { member::run(node, address, id, hears).await });
    }

    /// Does something bad for a while.
    async fn fail(&mut self, random: &mut fastrand::Rng, plan: Plan) -> Result<String, Box<dyn Error>> {
        let node = random.usize(0..NODES);
        let time = Duration::from_millis(random.u64(500..if plan.is_short { 2_000 } else { 8_000 }));
        // The first three kill nobody.
        let kinds = if plan.level.is_some() { 3 } else { 5 - u8::from(plan.is_short) };
        let fault = match random.u8(0..kinds) {
            0 => {
                self.fleet.freeze(node, true)?;
                format!("node {node} frozen for {time:?}")
            }
            1 => {
                let alone = random.usize(1..NODES);
                self.fleet.part(|at| (at + node) % NODES < alone).await?;
                format!("{alone} of {NODES} apart for {time:?}")
            }
            2 => format!("{} for {time:?}", self.fleet.harm_link(random).await?),
            3 => {
                self.fleet.restart(node).await?;
                self.connect(node);
                format!("node {node} killed")
            }
            _ => {
                let neighbour = (node + 1) % NODES;
                self.fleet.cut_off(node).await?;
                self.fleet.restart(neighbour).await?;
                self.connect(neighbour);
                format!("node {node} cut off for {time:?}, its neighbour killed")
            }
        };
        self.listen(time).await?;
        Ok(fault)
    }

    async fn heal(&self) -> Result<(), Box<dyn Error>> {
        self.fleet.mend().await?;
        (0..NODES).try_for_each(|node| self.fleet.freeze(node, false))
    }

    /// Returns which node each is in this life.
    fn lives(&self) -> Vec<String> {
        (0..NODES).map(|node| self.fleet.id(node).to_owned()).collect()
    }

    /// Waits until every member hears every writer.
    async fn settle(&mut self) -> Result<(), Box<dyn Error>> {
        let lives = self.lives();
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
