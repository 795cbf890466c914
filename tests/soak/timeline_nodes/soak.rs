//! The cycles: everybody sends and reads, things fail, and then all is compared.

use std::fmt::Write as _;
use std::mem::take;
use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use timeline::{Count, Position, Seq, State, Tag, Timeline};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use crate::ask::Page;
use crate::bag::Bag;
use crate::checker::Checker;
use crate::disturbance::Disturbance;
use crate::effects::Effects;
use crate::fault::Fault;
use crate::history_reader::HistoryReader;
use crate::ledger::Ledger;
use crate::nodes::Nodes;
use crate::pause::{long_pause, pause};
use crate::reader::Reader;
use crate::redis_kind::RedisKind;
use crate::scene::{PATIENCE, Scene};
use crate::servers::Servers;
use crate::talk::member;
use crate::user::User;
use crate::users::{ACTIVE, HISTORY_READERS, READERS, TURN_READERS, USERS};

/// How long the store may take to end what was begun by nodes that died: the grace, five seconds,
/// and what a busy machine adds.
const SETTLE: Duration = Duration::from_secs(45);

/// A time that only a hang reaches.
const GRACE: Duration = Duration::from_secs(60);

/// How long a command takes at a primary that is slow, or less if nothing may last so long.
const SLOW: Duration = Duration::from_secs(2);

/// The most that a cycle has, and how long it takes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    pub(crate) disturbances: usize,
    /// Between two of them.
    pub(crate) calm: Duration,
    /// How long something stands still or is away.
    pub(crate) longest: Duration,
}

/// The databases, the nodes, and who sends and reads there.
pub(crate) struct Soak {
    // The nodes end before their databases do.
    scene: Arc<Scene>,
    users: Vec<User>,
    readers: Vec<Reader>,
    history_readers: Vec<HistoryReader>,
    servers: Servers,
    rng: Rng,
    pace: Pace,
    bag: Bag,
    effects: Effects,
    /// How often writes of a primary were undone.
    rolled_back: usize,
    checker: Checker,
}

/// Who works in a cycle.
enum Worker {
    User(User),
    Reader(Reader),
    HistoryReader(HistoryReader),
}

impl Soak {
    pub(crate) async fn start(redis: RedisKind, seed: u64, pace: Pace, bag: Bag) -> Result<Self, Fault> {
        let mut rng = Rng::with_seed(seed);
        let servers = Servers::start(redis).await?;
        let nodes = Nodes::start(servers.place().clone(), &mut rng).await?;
        let scene = Arc::new(Scene { nodes, ledger: Ledger::new() });
        let users = (0..ACTIVE).map(|user| User::new(Arc::clone(&scene), user, seed)).collect();
        let alone = (0..READERS).map(|user| vec![user]);
        let in_turn = (0..TURN_READERS).map(|share| (READERS + share..USERS).step_by(TURN_READERS).collect());
        let readers =
            alone.chain(in_turn).map(|inboxes| Reader::new(Arc::clone(&scene), inboxes, seed)).collect();
        let history_readers =
            (0..HISTORY_READERS).map(|number| HistoryReader::new(Arc::clone(&scene), number, seed)).collect();
        Ok(Self {
            scene,
            users,
            readers,
            history_readers,
            servers,
            rng,
            pace,
            effects: Effects::of(&bag.all()),
            bag,
            rolled_back: 0,
            checker: Checker::default(),
        })
    }

    /// Returns the last that happened, for the report of a violation.
    pub(crate) fn events(&self) -> String {
        self.scene.ledger.events()
    }

    /// Returns how often each disturbance came, and took effect.
    pub(crate) fn effects(&self) -> &Effects {
        &self.effects
    }

    /// Returns how often a primary had writes that were undone.
    pub(crate) fn rolled_back(&self) -> usize {
        self.rolled_back
    }

    /// Lets everybody work while things fail, and compares; with `whole` everything, and not what
    /// is new alone.
    pub(crate) async fn cycle(&mut self, whole: bool) -> Result<String, Fault> {
        let (stop, stopped) = watch::channel(false);
        let mut working = JoinSet::new();
        for user in take(&mut self.users) {
            let stopped = stopped.clone();
            working.spawn(async move { user.work(stopped).await.map(Worker::User) });
        }
        for reader in take(&mut self.readers) {
            let stopped = stopped.clone();
            working.spawn(async move { reader.work(stopped).await.map(Worker::Reader) });
        }
        for reader in take(&mut self.history_readers) {
            let stopped = stopped.clone();
            working.spawn(async move { reader.work(stopped).await.map(Worker::HistoryReader) });
        }
        let mut report = tokio::select! {
            disturbed = self.disturb() => disturbed?,
            Some(ended) = working.join_next() => {
                // Nobody ends before they are told to, but with a violation.
                ended??;
                return Err("somebody has stopped by themselves".into());
            }
        };
        stop.send_replace(true);
        let ended = timeout(2 * PATIENCE, self.join(&mut working)).await;
        ended.map_err(|_elapsed| "what was begun does not end")??;
        self.scene.nodes.check().await?;
        let (settled, entries) =
            self.settle(whole).await.map_err(|fault| format!("after {report}: {fault}"))?;
        let calls = self.scene.ledger.calls();
        write!(report, ": {calls} calls answered, {entries} entries compared, right after {settled:.1?}")?;
        Ok(report)
    }

