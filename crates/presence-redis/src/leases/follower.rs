//! Reads logs as they grow, for all streams of this process.
//!
//! ```text
//!             connected, and every epoch is that of the server we talk to
//!   waiting ────────────────────────────────────────────────────────────► reading ─┐ another epoch, or a gap:
//!      ▲                                                                   │  ▲    │ the epochs are asked for again
//!      └── after a pause ── lost the connection, which streams are told ◄──┤  └────┘
//!                                                                          ▼
//!           nothing is written any more, whether or not it has got to reading:
//!           what is there is read, or streams are told that it cannot be; then it ends
//! ```

use std::collections::HashMap;
use std::convert::Infallible;
use std::fmt;
use std::mem;
use std::sync::Arc;
use std::time::Duration;

use presence_core::Error;
use redis::{Cmd, Value};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::log_tail::Fit;
use super::record::RawEntry;
use super::script::ms;
use super::shard::Registration;
use super::shared::Shared;
use super::space::Space;

/// A space whose logs are followed.
pub(super) trait Followed: Space {
    /// What a key of a read is.
    type Source: Send;
    /// What a follower remembers beside the ends that streams read.
    type Memo: Default + fmt::Debug + Send + Sync;

    /// How many entries of one key are read at once.
    const ENTRIES_MAX: usize;

    /// What to read in some shards; at the end, only what streams are yet to be given.
    fn asked(
        shared: &Shared<Self>,
        shards: &[usize],
        memo: &Self::Memo,
        ending: bool,
    ) -> Vec<Asked<Self::Source>>;

    /// Takes what was read, in the order that it was asked for, up to the first that does not fit.
    fn take(
        shared: &Shared<Self>,
        memo: &mut Self::Memo,
        read: Vec<(Self::Source, Vec<RawEntry>)>,
    ) -> Result<Fit, Error>;

    /// Goes over to the epoch of a shard, and says whether it is another one than before.
    fn begin(shared: &Shared<Self>, memo: &mut Self::Memo, shard: usize, registration: &Registration)
    -> bool;

    /// Says whether there are streams that wait for what lies in some shards.
    ///
    /// `begun` says whether their follower has ever got to reading them.
    fn is_followed(shared: &Shared<Self>, shards: &[usize], begun: bool) -> bool;

    /// Returns the highest number of an event of a shard that was read for any stream.
    fn read_up_to(shared: &Shared<Self>, shard: usize) -> u64;

    /// Tells streams that the events of some shards cannot be read.
    fn fail(shared: &Shared<Self>, shards: &[usize]);

    /// Tells them that the events can be read again.
    fn go_on(shared: &Shared<Self>, shards: &[usize]);
}

/// One key of a read.
#[derive(Debug)]
pub(super) struct Asked<T> {
    pub(super) key: String,
    /// The id of the entry to read after.
    pub(super) after: String,
    pub(super) source: T,
}

/// The one who follows shards that can be read together.
///
/// Those are all of one server's, or one of a cluster's.
#[derive(Debug)]
pub(super) struct Follower<S: Followed> {
    shared: Arc<Shared<S>>,
    shards: Vec<usize>,
    memo: S::Memo,
    /// Whether it has ever got to reading.
    begun: bool,
    /// Whether the last answer left out some of what there was, or was not taken whole.
    partial: bool,
    /// Whether it could not read lately, which is told once.
    failing: bool,
    /// Whether it has run before: then a panic has ended that.
    ran: bool,
    /// Cancelled when nothing is written any more: what is there is read, then it ends.
    drain: CancellationToken,
}

impl<S: Followed> Follower<S> {
    /// Returns followers that together follow every shard.
    pub(super) fn all(shared: &Arc<Shared<S>>, drain: &CancellationToken) -> Vec<Self> {
        let follower = |shards: Vec<usize>| Self {
            shared: Arc::clone(shared),
            shards,
            memo: S::Memo::default(),
            begun: false,
            partial: false,
            failing: false,
            ran: false,
            drain: drain.clone(),
        };
        shared.groups().into_iter().map(follower).collect()
    }

    /// Reads until nothing is written any more. It can be started again after a panic.
    pub(super) async fn run(&mut self) {
        // Nobody knows what a panic cut short, so it is told as the loss of a connection is.
        if mem::replace(&mut self.ran, true) {
            self.lost();
        }
        let drain = self.drain.clone();
        while let Some(followed) = drain.run_until_cancelled(self.follow()).await {
            let Err(error) = followed;
            tracing::debug!(
                space = S::KIND,
                error = %format_args!("{error:#}"),
                "events cannot be read from redis; trying again"
            );
            self.lost();
            let pause = RETRY.mul_f64(crate::random::fraction());
            drain.run_until_cancelled(sleep(pause)).await;
        }
        if S::is_followed(&self.shared, &self.shards, self.begun) {
            self.end().await;
        }
    }

    /// Reads what streams have not been given yet. If that fails, streams that may miss something
    /// are told.
    async fn end(&mut self) {
        let error = match timeout(self.shared.patience(), self.finish()).await {
            Ok(Ok(())) => return,
            Ok(Err(error)) => error,
            Err(_) => self.shared.shards[self.shards[0]].error(),
        };
        tracing::debug!(
            space = S::KIND,
            error = %format_args!("{error:#}"),
            "presence was shut down before all events were read"
        );
        // Streams that have everything this process has heard of end without a word about Redis.
        let (shared, partial) = (&self.shared, self.partial);
        let behind = self.shards.iter().copied();
        let behind =
            behind.filter(|shard| partial || S::read_up_to(shared, *shard) < shared.shards[*shard].last());
        let behind: Vec<_> = behind.collect();
        if !behind.is_empty() && !mem::replace(&mut self.failing, true) {
            S::fail(&self.shared, &behind);
        }
    }

