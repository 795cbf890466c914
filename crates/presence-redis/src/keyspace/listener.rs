//! The task that hears notifications.
//!
//! It connects again when it has to, and reads the keys whenever it may have missed something.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use presence_core::{Error, ErrorKind};
use redis::{Msg, RedisResult, Value};
use tokio::sync::mpsc;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at, sleep, timeout};
use tracing::{debug, info, warn};

use super::key_events::{KeyEvents, sign};
use super::notifications;
use super::shared::{Question, Shared};
use crate::random;

/// What the task is called in a state.
pub(super) const PART: &str = "the task that hears redis's notifications";

/// The task that listens, with what has to outlive a panic of it.
pub(super) struct Listener {
    shared: Arc<Shared>,
    /// The first connection, until a run has it.
    session: Mutex<Option<KeyEvents>>,
    /// Locked by the run there is.
    questions: tokio::sync::Mutex<mpsc::Receiver<Question>>,
}

impl Listener {
    /// Creates a listener whose first round has begun.
    pub(super) fn new(shared: Arc<Shared>, session: KeyEvents, questions: mpsc::Receiver<Question>) -> Self {
        Self { shared, session: Mutex::new(Some(session)), questions: tokio::sync::Mutex::new(questions) }
    }

    /// Listens until the backend stops. It can be started again after a panic.
    pub(super) async fn run(self: Arc<Self>) {
        let stop = self.shared.feed.stop.clone();
        stop.run_until_cancelled(self.listen_forever()).await;
    }

    async fn listen_forever(&self) {
        let mut questions = self.questions.lock().await;
        let first = self.session.lock().take();
        let mut session = match first {
            Some(session) => session,
            None => self.connect_again(&mut questions).await,
        };
        loop {
            let error = KeyEventTask::new(&self.shared, session, &mut questions).run().await;
            warn!(
                error = %format_args!("{error:#}"),
                "redis's notifications were lost; presence hears of no changes until they are back"
            );
            self.shared.feed.lose(error);
            session = self.connect_again(&mut questions).await;
        }
    }

    async fn connect_again(&self, questions: &mut mpsc::Receiver<Question>) -> KeyEvents {
        // No connection will answer these questions any more. Calls that ask from here on get an
        // error at once.
        while questions.try_recv().is_ok() {}
        let session = connect(&self.shared).await;
        self.shared.feed.begin_round(true);
        info!("redis's notifications are back");
        session
    }
}

/// Tries until there is a connection, first at once and then after random waits.
async fn connect(shared: &Shared) -> KeyEvents {
    let (mut bound, mut told) = (WAIT_MIN, false);
    loop {
        match Box::pin(KeyEvents::open(&shared.store, &shared.config)).await {
            Ok(session) => return session,
            // An outage was logged when the connection was lost. A wrong setting does not mend
            // itself, so it is logged, too.
            Err(error) if error.kind() == ErrorKind::Config && !told => {
                warn!(
                    error = %format_args!("{error:#}"),
                    "presence cannot receive redis's notifications until this setting is changed"
                );
                told = true;
            }
            Err(_) => {}
        }
        sleep(bound.min(shared.store.link.retry_max()).mul_f64(random::fraction())).await;
        bound = bound.saturating_mul(2);
    }
}

/// One connection from its beginning to its end.
struct KeyEventTask<'a> {
    shared: &'a Arc<Shared>,
    session: KeyEvents,
    questions: &'a mut mpsc::Receiver<Question>,
    /// The questions that the next ping will answer.
    waiting: Vec<Question>,
    /// The questions that the ping under way will answer.
    asked: Vec<Question>,
    ping: Running<Result<(), Error>>,
    reading: Running<()>,
    /// Whether Redis still tells what it has to.
    looking: Running<Option<Error>>,
    /// Whether anything was heard since the last tick.
    heard: bool,
    ticks: Interval,
}

/// Work that may be under way beside the connection.
type Running<T> = Option<Pin<Box<dyn Future<Output = T> + Send>>>;

impl<'a> KeyEventTask<'a> {
    fn new(shared: &'a Arc<Shared>, session: KeyEvents, questions: &'a mut mpsc::Receiver<Question>) -> Self {
        let mut ticks = interval_at(Instant::now() + SILENCE, SILENCE);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let reading: Running<()> = Some(Box::pin(read(Arc::clone(shared))));
        Self {
            shared,
            session,
            questions,
            waiting: Vec::new(),
            asked: Vec::new(),
            ping: None,
            reading,
            looking: None,
            heard: true,
            ticks,
        }
    }