    async fn join(&mut self, working: &mut JoinSet<Result<Worker, Fault>>) -> Result<(), Fault> {
        while let Some(ended) = working.join_next().await {
            match ended?? {
                Worker::User(user) => self.users.push(user),
                Worker::Reader(reader) => self.readers.push(reader),
                Worker::HistoryReader(reader) => self.history_readers.push(reader),
            }
        }
        Ok(())
    }

    /// Has things fail, one after the other, and returns which.
    async fn disturb(&mut self) -> Result<String, Fault> {
        let mut report = String::new();
        for number in 0..self.pace.disturbances {
            sleep(self.pace.calm).await;
            self.servers.copy_redis().await?;
            sleep(self.pace.calm).await;
            let disturbance = self.bag.draw(&mut self.rng);
            self.scene.ledger.note(&format!("--- {disturbance}"));
            let took_effect =
                self.inflict(disturbance).await.map_err(|fault| format!("{disturbance}: {fault}"))?;
            self.scene.ledger.note(&format!("--- {disturbance}: over"));
            self.scene.nodes.check().await?;
            self.effects.note(disturbance, took_effect);
            if took_effect && matches!(disturbance, Disturbance::PrimaryRolledBack) {
                self.rolled_back += 1;
            }
            let effect = if took_effect { "" } else { " without effect" };
            write!(report, "{}{disturbance}{effect}", if number > 0 { ", " } else { "" })?;
        }
        sleep(self.pace.calm).await;
        Ok(report)
    }

    /// Does one, and returns whether it took effect.
    async fn inflict(&mut self, disturbance: Disturbance) -> Result<bool, Fault> {
        let (nodes, longest) = (&self.scene.nodes, self.pace.longest);
        match disturbance {
            Disturbance::NodeKilled(number) => {
                nodes.kill(number).await?;
                pause(&mut self.rng, longest).await;
                nodes.start_again(number, &mut self.rng).await?;
            }
            Disturbance::NodeFrozen(number) => {
                let node = nodes.node(number);
                node.signal("STOP").await?;
                // At times until its calls have run out of time.
                if self.rng.bool() {
                    long_pause(&mut self.rng, longest).await;
                } else {
                    pause(&mut self.rng, longest).await;
                }
                node.signal("CONT").await?;
            }
            Disturbance::NodeCrowded(number) => {
                let slow = self.servers.mongo().slow_down(SLOW.min(longest / 4)).await?;
                self.scene.crowd(number).await?;
                self.servers.mongo().speed_up(slow).await?;
            }
            _ => return self.servers.inflict(disturbance, &mut self.rng, longest).await,
        }
        Ok(true)
    }

    /// Compares by a node that begins now, until all is right, as it must be within the bound.
    async fn settle(&mut self, whole: bool) -> Result<(Duration, u64), Fault> {
        let begun = Instant::now();
        let timeline = self.servers.place().start().await?;
        let mut state = timeline.state();
        timeout(PATIENCE, state.wait_for(State::is_well))
            .await
            .map_err(|_elapsed| "a node does not open")??;
        loop {
            let wrong = match self.compare(&timeline, whole).await? {
                Ok(entries) => {
                    let settled = begun.elapsed();
                    let is_ended = timeline.shutdown(GRACE).await;
                    return if is_ended { Ok((settled, entries)) } else { Err("a node does not end".into()) };
                }
                Err(wrong) => wrong,
            };
            if begun.elapsed() > SETTLE {
                return Err(format!("not right after {SETTLE:?}: {wrong}").into());
            }
            self.scene.ledger.note(&format!("not right yet: {wrong}"));
            sleep(Duration::from_millis(500)).await;
        }
    }

    /// Compares once. The inner error may be over soon, the outer one is one for ever.
    async fn compare(&mut self, timeline: &Timeline, whole: bool) -> Result<Result<u64, String>, Fault> {
        let ledger = &self.scene.ledger;
        for user in 0..USERS {
            loop {
                let (last, tag) = ledger.position(user);
                let position = Position::new(Seq::new(last)?, tag.map(Tag::new));
                let page = match timeline.sync(&member(user)?, position, Count::new(1_000)).await {
                    Ok(page) => Page::of(user, &page),
                    Err(error) => {
                        return Ok(Err(format!("the inbox of user {user} cannot be read: {error}")));
                    }
                };
                ledger.read(user, &page)?;
                if page.entries.is_empty() {
                    break;
                }
            }
        }
        if let Some(lost) = ledger.lost() {
            return Ok(Err(lost));
        }
        let model = ledger.take_model();
        let compared = self.checker.check(timeline, &model, whole).await.map_err(|wrong| wrong.to_string());
        ledger.give_back(model);
        Ok(compared)
    }
}
