//! What the scripts of a shard are asked, with one typed function each.
//!
//! What a script does is said at its head.

use std::marker::PhantomData;
use std::time::Duration;

use presence_core::tracker::Millis;
use presence_core::{Error, ErrorKind};
use redis::{Cmd, FromRedisValue, Value};

use super::answer::{Answer, Answered};
use super::config::Config;
use super::ids::IdSpace;
use super::keys::ShardKeys;
use super::outbox::{Step, StepKind};
use super::script::{ENTER, LEAVE, LOOK, RENEW, RENEW_ANYWAY, SETTLE, STATUS, ms};
use super::shard::Registration;
use super::space::{Space, SpaceScripts};
use crate::connection::{Link, refusal};

/// A shard as its scripts see it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scripts<'a, S = IdSpace> {
    pub(super) link: &'a Link,
    pub(super) keys: &'a ShardKeys,
    config: &'a Config,
    space: PhantomData<S>,
}

#[derive(Debug)]
pub(super) struct Entered {
    pub(super) epoch: String,
    pub(super) start: u64,
    pub(super) last: u64,
    pub(super) recovering: Duration,
}

#[derive(Debug)]
pub(super) struct Renewed {
    pub(super) last: u64,
    pub(super) held: usize,
    pub(super) recovering: Duration,
    pub(super) roster: String,
    /// The processes there are, if `roster` is another than was known.
    pub(super) names: Vec<String>,
    pub(super) overdue: Vec<String>,
    /// Why Redis takes nothing that needs more memory, if it has none left.
    pub(super) full: Option<Error>,
    /// What the server does when its memory is full, if it was asked for.
    pub(super) policy: Option<ServerPolicy>,
}

/// What a server does when its memory is full.
#[derive(Debug)]
pub(super) struct ServerPolicy {
    /// Names the server, from one start to the next.
    pub(super) run: String,
    pub(super) policy: String,
}

#[derive(Debug)]
pub(super) struct Written {
    pub(super) last: u64,
    /// The index of a step, and what there is to say.
    pub(super) answers: Vec<(usize, Vec<String>)>,
}

/// What a shard, or a room in it, looks like.
#[derive(Debug)]
pub(super) struct Looked {
    pub(super) last: u64,
    /// How many are in it.
    pub(super) online: u64,
    pub(super) recovering: Duration,
    pub(super) overdue: Vec<String>,
    /// The number up to which logs of rooms may have been forgotten.
    pub(super) forgot: u64,
}

#[derive(Debug)]
pub(super) struct Statuses {
    /// The server's time, ms since 1970.
    pub(super) now: u64,
    /// 1 online, 0 offline, 2 not known.
    pub(super) statuses: Vec<u8>,
    /// Ms since 1970, or empty.
    pub(super) times: Vec<String>,
}

/// What remains to be done about a process that is overdue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reaped {
    More,
    Nothing,
}

impl<'a, S: Space> Scripts<'a, S> {
    pub(super) fn new(link: &'a Link, keys: &'a ShardKeys, config: &'a Config) -> Self {
        Self { link, keys, config, space: PhantomData }
    }

    pub(super) async fn enter(
        &self,
        process: &str,
        fresh: &str,
        known: &str,
        others: &[String],
    ) -> Result<Entered, Error> {
        let keys = [&*self.keys.life, &self.keys.leases, &self.keys.awaited, &self.keys.log];
        let answer = ENTER.call(self.link, &keys, |command| {
            command.arg(process).arg(ms(self.config.lease())).arg(ms(Config::RECOVERY)).arg(fresh).arg(known);
            command.arg(ms(UNKNOWN)).arg(layout(self.config.shards)).arg(others);
        });
        let answer = answer.await?;
        if let Some(theirs) = other_layout(&answer) {
            return Err(wrong_layout(&self.keys.life, &theirs, self.config.shards));
        }
        let (epoch, start, last, recovering): (String, u64, u64, u64) =
            self.link.read(&self.keys.life, answer)?;
        Ok(Entered { epoch, start, last, recovering: Duration::from_millis(recovering) })
    }

    /// Returns for how long others are still waited for.
    pub(super) async fn settle(&self, registration: &Registration) -> Answered<Duration> {
        let keys = [&*self.keys.life, &self.keys.leases, &self.keys.awaited];
        let answer = SETTLE.call(self.link, &keys, |command| {
            command.arg(&registration.epoch).arg(&registration.process);
        });
        self.read(answer.await?, |(_, recovering): (String, u64)| Duration::from_millis(recovering))
    }

