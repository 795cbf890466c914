//! One game: random steps, then quiet, then everything has to be as it was wished.

use std::collections::BTreeSet;
use std::time::Duration;

use mpx::{
    ChannelSubscription, Config, ErrorKind, Multiplexer, PatternSubscription, Promise, PromiseSubscription,
};
use tokio::runtime::Builder;
use tokio::time::sleep;

use crate::listener::Listener;
use crate::redis::{Redis, fits};

/// Plays a game, and returns what was heard.
pub(crate) fn play(seed: u64) -> Vec<String> {
    let runtime = Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let mut game = Game::new(seed);
        for _ in 0..game.random.usize(1..150) {
            game.step().await;
        }
        game.end().await;
        game.trace
    })
}

struct Game {
    random: fastrand::Rng,
    redis: Redis,
    multiplexer: Multiplexer,
    channels: Vec<String>,
    forbidden: Option<String>,
    subscribers: Vec<Subscriber>,
    prefixes: Vec<PromiseSubscription>,
    /// Each with its channel, and how often was published there before.
    promises: Vec<(String, u64, Promise)>,
    losses: usize,
    /// Losses since all was read.
    unread: usize,
    trace: Vec<String>,
}

struct Subscriber {
    handle: Handle,
    wishes: BTreeSet<String>,
    listener: Listener,
}

enum Handle {
    Channels(ChannelSubscription),
    Pattern(PatternSubscription),
}

