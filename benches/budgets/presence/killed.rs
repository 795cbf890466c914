//! A process that holds many ids is killed.

use std::collections::HashSet;
use std::env;
use std::error::Error;
use std::io::{BufRead, BufReader, Read, Write, stderr, stdin, stdout};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use benches::budget::Effort;
use presence_core::{Presence, Since, Status, Update};
use presence_redis::LinkConfig;
use presence_redis::leases::{Config, Leases};
use test_support::Redis;

use crate::store::{BATCH, ids, leases_config};

const TTL: Duration = Duration::from_secs(3);
/// For how long events are read after the last that is expected.
const AFTER: Duration = Duration::from_secs(1);

/// How long after its TTL the last id of a killed process is offline, in seconds.
pub(crate) fn seconds(effort: Effort) -> Result<f64, Box<dyn Error>> {
    tokio::runtime::Runtime::new()?.block_on(async {
        let count = effort.pick(100_000, 1_000);
        let redis = Redis::private().await?;
        let lives = Presence::new(Leases::start(leases_config(&redis, TTL)).await?);
        let mut events = lives.events(Since::Now).await?;
        let mut child = Holder::start(redis.url(), count)?;
        let mut online = HashSet::new();
        while online.len() < count {
            if let Some(Update::Change(event)) = events.next().await.transpose()?
                && !online.insert(event.id)
            {
                return Err("an id came twice".into());
            }
        }
        child.kill()?;
        let killed = Instant::now();
        while !online.is_empty() {
            let next =
                tokio::time::timeout(TTL * 10, events.next()).await.map_err(|_| "ids were not let go")?;
            let Update::Change(event) = next.ok_or("the events ended")?? else { continue };
            if event.status != Status::Offline || !online.remove(&event.id) {
                return Err(format!("unexpected {event:?}").into());
            }
        }
        let took = killed.elapsed();
        // Another process may let them go once more.
        let until = tokio::time::Instant::now() + AFTER;
        while let Ok(next) = tokio::time::timeout_at(until, events.next()).await {
            if let Update::Change(event) = next.ok_or("the events ended")?? {
                return Err(format!("{event:?} after the last").into());
            }
        }
        writeln!(
            stderr(),
            "{count} ids offline once each, the last {took:?} after the kill, with a TTL of {TTL:?}"
        )?;
        Ok(took.as_secs_f64() - TTL.as_secs_f64())
    })
}

/// Another process of this binary, which holds ids until it is killed.
struct Holder(Child);

impl Holder {
    fn start(url: &str, count: usize) -> Result<Self, Box<dyn Error>> {
        let mut command = Command::new(env::current_exe()?);
        command.args(["hold", url, &count.to_string()]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = Self(command.spawn()?);
        let mut line = String::new();
        BufReader::new(child.0.stdout.take().ok_or("child has no output")?).read_line(&mut line)?;
        if line.trim() == "held" { Ok(child) } else { Err(format!("holder said {line:?}").into()) }
    }

    fn kill(&mut self) -> Result<(), Box<dyn Error>> {
        self.0.kill()?;
        self.0.wait()?;
        Ok(())
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        // Killed already, unless something failed.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// Does what `hold URL COUNT` asks for, until standard input ends.
pub(crate) fn on_the_command_line() -> Option<ExitCode> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [command, url, count] = arguments.as_slice() else { return None };
    if command != "hold" {
        return None;
    }
    let held = count.parse().map_err(Into::into).and_then(|count| hold(url, count));
    Some(match held {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            drop(writeln!(stderr(), "{error}"));
            ExitCode::FAILURE
        }
    })
}

fn hold(url: &str, count: usize) -> Result<(), Box<dyn Error>> {
    tokio::runtime::Runtime::new()?.block_on(async {
        let link = LinkConfig::new(url).timeout(Duration::from_secs(20));
        let config = Config::new(link).ttl(TTL).grace(Duration::ZERO);
        let presence = Presence::new(Leases::start(config).await?);
        let ids = ids(count);
        for batch in ids.chunks(BATCH) {
            presence.online(batch).await?;
        }
        writeln!(stdout(), "held")?;
        // Beats as clients would, until the end.
        let beats = async {
            loop {
                for batch in ids.chunks(BATCH) {
                    presence.online(batch).await?;
                }
                tokio::time::sleep(TTL / 10).await;
            }
        };
        let end = tokio::task::spawn_blocking(|| stdin().read_to_end(&mut Vec::new()));
        tokio::select! {
            beats = beats => beats,
            end = end => { end??; Ok(()) }
        }
    })
}
