//! What sisters need of the hub around them.

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::task::Waker;

use super::node_id::NodeId;
use super::open_streams::StreamPass;
use super::pace::PaceMark;
use super::parcel::ParcelBody;
use crate::protocol::{Message, MessageRef};
use crate::stream_permits::StreamPermits;

/// The hub, as its federation sees it.
pub(crate) trait SisterHost: Send + Sync {
    /// Gives the messages of a parcel to the members here, and to the storage.
    ///
    /// `pass` says of each message whether it is for the members, by the open streams.
    fn deliver(
        &self,
        origin: NodeId,
        body: &ParcelBody,
        pass: &mut dyn FnMut(MessageRef<'_>, &Arc<StreamPermits>) -> StreamPass,
    );

    /// Gives the end of a broken stream to the members here.
    fn deliver_end(&self, origin: NodeId, end: &Message);

    /// Tells how far the members of a channel here are behind.
    ///
    /// If any is, the waker is woken when that may have changed.
    fn reader_mark(&self, channel: &str, waker: &Waker) -> PaceMark;

    /// Tells the program that numbers of an origin are missing.
    fn gap(&self, origin: NodeId, missing: RangeInclusive<u64>);

    /// Tells the program that parcels of an origin come, from this number on.
    fn found(&self, origin: NodeId, first: u64);

    /// Tells the program that nothing comes from an origin any more.
    fn silent(&self, origin: NodeId);
}
