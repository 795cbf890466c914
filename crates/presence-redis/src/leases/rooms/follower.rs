//! Reads the logs of the rooms that are followed here as they grow.
//!
//! It does so once for all streams of this process.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use presence_core::Error;
use presence_core::rooms::Room;
use redis::{Cmd, Value};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::space::RoomSpace;
use super::stream_entry::StreamEntry;
use crate::leases::answer::decode;
use crate::leases::script::ms;
use crate::leases::shared::Shared;

/// The one who follows the rooms of shards that can be read together: all of one server's, or one
/// of a cluster's.
///
/// It reads what somebody here follows, the logs of the shards, which tell when a life begins, and
/// the nudge of this process: an entry there ends a read that does not know of the latest room yet.
#[derive(Debug)]
pub(super) struct Follower {
    core: Arc<Shared<RoomSpace>>,
    shards: Vec<usize>,
    /// Where the lives of the shards begin.
    starts: HashMap<usize, u64>,
    nudge: String,
    nudged: String,
    /// Whether it could not read lately, which is told once.
    failing: bool,
    /// Cancelled when nothing is written any more: what is there is read, then it ends.
    drain: CancellationToken,
}

/// What a key of a read is.
#[derive(Debug)]
enum ReadKey {
    Shard,
    Nudge,
    Room(Room),
}

impl Follower {
    /// Those who together follow every shard.
    pub(super) fn all(core: &Arc<Shared<RoomSpace>>, drain: &CancellationToken) -> Vec<Self> {
        let follower = |shards: Vec<usize>| Self {
            core: Arc::clone(core),
            starts: HashMap::new(),
            nudge: core.nudge_of(shards[0]),
            nudged: "0-0".to_owned(),
            failing: false,
            drain: drain.clone(),
            shards,
        };
        core.groups().into_iter().map(follower).collect()
    }

    pub(super) async fn run(mut self) {
        let drain = self.drain.clone();
        while let Some(followed) = drain.run_until_cancelled(self.follow()).await {
            let Err(error) = followed;
            tracing::debug!(%error, "events of rooms cannot be read from redis; trying again");
            // Once closed, streams end with what was before, whatever becomes of the connection.
            if !self.core.closing.is_cancelled() && !std::mem::replace(&mut self.failing, true) {
                self.core.tail.fail(&self.shards);
            }
            let pause = RETRY.mul_f64(crate::random::fraction());
            drain.run_until_cancelled(sleep(pause)).await;
        }
        if let Ok(Err(error)) = timeout(self.core.patience(), self.finish()).await {
            tracing::debug!(%error, "presence was shut down before all events of rooms were read");
        }
    }

    /// Follows until a connection is lost.
    async fn follow(&mut self) -> Result<Infallible, Error> {
        let mut connection = self.core.link.dedicated(&self.nudge, BLOCK).await?;
        self.begin().await?;
        loop {
            let (command, sources) = self.question(Some(BLOCK), self.shards.iter().copied());
            let answer = command.query_async::<Value>(&mut connection).await;
            match answer.map_err(|error| self.core.link.failed(error))? {
                Value::Nil => {}
                answer => self.take(answer, sources).await?,
            }
        }
    }

    /// Reads what there is.
    async fn finish(&mut self) -> Result<(), Error> {
        loop {
            // What began meanwhile is nobody's business any more.
            let (command, sources) = self.question(None, std::iter::empty());
            match self.core.link.query(&self.nudge, &command).await? {
                Value::Nil => return Ok(()),
                answer => self.take(answer, sources).await?,
            }
        }
    }

    /// Makes sure, on whatever server we are now, in which life the shards are.
    ///
    /// Or fails: the server may be gone again, and streams are to hear of it.
    async fn begin(&mut self) -> Result<(), Error> {
        let until = Instant::now() + self.core.patience();
        let renewed = self.shards.iter().map(|shard| self.core.shards[*shard].renewed(until));
        futures_util::future::try_join_all(renewed).await?;
        for number in &self.shards {
            if let Some(registration) = &self.core.shards[*number].status().borrow().registration {
                self.starts.insert(*number, registration.start);
                self.core.tail.begin(*number, registration);
            }
        }
        if std::mem::take(&mut self.failing) {
            self.core.tail.go_on(&self.shards);
        }
        Ok(())
    }

