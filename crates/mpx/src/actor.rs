//! The task of a connection: makes it, tells Redis what is wanted, reads what comes, and hands it over.

use std::error::Error as _;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

use tokio::io::ReadBuf;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, Span};

use crate::backoff::Backoff;
use crate::buffer::Buffer;
use crate::connection::{Dialer, Transport};
use crate::dispatch::Dispatch;
use crate::engine::{Mode, Place, Shared};
use crate::error::{Error, ErrorKind};
use crate::outgoing::Outgoing;
use crate::protocol::write_command;

/// Owns one connection.
pub(crate) struct Actor {
    shared: Arc<Shared>,
    place: Place,
    dialer: Dialer,
    mode: watch::Receiver<Mode>,
    /// Ends this connection alone: its master has left the cluster.
    gone: CancellationToken,
}

/// What a wait ended with.
enum Turn {
    /// So many bytes came.
    Read(usize),
    /// All that there was to write is on its way.
    Written,
    /// There may be something to tell Redis, or somebody to activate.
    Work,
    Silence,
    Stopped,
}

/// How a connection was used.
struct Use {
    /// Why it ended; `None` if it was told to.
    lost: Option<Error>,
    /// Whether it was of any use.
    worked: bool,
}

impl Actor {
    pub(crate) fn new(shared: Arc<Shared>, place: Place, dialer: Dialer, gone: CancellationToken) -> Self {
        Self { place, dialer, mode: shared.mode.subscribe(), shared, gone }
    }

    /// Works until the multiplexer ends.
    pub(crate) async fn run(mut self) {
        while !self.gone.is_cancelled() {
            let mode = *self.mode.borrow_and_update();
            match mode {
                Mode::Running => self.stay_connected().await,
                Mode::Stopped => {
                    tokio::select! {
                        biased;
                        // The sender lives in `shared`: there is always another mode to come.
                        _ = self.mode.changed() => {}
                        () = self.gone.cancelled() => {}
                    }
                }
                Mode::Ended => break,
            }
        }
    }

    /// Connects again and again, until it is told not to.
    async fn stay_connected(&mut self) {
        let shared = Arc::clone(&self.shared);
        let dialer = self.dialer.clone();
        let mut backoff = Backoff::new(shared.config.backoff_min, shared.config.backoff_max);
        let mut failed = 0_u64;
        loop {
            let connecting = async {
                sleep(backoff.next(shared.dice.fraction())).await;
                dialer.open().instrument(tracing::info_span!("connect", address = dialer.address())).await
            };
            let opened = tokio::select! {
                biased;
                () = told_to_stop(&mut self.mode, &self.gone) => return,
                opened = connecting => opened,
            };
            let mut transport = match opened {
                Ok(transport) => transport,
                Err(error) => {
                    // One line for an outage, not one for each attempt.
                    if failed == 0 {
                        tracing::warn!(address = dialer.address(), %error, source = ?error.source(), "cannot connect; trying again");
                    }
                    failed += 1;
                    shared.failed(error);
                    shared.map_is_stale.notify_one();
                    continue;
                }
            };
            tracing::info!(address = dialer.address(), failed, "connected");
            failed = 0;
            let Use { lost, worked } = self.serve(&mut *transport).await;
            drop(transport);
            let Some(error) = lost else {
                let losses = shared.registry.lock().disconnect(self.place.link);
                losses.iter().for_each(|loss| loss.sink.stop());
                return;
            };
            self.lose(&error);
            shared.map_is_stale.notify_one();
            if worked {
                backoff.reset();
            }
        }
    }

    /// Tells those who lose something by the loss of the connection.
    fn lose(&self, error: &Error) {
        let shared = &self.shared;
        shared.metrics.losses.increment(1);
        shared.failed(error.clone());
        let _telling = self.place.telling.lock();
        let losses = shared.registry.lock().disconnect(self.place.link);
        tracing::warn!(
            address = self.dialer.address(), %error, source = ?error.source(), subscriptions = losses.len(),
            "the connection was lost"
        );
        shared.tell_losses(losses, error);
    }

