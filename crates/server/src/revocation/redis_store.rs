//! The revocations of several servers, followed on their Redis.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{anyhow, bail};
use parking_lot::Mutex;
use tidings::identity::{Error, Revocation, Revocations};
use tidings::join::outage_log::OutageLog;
use tidings::mpx::{ErrorKind, Event};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use super::full_log::FullLog;
use super::redis_list::{Hearing, RedisList, unusable};
use crate::config::{Config, RedisUrl};
use crate::health::Condition;
use crate::{clock, random};

/// How often the list is read although nothing was told.
const EVERY: Duration = Duration::from_secs(10);

/// The longest wait before the second attempt to read or to subscribe; it grows to [`EVERY`].
const AGAIN: Duration = Duration::from_millis(500);

/// Keeps the list as Redis has it.
///
/// While Redis is silent, what was known stays.
pub(super) struct RedisStore {
    list: Revocations,
    redis: RedisList,
    state: watch::Sender<Condition>,
    /// The subscription of the start, until the task has it.
    first: Mutex<Option<Hearing>>,
    unwritten: OutageLog,
    strange: OutageLog,
    full: FullLog,
}

/// What a message of the subscription asks for.
enum Heard {
    /// Nothing more.
    Nothing,
    /// What there is, the list says.
    ReadAgain,
}

impl RedisStore {
    /// Subscribes and reads the list; fails in one line if either is not possible.
    pub(super) async fn open(config: &Config, url: &RedisUrl, list: Revocations) -> anyhow::Result<Self> {
        let store = Self {
            list,
            redis: RedisList::connect(config, url).await?,
            state: watch::Sender::new(Condition::Well),
            first: Mutex::new(None),
            unwritten: OutageLog::new("revocations that redis has lost cannot be written there again"),
            strange: OutageLog::new("redis has entries that are no revocations, which count for nothing"),
            full: FullLog::default(),
        };
        let hearing = store.redis.subscribe().await.map_err(|error| unusable(url, &error))?;
        // What is written in between is told.
        store.read().await.map_err(|error| unusable(url, &error))?;
        *store.first.lock() = Some(hearing);
        Ok(store)
    }

    pub(super) fn state(&self) -> watch::Receiver<Condition> {
        self.state.subscribe()
    }

    /// Follows Redis until the stop.
    pub(super) async fn keep(self: Arc<Self>, stop: CancellationToken) {
        stop.run_until_cancelled(Box::pin(self.follow())).await;
    }

    /// It never ends.
    async fn follow(&self) {
        let (mut first, mut failures) = (self.first.lock().take(), 0);
        loop {
            let begun = Instant::now();
            let hearing = match first.take() {
                Some(hearing) => Ok(hearing),
                None => self.redis.subscribe().await,
            };
            let lost = match hearing {
                Ok(hearing) => self.listen(hearing).await,
                Err(error) => error,
            };
            // A subscription that is lost each time as soon as it is there is a failure, too.
            failures = if begun.elapsed() > EVERY { 1 } else { failures + 1 };
            self.lose(&lost);
            sleep(random::wait(failures, AGAIN, EVERY)).await;
        }
    }

    /// Listens until Redis is lost, and returns why.
    ///
    /// A list that cannot be read ends nothing: what is told counts all the same, and a new
    /// connection would not read it either.
    async fn listen(&self, mut hearing: Hearing) -> anyhow::Error {
        // What was written before the subscription is read first.
        let (mut failures, mut next) = (0, Instant::now());
        loop {
            tokio::select! {
                event = hearing.events.next() => match self.hear(event) {
                    Ok(Heard::Nothing) => {}
                    // One that cannot be read is tried again soon enough.
                    Ok(Heard::ReadAgain) if failures > 0 => {}
                    Ok(Heard::ReadAgain) => next = Instant::now(),
                    Err(lost) => return lost,
                },
                () = sleep_until(next) => {
                    if !self.redis.is_there(&hearing) {
                        return anyhow!("redis has another master");
                    }
                    match self.read().await {
                        Ok(()) => (failures, next) = (0, Instant::now() + EVERY),
                        Err(error) => {
                            failures += 1;
                            self.lose(&error);
                            next = Instant::now() + random::wait(failures, AGAIN, EVERY);
                        }
                    }
                }
            }
        }
    }

    /// Health tells of the beginning and the end of it.
    fn lose(&self, error: &anyhow::Error) {
        self.say(Condition::Down(format!("{error:#}; the last known revocations count").into()));
    }

    fn hear(&self, event: Option<Result<Event, tidings::mpx::Error>>) -> anyhow::Result<Heard> {
        match event {
            Some(Ok(Event::Message(message))) => {
                let text = str::from_utf8(&message.payload).ok();
                let Some(entry) = text.and_then(|text| text.parse::<Revocation>().ok()) else {
                    // Perhaps of a later version.
                    return Ok(Heard::ReadAgain);
                };
                // Whether all have their place again, the next reading says.
                if let Err(full) = self.take(std::slice::from_ref(&entry)) {
                    self.full.note(&full);
                }
                Ok(Heard::Nothing)
            }
            // A connection that is lost ends this; the next one may go to another server.
            Some(Ok(Event::Disconnected { error, .. } | Event::Refused { error, .. })) => {
                bail!("redis no longer tells of revocations: {error:#}")
            }
            Some(Err(error)) if error.kind() == ErrorKind::Lagged => Ok(Heard::ReadAgain),
            Some(Ok(_)) => Ok(Heard::Nothing),
            Some(Err(error)) => bail!("redis no longer tells of revocations: {error:#}"),
            None => bail!("redis no longer tells of revocations: the subscription has ended"),
        }
    }

    /// Makes the list and that of Redis the same: neither forgets what the other has.
    async fn read(&self) -> anyhow::Result<()> {
        let now = clock::now();
        let snapshot = self.redis.read(now).await?;
        match self.take(&snapshot.entries) {
            Ok(()) => self.full.over(),
            Err(full) => self.full.note(&full),
        }
        self.say(Condition::Well);
        if snapshot.strange > 0 {
            self.strange.note(&format_args!("{} entries", snapshot.strange));
        } else {
            self.strange.over();
        }
        // A Redis that came back empty, or without its last writes, learns them again: otherwise a
        // server that starts would let in who was sent away.
        let known = super::list()?;
        for entry in &snapshot.entries {
            // What finds no place here has none in our list either.
            known.apply(entry, now).ok();
        }
        let is_lost = |entry: &Revocation| known.apply(entry, now).is_ok_and(|is_news| is_news);
        let lost: Vec<Revocation> = self.list.list(now).into_iter().filter(is_lost).collect();
        let written = match self.redis.write(&lost).await {
            Ok(()) if snapshot.is_over => self.redis.remove_over(now).await,
            written => written,
        };
        // A Redis that takes no writes has its list all the same.
        match written {
            Ok(()) => self.unwritten.over(),
            Err(error) => self.unwritten.note(&format_args!("{error:#}")),
        }
        Ok(())
    }

    /// Takes up all entries that have a place, and fails if one has none.
    fn take(&self, entries: &[Revocation]) -> Result<(), Error> {
        let (now, mut taken) = (clock::now(), Ok(()));
        for entry in entries {
            if let Err(error) = self.list.apply(entry, now) {
                taken = Err(error);
            }
        }
        taken
    }

    fn say(&self, condition: Condition) {
        self.state.send_if_modified(|state| {
            let is_news = *state != condition;
            *state = condition;
            is_news
        });
    }
}