    /// What to ask for, and what each key of the answer is. Lives come first: of a new one the
    /// rooms are others.
    fn question(
        &self,
        block: Option<Duration>,
        lives: impl Iterator<Item = usize>,
    ) -> (Cmd, HashMap<String, ReadKey>) {
        let keys = &self.core.keys.shards;
        let mut asked = vec![(self.nudge.clone(), self.nudged.clone(), ReadKey::Nudge)];
        for shard in lives {
            let start = self.starts.get(&shard).copied().unwrap_or_default();
            asked.push((keys[shard].log.clone(), format!("{start}-0"), ReadKey::Shard));
        }
        for (room, shard, last) in self.core.tail.followed(&self.shards) {
            asked.push((keys[shard].log(&room), format!("{last}-0"), ReadKey::Room(room)));
        }
        let mut read = redis::cmd("XREAD");
        read.arg("COUNT").arg(ENTRIES_MAX);
        if let Some(block) = block {
            read.arg("BLOCK").arg(ms(block));
        }
        read.arg("STREAMS");
        for (key, ..) in &asked {
            read.arg(key);
        }
        for (_, from, _) in &asked {
            read.arg(from);
        }
        (read, asked.into_iter().map(|(key, _, source)| (key, source)).collect())
    }

    async fn take(&mut self, answer: Value, mut sources: HashMap<String, ReadKey>) -> Result<(), Error> {
        type Streams = Vec<(String, Vec<(String, Vec<Value>)>)>;
        for (key, entries) in decode::<Streams>(answer)? {
            match sources.remove(&key) {
                Some(ReadKey::Shard) => {
                    // What else was read is read again, in the new life.
                    return self.begin().await;
                }
                Some(ReadKey::Nudge) => {
                    if let Some((id, _)) = entries.into_iter().next_back() {
                        self.nudged = id;
                    }
                }
                Some(ReadKey::Room(room)) => {
                    let entries = entries.into_iter().map(StreamEntry::read).collect::<Result<_, _>>()?;
                    self.core.tail.append(&room, entries);
                }
                None => {}
            }
        }
        Ok(())
    }
}

impl Shared<RoomSpace> {
    /// Makes the follower of a shard look again at which rooms are followed.
    pub(super) async fn nudge(&self, shard: usize) {
        let group = self.groups().into_iter().find(|group| group.contains(&shard)).unwrap_or_default();
        let key = self.nudge_of(group.first().copied().unwrap_or(shard));
        let mut pipeline = redis::pipe();
        pipeline.cmd("XADD").arg(&key).arg("MAXLEN").arg(1).arg("*").arg("look").arg("again");
        pipeline.cmd("PEXPIRE").arg(&key).arg(ms(BLOCK * 60));
        if let Err(error) = self.link.pipeline(&key, &pipeline).await {
            // The read ends by itself soon.
            tracing::debug!(
                %error,
                "the reader of room events could not be woken; it follows the room a little later"
            );
        }
    }

    fn nudge_of(&self, shard: usize) -> String {
        self.keys.shards[shard].nudge(&self.process(0))
    }

    /// The shards that can be read together.
    fn groups(&self) -> Vec<Vec<usize>> {
        let shards: Vec<_> = (0..self.shards.len()).collect();
        // A command that names keys of several slots is refused, also where they lie on one master.
        let size = if self.link.is_cluster() { 1 } else { shards.len() };
        shards.chunks(size).map(<[usize]>::to_vec).collect()
    }
}

/// How long Redis holds a question for events that nobody answers.
const BLOCK: Duration = Duration::from_secs(1);
const RETRY: Duration = Duration::from_millis(500);
const ENTRIES_MAX: usize = 64;