    /// Uses a connection until it is lost.
    async fn serve(&mut self, transport: &mut dyn Transport) -> Use {
        let shared = Arc::clone(&self.shared);
        shared.registry.lock().connect(self.place.link);
        shared.metrics.connected.increment(1.0);
        shared.metrics.connections.increment(1);
        shared.connected();
        let began = Instant::now();
        let mut dispatch = Dispatch::new(&shared, self.place.link);
        let lost = self.exchange(transport, &shared, &mut dispatch).await.err();
        shared.metrics.connected.decrement(1.0);
        // Redis that takes connections and ends them at once is not called on without a wait.
        Use { lost, worked: dispatch.has_heard() || began.elapsed() >= shared.config.backoff_max }
    }

    /// Reads and writes until it is told to stop, or the connection fails.
    async fn exchange(
        &mut self,
        transport: &mut dyn Transport,
        shared: &Shared,
        dispatch: &mut Dispatch<'_>,
    ) -> Result<(), Error> {
        let mut outgoing = Outgoing::default();
        let mut buffer = Buffer::new(shared.config.message_max);
        let mut resubscribing = Some(tracing::info_span!("resubscribe", address = self.dialer.address()));
        let silence = shared.config.ping_timeout;
        let (mut heard, mut probed) = (Instant::now(), false);
        loop {
            {
                let _telling = self.place.telling.lock();
                dispatch.activate_joined();
            }
            self.prepare(&mut outgoing, &mut resubscribing);
            let deadline = heard + silence * (1 + u32::from(probed));
            match self.turn(transport, &mut buffer, &mut outgoing, deadline).await.map_err(failed)? {
                Turn::Read(0) => return Err(lost("redis closed the connection")),
                Turn::Read(count) => {
                    (heard, probed) = (Instant::now(), false);
                    shared.metrics.bytes.increment(count as u64);
                    let telling = self.place.telling.lock();
                    dispatch.all(&mut buffer)?;
                    drop(telling);
                    shared.metrics.dispatch.record(heard.elapsed());
                }
                Turn::Written | Turn::Work => {}
                Turn::Silence if probed => return Err(lost("redis gave no sign of life")),
                Turn::Silence => {
                    probed = true;
                    write_command(outgoing.room(), b"PING", [].into_iter());
                    shared.map_is_stale.notify_one();
                }
                Turn::Stopped => return Ok(()),
            }
        }
    }

    /// Fetches what there is to tell Redis, when what was fetched before is written.
    fn prepare(&self, outgoing: &mut Outgoing, resubscribing: &mut Option<Span>) {
        if !outgoing.is_written() {
            return;
        }
        let mut registry = self.shared.registry.lock();
        registry.write(self.place.link, outgoing.room(), WRITE);
        self.shared.metrics.names.set(registry.names_count() as f64);
        if resubscribing.is_some() && registry.is_settled(self.place.link) {
            // The span's end.
            *resubscribing = None;
        }
    }

    /// Waits for whatever is next.
    async fn turn(
        &mut self,
        transport: &mut dyn Transport,
        buffer: &mut Buffer,
        outgoing: &mut Outgoing,
        deadline: Instant,
    ) -> io::Result<Turn> {
        // Both each time: Redis does not read while we do not, and a flood of messages is not to keep commands back.
        let traffic = poll_fn(|context| {
            let written = outgoing.poll(transport, context)?;
            let mut room = ReadBuf::new(buffer.room());
            if let Poll::Ready(result) = Pin::new(&mut *transport).poll_read(context, &mut room) {
                let count = room.filled().len();
                result?;
                buffer.filled(count);
                return Poll::Ready(Ok(Turn::Read(count)));
            }
            written.map(|()| Ok(Turn::Written))
        });
        tokio::select! {
            biased;
            () = told_to_stop(&mut self.mode, &self.gone) => Ok(Turn::Stopped),
            turn = traffic => turn,
            () = self.place.work.notified() => Ok(Turn::Work),
            () = sleep_until(deadline) => Ok(Turn::Silence),
        }
    }
}

async fn told_to_stop(mode: &mut watch::Receiver<Mode>, gone: &CancellationToken) {
    tokio::select! {
        biased;
        // Any change: a stop with a restart right behind it is a stop, too. The sender lives as long as the task.
        _ = mode.changed() => {}
        () = gone.cancelled() => {}
    }
}

fn lost(why: &'static str) -> Error {
    Error::new(ErrorKind::Unavailable, why)
}

fn failed(error: io::Error) -> Error {
    Error::with_source(ErrorKind::Unavailable, "the connection failed", error)
}

/// About how many bytes of commands are made at once.
const WRITE: usize = 64 * 1024;
