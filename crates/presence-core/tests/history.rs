//! Random histories against memory, checked by a model that knows nothing of wheels, shards and logs.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures_util::{FutureExt, StreamExt};
use presence_core::memory::{Config, Memory};
use presence_core::{Cause, Event, Events, Presence, Since, Status, Update};
use proptest::prelude::*;
use tokio::time::sleep;

/// What a caller can do; ids and devices by number.
#[derive(Debug, Clone)]
enum Step {
    Online(Vec<usize>),
    Offline(Vec<usize>),
    Beat(usize, usize),
    Hold(usize, usize),
    End(usize, usize),
    Wait(u64),
    Look,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let batch = || prop::collection::vec(0..IDS, 1..4);
    let step = prop_oneof![
        3 => batch().prop_map(Step::Online),
        // A large batch is handled another way.
        1 => prop::collection::vec(0..IDS, 60..80).prop_map(Step::Online),
        1 => batch().prop_map(Step::Offline),
        3 => (0..IDS, 0..DEVICES).prop_map(|(id, device)| Step::Beat(id, device)),
        2 => (0..IDS, 0..DEVICES).prop_map(|(id, device)| Step::Hold(id, device)),
        3 => (0..IDS, 0..DEVICES).prop_map(|(id, device)| Step::End(id, device)),
        // Up to a few deadlines, and often just about one.
        3 => (0..2_500_u64).prop_map(Step::Wait),
        2 => (0..25_u64).prop_map(Step::Wait),
        1 => Just(Step::Look),
    ];
    prop::collection::vec(step, 1..80)
}

/// What keeps one id online. Times in milliseconds, each with the grace time in it.
#[derive(Debug, Default, Clone)]
struct Model {
    online: bool,
    /// Heartbeats without a device, and what ended devices left.
    until: u64,
    devices: BTreeMap<usize, u64>,
}

impl Model {
    fn deadline(&self) -> u64 {
        self.devices.values().copied().fold(self.until, u64::max)
    }
}

struct World {
    presence: Presence,
    events: Events,
    ids: Vec<Model>,
    now: u64,
    ttl: u64,
    grace: u64,
    seen: Vec<Event>,
}

impl World {
    async fn new(ttl: u64, grace: u64) -> Self {
        let mut config = Config::default();
        (config.ttl, config.grace) = (Duration::from_millis(ttl), Duration::from_millis(grace));
        let presence = Presence::new(Memory::start(&config).expect("the settings are good"));
        let mut events = presence.events(Since::Now).await.expect("it is open");
        assert!(matches!(events.next().await, Some(Ok(Update::Synced(_)))));
        Self { presence, events, ids: vec![Model::default(); IDS], now: 0, ttl, grace, seen: Vec::new() }
    }

    async fn run(&mut self, step: &Step) {
        let names = |ids: &[usize]| ids.iter().map(|id| name(*id)).collect::<Vec<_>>();
        let lasts = self.now + self.ttl + self.grace;
        match step {
            Step::Online(ids) => {
                self.presence.online(names(ids)).await.expect("good ids");
                for id in ids {
                    self.ids[*id].until = self.ids[*id].until.max(lasts);
                    self.comes(*id, Cause::Heartbeat);
                }
            }
            Step::Offline(ids) => {
                self.presence.offline(names(ids)).await.expect("good ids");
                for id in ids {
                    self.goes(*id, Cause::Explicit);
                }
            }
            Step::Beat(id, device) => {
                self.presence.online_device(name(*id), device.to_string()).await.expect("good names");
                let until = self.ids[*id].devices.entry(*device).or_default();
                *until = (*until).max(lasts);
                self.comes(*id, Cause::Heartbeat);
            }
            Step::Hold(id, device) => {
                self.presence.hold_device(name(*id), device.to_string()).await.expect("good names");
                self.ids[*id].devices.insert(*device, HELD);
                self.comes(*id, Cause::Held);
            }
            Step::End(id, device) => {
                self.presence.offline_device(name(*id), device.to_string()).await.expect("good names");
                if let Some(until) = self.ids[*id].devices.remove(device) {
                    let left = until.min(self.now + self.grace);
                    self.ids[*id].until = self.ids[*id].until.max(left);
                    // Without a grace time the end of the last device is told at once.
                    if until > self.now && self.ids[*id].deadline() <= self.now {
                        self.goes(*id, Cause::Ended);
                    }
                }
            }
            Step::Wait(millis) => {
                sleep(Duration::from_millis(*millis)).await;
                self.now += millis;
                // The sweep of this very moment may run after this task woke up.
                for _ in 0..4 {
                    tokio::task::yield_now().await;
                }
            }
            Step::Look => self.look().await,
        }
        self.hear();
    }

