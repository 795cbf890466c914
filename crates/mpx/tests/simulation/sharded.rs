//! One game with a cluster: slots move, nodes are lost and replaced, and what they know of each
//! other is old.

use std::iter::repeat_n;
use std::time::Duration;

use mpx::{Config, ShardedMultiplexer};
use tokio::time::sleep;

use crate::cluster::Cluster;
use crate::listener::Hears;
use crate::redis::NameKind;
use crate::subscribers::Subscribers;
use crate::time::in_no_time;

/// Plays a game, and returns what was heard.
pub(crate) fn play(seed: u64) -> Vec<String> {
    in_no_time(async {
        let mut game = Game::new(seed);
        (0..3).for_each(|_| game.open());
        for _ in 0..game.random.usize(1..300) {
            game.step().await;
        }
        game.end().await;
        game.subscribers.trace
    })
}

struct Game {
    random: fastrand::Rng,
    cluster: Cluster,
    multiplexer: ShardedMultiplexer,
    channels: Vec<String>,
    subscribers: Subscribers,
    ping_timeout: Duration,
    /// Each step as often as it is taken.
    deck: Vec<Step>,
}

#[derive(Clone, Copy)]
enum Step {
    Publish,
    Change,
    Close,
    MoveSlots,
    FailOver,
    Tell,
    Lose,
    Stall,
    Resume,
    Refuse,
    Accept,
    Restart,
    Read,
    Yield,
    Sleep,
}

/// All but `Publish` and `Change`.
const OTHERS: [Step; 13] = [
    Step::Close,
    Step::MoveSlots,
    Step::FailOver,
    Step::Tell,
    Step::Lose,
    Step::Stall,
    Step::Resume,
    Step::Refuse,
    Step::Accept,
    Step::Restart,
    Step::Read,
    Step::Yield,
    Step::Sleep,
];

impl Game {
    fn new(seed: u64) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        // Of three slots.
        let channels = ["a0", "a1", "a2", "{a0}", "{a0}b", "{a1}"].map(str::to_owned).to_vec();
        let cluster = Cluster::new(random.u64(..), 3, &channels);
        let config = Config::from_connect_node("node", 0, cluster.connector()).jitter_seed(random.u64(..));
        let ping_timeout = if random.bool() { Duration::from_secs(1) } else { Duration::from_secs(5) };
        // Which is also how long a node may take for the map: nodes that froze meanwhile are done
        // with within the time that the end of a game waits.
        let config = config.connect_timeout(Duration::from_secs(1));
        let config = config.ping_timeout(ping_timeout).batch_max(random.usize(1..6)).queue_max(100_000);
        let multiplexer = ShardedMultiplexer::start(config).unwrap();
        let subscribers = Subscribers::new(&channels);
        // Without the first nothing is to be seen. The others are more or less often, so that games
        // differ more than chance makes them.
        let often = |random: &mut fastrand::Rng| *random.choice(&[0, 0, 1, 3, 10]).unwrap();
        let mut deck = [Step::Publish, Step::Change, Step::Change].repeat(10);
        deck.extend(OTHERS.into_iter().flat_map(|step| repeat_n(step, often(&mut random))));
        Self { random, cluster, multiplexer, channels, subscribers, ping_timeout, deck }
    }

    async fn step(&mut self) {
        match *self.random.choice(&self.deck).unwrap() {
            Step::Publish => {
                let channel = self.channel();
                for _ in 0..self.random.usize(1..6) {
                    self.publish(&channel);
                }
            }
            Step::Change => {
                let names = (0..self.random.usize(1..4)).map(|_| self.channel()).collect();
                self.subscribers.change(&mut self.random, names);
            }
            Step::Close => {
                self.subscribers.close(&mut self.random);
                self.open();
            }
            Step::MoveSlots => self.cluster.move_slots(),
            Step::FailOver => self.cluster.fail_over(),
            Step::Tell => self.cluster.tell_any(),
            Step::Lose => self.cluster.lose_any(),
            Step::Stall => self.cluster.any_node().stall(true),
            Step::Resume => self.cluster.any_node().stall(false),
            Step::Refuse => self.cluster.any_node().refuse_connections(true),
            Step::Accept => self.cluster.any_node().refuse_connections(false),
            Step::Restart => {
                self.subscribers.touch_all();
                self.multiplexer.stop();
                sleep(Duration::from_millis(self.random.u64(..10))).await;
                self.multiplexer.restart();
            }
            Step::Read => self.subscribers.read(),
            Step::Yield => tokio::task::yield_now().await,
            Step::Sleep => sleep(Duration::from_millis(self.random.u64(..3_000))).await,
        }
        if self.random.bool() {
            sleep(Duration::from_millis(self.random.u64(..3))).await;
        }
    }

    fn channel(&mut self) -> String {
        self.random.choice(&self.channels).unwrap().clone()
    }

    fn open(&mut self) {
        self.subscribers.open(self.multiplexer.channels().unwrap(), Hears::Shards);
    }

    fn publish(&self, channel: &str) -> u64 {
        let number = self.subscribers.published.next(channel);
        self.cluster.publish(channel, number);
        number
    }

    /// Nothing more happens: all wishes come true, and everything is heard once.
    async fn end(&mut self) {
        self.cluster.recover();
        self.cluster.tell_all();
        self.multiplexer.restart();
        // What is frozen is found out.
        sleep(Duration::from_secs(5) + 3 * self.ping_timeout).await;
        self.subscribers.read();
        self.check_wishes();
        let unwanted = self.channel();
        self.subscribers.forget(&unwanted);
        // Soon, and not with the next map.
        sleep(Duration::from_secs(2)).await;
        self.check_wishes();
        for channel in self.channels.clone() {
            let number = self.publish(&channel);
            sleep(Duration::from_secs(1)).await;
            self.subscribers.read();
            self.subscribers.check_heard(&channel, number, |_, name| name == channel);
        }
        assert!(self.multiplexer.shutdown(Duration::from_secs(1)).await, "it does not end");
        self.subscribers.read_to_end();
    }

    fn check_wishes(&self) {
        let connections = self.cluster.names();
        for it in self.subscribers.iter() {
            for name in &it.wishes {
                assert!(it.listener.is_active(name), "{name} is not active");
                let owner = self.cluster.owner(name);
                let holders = connections.iter().filter(|(node, names)| {
                    *node == owner && names.contains(&(NameKind::Shard, name.clone()))
                });
                assert_eq!(holders.count(), 1, "{name} is subscribed to once, at node {owner}");
            }
        }
        for (node, names) in &connections {
            for (_, name) in names {
                assert_eq!(self.cluster.owner(name), *node, "{name} is subscribed to where it is not");
                let is_wished = self.subscribers.iter().any(|it| it.wishes.contains(name));
                assert!(is_wished, "{name} is subscribed to, and nobody wishes it");
            }
        }
    }
}
