//! When a client is judged that is silent, reads slowly or leaves a message open.

use std::mem;
use std::pin::Pin;
use std::task::Context;
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, Sleep, sleep_until};

use super::ConnectionTask;
use crate::Disconnect;
use crate::shared::Shared;
use crate::websocket::{FrameKind, put_frame};

impl<S: AsyncRead + AsyncWrite + Unpin> ConnectionTask<S> {
    /// Judges the time: whether the client is alive since the last tick, silent, or gone.
    pub(super) fn tick(&mut self, hub: &Shared, now: Instant) -> Result<bool, Disconnect> {
        // A client that does not read is not waited for: what is queued was for the login.
        if let Some(reason) = self.connection.expire(now) {
            // Who closed it before has said why, and may not want the client to come back.
            return Err(self.connection.outbox.closing().unwrap_or(reason));
        }
        if self.stalls_at(hub).is_some_and(|at| now >= at) {
            return Err(Disconnect::SlowReader);
        }
        if self.pace.is_too_slow(now) {
            return Err(Disconnect::SlowReader);
        }
        if self.unfinished_at(hub).is_some_and(|at| now >= at) {
            return Err(Disconnect::Unfinished);
        }
        self.look_at = self.look_at.filter(|at| now < *at);
        if now < self.check_at {
            return Ok(false);
        }
        if self.intake.is_full() {
            // So much of its input waits that the answer to a ping could not be seen, or the client
            // has said goodbye. That is no sign of life: only what came lately is.
            let is_alive = !self.intake.has_goodbye() && now < self.last_read + hub.config.ping_interval;
            self.check_at = now + hub.config.pong_timeout;
            if !self.intake.has_goodbye() {
                // The answer comes with the next far look. If the client's system has forgotten the
                // connection, writing to it fails.
                self.ping(hub, now);
            }
            return Ok(is_alive);
        }
        if self.pinged {
            return Err(Disconnect::NoPong);
        }
        let silent_at = self.last_read + hub.config.ping_interval;
        if now < silent_at {
            self.check_at = silent_at;
            return Ok(true);
        }
        self.ping(hub, now);
        Ok(false)
    }

    /// Asks the client whether it is there, if it has been silent since somebody wants its place.
    pub(super) fn hear_roll_call(&mut self, hub: &Shared) {
        let number = hub.roll_call.number();
        if number == mem::replace(&mut self.roll_call, number) {
            return;
        }
        let now = Instant::now();
        let is_silent = now >= self.last_read + hub.config.pong_timeout;
        // While much of its input waits it is not read, so that its answer could not be seen.
        if is_silent && !self.pinged && !self.intake.is_full() {
            self.ping(hub, now);
        }
    }

    /// Closes the connection when its login is over while a hook is waited for, which may take
    /// long; nobody else looks at the time meanwhile.
    pub(super) fn watch_expiry(&self, cx: &mut Context<'_>, timer: &mut Option<Pin<Box<Sleep>>>) {
        let Some(expires_at) = self.connection.expires_at() else { return };
        // In a box that only such a wait has. The hook itself may renew the login.
        let timer = timer.get_or_insert_with(|| Box::pin(sleep_until(expires_at)));
        if timer.deadline() != expires_at {
            timer.as_mut().reset(expires_at);
        }
        if timer.as_mut().poll(cx).is_ready()
            && let Some(reason) = self.connection.expire(Instant::now())
            && !self.connection.outbox.is_closing()
        {
            self.connection.close(reason);
        }
    }

    fn ping(&mut self, hub: &Shared, now: Instant) {
        self.pinged = true;
        self.check_at = now + hub.config.pong_timeout;
        let mut frame = BytesMut::new();
        put_frame(&mut frame, FrameKind::Ping, b"");
        // If the outbox is full or closing the ping is not queued. The next poll finds that out and
        // ends the connection.
        let outbox = &self.connection.outbox;
        outbox.push(outbox.frame(frame)).ok();
    }

    /// When something has to be judged next.
    pub(super) fn deadline(&self, hub: &Shared) -> Instant {
        let expires_at = self.connection.expires_at();
        let pace = self.pace.judged_at();
        let far_look_at = self.intake.far_look_at();
        let others =
            [self.stalls_at(hub), pace, self.unfinished_at(hub), self.look_at, far_look_at, expires_at];
        others.into_iter().flatten().fold(self.check_at, Instant::min)
    }

    /// When the client is a slow reader, unless it reads.
    fn stalls_at(&self, hub: &Shared) -> Option<Instant> {
        self.writer.stalled_since().map(|since| since + hub.config.stall_timeout)
    }

    /// When the client has had its time for the message that it has begun.
    fn unfinished_at(&self, hub: &Shared) -> Option<Instant> {
        let begun = self.begun.as_ref().filter(|begun| begun.number.is_some())?;
        (!self.intake.is_waiting()).then(|| begun.since + hub.config.message_timeout)
    }
}

/// Cuts the first interval of a connection, between half and whole, so that pings spread.
pub(super) fn spread(interval: Duration, id: u64) -> Duration {
    // Fibonacci hashing: numbers in a row land far apart.
    let thousandth = id.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32 & 0x3FF;
    let part = thousandth as u32;
    interval / 2 + interval / 2 * part / 1024
}
