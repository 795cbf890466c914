//! The places of a listener's connections.
//!
//! They say who has one, who has to go when all are taken, and who is always let in.
//!
//! ```text
//!             place free                    ┌─ a request comes ─► busy ─ its answer is written ─┐
//! connection ────────────► inside, idle ────┤                                                   │
//!     │                         ▲           └─ closed, or the oldest idle one when all are taken│
//!     │                         └───────────────────────────────────────────────────────────────┘
//!     ├─ none is idle ──► the slowest one goes: a body that is not finished, or an answer that is not taken
//!     └─ every place is busy ──► a reserved place: answers about health, and 503 to the rest
//! ```
//!
//! Silent sockets and clients that rest or dawdle never keep anybody out, and whoever asks about
//! health is answered even when every place is busy. A connection with nothing but calls that have
//! no end of their own, such as a watch of health, rests as well: as long as there is room they
//! stay, and who comes later is not kept out by them.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use axum::body::Body;
use metrics::Gauge;
use parking_lot::Mutex;
use tidings::timeline::RequestConnection;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::body::{BodyEnd, BodyProgress};
use super::body_memory::BodyMemory;
use super::flow::{Flow, Flowing, OnOver};
use super::pace::Pace;
use super::tracked_body::TrackedBody;
use crate::log::OutageLog;

/// Places for those who ask about health, besides the others.
const RESERVED: usize = 16;

/// How long nobody may be turned away until the outage is over.
const QUIET: Duration = Duration::from_secs(10);

/// How long every connection has to be accepted until the outage is over. Closing an idle one lets
/// one more in each time, which does not end it.
const OPEN_AGAIN: Duration = Duration::from_secs(2);

/// The time limits of a connection.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Timeouts {
    /// From the connection to the end of its handshake, where there is one.
    pub(crate) handshake: Option<Duration>,
    /// For a client to take a piece of its answer.
    pub(crate) answer: Duration,
}

/// The places of one listener; clones are the same.
#[derive(Debug, Clone)]
pub(crate) struct ConnectionPermits {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    most: usize,
    bodies: BodyMemory,
    patience: Timeouts,
    table: Mutex<TakenPermits>,
    /// Every place is busy.
    full: OutageLog,
    /// The system accepts no connections.
    shut: OutageLog,
    open: Gauge,
}

#[derive(Debug, Default)]
struct TakenPermits {
    next: u64,
    taken: BTreeMap<u64, Arc<ConnectionState>>,
    /// How many of those that are taken are reserved ones.
    reserved: usize,
}

/// What is known about one connection.
#[derive(Debug)]
struct ConnectionState {
    number: u64,
    /// Only questions about health are answered, until a place is free.
    reserved: AtomicBool,
    /// Those that its permit is one of.
    permits: Weak<Shared>,
    bodies: BodyMemory,
    opened: Instant,
    handshake_done: AtomicBool,
    close: CancellationToken,
    /// What the timelines know of it.
    connection: RequestConnection,
    activity: Mutex<Activity>,
}

#[derive(Debug)]
struct Activity {
    next: u64,
    requests: BTreeMap<u64, RequestUnderWay>,
    idle_since: Instant,
}

/// A request that came, until its answer is written.
#[derive(Debug)]
struct RequestUnderWay {
    /// Its answer has no end of its own.
    endless: bool,
    answer: Weak<Flow>,
    body: Weak<BodyProgress>,
}

/// The permit of one connection, given back on drop.
#[derive(Debug)]
pub(crate) struct ConnectionPermit {
    number: u64,
    state: Arc<ConnectionState>,
    permits: ConnectionPermits,
}

/// What the requests of a connection know of it.
#[derive(Debug, Clone)]
pub(crate) struct ConnectionHandle(Arc<ConnectionState>);

impl ConnectionPermits {
    /// `bodies` is shared by all listeners; `open` counts the connections.
    pub(crate) fn new(most: usize, patience: Timeouts, bodies: BodyMemory, open: Gauge) -> Self {
        let full = OutageLog::new("all places for connections are busy; new clients are told to try again");
        let shut = OutageLog::new("connections cannot be accepted; those that are open go on");
        let table = Mutex::default();
        Self { shared: Arc::new(Shared { most, bodies, patience, table, full, shut, open }) }
    }

