//! A reader that has much to read, with what waits for it or is kept.

use std::sync::Arc;
use std::task::Waker;

use foldhash::fast::RandomState;
use hashbrown::HashMap;
use indexmap::IndexMap;

use crate::ConnectionId;
use crate::frame::Frame;

/// A reader that has much to read.
#[derive(Debug, Default)]
pub(crate) struct Backlog {
    /// Senders that wait for it.
    pub(crate) waiting: HashMap<ConnectionId, Waker, RandomState>,
    /// The newest frame of each channel of which only that matters, while it waits beside the
    /// queue.
    kept: IndexMap<Arc<str>, Frame, RandomState>,
    kept_cost: usize,
}

impl Backlog {
    /// Returns what the frames that are kept cost.
    pub(crate) const fn kept_cost(&self) -> usize {
        self.kept_cost
    }

    /// Returns what keeping a frame would make of that.
    pub(crate) fn kept_cost_with(&self, channel: &str, frame: &Frame) -> usize {
        self.kept_cost + frame.cost() - self.kept.get(channel).map_or(0, Frame::cost)
    }

    /// Keeps a frame in the place of the channel's last one, which is returned.
    pub(crate) fn keep(&mut self, channel: &Arc<str>, frame: Frame) -> Option<Frame> {
        self.kept_cost = self.kept_cost_with(channel, &frame);
        self.kept.insert(Arc::clone(channel), frame)
    }

    /// Takes what is kept of a channel.
    pub(crate) fn take(&mut self, channel: &str) -> Option<Frame> {
        let frame = self.kept.shift_remove(channel)?;
        self.kept_cost -= frame.cost();
        Some(frame)
    }

    /// Takes everything that is kept, the channel first that was first behind.
    pub(crate) fn take_all(&mut self) -> impl Iterator<Item = Frame> + use<> {
        self.kept_cost = 0;
        std::mem::take(&mut self.kept).into_values()
    }
}
