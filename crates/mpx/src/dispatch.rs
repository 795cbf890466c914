//! Hands what was read to those who want it.

use std::sync::Arc;

use crate::buffer::Buffer;
use crate::engine::Shared;
use crate::error::{Error, ErrorKind};
use crate::event::Event;
use crate::protocol::{Frame, Kind, Verb};
use crate::registry::{Activation, Confirmation, Refusal};
use crate::sink::Delivery;

/// Calls the subscriptions of one connection; only ever used by its task.
pub(crate) struct Dispatch<'a> {
    shared: &'a Shared,
    link: usize,
    has_heard: bool,
}

impl<'a> Dispatch<'a> {
    pub(crate) fn new(shared: &'a Shared, link: usize) -> Self {
        Self { shared, link, has_heard: false }
    }

    /// Whether Redis has said anything but no.
    pub(crate) fn has_heard(&self) -> bool {
        self.has_heard
    }

    /// Hands over all whole frames there are.
    pub(crate) fn all(&mut self, buffer: &mut Buffer) -> Result<(), Error> {
        let mut messages = 0;
        while let Some((frame, length)) = buffer.frame()? {
            match frame {
                Frame::Message { channel, payload, sharded } => {
                    messages += 1;
                    let kind = if sharded { Kind::Shard } else { Kind::Channel };
                    self.message(kind, channel, channel, payload);
                }
                Frame::PatternMessage { pattern, channel, payload } => {
                    messages += 1;
                    self.message(Kind::Pattern, pattern, channel, payload);
                }
                Frame::Subscribed(kind, name) => self.confirm(Verb::Subscribe, kind, name)?,
                Frame::Unsubscribed(kind, Some(name)) => self.confirm(Verb::Unsubscribe, kind, name)?,
                Frame::Refused(why) => self.refuse(why)?,
                Frame::Unsubscribed(_, None) | Frame::Pong | Frame::Number(_) | Frame::Other => {}
            }
            self.has_heard |= !matches!(frame, Frame::Refused(_));
            buffer.consume(length);
        }
        self.shared.metrics.messages.increment(messages);
        Ok(())
    }

    /// Begins names for those who came to them while they lived.
    pub(crate) fn activate_joined(&self) {
        let joined = self.shared.registry.lock().take_joined(self.link);
        joined.into_iter().for_each(|activation| self.activate(activation));
    }

    #[inline]
    fn message(&self, kind: Kind, name: &[u8], channel: &[u8], payload: &[u8]) {
        let registry = self.shared.registry.lock();
        let found = registry.listeners(kind, name);
        let Some((name, listeners)) = found.map(|(name, listeners)| (name.clone(), Arc::clone(listeners)))
        else {
            return;
        };
        drop(registry);
        let mut delivery = Delivery::new(channel, payload, (kind != Kind::Pattern).then_some(name));
        for sink in listeners.iter() {
            let goes_on = sink.deliver(&mut delivery);
            self.shared.keep(sink, goes_on);
        }
    }

    fn confirm(&self, verb: Verb, kind: Kind, name: &[u8]) -> Result<(), Error> {
        let confirmation = self.shared.registry.lock().confirm(self.link, verb, kind, name);
        match confirmation {
            Confirmation::Begins(activation) => self.activate(activation),
            Confirmation::Noted => {}
            Confirmation::Unasked if (verb, kind) == (Verb::Unsubscribe, Kind::Shard) => self.moved(name),
            Confirmation::Unasked => {
                return Err(Error::new(ErrorKind::Protocol, "redis confirmed what it was not asked for"));
            }
        }
        Ok(())
    }

    /// A master takes a name away with its slot.
    fn moved(&self, name: &[u8]) {
        let losses = self.shared.registry.lock().drop_name(self.link, name);
        let error = Error::new(ErrorKind::Unavailable, "the slot of the channel moves to another master");
        self.shared.tell_losses(losses, &error);
        self.shared.map_is_stale.notify_one();
    }

    fn activate(&self, (name, sinks): Activation) {
        for sink in sinks {
            let goes_on = sink.tell(Event::Activated { name: name.clone() });
            self.shared.keep(&sink, goes_on);
        }
    }

    fn refuse(&self, why: &[u8]) -> Result<(), Error> {
        let is = |word: &[u8]| why.starts_with(word);
        if is(b"NOPERM") {
            self.refuse_name(why)
        } else if (is(b"MOVED ") || is(b"CLUSTERDOWN")) && self.shared.registry.lock().redirect(self.link) {
            self.shared.map_is_stale.notify_one();
            Ok(())
        } else {
            // Nothing about a name: the connection is of no use.
            let kind = if is(b"NOAUTH") { ErrorKind::Config } else { ErrorKind::Unavailable };
            Err(Error::new(kind, format!("redis says: {}", String::from_utf8_lossy(why))))
        }
    }

    fn refuse_name(&self, why: &[u8]) -> Result<(), Error> {
        let why = String::from_utf8_lossy(why);
        let refusal = self.shared.registry.lock().refuse(self.link);
        match refusal {
            Refusal::Divided => Ok(()),
            Refusal::Final(name, sinks) => {
                tracing::warn!(name = %name.escape_ascii(), %why, "redis refuses a name");
                let error = Error::new(ErrorKind::Refused, format!("redis refuses the name: {why}"));
                for sink in sinks {
                    let goes_on = sink.tell(Event::Refused { name: name.clone(), error: error.clone() });
                    self.shared.keep(&sink, goes_on);
                }
                Ok(())
            }
            Refusal::Unasked => Err(Error::new(ErrorKind::Protocol, format!("redis says: {why}"))),
        }
    }
}
