//! How much of what a client sends on one connection its socket has taken.
//!
//! The WebSocket library keeps what is fed to it until the socket takes it, and does not say
//! what it still has when a connection is lost. So the bytes are looked at where they leave it:
//! their headers say where each frame begins and ends.
//!
//! ```text
//! outbox ──► WebSocketStream ──► Counted ──► TCP, or TLS over TCP
//!                                 frames begun, frames whole
//! ```

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// How many messages the socket of a connection has taken.
///
/// The figures are final once the socket is gone.
#[derive(Debug, Default)]
pub(crate) struct Handed {
    /// Whether the handshake is over, before which there are no frames.
    is_open: AtomicBool,
    begun: AtomicU64,
    whole: AtomicU64,
}

impl Handed {
    /// From now on what is written are frames.
    pub(crate) fn open(&self) {
        self.is_open.store(true, Ordering::Release);
    }

    pub(crate) fn is_open(&self) -> bool {
        self.is_open.load(Ordering::Acquire)
    }

    /// Returns of how many messages at least a byte was taken.
    pub(crate) fn begun(&self) -> u64 {
        self.begun.load(Ordering::Acquire)
    }

    /// Returns how many messages were taken to their last byte.
    pub(crate) fn whole(&self) -> u64 {
        self.whole.load(Ordering::Acquire)
    }

    pub(crate) fn set_begun(&self, begun: u64) {
        self.begun.store(begun, Ordering::Release);
    }

    pub(crate) fn set_whole(&self, whole: u64) {
        self.whole.store(whole, Ordering::Release);
    }
}

/// The longest header of a frame, in bytes.
const HEADER_BYTES_MAX: usize = 14;

/// Counts the frames of messages in the bytes of a connection.
///
/// Pings and the like are no messages.
///
/// Source: <https://www.rfc-editor.org/rfc/rfc6455>, section 5.2.
#[derive(Debug, Default)]
pub(crate) struct FrameCounter {
    header: [u8; HEADER_BYTES_MAX],
    /// How much of the header is there.
    header_len: usize,
    /// How much of the payload is still to come.
    left: u64,
    begun: u64,
    whole: u64,
}

impl FrameCounter {
    /// Takes the bytes that come next, which may end anywhere in a frame.
    pub(crate) fn take(&mut self, mut bytes: &[u8]) {
        while let Some((first, rest)) = bytes.split_first() {
            if self.left > 0 {
                let len = usize::try_from(self.left).unwrap_or(usize::MAX).min(bytes.len());
                self.left -= len as u64;
                bytes = &bytes[len..];
            } else {
                bytes = rest;
                if !self.take_header(*first) {
                    continue;
                }
            }
            if self.left == 0 {
                self.whole += u64::from(is_of_message(self.header[0]));
                self.header_len = 0;
            }
        }
    }

    pub(crate) const fn begun(&self) -> u64 {
        self.begun
    }

    pub(crate) const fn whole(&self) -> u64 {
        self.whole
    }

    /// Takes a byte of a header, and says whether it was the last one.
    fn take_header(&mut self, byte: u8) -> bool {
        if self.header_len == 0 {
            self.begun += u64::from(is_of_message(byte));
        }
        self.header[self.header_len] = byte;
        self.header_len += 1;
        let (short_len, mask_len) = (self.header[1] & 0x7f, if self.header[1] & 0x80 == 0 { 0 } else { 4 });
        let more = match short_len {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        if self.header_len < 2 || self.header_len < 2 + more + mask_len {
            return false;
        }
        let long_len = self.header[2..2 + more].iter().fold(0, |len, byte| (len << 8) | u64::from(*byte));
        self.left = if more == 0 { u64::from(short_len) } else { long_len };
        true
    }
}

/// Whether a frame that begins so is a text or a binary one.
const fn is_of_message(first: u8) -> bool {
    matches!(first & 0x0f, 1 | 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A frame as a client sends it, with a mask of zeros.
    fn frame(opcode: u8, len: usize) -> Vec<u8> {
        let mut frame = vec![0x80 | opcode];
        match len {
            0..126 => frame.push(0x80 | u8::try_from(len).expect("it is short")),
            126..65_536 => {
                frame.push(0x80 | 126);
                frame.extend(u16::try_from(len).expect("it is short").to_be_bytes());
            }
            _ => {
                frame.push(0x80 | 127);
                frame.extend((len as u64).to_be_bytes());
            }
        }
        frame.extend([0; 4]);
        // Payloads that look like frames are none.
        frame.extend(vec![0x82; len]);
        frame
    }

    #[test]
    fn frames_are_counted_wherever_the_bytes_are_cut() {
        let frames = [frame(2, 0), frame(10, 5), frame(2, 125), frame(2, 126), frame(9, 0), frame(2, 70_000)];
        let all = frames.concat();
        for step in [1, 2, 3, 7, 1_000, all.len()] {
            let mut counter = FrameCounter::default();
            all.chunks(step).for_each(|bytes| counter.take(bytes));
            assert_eq!((counter.begun(), counter.whole()), (4, 4), "in pieces of {step}");
        }
    }

    #[test]
    fn a_frame_is_begun_with_its_first_byte_and_whole_with_its_last() {
        let (mut counter, frame) = (FrameCounter::default(), frame(2, 300));
        counter.take(&frame[..1]);
        assert_eq!((counter.begun(), counter.whole()), (1, 0));
        counter.take(&frame[1..frame.len() - 1]);
        assert_eq!((counter.begun(), counter.whole()), (1, 0));
        counter.take(&frame[frame.len() - 1..]);
        assert_eq!((counter.begun(), counter.whole()), (1, 1));
        // A pong is no message.
        counter.take(&[0x8a]);
        assert_eq!((counter.begun(), counter.whole()), (1, 1));
    }
}
