//! What a worker process does: its keys come and go, and it watches those of all workers.
//!
//! Lines on standard output, `NANOSECONDS WHAT KEY`. Before the fact: `start`, `kill`, `stop`,
//! `restart`; after it: `started`, `killed`, `failed`. What its watcher was told: `alive`, `dead`.
//! Lines on standard input: `go`, `pause` (answered with `paused` once nothing is under way); at
//! its end the process ends.

use std::error::Error;
use std::io::{Write, stdout};
use std::sync::Arc;
use std::time::Duration;

use presence_mongo::{Base, Config, LinkConfig, Pinger, WatchStream, Watcher};
use tokio::io::{AsyncBufReadExt, BufReader, stdin};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::clock;
use crate::random::Random;
use crate::witness::passes;

/// One in which also a busy machine finds the time to ping.
pub(crate) const SLOT: Duration = Duration::from_secs(3);
/// How many workers there are.
pub(crate) const WORKERS: usize = 3;
/// Hands of a worker, of which each does one thing at a time, and keys of each hand.
const HANDS: usize = 8;
const KEYS: usize = 6;
/// Keys of a worker that live as long as it does.
const STEADY: usize = 10;
/// The key that all workers ping for.
const SHARED: &str = "shared";

/// Settings that all processes share.
pub(crate) fn config(url: &str, database: &str) -> Config {
    Config::new(LinkConfig::new(url).database(database)).slot(SLOT).prune_interval(SLOT * 2)
}

/// Returns the keys of all workers.
pub(crate) fn all_keys() -> Vec<String> {
    let workers = (0..WORKERS).map(|worker| worker.to_string());
    let of_workers = workers.flat_map(|worker| {
        let hands = (0..HANDS).flat_map({
            let worker = worker.clone();
            move |hand| hand_keys(&worker, hand)
        });
        hands.chain(steady_keys(&worker)).collect::<Vec<_>>()
    });
    of_workers.chain([SHARED.to_owned()]).collect()
}

/// Works until standard input ends.
pub(crate) async fn run(url: &str, database: &str, name: &str) -> Result<(), Box<dyn Error>> {
    let base = loop {
        // It may be started while there is no primary.
        match Base::start(config(url, database)).await {
            Ok(base) => break base,
            Err(_) => sleep(RETRY).await,
        }
    };
    let mut tasks = JoinSet::new();
    tasks.spawn(listen(Watcher::new(&base)?.watch(all_keys())?));
    let mut steady = Vec::new();
    for key in steady_keys(name).into_iter().chain([SHARED.to_owned()]) {
        let mut pinger = Pinger::new(&base, key)?;
        start(&mut pinger).await;
        steady.push(pinger);
    }
    let (going, go) = watch::channel(false);
    let (quiet, paused) = watch::channel(0_usize);
    let quiet = Arc::new(quiet);
    for hand in 0..HANDS {
        let pingers = hand_keys(name, hand).into_iter().map(|key| Pinger::new(&base, key));
        let pingers = pingers.collect::<Result<Vec<_>, _>>()?;
        let random = Random::new(clock::now().as_secs() ^ hand as u64);
        tasks.spawn(Hand { pingers, random }.run(go.clone(), Arc::clone(&quiet)));
    }
    say("ready")?;
    let mut lines = BufReader::new(stdin()).lines();
    while let Some(line) = lines.next_line().await? {
        going.send_replace(line == "go");
        if line == "pause" {
            paused.clone().wait_for(|quiet| *quiet == HANDS).await?;
            say("paused")?;
        }
    }
    Ok(())
}

/// Some keys of which one at a time comes or goes.
struct Hand {
    pingers: Vec<Pinger>,
    random: Random,
}

impl Hand {
    async fn run(mut self, mut go: watch::Receiver<bool>, quiet: Arc<watch::Sender<usize>>) {
        quiet.send_modify(|quiet| *quiet += 1);
        while go.wait_for(|go| *go).await.is_ok() {
            quiet.send_modify(|quiet| *quiet -= 1);
            while *go.borrow() {
                self.turn().await;
                sleep(Duration::from_millis(50 + self.random.below(200) as u64)).await;
            }
            quiet.send_modify(|quiet| *quiet += 1);
        }
    }

    async fn turn(&mut self) {
        let which = self.random.below(self.pingers.len());
        let pinger = &mut self.pingers[which];
        match (pinger.is_started(), self.random.below(8)) {
            // Also one that was never started, or was killed before.
            (false, 0) | (true, 0..=2) => kill(pinger).await,
            (false, _) => start(pinger).await,
            (true, 3 | 4) => {
                tell("stop", pinger.key());
                pinger.stop();
            }
            (true, _) => {
                tell("restart", pinger.key());
                pinger.stop();
                start(pinger).await;
            }
        }
    }
}

async fn start(pinger: &mut Pinger) {
    tell("start", pinger.key());
    while pinger.start().await.is_err() {
        tell("failed", pinger.key());
        sleep(RETRY).await;
        tell("start", pinger.key());
    }
    tell("started", pinger.key());
}

async fn kill(pinger: &mut Pinger) {
    tell("kill", pinger.key());
    while pinger.kill().await.is_err() {
        tell("failed", pinger.key());
        sleep(RETRY).await;
        tell("kill", pinger.key());
    }
    tell("killed", pinger.key());
}

/// Says what the watcher is told.
async fn listen(mut stream: WatchStream) {
    while let Some(item) = stream.next().await {
        match item {
            Ok(change) => tell(if change.alive { "alive" } else { "dead" }, &change.key),
            Err(error) if passes(error.kind()) => {}
            Err(error) => tell("broken", &format!("{error:#}")),
        }
    }
    tell("broken", "the stream ended");
}

fn hand_keys(worker: &str, hand: usize) -> Vec<String> {
    (0..KEYS).map(|number| format!("{worker} {hand} {number}")).collect()
}

fn steady_keys(worker: &str) -> Vec<String> {
    (0..STEADY).map(|number| format!("{worker} steady {number}")).collect()
}

fn tell(what: &str, key: &str) {
    // Without anybody to hear it the process is about to end.
    drop(say(&format!("{} {what} {key}", clock::now().as_nanos())));
}

fn say(line: &str) -> std::io::Result<()> {
    let mut stdout = stdout().lock();
    writeln!(stdout, "{line}")?;
    stdout.flush()
}

const RETRY: Duration = Duration::from_millis(50);
