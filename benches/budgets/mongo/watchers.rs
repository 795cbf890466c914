//! Processes of this binary that watch.
//!
//! ```text
//! budget-mongo watch URL SLOT_SECONDS CLIENTS KEYS    says `ready`, then a line for each change, until standard input ends:
//! CLIENT KEY ALIVE NANOSECONDS                        which client, which key, whether it is alive, when it was told
//! ```
//!
//! Each client has a base of its own, as one process of an application has: connections, a change
//! stream, reads.

use std::error::Error;
use std::io::{BufRead, BufReader, Read, Write, stderr, stdin, stdout};
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use std::{env, thread};

use benches::process;
use presence_mongo::{Base, Watcher};
use tokio::task::JoinSet;

use crate::world::{World, config, key};

/// A process with clients; ended when dropped.
pub(crate) struct Watchers {
    child: Child,
    changes: Receiver<String>,
}

/// A change that a client was told.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Told {
    pub(crate) client: usize,
    pub(crate) key: usize,
    pub(crate) alive: bool,
    /// By [`clock`].
    pub(crate) at: Duration,
}

impl Watchers {
    /// Returns when all of its clients know the state of all keys.
    pub(crate) fn start(world: &World, clients: usize, keys: usize) -> Result<Self, Box<dyn Error>> {
        let arguments = [world.slot.as_secs().to_string(), clients.to_string(), keys.to_string()];
        let mut command = Command::new(env::current_exe()?);
        command.args(["watch", world.mongo.url()]).args(arguments);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let output = child.stdout.take().ok_or("child has no output")?;
        let (sender, changes) = channel();
        let watchers = Self { child, changes };
        // It ends with the child.
        thread::spawn(move || {
            let lines = BufReader::new(output).lines().map_while(Result::ok);
            lines.map(|line| sender.send(line)).take_while(Result::is_ok).for_each(drop);
        });
        match watchers.line()?.as_str() {
            "ready" => Ok(watchers),
            line => Err(format!("a process that watches said {line:?}").into()),
        }
    }

    /// Returns the next change.
    pub(crate) fn told(&self) -> Result<Told, Box<dyn Error>> {
        let line = self.line()?;
        let words: Vec<&str> = line.split(' ').collect();
        let [client, key, alive, at] = words.as_slice() else {
            return Err(format!("a process that watches said {line:?}").into());
        };
        let at = Duration::from_nanos(at.parse()?);
        Ok(Told { client: client.parse()?, key: key.parse()?, alive: alive.parse()?, at })
    }

    /// The processor time that it has used so far, in nanoseconds.
    pub(crate) fn cpu_ns(&self) -> Result<f64, Box<dyn Error>> {
        process::cpu_ns(&self.child.id().to_string())
    }

    fn line(&self) -> Result<String, Box<dyn Error>> {
        Ok(self.changes.recv_timeout(PATIENCE).map_err(|_| "a process that watches says nothing")?)
    }
}

impl Drop for Watchers {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Does what `watch` asks for, until standard input ends.
pub(crate) fn on_the_command_line() -> Option<ExitCode> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [command, url, numbers @ ..] = arguments.as_slice() else { return None };
    if command != "watch" {
        return None;
    }
    let watched = numbers
        .iter()
        .map(|number| number.parse())
        .collect::<Result<Vec<usize>, _>>()
        .map_err(Into::into)
        .and_then(|numbers| watch(url, &numbers));
    Some(match watched {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            drop(writeln!(stderr(), "{error}"));
            ExitCode::FAILURE
        }
    })
}

fn watch(url: &str, numbers: &[usize]) -> Result<(), Box<dyn Error>> {
    let &[slot_seconds, clients, keys] = numbers else {
        return Err("use watch URL SLOT_SECONDS CLIENTS KEYS".into());
    };
    let slot = Duration::from_secs(slot_seconds as u64);
    tokio::runtime::Runtime::new()?.block_on(async {
        let mut tasks = JoinSet::new();
        let mut all = Vec::new();
        for _ in 0..clients {
            let watcher = Watcher::new(&Base::start(config(url, slot)).await?)?;
            let mut stream = watcher.watch((0..keys).map(key).collect::<Vec<_>>())?;
            // The state of each comes first.
            for _ in 0..keys {
                stream.next().await.ok_or("the stream ended")??;
            }
            all.push((watcher, stream));
        }
        say("ready")?;
        for (client, (watcher, mut stream)) in all.into_iter().enumerate() {
            tasks.spawn(async move {
                while let Some(change) = stream.next().await {
                    let (change, at) = (change.map_err(|error| error.to_string())?, clock());
                    let key = change.key.trim_start_matches(|letter: char| !letter.is_ascii_digit());
                    let key: usize = key.parse().map_err(|_| format!("{key} is no key of ours"))?;
                    let alive = change.alive;
                    say(&format!("{client} {key} {alive} {}", at.as_nanos()))
                        .map_err(|error| error.to_string())?;
                }
                drop(watcher);
                Err::<(), String>("the stream ended".to_owned())
            });
        }
        let end = tokio::task::spawn_blocking(|| stdin().read_to_end(&mut Vec::new()));
        tokio::select! {
            ended = tasks.join_next() => Ok(ended.ok_or("nobody watches")???),
            end = end => { end??; Ok(()) }
        }
    })
}

fn say(line: &str) -> std::io::Result<()> {
    let mut stdout = stdout().lock();
    writeln!(stdout, "{line}")?;
    stdout.flush()
}

/// What time it is, since the Unix epoch.
#[expect(clippy::disallowed_methods, reason = "the one clock that processes have in common")]
pub(crate) fn clock() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

const PATIENCE: Duration = Duration::from_secs(60);
