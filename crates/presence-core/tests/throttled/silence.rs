//! Random histories: whoever was told that a heartbeat counts is online for as long as it says.

use std::time::Duration;

use presence_core::throttled::{Config, Throttled};
use presence_core::{Backend, Status};
use proptest::prelude::*;
use tokio::time::sleep;

use crate::spy::Spy;
use crate::{device, id, others};

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
    kept: u64,
    now: u64,
    promises: Promises,
}

impl World {
    async fn start(fraction: f64) -> Self {
        let mut config = Config::default();
        (config.ttl, config.fraction) = (Duration::from_secs(1), fraction);
        let kept = u64::try_from(config.kept().as_millis()).expect("less than the TTL");
        let spy = Spy::start(config.ttl, 65_536);
        let throttled = Throttled::start(spy.backend(), &config).await.expect("good settings");
        Self { spy, throttled, kept, now: 0, promises: [[0; 2]; IDS] }
    }

    async fn run(&mut self, step: Step) {
        let until = self.now + self.kept;
        match step {
            Step::Beat(numbers) => {
                let ids: Vec<_> = numbers.iter().map(|number| id(&number.to_string())).collect();
                let failed = self.throttled.online(&ids).await.err();
                for number in numbers {
                    if !failed.as_ref().is_some_and(|failed| failed.has(&number.to_string())) {
                        self.promises[number][0] = until;
                    }
                }
            }
            Step::BeatDevice(number) => {
                let result = self.throttled.online_device(&id(&number.to_string()), &device("phone")).await;
                if result.is_ok() {
                    self.promises[number][1] = until;
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
                let ended = self.throttled.offline_device(&id(&number.to_string()), &device("phone")).await;
                ended.expect("memory is there");
                self.promises[number][1] = 0;
            }
            Step::Fail(number) => self.spy.fail(number.map(|number| number.to_string()).as_deref()),
            Step::Wait(millis) => {
                sleep(Duration::from_millis(millis)).await;
                self.now += millis;
                others().await;
            }
        }
        self.check().await;
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