    fn comes(&mut self, id: usize, cause: Cause) {
        if !std::mem::replace(&mut self.ids[id].online, true) {
            self.told(id, cause);
        }
    }

    fn goes(&mut self, id: usize, cause: Cause) {
        if std::mem::take(&mut self.ids[id]).online {
            self.told(id, cause);
        }
    }

    /// The event of a call is there when the call has returned, after those of time.
    fn told(&mut self, id: usize, cause: Cause) {
        loop {
            let event = self.next().expect("each transition is an event at once");
            if event.id.as_str() == name(id) && event.cause == cause {
                self.seen.push(event);
                return;
            }
            self.expired(event);
        }
    }

    /// Takes the events of time, and checks that none is missing.
    fn hear(&mut self) {
        while let Some(event) = self.next() {
            self.expired(event);
        }
        for (id, model) in self.ids.iter().enumerate() {
            let late = self.now.saturating_sub(model.deadline());
            assert!(!model.online || late <= LATE, "{} is {late} ms late", name(id));
        }
    }

    fn expired(&mut self, event: Event) {
        assert!(matches!(event.cause, Cause::Expired | Cause::Ended), "unexpected {event:?}");
        let id: usize = event.id.as_str().parse().expect("one of ours");
        let model = std::mem::take(&mut self.ids[id]);
        assert!(model.online, "{id} was offline already");
        assert!(model.deadline() <= self.now, "{id} is {} ms early", model.deadline() - self.now);
        self.seen.push(event);
    }

    fn next(&mut self) -> Option<Event> {
        match self.events.next().now_or_never()? {
            Some(Ok(Update::Change(event))) => Some(event),
            other => panic!("unexpected {other:?}"),
        }
    }

    async fn look(&self) {
        let all: Vec<_> = (0..IDS).map(name).collect();
        let expected =
            self.ids.iter().map(|model| if model.online { Status::Online } else { Status::Offline });
        assert_eq!(self.presence.status(&all).await.expect("good ids"), expected.collect::<Vec<_>>());
        assert_eq!(self.presence.count().await.expect("it is open"), self.online().len() as u64);
        let page = self.presence.online_ids(presence_core::Cursor::default(), 100).await.expect("it is open");
        assert_eq!(page.ids.iter().map(ToString::to_string).collect::<BTreeSet<_>>(), self.online());
        let mut snapshot = self.presence.events(Since::Snapshot).await.expect("it is open");
        let mut present = BTreeSet::new();
        while let Some(Ok(Update::Present { id, .. })) = snapshot.next().await {
            assert!(present.insert(id.to_string()), "{id} twice");
        }
        assert_eq!(present, self.online());
    }

    fn online(&self) -> BTreeSet<String> {
        (0..IDS).filter(|id| self.ids[*id].online).map(name).collect()
    }

    /// A stream from any position gives what the first stream gave after it.
    async fn resume(&self) {
        for (given, event) in self.seen.iter().enumerate() {
            let since = Since::Position(event.position.clone());
            let mut events = self.presence.events(since).await.expect("it is open");
            assert!(matches!(events.next().await, Some(Ok(Update::Synced(_)))));
            for expected in &self.seen[given + 1..] {
                let update = events.next().await.expect("it is open").expect("nothing is lost");
                assert_eq!(update, Update::Change(expected.clone()));
            }
            assert!(events.next().now_or_never().is_none());
        }
    }
}

fn name(id: usize) -> String {
    id.to_string()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn history_is_as_the_model_says(
        steps in steps(),
        ttl in prop_oneof![Just(10_u64), 11..100_u64, 500..1_500_u64],
        grace in prop_oneof![Just(0_u64), 1..300_u64],
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
        runtime.expect("the system gives a runtime").block_on(async {
            let mut world = World::new(ttl, grace).await;
            for step in &steps {
                world.run(step).await;
            }
            world.look().await;
            world.resume().await;
            world.presence.close().await;
            assert!(world.events.next().await.is_none());
        });
    }
}

const IDS: usize = 5;
const DEVICES: usize = 3;
const HELD: u64 = u64::MAX;
/// The bound that the backend states, in milliseconds.
const LATE: u64 = 10;