    /// Says that a process was shut down, in the epoch that it is registered in.
    pub(super) async fn leave(&self, registration: &Registration) -> Answered<()> {
        let keys = [&*self.keys.life, &self.keys.leases];
        let answer = LEAVE.call(self.link, &keys, |command| {
            command.arg(&registration.epoch).arg(&registration.process);
        });
        self.read(answer.await?, |(_, _): (String, u64)| ())
    }

    pub(super) async fn renew(
        &self,
        epoch: &str,
        process: &str,
        roster: &str,
        allowance: Duration,
        policy: bool,
    ) -> Answered<Renewed> {
        let set = self.keys.set(process);
        let keys = [&*self.keys.life, &self.keys.leases, &self.keys.awaited, &set];
        let arguments = |command: &mut Cmd| {
            command.arg(epoch).arg(process).arg(ms(self.config.lease())).arg(roster);
            command.arg(ms(allowance)).arg(ms(CLAIM)).arg(u8::from(policy));
        };
        // Out of memory Redis refuses a script as a whole unless the script itself allows to be
        // run. So it is tried without leave first: the refusal says how Redis is.
        let (answer, full) = match RENEW.call(self.link, &keys, arguments).await {
            Err(error) if refusal(&error) == Some("OOM") => {
                (RENEW_ANYWAY.call(self.link, &keys, arguments).await?, Some(error))
            }
            answer => (answer?, None),
        };
        self.read(
            answer,
            |(_, last, held, recovering, roster, names, overdue, run, policy): (
                String,
                u64,
                usize,
                u64,
                String,
                Vec<String>,
                Vec<String>,
                String,
                String,
            )| Renewed {
                last,
                held,
                recovering: Duration::from_millis(recovering),
                roster,
                names,
                overdue,
                full,
                policy: (!policy.is_empty()).then_some(ServerPolicy { run, policy }),
            },
        )
    }

    /// Writes steps, in the call `number`; `now` is the time of the clock that they were made by,
    /// and `anyway` lets them be written though Redis is out of memory.
    pub(super) async fn write(
        &self,
        registration: &Registration,
        number: u64,
        steps: &[Step<S>],
        now: Millis,
        anyway: bool,
    ) -> Answered<Written> {
        let fill = |command: &mut Cmd| {
            for step in steps {
                code::<S>(&step.what, now).add(command);
                command.arg(&*S::text(&step.name));
                let shown = match &step.what {
                    StepKind::Arrive { shown, .. } | StepKind::Show { shown, .. } => Some(shown),
                    _ => None,
                };
                S::add_shown(command, shown, false);
            }
        };
        self.write_coded(registration, number, anyway, fill).await
    }

    /// Announces names that this process holds, whether they are held without a deadline, and what
    /// they show, in the call `number`.
    ///
    /// Also out of memory: what was lost, and was there before, has to be there before anybody can
    /// be let go.
    pub(super) async fn announce(
        &self,
        registration: &Registration,
        number: u64,
        names: &[(S::Name, bool, S::Payload)],
    ) -> Answered<Written> {
        let fill = |command: &mut Cmd| {
            for (name, held, shown) in names {
                arrival(*held).add(command);
                command.arg(&*S::text(name));
                S::add_shown(command, Some(shown), true);
            }
        };
        self.write_coded(registration, number, true, fill).await
    }

    async fn write_coded(
        &self,
        registration: &Registration,
        number: u64,
        anyway: bool,
        fill: impl FnOnce(&mut Cmd),
    ) -> Answered<Written> {
        let set = self.keys.set(&registration.process);
        let keys = self.keys_with(&set);
        let (events_max, remembered_max) = S::bounds(self.config);
        let SpaceScripts { write, write_anyway, .. } = S::scripts();
        let script = if anyway { write_anyway } else { write };
        let answer = script.call(self.link, &keys, |command| {
            command
                .arg(&registration.epoch)
                .arg(&registration.process)
                .arg(events_max)
                .arg(remembered_max)
                .arg(number);
            fill(command);
        });
        self.read(answer.await?, |(_, last, answers): (String, u64, Vec<Vec<String>>)| {
            let answers = answers.into_iter().filter_map(|mut answer| {
                let index = answer.first()?.parse().ok()?;
                Some((index, answer.split_off(1)))
            });
            Written { last, answers: answers.collect() }
        })
    }

    /// Reads an answer of the shard, of which `read` makes what was asked for.
    pub(super) fn read<R: FromRedisValue, T>(&self, answer: Value, read: impl FnOnce(R) -> T) -> Answered<T> {
        Answer::read(answer, |answer| self.link.read(&self.keys.life, answer).map(read))
    }

    /// All keys of the shard, as those scripts take them that change what a process holds; `set` is
    /// the one of that process.
    fn keys_with(&self, set: &'a str) -> [&'a str; 8] {
        let keys = self.keys;
        [&keys.life, &keys.held, set, &keys.leases, &keys.awaited, &keys.log, &keys.past, &keys.past_before]
    }

