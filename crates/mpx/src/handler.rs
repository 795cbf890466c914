//! Subscribers that are called by the connection's task itself.

use crate::event::Event;

/// Takes messages as they are read, without a queue in between.
///
/// It is called by the one task that reads the connection, one call after another: whatever it does
/// delays everybody else. So it must not block: the runtime may be waiting for its thread, too. It
/// may call anything of this crate. One that panics is closed.
pub trait Handler: Send + Sync + 'static {
    /// Takes a message.
    ///
    /// Both texts are borrowed from the connection's buffer.
    fn message(&self, channel: &[u8], payload: &[u8]);

    /// Takes a notice: any [`Event`] but a message.
    fn notice(&self, notice: &Event) {
        let _nothing_to_do = notice;
    }
}

impl<F: Fn(&[u8], &[u8]) + Send + Sync + 'static> Handler for F {
    fn message(&self, channel: &[u8], payload: &[u8]) {
        self(channel, payload);
    }
}