    /// Gives a connection its permit; the one that has been idle longest goes if there is no place.
    /// `None` if everybody is busy, even those who ask about health.
    pub(crate) fn take(&self) -> Option<ConnectionPermit> {
        let mut table = self.shared.table.lock();
        let mut reserved = false;
        if table.taken.len() - table.reserved >= self.shared.most && !table.make_room(false) {
            reserved = true;
            self.shared.full.note(&format_args!("{} of {}", table.taken.len(), self.shared.most));
            if table.reserved >= RESERVED && !table.make_room(true) {
                return None;
            }
        }
        let number = table.next;
        table.next += 1;
        table.reserved += usize::from(reserved);
        let (now, close) = (Instant::now(), CancellationToken::new());
        let state = Arc::new(ConnectionState {
            number,
            reserved: AtomicBool::new(reserved),
            permits: Arc::downgrade(&self.shared),
            bodies: self.shared.bodies.clone(),
            opened: now,
            handshake_done: AtomicBool::new(self.shared.patience.handshake.is_none()),
            connection: RequestConnection::new({
                let close = close.clone();
                move || close.cancel()
            }),
            close,
            activity: Mutex::new(Activity::new(now)),
        });
        table.taken.insert(number, Arc::clone(&state));
        self.shared.open.increment(1.0);
        Some(ConnectionPermit { number, state, permits: self.clone() })
    }

    /// Whether connections can be accepted.
    pub(super) fn shut(&self) -> &OutageLog {
        &self.shared.shut
    }

    /// Closes the connection that has been idle longest, if any is.
    pub(crate) fn close_the_idlest(&self) -> bool {
        self.shared.table.lock().make_room(false)
    }

    /// Closes those who made us wait too long, again and again.
    pub(crate) async fn watch(self, stop: CancellationToken) {
        let patience = self.shared.patience;
        let shortest = patience.handshake.map_or(patience.answer, |handshake| handshake.min(patience.answer));
        let tick = (shortest / 4).clamp(Duration::from_millis(20), Duration::from_secs(1));
        let mut ticks = tokio::time::interval(tick);
        while stop.run_until_cancelled(ticks.tick()).await.is_some() {
            self.shared.full.over_if_quiet_for(QUIET);
            self.shared.shut.over_if_quiet_for(OPEN_AGAIN);
            let states: Vec<_> = self.shared.table.lock().taken.values().cloned().collect();
            for state in states {
                let unshaken = !state.handshake_done.load(Ordering::Relaxed)
                    && patience.handshake.is_some_and(|handshake| state.opened.elapsed() >= handshake);
                if unshaken || state.is_stuck(patience.answer) {
                    tracing::debug!(
                        handshake = !unshaken,
                        "a client that keeps the server waiting is cut off"
                    );
                    state.close.cancel();
                }
            }
        }
    }
}

impl TakenPermits {
    /// Closes the connection, reserved or not, that has been idle longest, or else the one whose
    /// requests come or whose answers are taken slowest. Its place is free at once.
    fn make_room(&mut self, reserved: bool) -> bool {
        let states = || self.taken.iter().filter(|(_, state)| state.is_reserved() == reserved);
        let idle =
            states().filter_map(|(number, state)| Some((state.activity.lock().idle_since()?, *number)));
        let longest = idle.min().map(|(_, number)| number);
        let number = longest.or_else(|| {
            let now = Instant::now();
            let slow = states().filter_map(|(number, state)| Some((state.pace(now)?, *number)));
            slow.min().map(|(_, number)| number)
        });
        let Some(number) = number else { return false };
        self.remove(number);
        true
    }

    fn remove(&mut self, number: u64) {
        if let Some(state) = self.taken.remove(&number) {
            self.reserved -= usize::from(state.is_reserved());
            state.close.cancel();
        }
    }

    /// Gives a connection on a reserved place an ordinary one, if one is free.
    fn promote(&mut self, state: &ConnectionState, most: usize) -> bool {
        let is_free = self.taken.len() - self.reserved < most || self.make_room(false);
        if is_free && self.taken.contains_key(&state.number) && state.reserved.swap(false, Ordering::Relaxed)
        {
            self.reserved -= 1;
        }
        !state.is_reserved()
    }
}

impl Activity {
    fn new(now: Instant) -> Self {
        Self { next: 0, requests: BTreeMap::new(), idle_since: now }
    }

