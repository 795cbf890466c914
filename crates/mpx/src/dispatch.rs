//! Hands what was read to those who want it.

use bytes::Bytes;

use crate::buffer::Buffer;
use crate::engine::Shared;
use crate::error::{Error, ErrorKind};
use crate::event::Event;
use crate::fanout::Fanout;
use crate::protocol::{Frame, NameKind, TOO_LONG, Verb};
use crate::registry::{Activation, Confirmation, Overlong, Question, Refusal, Waiter};
use crate::server::Server;

/// Calls the subscriptions of one connection; only ever used by its task.
pub(crate) struct Dispatch<'a> {
    shared: &'a Shared,
    link: usize,
    /// Who sends what it hands over.
    server: Server,
    /// Names that the master has just taken away with their slot.
    moved: Vec<Bytes>,
    /// Whether Redis put something off.
    postponed: bool,
    fanout: Fanout<'a>,
}

impl<'a> Dispatch<'a> {
    pub(crate) fn new(shared: &'a Shared, link: usize, server: Server) -> Self {
        let fanout = Fanout::new(shared, link);
        Self { shared, link, server, moved: Vec::new(), postponed: false, fanout }
    }

    /// Whether Redis has put something off since the last call.
    pub(crate) fn take_postponed(&mut self) -> bool {
        std::mem::take(&mut self.postponed)
    }

    /// Hands over all whole frames there are.
    pub(crate) fn all(&mut self, buffer: &mut Buffer) -> Result<(), Error> {
        let mut messages = 0;
        while let Some((frame, length)) = buffer.frame()? {
            // A master that gives a slot away says so with one frame for each name, in a row. They
            // become one loss, which is told before whatever the next frame brings.
            if !matches!(frame, Frame::Unsubscribed(NameKind::Shard, _)) {
                self.tell_moved();
            }
            match frame {
                Frame::Message { channel, payload, sharded } => {
                    messages += 1;
                    let kind = if sharded { NameKind::Shard } else { NameKind::Channel };
                    self.fanout.message(kind, channel, channel, payload);
                }
                Frame::PatternMessage { pattern, channel, payload } => {
                    messages += 1;
                    self.fanout.message(NameKind::Pattern, pattern, channel, payload);
                }
                Frame::Subscribed(kind, name) => self.confirm(Verb::Subscribe, kind, name)?,
                Frame::Unsubscribed(kind, Some(name)) => self.confirm(Verb::Unsubscribe, kind, name)?,
                Frame::Refused(why) => self.refuse(why)?,
                Frame::Pong => self.shared.registry.lock().pong_received(self.link),
                Frame::Unsubscribed(_, None) | Frame::Number(_) | Frame::Other => {}
            }
            buffer.consume(length);
            messages += self.fanout.plain_messages(buffer);
        }
        self.tell_moved();
        self.shared.metrics.messages.increment(messages);
        Ok(())
    }

    /// Tells those who wait for names that are too long.
    pub(crate) fn refuse_long(&self, long: Vec<Overlong>) {
        for (name, waiting) in long {
            let message =
                format!("the name is longer than {} accepts; see its `proto-max-bulk-len`", self.server);
            let error = Error::new(ErrorKind::Refused, message);
            tracing::warn!(length = name.len(), %error, "a name was refused");
            for Waiter { sink, .. } in waiting {
                self.shared.tell(&sink, Event::Refused { name: name.clone(), error: error.clone() });
            }
        }
    }

    /// Begins names for those who came to them while they lived.
    pub(crate) fn activate_joined(&self) {
        let joined = self.shared.registry.lock().take_joined(self.link);
        joined.into_iter().for_each(|activation| self.activate(activation));
    }

