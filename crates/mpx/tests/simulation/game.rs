//! One game with one connection: random steps, then quiet, then everything has to be as it was
//! wished.

use std::collections::BTreeSet;
use std::time::Duration;

use mpx::{Config, ErrorKind, Multiplexer, Promise, PromiseSubscription};
use tokio::time::sleep;

use crate::listener::Hears;
use crate::redis::{NameKind, Redis, fits};
use crate::subscribers::Subscribers;
use crate::time::in_no_time;

/// Plays a game, and returns what was heard.
pub(crate) fn play(seed: u64) -> Vec<String> {
    in_no_time(async {
        let mut game = Game::new(seed);
        for _ in 0..game.random.usize(1..150) {
            game.step().await;
        }
        game.end().await;
        game.subscribers.trace
    })
}

struct Game {
    random: fastrand::Rng,
    redis: Redis,
    multiplexer: Multiplexer,
    channels: Vec<String>,
    forbidden: Option<String>,
    subscribers: Subscribers,
    prefixes: Vec<PromiseSubscription>,
    /// Each with its channel, and how often was published there before.
    promises: Vec<(String, u64, Promise)>,
    losses: usize,
    /// Losses since all was read.
    unread: usize,
}

impl Game {
    fn new(seed: u64) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        let channels: Vec<String> = (0..5).map(|number| format!("a{number}")).collect();
        let forbidden = (random.u8(..4) == 0).then(|| "a4".to_owned());
        let redis = Redis::new(random.u64(..), forbidden.clone());
        let server = redis.clone();
        let config = Config::from_connect(move || {
            let server = server.clone();
            async move { server.connect() }
        })
        .jitter_seed(random.u64(..))
        .ping_timeout(Duration::from_secs(1))
        .batch_max(random.usize(1..6))
        .queue_max(if random.u8(..3) == 0 { random.usize(1..9) } else { 100_000 });
        let multiplexer = Multiplexer::start(config).unwrap();
        let (subscribers, prefixes, promises) = (Subscribers::new(&channels), Vec::new(), Vec::new());
        let (losses, unread) = (0, 0);
        Self {
            random,
            redis,
            multiplexer,
            channels,
            forbidden,
            subscribers,
            prefixes,
            promises,
            losses,
            unread,
        }
    }

    async fn step(&mut self) {
        match self.random.u8(..100) {
            0..6 => self.open(),
            6..36 => {
                let names = (0..self.random.usize(1..4)).map(|_| self.channel()).collect();
                if !self.subscribers.change(&mut self.random, names) {
                    self.open();
                }
            }
            36..40 => self.close(),
            40..65 => {
                let channel = self.channel();
                for _ in 0..self.random.usize(1..6) {
                    self.publish(&channel);
                }
            }
            65..70 => self.promise(),
            70..76 => self.lose(),
            76..78 => {
                let stalls = self.random.bool();
                self.redis.stall(stalls);
                // It may be for longer than the multiplexer waits.
                self.losses += usize::from(stalls);
            }
            78..80 => self.redis.refuse_connections(self.random.bool()),
            80..82 => {
                self.subscribers.touch_all();
                self.multiplexer.stop();
            }
            82..86 => self.multiplexer.restart(),
            86..92 => self.read(),
            // With luck it is just in between of two things.
            92..97 => tokio::task::yield_now().await,
            _ => sleep(Duration::from_millis(self.random.u64(..3_000))).await,
        }
        if self.random.bool() {
            sleep(Duration::from_millis(self.random.u64(..3))).await;
        }
        if self.unread > 5 {
            // More are not kept.
            self.read();
        }
    }

    fn channel(&mut self) -> String {
        self.random.choice(&self.channels).unwrap().clone()
    }

    fn open(&mut self) {
        match self.random.u8(..3) {
            0 => self.subscribers.open_pattern(self.multiplexer.pattern("a*").unwrap(), "a*"),
            1 if self.prefixes.len() < 3 => self.prefixes.push(self.multiplexer.promises("a").unwrap()),
            _ => self.subscribers.open(self.multiplexer.channels().unwrap(), Hears::Channels),
        }
    }

    fn close(&mut self) {
        self.subscribers.close(&mut self.random);
        if self.random.bool() && !self.prefixes.is_empty() {
            self.prefixes.swap_remove(0).close();
        }
    }

    fn publish(&self, channel: &str) -> u64 {
        let number = self.subscribers.published.next(channel);
        self.redis.publish(channel, number, false);
        number
    }

    fn promise(&mut self) {
        let channel = self.channel();
        let Some(prefix) = self.prefixes.first() else { return };
        match prefix.promise(&channel[1..], Duration::from_secs(60 * 60)) {
            Ok(promise) => {
                let published = self.subscribers.published.count(&channel);
                self.promises.push((channel, published, promise));
            }
            Err(error) => assert_eq!(error.kind(), ErrorKind::Unavailable),
        }
    }

    fn lose(&mut self) {
        if self.random.bool() {
            self.redis.kill();
        } else {
            self.redis.freeze();
        }
        self.losses += 1;
        self.unread += 1;
    }

    fn read(&mut self) {
        self.unread = 0;
        self.subscribers.read();
        for it in self.subscribers.iter() {
            assert!(it.listener.losses <= self.losses, "{} losses were told", it.listener.losses);
        }
    }

    /// Nothing more happens: all wishes come true, and everything is heard once.
    async fn end(&mut self) {
        self.redis.refuse_connections(false);
        self.redis.stall(false);
        self.multiplexer.restart();
        sleep(Duration::from_secs(10)).await;
        self.read();
        self.check_wishes();
        for channel in self.channels.clone() {
            // One by one: some queues are short.
            let number = self.publish(&channel);
            sleep(Duration::from_secs(5)).await;
            self.read();
            if Some(&channel) != self.forbidden.as_ref() {
                self.subscribers.check_heard(&channel, number, |it, name| {
                    if it.listener.hears == Hears::Pattern { fits(name, &channel) } else { name == channel }
                });
            }
        }
        self.check_promises().await;
        assert!(self.multiplexer.shutdown(Duration::from_secs(1)).await, "it does not end");
        self.subscribers.read_to_end();
    }

    fn check_wishes(&self) {
        let mut wishes = BTreeSet::new();
        for it in self.subscribers.iter() {
            let kind =
                if it.listener.hears == Hears::Pattern { NameKind::Pattern } else { NameKind::Channel };
            for name in it.wishes.iter().filter(|name| Some(*name) != self.forbidden.as_ref()) {
                assert!(it.listener.is_active(name), "{name} is not active");
                wishes.insert((kind, name.clone()));
            }
        }
        if !self.prefixes.is_empty() {
            wishes.insert((NameKind::Pattern, "a*".to_owned()));
        }
        assert_eq!(self.redis.names(), [wishes], "what Redis was told, on one connection");
    }

    async fn check_promises(&mut self) {
        for (channel, published, promise) in self.promises.drain(..) {
            match promise.await {
                Ok(payload) => {
                    let number: u64 = std::str::from_utf8(&payload).unwrap().parse().unwrap();
                    // Or one that was on its way.
                    assert!(number <= published, "{channel}: promised {published}, fulfilled by {number}");
                }
                Err(mpx::Unfulfilled::Disconnected(_) | mpx::Unfulfilled::Closed) => {}
                Err(other) => panic!("{other:?}"),
            }
        }
    }
}
