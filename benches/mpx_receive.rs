//! How many messages a second come through, by channels and by subscriptions to one channel, with
//! handlers and with a stream?
//!
//! On the wall clock, from the first that is published to the last that is received: Redis and
//! whoever publishes have a part of the two cores, and Redis is what there is to wait for. What
//! receiving alone costs is among the budgets.

#![allow(clippy::unwrap_used, reason = "a bench stops where it fails")]

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use benches::flood::{Flood, channel};
use benches::tally::Tally;
use criterion::{BenchmarkId, Criterion, Throughput};
use mpx::{ChannelSubscription, Config, Event, Events, Multiplexer};
use test_support::Redis;
use tokio::runtime::Runtime;

fn main() {
    let runtime = Runtime::new().unwrap();
    let mut criterion = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(2))
        .configure_from_args();
    let mut group = criterion.benchmark_group("mpx receive, by channels");
    group.throughput(Throughput::Elements(MESSAGES as u64));
    for channels in [1, 100, 10_000] {
        for way in [Way::Handlers, Way::Stream] {
            group.bench_function(BenchmarkId::new(way.name(), channels), |bencher| {
                let mut world = World::start(&runtime, channels, 1, way);
                bencher.iter_custom(|rounds| (0..rounds).map(|_| world.round(&runtime)).sum());
            });
        }
    }
    group.finish();
    let mut group = criterion.benchmark_group("mpx receive, by subscriptions to one channel");
    for subscriptions in [10, 100, 1_000] {
        group.throughput(Throughput::Elements((MESSAGES * subscriptions) as u64));
        group.bench_function(BenchmarkId::new(Way::Handlers.name(), subscriptions), |bencher| {
            let mut world = World::start(&runtime, 1, subscriptions, Way::Handlers);
            bencher.iter_custom(|rounds| (0..rounds).map(|_| world.round(&runtime)).sum());
        });
    }
    group.finish();
    criterion.final_summary();
}

#[derive(Clone, Copy, PartialEq)]
enum Way {
    Handlers,
    Stream,
}

impl Way {
    fn name(self) -> &'static str {
        if self == Self::Handlers { "handlers" } else { "stream" }
    }
}

/// Those who publish and those who subscribe.
struct World {
    flood: Flood,
    expected: usize,
    tally: Arc<Tally>,
    events: Option<Events>,
    _subscriptions: Vec<ChannelSubscription>,
    _multiplexer: Multiplexer,
    _redis: Redis,
}

impl World {
    fn start(runtime: &Runtime, channels: usize, each: usize, way: Way) -> Self {
        runtime.block_on(async {
            let redis = Redis::private().await.unwrap();
            let flood = Flood::start(&redis, channels, PAYLOAD_BYTES).unwrap();
            // None is to be dropped.
            let config = Config::new(redis.url()).queue_max(MESSAGES);
            let multiplexer = Multiplexer::start(config).unwrap();
            let tally = Arc::<Tally>::default();
            let (mut subscriptions, mut stream) = (Vec::new(), None);
            if way == Way::Stream {
                let (subscription, events) = multiplexer.channels().unwrap();
                (0..channels).for_each(|number| subscription.add(channel(number)).unwrap());
                stream = Some(events);
                subscriptions.push(subscription);
            } else {
                for number in (0..channels).flat_map(|number| std::iter::repeat_n(number, each)) {
                    let tally = Arc::clone(&tally);
                    let subscription = multiplexer.channels_to(move |_: &[u8], payload: &[u8]| {
                        black_box(payload);
                        tally.count();
                    });
                    subscriptions.push(subscription.unwrap());
                    subscriptions.last().unwrap().add(channel(number)).unwrap();
                }
            }
            for number in 0..channels {
                let subscription = if way == Way::Stream { 0 } else { number * each + each - 1 };
                subscriptions[subscription].wait_for_activation(channel(number)).await.unwrap();
            }
            Self {
                flood,
                expected: MESSAGES * each,
                tally,
                events: stream,
                _subscriptions: subscriptions,
                _multiplexer: multiplexer,
                _redis: redis,
            }
        })
    }

    fn round(&mut self, runtime: &Runtime) -> Duration {
        let Self { flood, expected, tally, events, .. } = self;
        tally.expect(*expected);
        let start = Instant::now();
        std::thread::scope(|scope| {
            scope.spawn(|| flood.publish(MESSAGES).unwrap());
            runtime.block_on(async {
                let Some(events) = events else { return tally.all().await };
                let mut left = *expected;
                while left > 0 {
                    match events.next().await.unwrap().unwrap() {
                        Event::Message(message) => {
                            black_box(message);
                            left -= 1;
                        }
                        Event::Activated { .. } => {}
                        other => panic!("{other:?}"),
                    }
                }
            });
            start.elapsed()
        })
    }
}

/// How many messages a round publishes.
const MESSAGES: usize = 20_000;
const PAYLOAD_BYTES: usize = 64;
