//! The task of a publisher: makes its connection, writes what is to be published, hands the answers out.

use std::collections::VecDeque;
use std::sync::Arc;

use tokio::time::Instant;

use super::metrics::Metrics;
use super::pending::{Answer, Pending};
use crate::config::Config;
use crate::connection::{Dialer, Transport};
use crate::error::{Error, ErrorKind};
use crate::protocol::Frame;
use crate::random::Dice;
use crate::reconnect::Reconnect;
use crate::wire::{Traffic, Wire};

/// Owns the connection.
pub(super) struct Task {
    pending: Arc<Pending>,
    config: Config,
    reconnect: Reconnect,
    dice: Dice,
    metrics: Metrics,
    /// Who waits for an answer of Redis, in the order of the commands.
    asked: VecDeque<Answer>,
    /// Whether Redis has said anything but no on this connection.
    has_heard: bool,
}

impl Task {
    pub(super) fn new(pending: Arc<Pending>, config: Config, dialer: Dialer) -> Self {
        let (reconnect, dice) = (Reconnect::new(dialer, &config), Dice::new(config.jitter_seed));
        Self {
            pending,
            config,
            reconnect,
            dice,
            metrics: Metrics::new(),
            asked: VecDeque::new(),
            has_heard: false,
        }
    }

    /// Works until nothing more comes, and all that came was answered.
    pub(super) async fn run(mut self) {
        loop {
            let opened = tokio::select! {
                biased;
                () = self.pending.over() => return,
                opened = self.reconnect.attempt(&self.dice) => opened,
            };
            match opened {
                Ok(transport) => {
                    let began = Instant::now();
                    let Err(error) = self.serve(transport).await else { return };
                    self.lose(error);
                    if self.has_heard || began.elapsed() >= self.config.backoff_max {
                        self.reconnect.worked();
                    }
                }
                Err(error) => self.metrics.failures.increment(self.pending.fail(&error)),
            }
        }
    }

    /// Writes and reads until all is done, or the connection fails.
    async fn serve(&mut self, transport: Box<dyn Transport>) -> Result<(), Error> {
        self.has_heard = false;
        let mut wire = Wire::new(transport, ANSWER_MAX, self.config.ping_timeout);
        loop {
            if wire.outgoing.is_written() {
                self.asked.append(&mut self.pending.take(wire.outgoing.room()));
            }
            if self.asked.is_empty() && self.pending.is_over() {
                return Ok(());
            }
            tokio::select! {
                biased;
                traffic = wire.traffic() => if let Traffic::Read(_) = traffic? {
                    self.answer(&mut wire)?;
                },
                () = self.pending.work.notified() => {}
            }
        }
    }

    /// Hands all answers out that came.
    fn answer(&mut self, wire: &mut Wire) -> Result<(), Error> {
        let mut published = 0;
        while let Some((frame, length)) = wire.buffer.frame()? {
            match frame {
                Frame::Number(count) => {
                    let count = u64::try_from(count).map_err(|_| strange())?;
                    self.asked.pop_front().ok_or_else(strange)?.give(Ok(count));
                    published += 1;
                }
                Frame::Refused(why) => {
                    let error = refused(why);
                    // Unasked it says why the connection is about to end.
                    let Some(asked) = self.asked.pop_front() else { return Err(error) };
                    asked.give(Err(error));
                    self.metrics.failures.increment(1);
                }
                Frame::Pong => {}
                _ => return Err(strange()),
            }
            self.has_heard |= !matches!(frame, Frame::Refused(_));
            wire.buffer.consume(length);
        }
        self.metrics.published.increment(published);
        Ok(())
    }

    /// Tells those who were not answered.
    fn lose(&mut self, error: Error) {
        let asked = std::mem::take(&mut self.asked);
        tracing::warn!(address = self.reconnect.address(), %error, unanswered = asked.len(), "the publisher's connection was lost");
        self.metrics.failures.increment(asked.len() as u64);
        let why = "the connection was lost before redis answered: it was published or not";
        let error = Error::with_source(ErrorKind::Uncertain, why, error);
        asked.into_iter().for_each(|answer| answer.give(Err(error.clone())));
    }
}

fn refused(why: &[u8]) -> Error {
    let is = |word: &[u8]| why.starts_with(word);
    let kind = if is(b"NOPERM") {
        ErrorKind::Refused
    } else if is(b"NOAUTH") {
        ErrorKind::Config
    } else {
        ErrorKind::Unavailable
    };
    Error::new(kind, format!("redis says: {}", String::from_utf8_lossy(why)))
}

fn strange() -> Error {
    Error::new(ErrorKind::Protocol, "redis gave an answer that fits no question")
}

/// Answers are numbers, or a line that says why not.
const ANSWER_MAX: usize = 64 * 1024;
