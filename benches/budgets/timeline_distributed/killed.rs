//! A node is killed while it sends: how long readers beside it wait.
//!
//! ```text
//! budget-timeline-distributed send MONGODB REDIS    says `sending`, and sends until standard input ends
//! ```

use std::error::Error;
use std::io::{BufRead, BufReader, Read, Write, stderr, stdin, stdout};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};
use std::{env, io};

use benches::budget::Effort;
use timeline::{InboxPage, MemberId, Seq, Timeline, Watch};
use tokio::runtime::Runtime;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::scene::{Caller, send_until, warmed};
use crate::world::{Mode, PATIENCE, World, config, ended, open};

const READER: &str = "reader";

/// Who sends to the reader all the time, from the node that is not killed.
const STEADY: &str = "steady";

/// How many callers the killed node has.
const CALLERS: u64 = 16;

/// Returns how much longer than the grace a reader got nothing from a sender whose node lives, when
/// another node that sent to the same inbox was killed; the 99th percentile, in milliseconds.
pub(crate) fn beyond_grace(effort: Effort) -> Result<f64, Box<dyn Error>> {
    let (kills, grace) = effort.pick((20, Duration::from_secs(1)), (1, Duration::from_millis(100)));
    // Before a kill the reader follows both senders for so long; after it, beyond the grace.
    let beside = effort.pick(Duration::from_millis(300), Duration::from_millis(50));
    Runtime::new()?.block_on(async {
        let world = World::start().await?;
        let node = open(world.config(Mode::RedisAndMongo).grace(grace)).await?;
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        let (steady, stopped) = (vec![Caller::to_member(&node, STEADY, READER)?], stop.clone());
        let steady = tasks.spawn(async move {
            let sent = send_until(steady, move |_sent| stopped.is_cancelled()).await;
            sent.map_err(|error| error.to_string())
        });
        let mut reader = Reader::new(&node)?;
        let mut stalls = Vec::new();
        for _ in 0..kills {
            let mut sender = Sender::start(&world)?;
            reader.catch_up(Instant::now() + beside).await?;
            sender.kill()?;
            stalls.push(reader.longest_gap(Instant::now() + grace + beside).await?);
        }
        stop.cancel();
        steady.await??;
        ended(&node).await?;
        stalls.sort_unstable();
        let met = stalls.iter().filter(|stall| **stall >= grace / 2).count();
        let at = |percent: usize| stalls[(stalls.len() * percent / 100).min(stalls.len() - 1)];
        writeln!(
            stderr(),
            "{kills} kills, {met} left holes; readers waited p50 {:?}, p99 {:?}, with a grace of {grace:?}",
            at(50),
            at(99)
        )?;
        // One kill may come between two batches, all of them do not.
        if met == 0 && kills > 1 {
            return Err("no kill left a hole: nothing was measured".into());
        }
        Ok((at(99).as_secs_f64() - grace.as_secs_f64()) * 1e3)
    })
}

/// Who watches the inbox, and notes when something came from the steady sender.
struct Reader {
    watch: Watch,
    last: Instant,
}

impl Reader {
    fn new(node: &Timeline) -> timeline::Result<Self> {
        Ok(Self { watch: node.watch(&MemberId::new(READER)?, Seq::ZERO), last: Instant::now() })
    }

    /// Reads on until `end`, and until it has read what is there.
    async fn catch_up(&mut self, end: Instant) -> Result<(), Box<dyn Error>> {
        loop {
            let page = self.page().await?;
            if Instant::now() >= end && page.entry_set_last_seq == page.latest_seq {
                return Ok(());
            }
        }
    }

    /// Returns the longest time between two entries of the steady sender that it gets from now on,
    /// up to the first one after `end`.
    async fn longest_gap(&mut self, end: Instant) -> Result<Duration, Box<dyn Error>> {
        let mut longest = Duration::ZERO;
        loop {
            let before = self.last;
            self.page().await?;
            longest = longest.max(self.last - before);
            if self.last >= end {
                return Ok(longest);
            }
        }
    }

    async fn page(&mut self) -> Result<InboxPage, Box<dyn Error>> {
        let page =
            timeout(PATIENCE, self.watch.next()).await.map_err(|_elapsed| "nothing comes any more")??;
        if page.entries.iter().any(|entry| entry.from.as_ref().is_some_and(|from| from.as_str() == STEADY)) {
            self.last = Instant::now();
        }
        Ok(page)
    }
}

/// Another process of this binary, a node that sends until it is killed.
struct Sender(Child);

impl Sender {
    /// Returns when each of its callers has sent.
    fn start(world: &World) -> Result<Self, Box<dyn Error>> {
        let mut command = Command::new(env::current_exe()?);
        command.args(["send", world.mongo.url(), world.redis.url()]);
        let mut sender = Self(command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?);
        let mut line = String::new();
        BufReader::new(sender.0.stdout.take().ok_or("child has no output")?).read_line(&mut line)?;
        if line.trim() == "sending" { Ok(sender) } else { Err(format!("a sender said {line:?}").into()) }
    }

    fn kill(&mut self) -> io::Result<()> {
        self.0.kill()?;
        self.0.wait().map(drop)
    }
}

impl Drop for Sender {
    fn drop(&mut self) {
        drop(self.kill());
    }
}

/// Does what `send` asks for, until standard input ends.
pub(crate) fn on_the_command_line() -> Option<ExitCode> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [command, mongo, redis] = arguments.as_slice() else { return None };
    if command != "send" {
        return None;
    }
    Some(match send(mongo, redis) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            drop(writeln!(stderr(), "{error}"));
            ExitCode::FAILURE
        }
    })
}

fn send(mongo: &str, redis: &str) -> Result<(), Box<dyn Error>> {
    Runtime::new()?.block_on(async {
        let node = open(config(mongo, Some(redis))).await?;
        let callers = (0..CALLERS)
            .map(|number| Caller::to_member(&node, &format!("doomed-{number:04}"), READER))
            .collect::<Result<_, _>>()?;
        let callers = warmed(callers).await?;
        writeln!(stdout(), "sending")?;
        stdout().flush()?;
        let end = tokio::task::spawn_blocking(|| stdin().read_to_end(&mut Vec::new()));
        tokio::select! {
            sent = send_until(callers, |_sent| false) => Err(format!("ended after {} sends", sent?).into()),
            end = end => { end??; Ok(()) }
        }
    })
}
