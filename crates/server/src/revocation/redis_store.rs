//! The revocations of several servers, followed on their Redis.

use std::sync::Arc;
use std::time::Duration;

use anyhow::bail;
use parking_lot::Mutex;
use tidings::identity::{Revocation, Revocations};
use tidings::join::outage_log::OutageLog;
use tidings::mpx::{ErrorKind, Event};
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval_at, sleep};
use tokio_util::sync::CancellationToken;

use super::redis_list::{Hearing, RedisList, unusable};
use crate::config::{Config, RedisUrl};
use crate::health::Condition;
use crate::{clock, random};

/// How often the list is read although nothing was told.
const EVERY: Duration = Duration::from_secs(10);

/// The longest wait between attempts while Redis is away.
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
        };
        let hearing = store.begin().await.map_err(|error| unusable(url, &error))?;
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
        let mut first = self.first.lock().take();
        loop {
            let hearing = match first.take() {
                Some(hearing) => Ok(hearing),
                None => self.begin().await,
            };
            let lost = match hearing {
                Ok(hearing) => self.listen(hearing).await,
                Err(error) => error,
            };
            // Health tells of the beginning and the end of it.
            self.say(Condition::Down(format!("{lost:#}; the last known revocations count").into()));
            sleep(random::below(AGAIN)).await;
        }
    }

    /// Subscribes, and only then reads: what is written in between is told.
    async fn begin(&self) -> anyhow::Result<Hearing> {
        let hearing = self.redis.subscribe().await?;
        self.read().await?;
        Ok(hearing)
    }

    /// Listens until Redis is lost, and returns why.
    async fn listen(&self, mut hearing: Hearing) -> anyhow::Error {
        let mut again = interval_at(tokio::time::Instant::now() + EVERY, EVERY);
        again.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let heard = tokio::select! {
                event = hearing.events.next() => self.hear(event).await,
                _ = again.tick() => self.look(&hearing).await,
            };
            if let Err(lost) = heard {
                return lost;
            }
        }
    }

    async fn hear(&self, event: Option<Result<Event, tidings::mpx::Error>>) -> anyhow::Result<()> {
        match event {
            Some(Ok(Event::Message(message))) => {
                let text = str::from_utf8(&message.payload).ok();
                match text.and_then(|text| text.parse::<Revocation>().ok()) {
                    Some(entry) => {
                        // Whether all others have their place, the next reading says.
                        if let Err(full) = self.take(std::slice::from_ref(&entry)) {
                            self.say(full);
                        }
                        Ok(())
                    }
                    // Perhaps of a later version; the list says what there is.
                    None => self.read().await,
                }
            }
            // A connection that is lost ends this; the next one may go to another server.
            Some(Ok(Event::Disconnected { error, .. } | Event::Refused { error, .. })) => {
                bail!("redis no longer tells of revocations: {error:#}")
            }
            Some(Err(error)) if error.kind() == ErrorKind::Lagged => self.read().await,
            Some(Ok(_)) => Ok(()),
            Some(Err(error)) => bail!("redis no longer tells of revocations: {error:#}"),
            None => bail!("redis no longer tells of revocations: the subscription has ended"),
        }
    }

    async fn look(&self, hearing: &Hearing) -> anyhow::Result<()> {
        if !self.redis.is_there(hearing) {
            bail!("redis has another master");
        }
        self.read().await
    }

    /// Makes the list and that of Redis the same: neither forgets what the other has.
    async fn read(&self) -> anyhow::Result<()> {
        let now = clock::now();
        let snapshot = self.redis.read(now).await?;
        let taken = self.take(&snapshot.entries);
        self.say(taken.err().unwrap_or(Condition::Well));
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
    fn take(&self, entries: &[Revocation]) -> Result<(), Condition> {
        let (now, mut taken) = (clock::now(), Ok(()));
        for entry in entries {
            if let Err(error) = self.list.apply(entry, now) {
                taken = Err(Condition::ReadOnly(error.to_string().into()));
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