impl Game {
    fn new(seed: u64) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        let channels: Vec<String> = (0..5).map(|number| format!("a{number}")).collect();
        let forbidden = (random.u8(..4) == 0).then(|| "a4".to_owned());
        let redis = Redis::new(random.u64(..), forbidden.clone());
        let server = redis.clone();
        let mut config = Config::from_connect(move || {
            let server = server.clone();
            async move { server.connect() }
        });
        config.jitter_seed = Some(random.u64(..));
        config.ping_timeout = Duration::from_secs(1);
        config.batch_max = random.usize(1..6);
        config.queue_max = if random.u8(..3) == 0 { random.usize(1..9) } else { 100_000 };
        let multiplexer = Multiplexer::start(config).unwrap();
        let (subscribers, prefixes, promises) = (Vec::new(), Vec::new(), Vec::new());
        let trace = Vec::new();
        Self {
            random,
            redis,
            multiplexer,
            channels,
            forbidden,
            subscribers,
            prefixes,
            promises,
            losses: 0,
            unread: 0,
            trace,
        }
    }

    async fn step(&mut self) {
        match self.random.u8(..100) {
            0..6 => self.open(),
            6..36 => self.change(),
            36..40 => self.close(),
            40..65 => {
                let channel = self.channel();
                for _ in 0..self.random.usize(1..6) {
                    self.redis.publish(&channel);
                }
            }
            65..70 => self.promise(),
            70..76 => self.lose(),
            76..80 => self.redis.refuse_connections(self.random.bool()),
            80..82 => self.stop(),
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
        self.channels[self.random.usize(..5)].clone()
    }

    fn open(&mut self) {
        let subscriber = match self.random.u8(..3) {
            0 => {
                let (handle, events) = self.multiplexer.pattern("a*").unwrap();
                let wishes = BTreeSet::from(["a*".to_owned()]);
                Subscriber { handle: Handle::Pattern(handle), wishes, listener: Listener::new(events, true) }
            }
            1 if self.prefixes.len() < 3 => {
                return self.prefixes.push(self.multiplexer.promises("a").unwrap());
            }
            _ => {
                let (handle, events) = self.multiplexer.channels().unwrap();
                let (handle, listener) = (Handle::Channels(handle), Listener::new(events, false));
                Subscriber { handle, wishes: BTreeSet::new(), listener }
            }
        };
        self.subscribers.push(subscriber);
    }

    fn change(&mut self) {
        let names: Vec<String> = (0..self.random.usize(1..4)).map(|_| self.channel()).collect();
        let (what, count) = (self.random.u8(..10), self.subscribers.len());
        if count == 0 {
            return self.open();
        }
        let it = &mut self.subscribers[self.random.usize(..count)];
        let Handle::Channels(handle) = &it.handle else { return };
        it.listener.read(&self.redis, &self.channels, &mut self.trace);
        for name in names {
            match what {
                0..6 => {
                    handle.add(&name).unwrap();
                    it.wishes.insert(name);
                }
                6..9 => {
                    assert_eq!(handle.remove(&name), it.wishes.remove(&name));
                    it.listener.touch(&name);
                }
                _ => {
                    handle.clear();
                    it.wishes.iter().for_each(|name| it.listener.touch(name));
                    it.wishes.clear();
                }
            }
        }
    }

    fn close(&mut self) {
        let count = self.subscribers.len();
        if count == 0 {
            return;
        }
        let mut it = self.subscribers.swap_remove(self.random.usize(..count));
        match &it.handle {
            Handle::Channels(handle) => {
                handle.close();
                assert_eq!(handle.add("a0").unwrap_err().kind(), ErrorKind::Closed);
            }
            Handle::Pattern(handle) => handle.close(),
        }
        assert!(it.listener.read(&self.redis, &self.channels, &mut self.trace), "its stream goes on");
        if self.random.bool() && !self.prefixes.is_empty() {
            self.prefixes.swap_remove(0).close();
        }
    }

    fn promise(&mut self) {
        let channel = self.channel();
        let Some(prefix) = self.prefixes.first() else { return };
        match prefix.promise(&channel[1..], Duration::from_hours(1)) {
            Ok(promise) => {
                let published = self.redis.published(&channel);
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

    fn stop(&mut self) {
        self.read();
        for it in &mut self.subscribers {
            // They are not told.
            it.wishes.iter().for_each(|name| it.listener.touch(name));
        }
        self.multiplexer.stop();
    }

    fn read(&mut self) {
        self.unread = 0;
        for it in &mut self.subscribers {
            assert!(!it.listener.read(&self.redis, &self.channels, &mut self.trace), "its stream has ended");
            assert!(it.listener.losses <= self.losses, "{} losses were told", it.listener.losses);
        }
    }

    /// Nothing more happens: all wishes come true, and everything is heard once.
    async fn end(&mut self) {
        self.redis.refuse_connections(false);
        self.multiplexer.restart();
        sleep(Duration::from_secs(10)).await;
        self.read();
        self.check_wishes();
        for channel in self.channels.clone() {
            // One by one: some queues are short.
            let number = self.redis.published(&channel);
            self.redis.publish(&channel);
            sleep(Duration::from_millis(200)).await;
            self.read();
            self.check_heard(&channel, number);
        }
        self.check_promises().await;
        assert!(self.multiplexer.shutdown(Duration::from_secs(1)).await, "it does not end");
        for it in &mut self.subscribers {
            assert!(it.listener.read(&self.redis, &self.channels, &mut self.trace), "a stream goes on");
        }
    }

    fn check_heard(&self, channel: &str, number: u64) {
        if Some(channel) == self.forbidden.as_deref() {
            return;
        }
        for Subscriber { wishes, listener, .. } in &self.subscribers {
            let is_pattern = listener.is_pattern;
            for name in
                wishes.iter().filter(|name| if is_pattern { fits(name, channel) } else { *name == channel })
            {
                assert_eq!(listener.next(name, channel), Some(number + 1), "{name} did not hear {channel}");
            }
        }
    }

    fn check_wishes(&self) {
        let mut wishes = BTreeSet::new();
        for it in &self.subscribers {
            for name in &it.wishes {
                if Some(name) == self.forbidden.as_ref() {
                    continue;
                }
                assert!(it.listener.is_active(name), "{name} is not active");
                wishes.insert((if it.listener.is_pattern { b'P' } else { b'S' }, name.clone()));
            }
        }
        if !self.prefixes.is_empty() {
            wishes.insert((b'P', "a*".to_owned()));
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
