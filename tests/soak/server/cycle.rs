//! One cycle: load, a fault, recovery, a pause, and the comparison.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use crate::Failure;
use crate::crowd::Crowd;
use crate::disk::Disk;
use crate::fault::Fault;
use crate::mail::Mail;
use crate::people::{self, PEOPLE, Person};
use crate::process::{Log, Process};
use crate::random::Random;
use crate::sender::{MEMBERS, Sender, Shared};

/// The server, those who use it, and what is known of it.
pub(crate) struct Soak {
    process: Process,
    /// Memory in KiB after the first quiet cycles of this process.
    level: Option<u64>,
    /// Quiet cycles of this process.
    age: usize,
    mail: Mail,
    go: watch::Sender<bool>,
    shared: Shared,
    tasks: JoinSet<Result<(), Failure>>,
    random: Random,
    cycles: usize,
    starts: usize,
    // Unmounted after the server has ended.
    disk: Disk,
}

impl Soak {
    pub(crate) async fn start(random: Random) -> Result<Self, Failure> {
        let disk = Disk::mount()?;
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let process = Process::start(disk.path(), [any, any], Log::ALL[0])?;
        // A server that stands still for some seconds keeps nobody for longer.
        let client = reqwest::Client::builder().timeout(Duration::from_secs(10)).build()?;
        let (go, going) = watch::channel(false);
        let shared = Shared {
            client: client.clone(),
            server: process.url(""),
            go: going,
            quiet: Arc::new(watch::channel(0).0),
            acknowledged: Arc::new(Mutex::new(Vec::new())),
        };
        let mut tasks = JoinSet::new();
        for member in 0..MEMBERS {
            tasks.spawn(Sender::new(shared.clone(), member).run());
        }
        for number in 0..PEOPLE {
            tasks.spawn(Person::new(shared.clone(), number).run());
        }
        let mail = Mail::new(client, process.url(""));
        Ok(Self { process, level: None, age: 0, mail, go, shared, tasks, random, cycles: 0, starts: 1, disk })
    }

    pub(crate) async fn cycle(&mut self, may_kill: bool) -> Result<String, Failure> {
        let fault = Fault::next(self.cycles, may_kill, &mut self.random);
        self.cycles += 1;
        self.go.send_replace(true);
        self.load(Duration::from_secs(4)).await?;
        let before = self.shared.acknowledged.lock().len();
        let told = self.inflict(fault).await.map_err(|error| format!("{fault}: {error}"))?;
        let during = self.shared.acknowledged.lock().len() - before;
        let well = self.until_ready().await.map_err(|error| format!("after {fault}: {error}"))?;
        self.load(Duration::from_secs(2)).await?;
        let sent = self.compare().await.map_err(|error| format!("after {fault}: {error}"))?;
        let (kib, descriptors) = self.process.size()?;
        self.level(kib).map_err(|error| format!("after {fault}: {error}"))?;
        Ok(format!(
            "{fault}: {sent} sends acknowledged, {during} of them meanwhile{told}; ready {:.1} s after it; {} MiB, {descriptors} descriptors; {}",
            well.as_secs_f64(),
            kib / 1_024,
            self.disk,
        ))
    }

    /// Stops the server, starts it again and reads everything.
    pub(crate) async fn end(mut self) -> Result<String, Failure> {
        let ports = self.process.ports();
        self.process.stop().await?;
        self.process = Process::start(self.disk.path(), ports, Log::Gone)?;
        self.until_ready().await?;
        self.mail.compare_whole().await?;
        Ok(format!(
            "{} entries read: nothing acknowledged was lost, nothing came twice, memory stayed level",
            self.mail.read()
        ))
    }