    fn idle_since(&self) -> Option<Instant> {
        self.busy().next().is_none().then_some(self.idle_since)
    }

    /// The requests that have an end.
    fn busy(&self) -> impl Iterator<Item = &RequestUnderWay> {
        self.requests.values().filter(|request| !request.endless)
    }
}

impl ConnectionState {
    /// Changed only under the lock of the table.
    fn is_reserved(&self) -> bool {
        self.reserved.load(Ordering::Relaxed)
    }

    /// How slowly its requests come and its answers are taken, if it has nothing else to do.
    fn pace(&self, now: Instant) -> Option<Pace> {
        // They are kept alive until the lock is let go, as the drop of the last one of a request
        // takes it, too.
        let requests: Vec<_> = self
            .activity
            .lock()
            .busy()
            .map(|request| (request.body.upgrade(), request.answer.upgrade()))
            .collect();
        let paces = requests.iter().map(|(body, answer)| {
            let comes = body.as_ref().and_then(|body| body.pace(now));
            comes.or_else(|| answer.as_ref()?.pace(now))
        });
        let paces: Option<Vec<Pace>> = paces.collect();
        paces?.into_iter().max()
    }

    fn is_stuck(&self, limit: Duration) -> bool {
        // The answers are kept alive until the lock is let go, as the drop of the last one takes
        // it, too.
        let answers: Vec<Arc<Flow>> =
            self.activity.lock().requests.values().filter_map(|request| request.answer.upgrade()).collect();
        answers.iter().any(|answer| answer.is_stuck(limit))
    }
}

impl ConnectionPermit {
    /// What its requests are given.
    pub(crate) fn handle(&self) -> ConnectionHandle {
        ConnectionHandle(Arc::clone(&self.state))
    }

    /// Waits until the connection has to go.
    pub(crate) fn closed(&self) -> CancellationToken {
        self.state.close.clone()
    }

    /// Notes that the handshake is over.
    pub(crate) fn handshake_done(&self) {
        self.state.handshake_done.store(true, Ordering::Relaxed);
    }
}

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        self.permits.shared.table.lock().remove(self.number);
        self.permits.shared.open.decrement(1.0);
    }
}

impl ConnectionHandle {
    /// Whether a request may be answered that is not about health: one that came when all places
    /// were busy gets one as soon as it is free, as a client of gRPC stays where it is.
    pub(crate) fn has_place(&self) -> bool {
        if !self.0.is_reserved() {
            return true;
        }
        let Some(permits) = self.0.permits.upgrade() else { return false };
        let most = permits.most;
        permits.table.lock().promote(&self.0, most)
    }

    /// What the timelines share their room for answers by, and close when others wait for it.
    pub(crate) fn connection(&self) -> RequestConnection {
        self.0.connection.clone()
    }

    /// Notes that a request has come; the connection is busy until all of its answer is written.
    pub(crate) fn busy(&self) -> Busy {
        self.request(false)
    }

    /// Notes that a request has come whose answer has no end; the connection rests meanwhile.
    pub(crate) fn resting(&self) -> Busy {
        self.request(true)
    }

    fn request(&self, endless: bool) -> Busy {
        let mut activity = self.0.activity.lock();
        let number = activity.next;
        activity.next += 1;
        activity.idle_since = Instant::now();
        let flow = Arc::new(Flow::new(RequestOver { number, state: Arc::clone(&self.0) }));
        let arrival = self.0.bodies.begin(self.0.close.clone());
        let (answer, body) = (Arc::downgrade(&flow), Arc::downgrade(&arrival));
        activity.requests.insert(number, RequestUnderWay { endless, answer, body });
        Busy { flow, arrival, bodies: self.0.bodies.clone() }
    }
}

/// A request that is being answered.
#[derive(Debug, Clone)]
pub(crate) struct Busy {
    flow: Arc<Flow>,
    arrival: Arc<BodyProgress>,
    bodies: BodyMemory,
}

impl Busy {
    /// The body of the request, followed as it comes.
    pub(super) fn arriving(&self, body: Body) -> Body {
        Body::new(TrackedBody::new(body, &self.arrival, &self.bodies))
    }

    /// Why the body of the request was given up, if it was.
    pub(super) fn ended(&self) -> Option<BodyEnd> {
        self.arrival.ended()
    }

