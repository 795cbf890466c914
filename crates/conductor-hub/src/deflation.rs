//! How messages are compressed for clients that inflate them.

use std::sync::Arc;

use bytes::BytesMut;
use http::HeaderMap;
use metrics::Counter;

use crate::metrics::Metrics;
use crate::websocket::{Window, agreed_window, deflate_frames};

/// How messages are compressed for the clients that agreed on one window.
///
/// A message for many of them is compressed when the first needs it, and the others share its
/// bytes: see [`Frame::deflated`](crate::frame::Frame::deflated).
#[derive(Debug)]
pub(crate) struct Deflation {
    window: Window,
    /// The shortest message that is compressed, in bytes.
    from: usize,
    compressed: Counter,
}

/// What a hub that compresses has for the windows that clients may agree on.
#[derive(Debug)]
pub(crate) struct Deflations([Arc<Deflation>; Window::ALL.len()]);

impl Deflation {
    /// Returns the number of its window.
    pub(crate) const fn number(&self) -> usize {
        self.window as usize
    }

    pub(crate) const fn from(&self) -> usize {
        self.from
    }

    /// Returns the answer to a client's offer.
    pub(crate) const fn window(&self) -> Window {
        self.window
    }

    /// Compresses the messages in some frames; `None` if that makes none of them smaller.
    pub(crate) fn deflate(&self, frames: &[u8]) -> Option<BytesMut> {
        let (deflated, messages) = deflate_frames(frames, self.from, self.window)?;
        self.compressed.increment(messages);
        Some(deflated)
    }
}

impl Deflations {
    pub(crate) fn new(from: usize, metrics: &Metrics) -> Self {
        let compressed = &metrics.compressed;
        Self(Window::ALL.map(|window| Arc::new(Deflation { window, from, compressed: compressed.clone() })))
    }

    /// Returns what is agreed on with a client, if it offers anything that can be accepted.
    pub(crate) fn agree(&self, headers: &HeaderMap) -> Option<Arc<Deflation>> {
        agreed_window(headers).map(|window| Arc::clone(&self.0[window as usize]))
    }
}