    async fn inflict(&mut self, fault: Fault) -> Result<String, Failure> {
        let time = Duration::from_millis(4_000 + self.random.below(4_000) as u64);
        match fault {
            Fault::DiskFull => {
                self.disk.fill()?;
                let unready = self.until_unready().await?;
                self.load(time).await?;
                self.disk.empty()?;
                return Ok(format!(", told after {:.1} s", unready.as_secs_f64()));
            }
            Fault::Crowd => {
                let crowd = Crowd::come(self.process.ports()).await;
                self.load(time).await?;
                drop(crowd);
            }
            Fault::FullAndCrowd => {
                self.disk.fill()?;
                let crowd = Crowd::come(self.process.ports()).await;
                self.load(time).await?;
                self.disk.empty()?;
                drop(crowd);
            }
            Fault::Frozen => {
                self.process.signal("STOP")?;
                self.load(time).await?;
                self.process.signal("CONT")?;
            }
            Fault::Killed => self.start_again(Duration::ZERO).await?,
            Fault::KilledWhenFull => {
                self.disk.fill()?;
                self.load(time / 2).await?;
                self.process.kill()?;
                self.disk.empty()?;
                self.start_again(time / 4).await?;
            }
        }
        Ok(String::new())
    }

    async fn start_again(&mut self, pause: Duration) -> Result<(), Failure> {
        let ports = self.process.ports();
        self.process.kill()?;
        sleep(pause).await;
        self.process = Process::start(self.disk.path(), ports, Log::ALL[self.starts % Log::ALL.len()])?;
        self.starts += 1;
        (self.level, self.age) = (None, 0);
        Ok(())
    }

    /// Lets everybody work for a while; whoever ends has found a fault.
    async fn load(&mut self, time: Duration) -> Result<(), Failure> {
        match timeout(time, self.tasks.join_next()).await {
            Err(_) => Ok(()),
            Ok(Some(ended)) => ended?.and(Err("a task of the soak has ended".into())),
            Ok(None) => Err("nobody works".into()),
        }
    }

    async fn until_ready(&self) -> Result<Duration, Failure> {
        self.until("the server is not ready", |status| status == 200).await
    }

    async fn until_unready(&self) -> Result<Duration, Failure> {
        self.until("the disk is full and the server says that it is ready", |status| status == 503).await
    }

    async fn until(&self, fault: &str, wanted: impl Fn(u16) -> bool) -> Result<Duration, Failure> {
        let begun = Instant::now();
        let mut said = String::new();
        while begun.elapsed() < PATIENCE {
            match self.shared.client.get(self.process.url("/readyz")).send().await {
                Ok(answer) if wanted(answer.status().as_u16()) => return Ok(begun.elapsed()),
                Ok(answer) => said = answer.text().await?,
                Err(error) => said = error.to_string(),
            }
            sleep(Duration::from_millis(100)).await;
        }
        Err(format!("{fault} after {PATIENCE:?}; {}; it says {said}", self.disk).into())
    }

    /// Pauses everybody and compares; answers how many sends were acknowledged.
    async fn compare(&mut self) -> Result<usize, Failure> {
        self.go.send_replace(false);
        let mut quiet = self.shared.quiet.subscribe();
        let paused = timeout(PATIENCE, quiet.wait_for(|quiet| *quiet == MEMBERS + PEOPLE));
        tokio::select! {
            biased;
            Some(ended) = self.tasks.join_next() => return ended?.and(Err("a task of the soak has ended".into())),
            paused = paused => {
                paused.map_err(|_| format!("some sends were not taken within {PATIENCE:?}"))??;
            }
        }
        let acknowledged = std::mem::take(&mut *self.shared.acknowledged.lock());
        let sent = acknowledged.len();
        self.mail.compare(acknowledged).await?;
        people::compare(&self.shared.client, &self.shared.server).await?;
        Ok(sent)
    }

    /// Fails when memory grows from cycle to cycle.
    fn level(&mut self, kib: u64) -> Result<(), Failure> {
        self.age += 1;
        if self.age <= SETTLING {
            self.level = Some(self.level.unwrap_or_default().max(kib));
            return Ok(());
        }
        let level = self.level.unwrap_or_default();
        if kib > level + level / 4 + GROWTH_KIB {
            return Err(format!("memory grew from {level} KiB to {kib} KiB").into());
        }
        Ok(())
    }
}

/// Cycles of a process until its caches and buffers have their size.
const SETTLING: usize = 5;
/// What an allocator may keep beyond.
const GROWTH_KIB: u64 = 48 * 1_024;
const PATIENCE: Duration = Duration::from_secs(60);
