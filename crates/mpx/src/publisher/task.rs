//! The task of a publisher.
//!
//! It makes its connection, writes what is to be published, and hands the answers out.

use std::collections::VecDeque;
use std::sync::Arc;

use tokio::time::Instant;

use super::metrics::Metrics;
use super::pending::{Asked, Pending, closed, fail};
use crate::caught::caught;
use crate::config::Config;
use crate::connection::{Dialer, Transport};
use crate::error::{Error, ErrorKind};
use crate::protocol::{Frame, TOO_LONG};
use crate::random::Dice;
use crate::reconnect::Reconnect;
use crate::wire::{Traffic, Wire};

/// Owns the connection.
///
/// ```text
///  publish ──► Pending ───── take ─────► wire, and a place in `asked` ── answer ──► receipt
///                 │                                 │
///                 └ no connection: fails,           └ connection lost: `Uncertain`,
///                   nothing was published             it may have been published
/// ```
pub(super) struct Task {
    pending: Arc<Pending>,
    config: Config,
    reconnect: Reconnect,
    dice: Dice,
    metrics: Metrics,
    /// What Redis has not answered yet, in order.
    asked: VecDeque<Asked>,
}

impl Task {
    pub(super) fn new(pending: Arc<Pending>, config: Config, dialer: Dialer) -> Self {
        let (reconnect, dice) = (Reconnect::new(dialer, &config), Dice::new(config.jitter_seed));
        Self { pending, config, reconnect, dice, metrics: Metrics::new(), asked: VecDeque::new() }
    }

    /// Works until nothing more comes, and all that came was answered.
    pub(super) async fn run(mut self) {
        let server = self.reconnect.server().clone();
        while !self.pending.is_over() {
            let opened = tokio::select! {
                biased;
                // The publisher was shut down: what it has is published by one more attempt at
                // once, or fails.
                () = self.pending.ended() => {
                    if self.pending.is_over() {
                        return;
                    }
                    caught(&server, self.reconnect.attempt_now()).await
                }
                opened = caught(&server, self.reconnect.attempt(&self.dice)) => opened,
            };
            match opened {
                Ok(transport) => {
                    let began = Instant::now();
                    let Err(error) = caught(&server, self.serve(transport)).await else { return };
                    tracing::warn!(
                        address = self.reconnect.address(),
                        error = %format_args!("{error:#}"),
                        "the publisher's connection to redis was lost; connecting again"
                    );
                    self.lose(error);
                    self.reconnect.lost(began);
                }
                Err(error) => self.metrics.failures.increment(self.pending.fail(&error)),
            }
        }
    }

    /// Writes and reads until all is done, or the connection fails.
    async fn serve(&mut self, transport: Box<dyn Transport>) -> Result<(), Error> {
        let server = self.reconnect.server().clone();
        let mut wire = Wire::new(transport, server, ANSWER_MAX, self.config.ping_timeout);
        loop {
            if wire.outgoing.is_written() {
                // Commands and the places of their answers are taken under one lock, and `asked`
                // keeps the order of the bytes: answers have nothing else that says what they
                // answer.
                self.asked.append(&mut self.pending.take(wire.outgoing.room()));
            }
            if self.asked.is_empty() && self.pending.is_over() {
                return Ok(());
            }
            tokio::select! {
                biased;
                traffic = wire.traffic() => match traffic? {
                    Traffic::Read(_) => self.answer(&mut wire)?,
                    Traffic::Written => {}
                    Traffic::Probed => self.asked.push_back(Asked::Ping),
                },
                () = self.pending.work.notified() => {}
            }
        }
    }

    /// Hands all answers out that came.
    fn answer(&mut self, wire: &mut Wire) -> Result<(), Error> {
        let server = self.reconnect.server();
        let unexpected = || {
            let message = format!("{server} sent an answer to something that it was not asked");
            Error::new(ErrorKind::Protocol, message)
        };
        let mut published = 0;
        while let Some((frame, length)) = wire.buffer.frame()? {
            match frame {
                Frame::Number(count) => {
                    let count = u64::try_from(count).map_err(|_| unexpected())?;
                    let asked = self.asked.pop_front().ok_or_else(unexpected)?;
                    published += u64::from(asked.answer(Ok(count)));
                }
                Frame::Refused(why) => {
                    let error = Error::of_reply(server, why);
                    // A refusal of nothing that was asked says why Redis is about to end the
                    // connection.
                    let Some(asked) = self.asked.pop_front() else { return Err(error) };
                    self.metrics.failures.increment(u64::from(asked.answer(Err(error.clone()))));
                    if why.starts_with(TOO_LONG) {
                        // After this refusal, too, Redis ends the connection, so nothing more is to
                        // be written.
                        return Err(error);
                    }
                }
                Frame::Pong if matches!(self.asked.front(), Some(Asked::Ping)) => {
                    self.asked.pop_front();
                }
                _ => return Err(unexpected()),
            }
            wire.buffer.consume(length);
        }
        self.metrics.published.increment(published);
        Ok(())
    }

    /// Tells those who were not answered.
    fn lose(&mut self, error: Error) {
        let why = format!(
            "the connection to {} was lost before it answered; the message may have been published",
            self.reconnect.server()
        );
        let error = Error::with_source(ErrorKind::Uncertain, why, error);
        self.metrics.failures.increment(fail(std::mem::take(&mut self.asked), &error));
    }
}

impl Drop for Task {
    /// With its runtime, perhaps, in the middle of something.
    fn drop(&mut self) {
        self.pending.end();
        self.lose(closed());
        self.metrics.failures.increment(self.pending.fail(&closed()));
    }
}

/// Answers are numbers, or a line that says why not.
const ANSWER_MAX: usize = 64 * 1024;
