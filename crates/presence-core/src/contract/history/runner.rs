//! Plays histories: does the steps, writes down when, follows the streams.

use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::StreamExt;
use parking_lot::Mutex;
use proptest::test_runner::{Config, TestError, TestRunner};
use proptest_state_machine::ReferenceStateMachine;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use super::explain::{Certainty, Done, Heard, Promise};
use super::model::{Deed, Model, NAMES, NODES, Sketch, Step};
use super::pulse::Pulse;
use super::scene::{Look, Scene, Told};
use crate::contract::Worlds;
use crate::contract::watch::PATIENCE;
use crate::error::Error;
use crate::event::Since;
use crate::position::Position;

pub(super) fn run<S: Scene>(worlds: Worlds<S::World>, runtime: fn() -> Runtime, cases: u32) {
    // A failing history is shrunk for as long as a person waits; some take seconds each.
    let config = Config { cases, failure_persistence: None, max_shrink_time: 120_000, ..Config::default() };
    let histories = Model::<S>::sequential_strategy(1..STEPS_MAX);
    let exact = worlds.delivery.is_zero();
    let play = |sketch: &Sketch, steps: &[Step], seen: Option<&AtomicUsize>| {
        let mut play = Play::<S>::start(worlds, runtime(), sketch);
        for step in steps {
            // Says how far it came if it fails: the steps after that are the first to be left out.
            if let Some(seen) = seen {
                seen.fetch_add(1, Ordering::SeqCst);
            }
            play.step(step);
        }
        play.end();
    };
    let result = TestRunner::new(config).run(&histories, |(sketch, steps, seen)| {
        // What a busy machine makes later than promised cannot be explained, unless time stands
        // still meanwhile. So whoever fails while the machine is late is played again.
        for _ in 1..ATTEMPTS {
            let pulse = Pulse::start();
            let played = panic::catch_unwind(AssertUnwindSafe(|| play(&sketch, &steps, seen.as_deref())));
            let late = pulse.was_late();
            match played {
                Ok(()) => return Ok(()),
                Err(_) if late && !exact => {}
                Err(failed) => panic::resume_unwind(failed),
            }
        }
        play(&sketch, &steps, seen.as_deref());
        Ok(())
    });
    match result {
        Ok(()) => {}
        Err(TestError::Fail(why, (sketch, steps, _))) => panic!("{why}\nin {sketch:?} by {steps:#?}"),
        Err(TestError::Abort(why)) => panic!("{why}"),
    }
}

/// A history that is being made.
struct Play<S: Scene> {
    runtime: Runtime,
    promise: Promise,
    nodes: Vec<S::Node>,
    begin: Instant,
    done: [Vec<Done>; NAMES],
    /// All that was heard, in the order of each stream.
    heard: Arc<Mutex<Vec<Note>>>,
    /// Follow the streams.
    readers: JoinSet<()>,
    /// Goes last.
    _world: Box<S::World>,
}

#[derive(Clone)]
struct Note {
    stream: usize,
    name: usize,
    heard: Heard,
    position: Position,
}

impl<S: Scene> Play<S> {
    fn start(worlds: Worlds<S::World>, runtime: Runtime, sketch: &Sketch) -> Self {
        let begun = runtime.block_on(Self::begin(worlds, sketch));
        let (world, promise, nodes, begin, heard, readers) = begun;
        Self { runtime, promise, nodes, begin, done: Default::default(), heard, readers, _world: world }
    }

    async fn begin(worlds: Worlds<S::World>, sketch: &Sketch) -> Begun<S> {
        let mut terms = worlds.terms();
        let part = |duration: Duration, hundredths| {
            Duration::from_millis(u64::try_from((duration * hundredths / 100).as_millis()).expect("short"))
        };
        terms.grace = part(terms.ttl, sketch.grace);
        terms.ttl = part(terms.ttl, sketch.ttl);
        let world = worlds.start(terms).await.unwrap();
        let mut nodes = Vec::new();
        for _ in 0..NODES {
            nodes.push(S::node(&world).await);
        }
        let (begin, mut readers) = (Instant::now(), JoinSet::new());
        let heard = Arc::<Mutex<Vec<Note>>>::default();
        for stream in 0..S::STREAMS {
            let mut items = S::stream(&nodes[stream % NODES], stream, Since::Now).await;
            let first = items.next().await;
            assert!(matches!(first, Some(Ok(Told::Synced))), "{first:?}");
            let heard = Arc::clone(&heard);
            readers.spawn(async move {
                while let Some(item) = items.next().await {
                    let note = note(item, stream, begin.elapsed());
                    heard.lock().push(note);
                }
            });
        }
        let promise = Promise {
            ttl: terms.ttl,
            grace: terms.grace,
            lateness: worlds.lateness,
            delivery: worlds.delivery,
        };
        (world, promise, nodes, begin, heard, readers)
    }