    /// Tells streams that events cannot be read for now.
    fn lost(&mut self) {
        // Once closed, streams end with what was before, whatever becomes of this connection: the
        // last read is made on another one.
        if !self.shared.closing.is_cancelled() && !mem::replace(&mut self.failing, true) {
            S::fail(&self.shared, &self.shards);
        }
    }

    /// Follows until a connection is lost.
    async fn follow(&mut self) -> Result<Infallible, Error> {
        // The order matters: the epochs are confirmed after this connection is made, as the server
        // may be replaced before it.
        let mut connection = self.shared.link.dedicated(self.key(), BLOCK).await?;
        self.begin().await?;
        loop {
            let (command, sources) = self.question(Some(BLOCK));
            let answer = command.query_async::<Value>(&mut connection).await;
            let answer = answer.map_err(|error| self.shared.link.failed(error))?;
            if self.take(answer, sources)?.fit != Fit::Next {
                self.begin().await?;
            }
        }
    }

    /// Reads what there is, of epochs that this process has entered.
    async fn finish(&mut self) -> Result<(), Error> {
        loop {
            let (command, sources) = self.question(None);
            let answer = self.shared.link.query(self.key(), &command).await?;
            let taken = self.take(answer, sources)?;
            let goes_on = match taken.fit {
                Fit::Next => taken.more,
                Fit::Gap => true,
                Fit::Epoch => self.enter(),
            };
            if !goes_on {
                return Ok(());
            }
        }
    }

    /// Makes sure, on whatever server we are now, in which epoch the shards are.
    ///
    /// Or fails: the server may be gone again, and streams are to hear of it.
    async fn begin(&mut self) -> Result<(), Error> {
        let until = Instant::now() + self.shared.patience();
        let renewed = self.shards.iter().map(|shard| self.shared.shards[*shard].renewed(until));
        futures_util::future::try_join_all(renewed).await?;
        self.enter();
        if !mem::replace(&mut self.begun, true) {
            self.shared.following.send_modify(|following| *following += 1);
        }
        if mem::take(&mut self.failing) {
            S::go_on(&self.shared, &self.shards);
        }
        Ok(())
    }

    /// Goes over to the epochs that the shards are known to be in, and says whether any is another
    /// one than before.
    fn enter(&mut self) -> bool {
        let mut any = false;
        for shard in &self.shards {
            let registration = self.shared.shards[*shard].status().borrow().registration.clone();
            if let Some(registration) = registration {
                any |= S::begin(&self.shared, &mut self.memo, *shard, &registration);
            }
        }
        any
    }

    /// What to ask for, and what each key of the answer is.
    fn question(&self, block: Option<Duration>) -> (Cmd, HashMap<String, S::Source>) {
        let asked = S::asked(&self.shared, &self.shards, &self.memo, block.is_none());
        let mut read = redis::cmd("XREAD");
        read.arg("COUNT").arg(S::ENTRIES_MAX);
        if let Some(block) = block {
            read.arg("BLOCK").arg(ms(block));
        }
        read.arg("STREAMS");
        for Asked { key, .. } in &asked {
            read.arg(key);
        }
        for Asked { after, .. } in &asked {
            read.arg(after);
        }
        (read, asked.into_iter().map(|asked| (asked.key, asked.source)).collect())
    }

    fn take(&mut self, answer: Value, mut sources: HashMap<String, S::Source>) -> Result<Taken, Error> {
        if matches!(answer, Value::Nil) {
            self.partial = false;
            return Ok(Taken { fit: Fit::Next, more: false });
        }
        // It stays so if the answer cannot be read or taken: then streams may miss some of it.
        self.partial = true;
        type Streams = Vec<(String, Vec<RawEntry>)>;
        let (mut read, mut more) = (Vec::new(), false);
        for (key, entries) in self.shared.link.read::<Streams>(self.key(), answer)? {
            more |= entries.len() >= S::ENTRIES_MAX;
            read.extend(sources.remove(&key).map(|source| (source, entries)));
        }
        let fit = S::take(&self.shared, &mut self.memo, read)?;
        self.partial = more || fit != Fit::Next;
        Ok(Taken { fit, more })
    }

    /// A key of the shards, which tells the server that they lie on.
    fn key(&self) -> &str {
        &self.shared.keys.shards[self.shards[0]].log
    }
}

/// What came of an answer.
#[derive(Debug)]
struct Taken {
    fit: Fit,
    /// Whether some of what there was may not have fitted into it.
    more: bool,
}

impl<S: Space> Shared<S> {
    /// The shards that can be read together.
    pub(super) fn groups(&self) -> Vec<Vec<usize>> {
        let shards: Vec<_> = (0..self.shards.len()).collect();
        // A command that names keys of several slots is refused, also where they lie on one master.
        let size = if self.link.is_cluster() { 1 } else { shards.len() };
        shards.chunks(size).map(<[usize]>::to_vec).collect()
    }
}

/// How long Redis holds a question for events if there are none.
///
/// A room that is followed anew is asked for within this time, also if the nudge was lost.
pub(super) const BLOCK: Duration = Duration::from_secs(1);
const RETRY: Duration = Duration::from_millis(500);
