//! Hands messages to those who hear them.

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Acquire;

use arrayvec::ArrayVec;

use crate::buffer::Buffer;
use crate::engine::Shared;
use crate::protocol::{NameKind, plain_message};
use crate::registry::{ByKind, CachedName, NameSinks, SinkCache, SoleHandler};
use crate::sink::{Delivery, guarded};

/// Calls those who hear the messages of one connection; only ever used by its task.
///
/// It remembers what the registry said: a message for names that are known takes no lock and counts
/// no reference.
pub(crate) struct Fanout<'a> {
    shared: &'a Shared,
    link: usize,
    /// Which sinks hear a name, by its kind, as the registry said when a message came.
    known: ByKind<SinkCache>,
    /// Whether some of them are others by now.
    ///
    /// A change by this task, from inside a handler, is seen before the next message. One by
    /// another thread may be seen a moment later.
    stale: Arc<AtomicBool>,
}

/// A message that was looked up before its turn.
struct LookedUp<'a> {
    channel: &'a [u8],
    payload: &'a [u8],
    /// How many bytes it and those before it have.
    end: usize,
    hash: u64,
    found: Option<&'a CachedName>,
}

impl<'a> Fanout<'a> {
    pub(crate) fn new(shared: &'a Shared, link: usize) -> Self {
        let stale = shared.registry.lock().staleness(link);
        Self { shared, link, known: ByKind::default(), stale }
    }

    /// Hands over the messages that come next, as long as they are plain and their listeners known.
    /// Returns how many they were.
    pub(crate) fn plain_messages(&self, buffer: &mut Buffer) -> u64 {
        let mut messages = 0;
        loop {
            let (handed_over, length) = self.several(buffer.unread());
            messages += handed_over;
            buffer.consume(length);
            if handed_over < AHEAD as u64 {
                return messages;
            }
        }
    }

    /// Hands over the messages that come next if they are plain and their listeners known, up to
    /// [`AHEAD`]. Returns how many they were, and their bytes.
    ///
    /// With many names each message misses the caches a few times. Doing one step for all of them
    /// before the next lets the misses overlap.
    fn several(&self, unread: &[u8]) -> (u64, usize) {
        let known = &self.known[NameKind::Channel];
        let text_max = self.shared.config.message_max;
        let (mut next, mut end) = (ArrayVec::<LookedUp<'_>, AHEAD>::new(), 0);
        while !next.is_full() {
            let Some((channel, payload, length)) = plain_message(&unread[end..], text_max) else { break };
            end += length;
            next.push(LookedUp { channel, payload, end, hash: known.hash(channel), found: None });
        }
        for message in &mut next {
            message.found = known.find(message.hash, message.channel);
        }
        for message in &next {
            black_box(message.found.map(CachedName::touch));
        }
        // The guarded run of handlers stops at the message `at` for one of these reasons:
        //
        //  - its handler panicked: the subscription is closed, the message counts as handed over;
        //  - listeners of some name have changed: the caller looks them up again, from `at` on;
        //  - its listeners are not known, or no message is left: the caller goes on from `at`;
        //  - it has a queue or several listeners: `hand_over` takes it, and the run goes on.
        let mut at = 0;
        loop {
            // One guard against panics is for all handlers in a row, as each guard costs. It ends
            // where a handler has changed who hears the messages that follow.
            let came_back = guarded(|| {
                while let Some(message) = next.get(at)
                    && let Some(SoleHandler(handler)) = message.found.and_then(|name| name.handler.as_ref())
                    && !self.stale.load(Acquire)
                {
                    handler.message(message.channel, message.payload);
                    at += 1;
                }
            });
            let Some((message, name)) = next.get(at).and_then(|message| Some((message, message.found?)))
            else {
                break;
            };
            if !came_back {
                name.more.listeners.iter().for_each(|sink| self.shared.close(sink));
            } else if self.stale.load(Acquire) {
                break;
            } else {
                self.hand_over(NameKind::Channel, &name.more, message.channel, message.payload);
            }
            at += 1;
        }
        let bytes = at.checked_sub(1).and_then(|last| next.get(last)).map_or(0, |last| last.end);
        (at as u64, bytes)
    }

    /// Hands over a message.
    #[inline]
    pub(crate) fn message(&mut self, kind: NameKind, name: &[u8], channel: &[u8], payload: &[u8]) {
        // Before each message: the handler of the last one may have changed who hears this one.
        if self.stale.load(Acquire) {
            self.forget_changed();
        }
        let known = &self.known[kind];
        if let Some(found) = known.find(known.hash(name), name) {
            self.hand_over(kind, &found.more, channel, payload);
        } else {
            self.first_message(kind, name, channel, payload);
        }
    }

    /// Handles a message whose listeners are not known, or not any more.
    #[cold]
    fn first_message(&mut self, kind: NameKind, name: &[u8], channel: &[u8], payload: &[u8]) {
        let found = self.shared.registry.lock().listeners(self.link, kind, name);
        let Some((name, listeners)) = found else { return };
        let more = NameSinks::new(name, listeners);
        self.hand_over(kind, &more, channel, payload);
        // Who hears the name may have changed since the registry was asked. Then `stale` is set,
        // and the next message does not use this entry.
        self.known[kind].insert(more);
    }

    #[cold]
    fn forget_changed(&mut self) {
        for (kind, name) in self.shared.registry.lock().take_changed(self.link) {
            self.known[kind].remove(&name);
        }
    }

    /// Calls those who hear a message. No lock is held: they may change anything.
    #[inline]
    fn hand_over(&self, kind: NameKind, more: &NameSinks, channel: &[u8], payload: &[u8]) {
        let NameSinks { name, listeners, handlers } = more;
        let mut delivery = Delivery::new(channel, payload, (kind != NameKind::Pattern).then_some(name));
        let mut at = 0;
        while at < listeners.len() {
            // One guard against panics is for all handlers in a row: a guard costs more than most
            // handlers.
            guarded(|| {
                while let (Some(sink), Some(handler)) = (listeners.get(at), handlers.get(at)) {
                    if at.is_multiple_of(AHEAD) {
                        // The memory of several handlers is asked for at once, as `several` does it
                        // for messages.
                        black_box(
                            handlers[at..]
                                .iter()
                                .take(AHEAD)
                                .flatten()
                                .fold(0, |sum, only| sum ^ only.touch()),
                        );
                    }
                    if let Some(SoleHandler(handler)) = handler {
                        handler.message(channel, payload);
                    } else if !sink.keep(&mut delivery, at + 1 == listeners.len()) {
                        break;
                    }
                    at += 1;
                }
            });
            if let Some(sink) = listeners.get(at) {
                self.shared.close(sink);
                at += 1;
            }
        }
    }
}

/// How many messages are looked up before the first is handed over, and handlers before the first
/// is called.
const AHEAD: usize = 16;