    fn confirm(&mut self, verb: Verb, kind: NameKind, name: &[u8]) -> Result<(), Error> {
        let confirmation = self.shared.registry.lock().confirm(self.link, verb, kind, name);
        match confirmation {
            Confirmation::Begins(activation) => self.activate(activation),
            Confirmation::Noted => {}
            // A master that gives a slot away ends the subscriptions to its channels by itself.
            Confirmation::Unasked if (verb, kind) == (Verb::Unsubscribe, NameKind::Shard) => {
                self.moved.push(Bytes::copy_from_slice(name));
            }
            Confirmation::Unasked => {
                let message = format!("{} confirmed a subscription without being asked", self.server);
                return Err(Error::new(ErrorKind::Protocol, message));
            }
        }
        Ok(())
    }

    /// Tells of the names that the master took away, which it says one by one, as of one loss.
    fn tell_moved(&mut self) {
        if self.moved.is_empty() {
            return;
        }
        let moved = std::mem::take(&mut self.moved);
        let losses = self.shared.registry.lock().drop_names(self.link, &moved);
        let message = format!("the slot of the channel moved from {} to another master", self.server);
        let error = Error::new(ErrorKind::Unavailable, message);
        self.shared.tell_losses(losses, &error);
        self.shared.map_is_stale.notify_one();
    }

    fn activate(&self, (name, sinks): Activation) {
        for sink in sinks {
            self.shared.tell(&sink, Event::Activated { name: name.clone() });
        }
    }

    fn refuse(&mut self, why: &[u8]) -> Result<(), Error> {
        // Which question this answers decides what it means. The lock is released before
        // subscriptions are told: their handlers may call the registry.
        let mut registry = self.shared.registry.lock();
        let error = Error::of_reply(&self.server, why);
        let moved = moved_slot(why).filter(|_| registry.is_cluster());
        match registry.question(self.link) {
            _ if moved.is_some() => {
                registry.redirect(self.link, moved);
                self.shared.map_is_stale.notify_one();
            }
            // A ping that Redis refuses has been answered, so the connection is alive.
            Some(Question::Ping) => registry.pong_received(self.link),
            // Redis ends the connection after this refusal, so it counts as lost now.
            Some(Question::Names) if why.starts_with(TOO_LONG) => {
                registry.shorten(self.link);
                let message = format!("{} refused a name that is too long", self.server);
                return Err(Error::with_source(ErrorKind::Unavailable, message, error));
            }
            Some(Question::Names) if error.kind() == ErrorKind::Refused => {
                drop(registry);
                self.refuse_name(&error);
            }
            Some(Question::Names) if registry.is_cluster() && why.starts_with(b"CLUSTERDOWN") => {
                registry.redirect(self.link, None);
                self.shared.map_is_stale.notify_one();
            }
            Some(Question::Names) if error.kind() == ErrorKind::Unavailable => {
                registry.postpone(self.link);
                self.postponed = true;
                drop(registry);
                tracing::warn!(%error, "redis cannot take a subscription now; trying again");
            }
            // Nothing that was asked can have this answer: Redis says why it ends the connection,
            // or that the connection is of no use.
            _ => return Err(error),
        }
        Ok(())
    }

    fn refuse_name(&self, error: &Error) {
        let refusal = self.shared.registry.lock().refuse(self.link);
        let Refusal::Final(name, waiting) = refusal else { return };
        tracing::warn!(name = %name.escape_ascii(), %error, "redis refused a subscription");
        for waiter in waiting {
            if waiter.knows {
                // This subscription was told before that Redis refuses the name, and is not told
                // again. Only calls that wait for the activation are woken.
                waiter.sink.changed.notify_waiters();
            } else {
                self.shared.tell(&waiter.sink, Event::Refused { name: name.clone(), error: error.clone() });
            }
        }
    }
}

/// The slot that another master has, as `MOVED 3999 127.0.0.1:6381` says.
fn moved_slot(why: &[u8]) -> Option<usize> {
    let slot = why.strip_prefix(b"MOVED ")?.split(|byte| *byte == b' ').next()?;
    std::str::from_utf8(slot).ok()?.parse().ok()
}
