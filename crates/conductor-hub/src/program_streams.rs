//! The open streams of the program.

use std::sync::Arc;

use foldhash::fast::RandomState;
use hashbrown::HashMap;
use parking_lot::Mutex;

use crate::protocol::{Message, Opcode};
use crate::stream_permits::{StreamName, StreamOwner, StreamPermit, StreamPermits};

/// Streams of the program that have their uuids to themselves. It may send more at once, whose
/// uuids anybody may use: nobody ends streams in its place, so some may never end.
const STREAMS_MAX: usize = 64 * 1024;

/// The permits of the streams that the program has begun and not ended.
///
/// Its lock comes before that of the permits.
#[derive(Debug, Default)]
pub(crate) struct ProgramStreams(Mutex<HashMap<StreamName, StreamPermit, RandomState>>);

/// A message of the program has the uuid of a stream that somebody else has open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OfAnother;

impl ProgramStreams {
    /// Notes a message that the program writes to a channel.
    ///
    /// Returns the permit of the stream that it ends, to be dropped when members have the end.
    pub(crate) fn pass(
        &self,
        message: &Message,
        permits: &Arc<StreamPermits>,
    ) -> Result<Option<StreamPermit>, OfAnother> {
        // Most of what programs send is of no stream, and is not even hashed.
        if message.opcode == Opcode::WRITE {
            return Ok(None);
        }
        let (channel, uuid) = (message.channel.as_str(), message.uuid.as_str());
        let Some(name) = permits.name(channel, uuid) else { return Ok(None) };
        let mut open = self.0.lock();
        // The program may write into its own from wherever it likes, and begin it anew.
        if permits.is_of_another(channel, uuid, StreamOwner::Program) {
            return Err(OfAnother);
        }
        if message.opcode == Opcode::STREAM_END {
            return Ok(open.remove(&name));
        }
        if message.opcode == Opcode::STREAM_START && open.len() < STREAMS_MAX && !open.contains_key(&name) {
            // Somebody may have taken it since it was looked at.
            let permit = StreamPermits::take(permits, channel, uuid, StreamOwner::Program, 0);
            open.insert(name, permit.ok_or(OfAnother)?);
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ConnectionId;

    #[test]
    fn streams_that_never_end_are_bounded_and_hold_up_no_others() {
        let (streams, permits) = (ProgramStreams::default(), Arc::<StreamPermits>::default());
        let pass = |opcode, uuid: &str| {
            let message = Message::with_uuid(opcode, uuid, "tea", "");
            streams.pass(&message, &permits).map(|ended| ended.is_some())
        };
        let client = StreamOwner::Connection(ConnectionId(1));
        for number in 0..STREAMS_MAX + 10 {
            assert_eq!(pass(Opcode::STREAM_START, &number.to_string()), Ok(false));
        }
        let beyond = (STREAMS_MAX + 5).to_string();
        assert!(permits.is_of_another("tea", "0", client) && !permits.is_of_another("tea", &beyond, client));
        assert_eq!(pass(Opcode::STREAM_END, &beyond), Ok(false));
        assert_eq!(pass(Opcode::STREAM_END, "0"), Ok(true));
        assert!(!permits.is_of_another("tea", "0", client));
        assert_eq!(streams.0.lock().len(), STREAMS_MAX - 1);
    }
}
