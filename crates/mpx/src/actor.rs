//! The task of a connection.
//!
//! It makes the connection, tells Redis what is wanted, reads what comes, and hands it over.

use std::sync::Arc;

use tokio::task::yield_now;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use tracing::Span;

use crate::caught::caught;
use crate::connection::{Dialer, Transport};
use crate::dispatch::Dispatch;
use crate::engine::{LinkHandle, Shared};
use crate::error::Error;
use crate::mode::{Mode, ModeWatcher};
use crate::outgoing::Outgoing;
use crate::reconnect::Reconnect;
use crate::registry::Overlong;
use crate::wire::{Traffic, Wire};

/// Owns one connection.
pub(crate) struct Actor {
    shared: Arc<Shared>,
    handle: LinkHandle,
    dialer: Dialer,
    mode: ModeWatcher,
    /// Ends this connection alone: its master has left the cluster.
    gone: CancellationToken,
}

impl Actor {
    pub(crate) fn new(
        shared: Arc<Shared>,
        handle: LinkHandle,
        dialer: Dialer,
        gone: CancellationToken,
    ) -> Self {
        Self { handle, dialer, mode: shared.switch.follow(), shared, gone }
    }

    /// Works until the multiplexer ends.
    pub(crate) async fn run(mut self) {
        while !self.gone.is_cancelled() {
            match self.mode.mode() {
                Mode::Running => self.stay_connected().await,
                Mode::Stopped => {
                    tokio::select! {
                        biased;
                        () = self.mode.turned() => {}
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
        let server = self.dialer.server().clone();
        let mut reconnect = Reconnect::new(self.dialer.clone(), &shared.config);
        loop {
            let opened = tokio::select! {
                biased;
                () = told_to_stop(&mut self.mode, &self.gone) => return,
                opened = caught(&server, reconnect.attempt(&shared.dice)) => opened,
            };
            match opened {
                Ok(transport) => {
                    let began = Instant::now();
                    let Err(error) = caught(&server, self.serve(transport)).await else {
                        // It was told to stop, so no loss is told; only open promises fail. Either
                        // the program itself asked for the stop, or the master has left the map of
                        // the cluster, and `Topology` has told of its names already.
                        let losses = shared.registry.lock().disconnect(self.handle.link);
                        losses.iter().for_each(|loss| loss.sink.stop());
                        return;
                    };
                    self.lose(&error);
                    reconnect.lost(began);
                }
                Err(error) => shared.failed(error),
            }
            // After a loss and after each attempt that failed: a master may have been replaced.
            // Only a sharded multiplexer has a task that listens to this.
            shared.map_is_stale.notify_one();
        }
    }

    /// Tells those who lose something by the loss of the connection.
    fn lose(&self, error: &Error) {
        let shared = &self.shared;
        shared.metrics.losses.increment(1);
        shared.failed(error.clone());
        // The change in the registry and what is told of it are one step for `Topology`, which
        // takes this lock of all links before it moves names.
        let _telling = self.handle.telling.lock();
        let losses = shared.registry.lock().disconnect(self.handle.link);
        tracing::warn!(
            address = self.dialer.address(),
            error = %format_args!("{error:#}"),
            subscriptions = losses.len(),
            "the connection to redis was lost; connecting again"
        );
        shared.tell_losses(losses, error);
    }

    /// Uses a connection until it is lost, or the actor is told to stop.
    async fn serve(&mut self, transport: Box<dyn Transport>) -> Result<(), Error> {
        let shared = Arc::clone(&self.shared);
        shared.registry.lock().connect(self.handle.link);
        let _connected = shared.metrics.connection();
        shared.connected();
        let (server, config) = (self.dialer.server().clone(), &shared.config);
        let mut dispatch = Dispatch::new(&shared, self.handle.link, server.clone());
        let mut wire = Wire::new(transport, server, config.message_max, config.ping_timeout);
        self.exchange(&mut wire, &shared, &mut dispatch).await
    }

    /// Reads and writes until it is told to stop, or the connection fails.
    async fn exchange(
        &mut self,
        wire: &mut Wire,
        shared: &Shared,
        dispatch: &mut Dispatch<'_>,
    ) -> Result<(), Error> {
        let mut resubscribing = Some(tracing::info_span!("resubscribe", address = self.dialer.address()));
        // Until when Redis is told nothing, as it said that it cannot take subscriptions now.
        let mut pause = None;
        loop {
            self.update(&mut wire.outgoing, dispatch, &mut resubscribing, pause.is_none());
            // Each may be dropped: `traffic` loses nothing, and the permit of `work` is kept.
            let traffic = tokio::select! {
                biased;
                () = told_to_stop(&mut self.mode, &self.gone) => return Ok(()),
                traffic = wire.traffic() => traffic?,
                () = self.handle.work.notified() => continue,
                () = sleep_until(pause.unwrap_or_else(Instant::now)), if pause.is_some() => {
                    pause = None;
                    continue;
                }
            };
            match traffic {
                Traffic::Read(count) => {
                    if self.hand_over(count, wire, dispatch)? {
                        pause = Some(Instant::now() + shared.config.backoff_max);
                    }
                    if wire.buffer.is_full() {
                        // There is more to read. The tasks that read the streams may be waiting for
                        // this thread, so they get a turn before their queues are called full.
                        yield_now().await;
                    }
                }
                Traffic::Written => {}
                Traffic::Probed => {
                    // It lies behind all commands that were made, as does its place here.
                    shared.registry.lock().ping_sent(self.handle.link);
                    shared.map_is_stale.notify_one();
                }
            }
        }
    }

    /// Activates those who have joined, and makes what there is to tell Redis if it may be told.
    fn update(
        &self,
        outgoing: &mut Outgoing,
        dispatch: &Dispatch<'_>,
        resubscribing: &mut Option<Span>,
        may_be_told: bool,
    ) {
        let _telling = self.handle.telling.lock();
        dispatch.activate_joined();
        // Nothing is made before all is written: what comes and goes meanwhile costs nothing.
        if may_be_told && outgoing.is_written() {
            let long = self.prepare(outgoing, resubscribing);
            dispatch.refuse_long(long);
        }
    }

    /// Hands over so many bytes that were read; says whether Redis cannot take subscriptions now.
    fn hand_over(&self, count: usize, wire: &mut Wire, dispatch: &mut Dispatch<'_>) -> Result<bool, Error> {
        let metrics = &self.shared.metrics;
        metrics.bytes.increment(count as u64);
        let telling = self.handle.telling.lock();
        dispatch.all(&mut wire.buffer)?;
        drop(telling);
        metrics.dispatch.record(wire.heard().elapsed());
        Ok(dispatch.take_postponed())
    }

    /// Fetches what there is to tell Redis. Returns the names that are too long for that.
    fn prepare(&self, outgoing: &mut Outgoing, resubscribing: &mut Option<Span>) -> Vec<Overlong> {
        let mut registry = self.shared.registry.lock();
        registry.write(self.handle.link, outgoing.room(), WRITE);
        let long = registry.take_long(self.handle.link);
        let (names, settled) = (registry.names_count(), registry.is_settled(self.handle.link));
        drop(registry);
        self.shared.metrics.names(names);
        if settled {
            // All names are active again: the span `resubscribe` ends here.
            *resubscribing = None;
        }
        long
    }
}

impl Drop for Actor {
    /// Ends the multiplexer if this task panics: nobody else would make its connection again, and
    /// subscriptions would wait for messages that nobody reads.
    fn drop(&mut self) {
        self.shared.end_if_panicking(self.dialer.server());
    }
}

async fn told_to_stop(mode: &mut ModeWatcher, gone: &CancellationToken) {
    tokio::select! {
        biased;
        // Every turn of the mode ends the connection, also a stop with a restart right behind it.
        () = mode.turned() => {}
        () = gone.cancelled() => {}
    }
}

/// About how many bytes of commands are made at once.
const WRITE: usize = 64 * 1024;