    /// The body of its answer, followed to its last byte. What is left of the request is given
    /// back.
    pub(crate) fn follow(self, body: Body) -> Body {
        self.flow.head_answered();
        Body::new(Flowing::new(body, self.flow))
    }
}

#[derive(Debug)]
struct RequestOver {
    number: u64,
    state: Arc<ConnectionState>,
}

impl OnOver for RequestOver {
    fn over(&self) {
        let mut activity = self.state.activity.lock();
        activity.requests.remove(&self.number);
        activity.idle_since = Instant::now();
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Bytes;
    use http_body_util::BodyExt as _;

    use super::*;

    const PATIENCE: Timeouts =
        Timeouts { handshake: Some(Duration::from_secs(10)), answer: Duration::from_secs(30) };

    fn is_closed(permit: &ConnectionPermit) -> bool {
        permit.closed().is_cancelled()
    }

    #[tokio::test(start_paused = true)]
    async fn the_one_that_was_idle_longest_goes_and_the_busy_stay() {
        let permits = ConnectionPermits::new(3, PATIENCE, BodyMemory::new(1024), Gauge::noop());
        let [first, second, third] = [(), (), ()].map(|()| permits.take().unwrap());
        let busy = first.handle().busy();
        tokio::time::advance(Duration::from_secs(1)).await;
        drop(second.handle().busy());
        let fourth = permits.take().unwrap();
        assert_eq!([&first, &second, &third, &fourth].map(is_closed), [false, false, true, false]);
        // A place that was given away is not given back by its former owner.
        drop(third);
        assert_eq!(permits.shared.table.lock().taken.len(), 3);
        tokio::time::advance(Duration::from_secs(1)).await;
        drop(busy);
        let fifth = permits.take().unwrap();
        assert_eq!([&first, &second, &fourth, &fifth].map(is_closed), [false, true, false, false]);
    }

    #[tokio::test(start_paused = true)]
    async fn answers_without_an_end_keep_nobody_out_and_nothing_else_from_being_busy() {
        let permits = ConnectionPermits::new(3, PATIENCE, BodyMemory::new(1024), Gauge::noop());
        let [first, second, both] = [(), (), ()].map(|()| permits.take().unwrap());
        let endless = [&first, &second, &both].map(|permit| permit.handle().resting());
        let busy = both.handle().busy();
        let _whole = busy.arriving(Body::empty());
        tokio::time::advance(Duration::from_secs(1)).await;
        // A question beside it is an activity of its own.
        drop(first.handle().busy());
        let third = permits.take().unwrap();
        assert_eq!([&first, &second, &both].map(is_closed), [false, true, false]);
        tokio::time::advance(Duration::from_secs(1)).await;
        let _busy = third.handle().busy();
        let fourth = permits.take().unwrap();
        assert_eq!([&first, &third, &both].map(is_closed), [true, false, false]);
        let _busy_too = fourth.handle().busy();
        assert!(permits.take().unwrap().state.is_reserved());
        drop(busy);
        assert!(!permits.take().unwrap().state.is_reserved() && is_closed(&both));
        drop(endless);
    }

    #[tokio::test(start_paused = true)]
    async fn when_all_are_busy_there_are_seats_for_health() {
        let permits = ConnectionPermits::new(2, PATIENCE, BodyMemory::new(1024), Gauge::noop());
        let ordinary = [(), ()].map(|()| permits.take().unwrap());
        let busy = ordinary.each_ref().map(|permit| permit.handle().busy());
        let reserved: Vec<_> = (0..RESERVED).map(|_| permits.take().unwrap()).collect();
        assert!(reserved.iter().all(|permit| permit.state.is_reserved()));
        // Somebody silent on a reserved place goes first.
        let probe = permits.take().unwrap();
        assert!(probe.state.is_reserved() && is_closed(&reserved[0]));
        assert!(!ordinary.iter().any(is_closed));
        drop(busy);
        assert!(!permits.take().unwrap().state.is_reserved());
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_on_a_reserved_seat_gets_the_next_place_that_is_free() {
        let permits = ConnectionPermits::new(1, PATIENCE, BodyMemory::new(1024), Gauge::noop());
        let first = permits.take().unwrap();
        let busy = first.handle().busy();
        let second = permits.take().unwrap();
        let _asks = second.handle().busy();
        assert!(!second.handle().has_place() && !is_closed(&first));
        drop(busy);
        assert!(second.handle().has_place() && is_closed(&first));
        assert_eq!(permits.shared.table.lock().reserved, 0);
        // It is one of the ordinary ones now.
        assert!(permits.take().unwrap().state.is_reserved());
    }

    #[tokio::test(start_paused = true)]
    async fn when_nobody_is_idle_the_slowest_request_that_is_not_here_yet_goes() {
        let permits = ConnectionPermits::new(3, PATIENCE, BodyMemory::new(1024), Gauge::noop());
        let [still, dripping, whole] = [(), (), ()].map(|()| permits.take().unwrap());
        let busy = [&still, &dripping, &whole].map(|permit| permit.handle().busy());
        let (sender, receiver) = tokio::sync::mpsc::channel::<Result<Bytes, std::io::Error>>(4);
        let stream = futures_util::stream::unfold(receiver, async |mut receiver| {
            let next = receiver.recv().await?;
            Some((next, receiver))
        });
        let _nothing =
            busy[0].arriving(Body::from_stream(futures_util::stream::pending::<std::io::Result<Bytes>>()));
        let mut drips = busy[1].arriving(Body::from_stream(stream));
        let _whole = busy[2].arriving(Body::empty());
        // Just begun, none is slow.
        assert!(permits.take().unwrap().state.is_reserved());
        tokio::time::advance(Duration::from_secs(1)).await;
        sender.send(Ok(Bytes::from_static(b"x"))).await.unwrap();
        drips.frame().await.unwrap().unwrap();
        let fourth = permits.take().unwrap();
        assert!(is_closed(&still) && !is_closed(&dripping) && !fourth.state.is_reserved());
        let _busy = fourth.handle().busy();
        let fifth = permits.take().unwrap();
        assert!(is_closed(&dripping) && !is_closed(&whole) && !fifth.state.is_reserved());
    }

    #[tokio::test(start_paused = true)]
    async fn when_nobody_is_idle_the_slowest_answer_goes_and_one_that_we_make_stays() {
        let permits = ConnectionPermits::new(3, PATIENCE, BodyMemory::new(1024), Gauge::noop());
        let [unread, read, ours] = [(), (), ()].map(|()| permits.take().unwrap());
        let [first, second, _making] = [&unread, &read, &ours].map(|permit| {
            let busy = permit.handle().busy();
            drop(busy.arriving(Body::empty()));
            busy
        });
        let [mut first, mut second] =
            [first, second].map(|busy| busy.follow(Body::from(vec![7; 100 * 1024])));
        let _held = first.frame().await.unwrap().unwrap();
        let taken = second.frame().await.unwrap().unwrap();
        // Just begun, neither is slow.
        assert!(permits.take().unwrap().state.is_reserved());
        tokio::time::advance(Duration::from_secs(1)).await;
        drop(taken);
        let fourth = permits.take().unwrap();
        assert!(is_closed(&unread) && !is_closed(&read) && !fourth.state.is_reserved());
        let busy = fourth.handle().busy();
        drop(busy.arriving(Body::empty()));
        assert!(permits.take().unwrap().state.is_reserved());
        // The rest of its answer is asked for, and not taken.
        let _rest = second.frame().await.unwrap().unwrap();
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(!permits.take().unwrap().state.is_reserved());
        assert!(is_closed(&read) && !is_closed(&ours) && !is_closed(&fourth));
        drop(busy);
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_does_not_finish_the_handshake_has_to_go() {
        let permits = ConnectionPermits::new(2, PATIENCE, BodyMemory::new(1024), Gauge::noop());
        let [silent, well] = [(), ()].map(|()| permits.take().unwrap());
        well.handshake_done();
        let stop = CancellationToken::new();
        let watch = permits.watch(stop.clone());
        tokio::pin!(watch);
        assert!(tokio::time::timeout(Duration::from_secs(9), watch.as_mut()).await.is_err());
        assert!(!is_closed(&silent));
        assert!(tokio::time::timeout(Duration::from_secs(3), watch.as_mut()).await.is_err());
        assert!(is_closed(&silent) && !is_closed(&well));
        stop.cancel();
        watch.await;
    }
}