    /// Lets go of a part of what a process holds whose lease is over.
    pub(super) async fn reap(&self, epoch: &str, dead: &str, allowance: Duration) -> Result<Reaped, Error> {
        let set = self.keys.set(dead);
        let keys = self.keys_with(&set);
        let (events_max, remembered_max) = S::bounds(self.config);
        let answer = S::scripts().reap.call(self.link, &keys, |command| {
            command.arg(epoch).arg(dead).arg(REAPED_AT_ONCE).arg(ms(allowance)).arg(ms(self.config.lease()));
            command.arg(events_max).arg(remembered_max);
        });
        let answer: String = self.link.read(&self.keys.life, answer.await?)?;
        Ok(if answer == "more" { Reaped::More } else { Reaped::Nothing })
    }

    pub(super) async fn look(&self, epoch: &str, allowance: Duration) -> Answered<Looked> {
        let keys = [&*self.keys.life, &self.keys.held, &self.keys.leases, &self.keys.awaited];
        let answer = LOOK.call(self.link, &keys, |command| {
            command.arg(epoch).arg(ms(allowance));
        });
        self.read(
            answer.await?,
            |(_, last, online, recovering, overdue): (String, u64, u64, u64, Vec<String>)| Looked {
                last,
                online,
                recovering: Duration::from_millis(recovering),
                overdue,
                forgot: 0,
            },
        )
    }
}

impl Scripts<'_> {
    pub(super) async fn status(
        &self,
        epoch: &str,
        allowance: Duration,
        seen: bool,
        ids: &[&presence_core::Id],
    ) -> Answered<Statuses> {
        let keys = self.keys;
        let keys = [&*keys.life, &keys.held, &keys.leases, &keys.awaited, &keys.past, &keys.past_before];
        let answer = STATUS.call(self.link, &keys, |command| {
            command.arg(epoch).arg(ms(allowance)).arg(u8::from(seen));
            for id in ids {
                command.arg(id.as_str());
            }
        });
        self.read(answer.await?, |(_, now, statuses, times): (String, u64, Vec<u8>, Vec<String>)| Statuses {
            now,
            statuses,
            times,
        })
    }
}

/// What processes have to agree on to share data: the version of the keys, and how names are spread
/// over shards.
pub(super) fn layout(shards: usize) -> String {
    format!("leases 1 {shards}")
}

/// The layout of the data, if a shard said that it is another one.
fn other_layout(answer: &Value) -> Option<String> {
    let Value::Array(items) = answer else { return None };
    match &items[..] {
        [Value::BulkString(word), theirs] if word == b"layout" => {
            redis::from_redis_value(theirs.clone()).ok()
        }
        _ => None,
    }
}

pub(super) fn wrong_layout(key: &str, theirs: &str, shards: usize) -> Error {
    let ours = layout(shards);
    let message = format!(
        "the data under {key} has the layout {theirs:?}, and this program uses {ours:?}; set the same number \
         of shards, use a version of this program that knows that layout, or choose another prefix"
    );
    Error::new(ErrorKind::Config, message)
}

enum CauseCode {
    Plain(&'static str),
    Seen(&'static str, Millis),
}

impl CauseCode {
    fn add(self, command: &mut Cmd) {
        match self {
            Self::Plain(code) => command.arg(code),
            Self::Seen(code, ago) => command.arg(format!("{code}{ago}")),
        };
    }
}

fn arrival(held: bool) -> CauseCode {
    CauseCode::Plain(if held { "k" } else { "h" })
}

fn code<S: Space>(what: &StepKind<S>, now: Millis) -> CauseCode {
    match what {
        StepKind::Arrive { held, .. } => arrival(*held),
        // The last sign of life is told as an age: the clock here is not that of Redis.
        StepKind::Depart { ended: false, seen } => CauseCode::Seen("x", now.saturating_sub(*seen)),
        StepKind::Depart { ended: true, seen } => CauseCode::Seen("e", now.saturating_sub(*seen)),
        StepKind::Explicit(_) => CauseCode::Plain("o"),
        StepKind::Show { .. } => CauseCode::Plain("s"),
        StepKind::Check => CauseCode::Plain("?"),
    }
}

/// For how long a new epoch waits for processes that nobody knows: each that is well finds out at
/// its next renewal.
const UNKNOWN: Duration = Duration::from_secs(1);
/// For how long one process lets others go before somebody else may.
const CLAIM: Duration = Duration::from_secs(1);
/// How many ids are let go at once, so that Redis is not held up for more than a millisecond.
const REAPED_AT_ONCE: usize = 500;