    fn step(&mut self, step: &Step) {
        let Self { runtime, promise, nodes, begin, done, .. } = self;
        runtime.block_on(async {
            match step {
                Step::Do(deed) => act::<S>(&nodes[deed.node], deed, *begin, done).await,
                Step::Wait(thousandths) => sleep(promise.ttl * *thousandths / 1_000).await,
                Step::Look(node) => look::<S>(&nodes[*node], promise, *begin, done).await,
            }
        });
    }

    fn end(self) {
        let Self { runtime, promise, nodes, begin, done, heard, mut readers, _world } = self;
        runtime.block_on(async {
            // Until nothing more can come.
            sleep(promise.ttl + promise.grace + promise.lateness + promise.delivery).await;
            let end = begin.elapsed();
            let told = heard.lock().clone();
            let mut last = Vec::new();
            for (name, done) in done.iter().enumerate() {
                let events = told.iter().filter(|note| note.name == name).map(|note| note.heard);
                let shown = promise.explain(done, &events.collect::<Vec<_>>(), end);
                last.push(shown.unwrap_or_else(|why| panic!("{name}: {why}")));
            }
            for (number, node) in nodes.iter().enumerate() {
                let look = S::look(node).await;
                for (way, shown) in look.ways {
                    assert_eq!(shown, last, "the {way} of node {number} in the end");
                }
                assert_eq!(look.count, last.iter().flatten().count() as u64);
            }
            for stream in 0..S::STREAMS {
                resume::<S>(&nodes, stream, &told).await;
            }
            readers.shutdown().await;
        });
    }
}

type Begun<S> =
    (Box<<S as Scene>::World>, Promise, Vec<<S as Scene>::Node>, Instant, Arc<Mutex<Vec<Note>>>, JoinSet<()>);

fn note(item: Result<Told, Error>, stream: usize, at: Duration) -> Note {
    match item.expect("nothing is lost") {
        Told::Change(name, what, position) => Note { stream, name, heard: Heard { what, at }, position },
        other => panic!("stream was synced already: {other:?}"),
    }
}

async fn act<S: Scene>(node: &S::Node, deed: &Deed, begin: Instant, done: &mut [Vec<Done>; NAMES]) {
    let from = begin.elapsed();
    let answer = S::act(node, &deed.names, deed.act).await;
    let to = begin.elapsed();
    let mut names = deed.names.clone();
    names.sort_unstable();
    names.dedup();
    for name in names {
        done[name].push(Done { act: deed.act, from, to, answer });
    }
}

/// Compares what a node says with what is certain all the while.
async fn look<S: Scene>(node: &S::Node, promise: &Promise, begin: Instant, done: &[Vec<Done>; NAMES]) {
    let from = begin.elapsed();
    let Look { ways, count } = S::look(node).await;
    let to = begin.elapsed();
    let certain: Vec<_> = done.iter().map(|done| promise.certainty(done, from, to)).collect();
    for (way, shown) in ways {
        for (name, certain) in certain.iter().enumerate() {
            let there = shown[name].is_some();
            let wrong = matches!((certain, there), (Certainty::There, false) | (Certainty::Gone, true));
            assert!(!wrong, "{name} is {certain:?} and not in the {way}, or the other way round: {done:?}");
        }
    }
    if !certain.contains(&Certainty::Unknown) {
        let there = certain.iter().filter(|certain| **certain == Certainty::There).count();
        assert_eq!(count, there as u64, "the count: {done:?}");
    }
}

/// Streams from positions at the begin, in the middle and at the end give what the first stream
/// gave after them.
async fn resume<S: Scene>(nodes: &[S::Node], stream: usize, told: &[Note]) {
    let told: Vec<_> = told.iter().filter(|note| note.stream == stream).collect();
    for given in [0, told.len() / 2, told.len().saturating_sub(1)] {
        let Some(note) = told.get(given) else { return };
        let mut rest: Vec<_> = told[given + 1..].iter().map(|note| (note.name, note.heard.what)).collect();
        let since = Since::Position(note.position.clone());
        let mut items = S::stream(&nodes[given % NODES], stream, since).await;
        let first = items.next().await;
        assert!(matches!(first, Some(Ok(Told::Synced))), "{first:?}");
        while !rest.is_empty() {
            let item =
                timeout(PATIENCE, items.next()).await.expect("the rest comes").expect("stream goes on");
            let Ok(Told::Change(name, what, _)) = item else { panic!("{item:?} instead of {rest:?}") };
            // Of each name in its order; several logs may come in any.
            let next = rest.iter().position(|(next, _)| *next == name);
            let next = next.unwrap_or_else(|| panic!("{name} {what:?} instead of {rest:?}"));
            assert_eq!(rest.remove(next).1, what);
        }
    }
}

/// How often a history is played on a machine that is late.
const ATTEMPTS: usize = 10;

/// How long histories are.
const STEPS_MAX: usize = 60;
