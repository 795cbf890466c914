//! Random histories: whoever was told that a heartbeat counts is online for the TTL, as if there
//! were no throttle.
//!
//! Except for those whose calls fail: what is owed to the inner backend cannot be passed on.

use std::time::Duration;

use presence_core::throttled::{Config, Throttled};
use presence_core::{Backend, Status};
use proptest::prelude::*;
use tokio::time::sleep;

use super::spy::Spy;
use super::{device, id, others};

/// What happens; ids by number.
#[derive(Debug, Clone)]
enum Step {
    Beat(Vec<usize>),
    BeatDevice(usize),
    Offline(usize),
    OfflineElsewhere(usize),
    EndDevice(usize),
    Fail(Option<usize>),
    Wait(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        8 => prop::collection::vec(0..IDS, 1..4).prop_map(Step::Beat),
        4 => (0..IDS).prop_map(Step::BeatDevice),
        1 => (0..IDS).prop_map(Step::Offline),
        1 => (0..IDS).prop_map(Step::OfflineElsewhere),
        1 => (0..IDS).prop_map(Step::EndDevice),
        1 => prop::option::of(0..IDS).prop_map(Step::Fail),
        8 => (0..400_u64).prop_map(Step::Wait),
    ];
    prop::collection::vec(step, 1..120)
}

/// Until when each id must be online, in milliseconds: by its heartbeats, by those of its device.
type Promises = [[u64; 2]; IDS];

struct World {
    spy: Spy,
    throttled: Throttled,
    ttl: u64,
    /// Of the TTL, what may go by before a heartbeat is passed on.
    lateness: u64,
    failing: Option<usize>,
    now: u64,
    promises: Promises,
}

impl World {
    async fn start(fraction: f64) -> Self {
        let ttl = Duration::from_secs(1);
        let config = Config::default().ttl(ttl).fraction(fraction);
        let millis = |time: Duration| u64::try_from(time.as_millis()).expect("at most a second");
        let spy = Spy::start(ttl, 65_536);
        let (ttl, lateness) = (millis(ttl), millis(config.lateness()) + 1);
        let throttled = Throttled::start(config, spy.backend()).await.expect("good settings");
        Self { spy, throttled, ttl, lateness, failing: None, now: 0, promises: [[0; 2]; IDS] }
    }

    async fn run(&mut self, step: Step) {
        match step {
            Step::Beat(numbers) => {
                let ids: Vec<_> = numbers.iter().map(|number| id(&number.to_string())).collect();
                let failed = self.throttled.online(&ids).await.err();
                for number in numbers {
                    if !failed.as_ref().is_some_and(|failed| failed.has(&number.to_string())) {
                        self.promises[number][0] = self.promise(number);
                    }
                }
            }
            Step::BeatDevice(number) => {
                let result = self.throttled.beat_device(&id(&number.to_string()), &device("phone")).await;
                if result.is_ok() {
                    self.promises[number][1] = self.promise(number);
                }
            }
            Step::Offline(number) => {
                self.throttled.offline(&[id(&number.to_string())]).await.expect("memory is there");
                self.promises[number] = [0; 2];
            }
            Step::OfflineElsewhere(number) => {
                self.spy.backend().offline(&[id(&number.to_string())]).await.expect("memory is there");
                // What the throttle cannot know before it hears of it.
                others().await;
                self.promises[number] = [0; 2];
            }
            Step::EndDevice(number) => {
                let ended = self.throttled.end_device(&id(&number.to_string()), &device("phone")).await;
                ended.expect("memory is there");
                self.promises[number][1] = 0;
            }
            Step::Fail(number) => {
                self.spy.fail(number.map(|number| number.to_string()).as_deref());
                self.failing = number;
                for until in number.map(|number| &mut self.promises[number]).into_iter().flatten() {
                    *until = until.saturating_sub(self.lateness);
                }
            }
            Step::Wait(millis) => {
                sleep(Duration::from_millis(millis)).await;
                self.now += millis;
                others().await;
            }
        }
        self.check().await;
    }

    /// Returns until when a heartbeat that comes now keeps its id online.
    fn promise(&self, number: usize) -> u64 {
        let lateness = if self.failing == Some(number) { self.lateness } else { 0 };
        self.now + self.ttl - lateness
    }

    async fn check(&self) {
        let ids: Vec<_> = (0..IDS).map(|number| id(&number.to_string())).collect();
        let statuses = self.throttled.status(&ids).await.expect("memory is there");
        for (number, status) in statuses.into_iter().enumerate() {
            let until = self.promises[number].into_iter().max().unwrap_or(0);
            assert!(
                status == Status::Online || until <= self.now,
                "{number} is offline {} ms early",
                until - self.now
            );
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nobody_who_beats_falls_silent(steps in steps(), fraction in prop_oneof![Just(0.3), Just(0.5), Just(0.9)]) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
        runtime.expect("the system gives a runtime").block_on(async {
            let mut world = World::start(fraction).await;
            for step in steps {
                world.run(step).await;
            }
        });
    }
}

const IDS: usize = 3;
