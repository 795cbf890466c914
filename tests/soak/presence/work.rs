//! What a worker process does: its users come and go, each as often as it can be done.
//!
//! Lines on standard output, each before or after the fact: `try + ID`, `done + ID`, `try - ID`,
//! `done - ID`. Lines on standard input: `go`, `pause` (answered with `paused` once nothing is
//! under way); at its end the process ends.

use std::error::Error;
use std::io::{Write, stdout};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use presence_core::Presence;
use presence_redis::leases::{Config, Leases};
use tokio::io::{AsyncBufReadExt, BufReader, stdin};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, interval, sleep};

use crate::random::Random;

pub(crate) const TTL: Duration = Duration::from_secs(3);
/// Users of one worker that are connected or not, and that beat or not.
const USERS: usize = 24;
const USERS_EACH: usize = 12;

/// Settings that all processes share.
pub(crate) fn config(url: &str) -> Config {
    Config::new(url).ttl(TTL).grace(Duration::ZERO)
}

/// Works until standard input ends.
pub(crate) async fn run(url: &str, name: &str) -> Result<(), Box<dyn Error>> {
    let presence = loop {
        // It may be started while Redis is away.
        match Leases::start(config(url)).await {
            Ok(leases) => break Presence::new(leases),
            Err(_) => sleep(RETRY).await,
        }
    };
    let (going, go) = watch::channel(false);
    let (quiet, paused) = watch::channel(0_usize);
    let quiet = Arc::new(quiet);
    let beating = Arc::new(Mutex::new(Vec::new()));
    let mut tasks = JoinSet::new();
    tasks.spawn(beat(presence.clone(), Arc::clone(&beating)));
    for user in 0..USERS {
        let users = Users {
            presence: presence.clone(),
            names: (0..USERS_EACH).map(|number| format!("{name} {user} {number}")).collect(),
            beating: (user % 3 == 0).then(|| Arc::clone(&beating)),
            random: Random::new(user as u64 + name.len() as u64),
        };
        tasks.spawn(users.run(go.clone(), Arc::clone(&quiet)));
    }
    say("ready")?;
    let mut lines = BufReader::new(stdin()).lines();
    while let Some(line) = lines.next_line().await? {
        match line.as_str() {
            "go" => going.send_replace(true),
            _ => going.send_replace(false),
        };
        if line == "pause" {
            paused.clone().wait_for(|quiet| *quiet == USERS).await?;
            say("paused")?;
        }
    }
    Ok(())
}

/// Some users of whom one at a time comes or goes.
struct Users {
    presence: Presence,
    names: Vec<String>,
    /// Those that beat at the moment, if these are ones that beat; others are held.
    beating: Option<Arc<Mutex<Vec<String>>>>,
    random: Random,
}

impl Users {
    async fn run(mut self, mut go: watch::Receiver<bool>, quiet: Arc<watch::Sender<usize>>) {
        let mut here = vec![false; self.names.len()];
        let mut left = vec![Instant::now() - TTL * 4; self.names.len()];
        quiet.send_modify(|quiet| *quiet += 1);
        while go.wait_for(|go| *go).await.is_ok() {
            quiet.send_modify(|quiet| *quiet -= 1);
            while *go.borrow() {
                let user = self.random.below(self.names.len());
                // Who beats again before it is gone was never away.
                if here[user] || left[user].elapsed() > TTL * 2 || self.beating.is_none() {
                    let sign = if here[user] { '-' } else { '+' };
                    tell("try", sign, &self.names[user]);
                    if here[user] {
                        self.leave(user).await;
                    } else {
                        self.come(user).await;
                    }
                    tell("done", sign, &self.names[user]);
                    here[user] = !here[user];
                    left[user] = Instant::now();
                }
                sleep(Duration::from_millis(20 + self.random.below(60) as u64)).await;
            }
            quiet.send_modify(|quiet| *quiet += 1);
        }
    }

    async fn come(&self, user: usize) {
        let name = &self.names[user];
        if let Some(beating) = &self.beating {
            beating.lock().push(name.clone());
            while self.presence.online([name]).await.is_err() {
                sleep(RETRY).await;
            }
        } else {
            while self.presence.hold_device(name, "connection").await.is_err() {
                sleep(RETRY).await;
            }
        }
    }

    async fn leave(&self, user: usize) {
        let name = &self.names[user];
        if let Some(beating) = &self.beating {
            beating.lock().retain(|beating| beating != name);
        } else if user.is_multiple_of(2) {
            while self.presence.offline([name]).await.is_err() {
                sleep(RETRY).await;
            }
        } else {
            while self.presence.end_device(name, "connection").await.is_err() {
                sleep(RETRY).await;
            }
        }
    }
}

async fn beat(presence: Presence, beating: Arc<Mutex<Vec<String>>>) {
    let mut beats = interval(TTL / 5);
    loop {
        beats.tick().await;
        let names = beating.lock().clone();
        // What fails is beaten again, and was taken all the same.
        drop(presence.online(&names).await);
    }
}

fn tell(what: &str, sign: char, name: &str) {
    // Without anybody to hear it the process is about to end.
    drop(say(&format!("{what} {sign} {name}")));
}

fn say(line: &str) -> std::io::Result<()> {
    let mut stdout = stdout().lock();
    writeln!(stdout, "{line}")?;
    stdout.flush()
}

const RETRY: Duration = Duration::from_millis(50);