    /// Returns why the connection is lost.
    async fn run(mut self) -> Error {
        loop {
            // The work beside the connection is kept in fields, so that a turn of another branch
            // drops none.
            tokio::select! {
                message = self.session.next() => match message {
                    Some(message) => self.hear(message),
                    None => return self.closed(),
                },
                Some(question) = self.questions.recv() => self.ask(question),
                pong = progress(&mut self.ping) => match pong {
                    Ok(()) => self.answer(),
                    Err(error) => return error,
                },
                missing = progress(&mut self.looking) => if let Some(error) = missing {
                    return error;
                },
                () = progress(&mut self.reading) => self.shared.feed.end_round(),
                () = self.shared.reread.notified() => self.read_again(),
                _ = self.ticks.tick() => self.probe(),
            }
        }
    }

    /// Notes a notification and those that have come with it.
    fn hear(&mut self, message: Msg) {
        self.heard = true;
        let (keys, session) = (&self.shared.store.wire.keys, &mut self.session);
        let more = std::iter::from_fn(|| session.next_now()).take(TOGETHER);
        let signs = std::iter::once(message).chain(more).filter_map(|message| sign(keys, &message));
        self.shared.feed.hear(signs);
    }

    fn ask(&mut self, question: Question) {
        self.waiting.push(question);
        while let Ok(question) = self.questions.try_recv() {
            self.waiting.push(question);
        }
        if self.ping.is_none() {
            self.start_ping();
        }
    }

    fn answer(&mut self) {
        self.heard = true;
        let (keys, session) = (&self.shared.store.wire.keys, &mut self.session);
        // All notifications that can be read now are taken, however many: they came before the
        // pong.
        let all = std::iter::from_fn(|| session.next_now()).filter_map(|message| sign(keys, &message));
        self.shared.feed.hear(all);
        for question in self.asked.drain(..) {
            // The send fails if the caller has stopped waiting for the answer, which is fine.
            question.send(()).ok();
        }
        if !self.waiting.is_empty() {
            self.start_ping();
        }
    }

    fn start_ping(&mut self) {
        // Only what was asked before this ping is answered by it. Later questions wait for the next
        // one, as what they want to hear may come behind its pong.
        self.asked.append(&mut self.waiting);
        self.ping = Some(Box::pin(pong(self.session.ping(), Arc::clone(self.shared))));
    }

    fn closed(&self) -> Error {
        let server = self.shared.store.link.address();
        let message = format!("redis at {server} closed the connection that carries its notifications");
        Error::new(ErrorKind::Unavailable, message)
    }

    /// A connection on which nothing comes may be half a connection.
    fn probe(&mut self) {
        if !std::mem::take(&mut self.heard) && self.ping.is_none() {
            self.start_ping();
        }
        if self.looking.is_none() {
            let shared = Arc::clone(self.shared);
            self.looking = Some(Box::pin(async move {
                notifications::missing(&shared.store.link, shared.config.notifications).await
            }));
        }
    }

    fn read_again(&mut self) {
        self.shared.feed.begin_round(false);
        self.reading = Some(Box::pin(read(Arc::clone(self.shared))));
    }
}

/// Waits for work that is under way, for ever if none is.
async fn progress<T>(running: &mut Running<T>) -> T {
    match running {
        Some(work) => {
            let done = work.await;
            *running = None;
            done
        }
        None => std::future::pending().await,
    }
}

async fn pong(ping: impl Future<Output = RedisResult<Value>>, shared: Arc<Shared>) -> Result<(), Error> {
    let link = &shared.store.link;
    match timeout(link.timeout(), ping).await {
        Ok(pong) => pong.map(drop).map_err(|error| link.failed(error)),
        Err(_) => {
            let (server, limit) = (link.address(), link.timeout());
            let message = format!("redis at {server} did not answer a ping within {limit:?}");
            Err(Error::new(ErrorKind::Unavailable, message))
        }
    }
}

/// Reads all keys, however often it has to ask for a page.
async fn read(shared: Arc<Shared>) {
    let mut cursor = 0;
    loop {
        match shared.store.scan(cursor).await {
            Ok((next, ids)) => {
                shared.feed.find(ids);
                cursor = next;
                if cursor == 0 {
                    return;
                }
            }
            Err(error) => {
                debug!(
                    error = %format_args!("{error:#}"),
                    "the keys in redis cannot be read; trying again"
                );
                sleep(shared.store.link.retry_max()).await;
            }
        }
    }
}

/// How long nothing may come before Redis is asked whether it is there.
const SILENCE: Duration = Duration::from_secs(1);

/// How many notifications are noted under one lock.
const TOGETHER: usize = 256;

/// The bound of the first wait between attempts to connect; it doubles up to the configured one.
const WAIT_MIN: Duration = Duration::from_millis(16);
