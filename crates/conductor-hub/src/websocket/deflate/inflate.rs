//! Inflates one message, up to a limit.

use std::cell::Cell;

use flate2::{Decompress, FlushDecompress, Status};

use crate::websocket::Violation;

/// What follows the message as it was sent: the tail that was left out, and an empty last block.
///
/// Only at the end of a message is that block read as one. So nearly every message shows that was
/// cut; one that was not compressed may take it for its own bytes.
const END: [u8; 9] = [0x00, 0x00, 0xFF, 0xFF, 0x01, 0x00, 0x00, 0xFF, 0xFF];

/// Most bytes that are reserved for a message before any of it is inflated.
const FIRST_BYTES: usize = 16 * 1024;

/// How often a stream may end within a message, which no library makes at all. Beginning another
/// costs far more than the two bytes of one that is empty.
const STREAMS_MAX: usize = 16;

thread_local! {
    /// The state of zlib with its window, about 45 KB, made when a thread first needs it.
    static INFLATER: Cell<Option<Decompress>> = const { Cell::new(None) };
}

/// Returns the message that was compressed to `bytes`.
///
/// No more than `limit` bytes and one are ever allocated for it, whatever it would become.
pub(in crate::websocket) fn inflate(bytes: &[u8], limit: usize) -> Result<Vec<u8>, Violation> {
    let mut inflater = Inflater {
        zlib: INFLATER.take().unwrap_or_else(|| Decompress::new(false)),
        // Text becomes three to five times as long.
        out: Vec::with_capacity(bytes.len().saturating_mul(4).clamp(64, FIRST_BYTES).min(most(limit))),
        limit,
        streams: 0,
    };
    // A last block may end the message, though it should have another behind it.
    let outcome = match inflater.add(bytes) {
        Ok(false) => inflater.add(&END),
        outcome => outcome,
    };
    let Inflater { mut zlib, out, .. } = inflater;
    zlib.reset(false);
    INFLATER.set(Some(zlib));
    match outcome? {
        true => Ok(out),
        false => Err(Violation::Protocol("a compressed message has no end")),
    }
}

struct Inflater {
    zlib: Decompress,
    out: Vec<u8>,
    limit: usize,
    streams: usize,
}

impl Inflater {
    /// Inflates a part; tells whether a stream has ended with its last byte.
    fn add(&mut self, mut part: &[u8]) -> Result<bool, Violation> {
        loop {
            self.make_room()?;
            let (in_before, out_before) = (self.zlib.total_in(), self.out.len());
            let status = self
                .zlib
                .decompress_vec(part, &mut self.out, FlushDecompress::Sync)
                .map_err(|_| Violation::Protocol("a compressed message cannot be inflated"))?;
            // No more than the part has.
            let used = usize::try_from(self.zlib.total_in() - in_before).unwrap_or(part.len());
            part = &part[used..];
            if self.out.len() > self.limit {
                return Err(Violation::TooBig);
            }
            let has_room = self.out.len() < self.out.capacity();
            match status {
                Status::StreamEnd => {
                    self.end_stream()?;
                    if part.is_empty() {
                        return Ok(true);
                    }
                }
                Status::Ok | Status::BufError if part.is_empty() && has_room => return Ok(false),
                Status::Ok | Status::BufError if has_room && used == 0 && self.out.len() == out_before => {
                    return Err(Violation::Protocol("a compressed message cannot be inflated"));
                }
                Status::Ok | Status::BufError => {}
            }
        }
    }

    /// A stream has ended, and another may follow. Source: RFC 7692, section 7.2.3.4.
    fn end_stream(&mut self) -> Result<(), Violation> {
        self.streams += 1;
        if self.streams > STREAMS_MAX {
            return Err(Violation::Protocol("a compressed message has too many last blocks"));
        }
        self.zlib.reset(false);
        Ok(())
    }

    /// Makes room for more, twice as much each time, but never beyond the limit.
    fn make_room(&mut self) -> Result<(), Violation> {
        let len = self.out.len();
        if len < self.out.capacity() {
            return Ok(());
        }
        let room = most(self.limit) - len;
        if room == 0 {
            return Err(Violation::TooBig);
        }
        self.out.reserve_exact(len.max(64).min(room));
        Ok(())
    }
}

/// One byte beyond the limit shows that it was exceeded.
const fn most(limit: usize) -> usize {
    limit.saturating_add(1)
}
