//! What was read and not understood yet.
//!
//! This module is pure.

use crate::error::{Error, ErrorKind};
use crate::protocol::{Frame, Parsed, parse};
use crate::server::Server;

/// The bytes between the connection and the parser.
#[derive(Debug)]
pub(crate) struct Buffer {
    bytes: Vec<u8>,
    start: usize,
    end: usize,
    /// How many bytes have to be there before it is worth to look again.
    needed: usize,
    text_max: usize,
    /// Who sent it.
    server: Server,
}

impl Buffer {
    pub(crate) fn new(server: Server, text_max: usize) -> Self {
        Self { bytes: vec![0; READ], start: 0, end: 0, needed: 0, text_max, server }
    }

    /// Where the next bytes go.
    pub(crate) fn room(&mut self) -> &mut [u8] {
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
            // A large message is the exception.
            self.bytes.truncate(READ);
            self.bytes.shrink_to(READ);
        }
        let left = self.end - self.start;
        // A short rest is moved to the front, so that the next read has nearly the whole buffer. A
        // long one is moved only when it must be.
        if left <= LITTLE || self.bytes.len() - self.end < READ_MIN {
            self.bytes.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, left);
        }
        if self.bytes.len() - self.end < READ_MIN {
            // Grows as it comes, not as it is announced.
            self.bytes.resize(2 * self.bytes.len(), 0);
        }
        &mut self.bytes[self.end..]
    }

    /// So many bytes came.
    pub(crate) fn filled(&mut self, count: usize) {
        self.end += count;
    }

    /// Whether the last read found as much as there was room for.
    pub(crate) fn is_full(&self) -> bool {
        self.end == self.bytes.len()
    }

    /// Reads the next frame, and says how long it is, for [`consume`](Self::consume).
    #[inline]
    pub(crate) fn frame(&mut self) -> Result<Option<(Frame<'_>, usize)>, Error> {
        if self.end - self.start < self.needed.max(1) {
            return Ok(None);
        }
        match parse(&self.bytes[self.start..self.end], self.text_max) {
            Ok(Parsed::Frame(frame, length)) => {
                self.needed = 0;
                Ok(Some((frame, length)))
            }
            Ok(Parsed::Incomplete { needed }) => {
                self.needed = needed;
                Ok(None)
            }
            Err(error) => {
                let message = format!(
                    "{} sent something that is not the protocol of redis; check which server runs there",
                    self.server
                );
                Err(Error::with_source(ErrorKind::Protocol, message, error))
            }
        }
    }

    /// What was read and not consumed. May be consumed frame by frame when [`frame`](Self::frame)
    /// has just found one.
    #[inline]
    pub(crate) fn unread(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    #[inline]
    pub(crate) fn consume(&mut self, length: usize) {
        self.start += length;
    }
}

/// How much is read at once.
const READ: usize = 64 * 1024;
const READ_MIN: usize = 4 * 1024;
/// The beginning of a message that is moved for the sake of a larger read.
const LITTLE: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_grows_with_what_comes_and_not_with_what_is_announced() {
        let mut buffer = Buffer::new(Server::at("here"), 1 << 29);
        let head = b"*3\r\n$7\r\nmessage\r\n$1\r\na\r\n$536870912\r\n";
        buffer.room()[..head.len()].copy_from_slice(head);
        buffer.filled(head.len());
        for _ in 0..1_000 {
            assert!(buffer.frame().unwrap().is_none());
            assert!(buffer.room().len() >= READ_MIN);
            buffer.filled(1);
        }
        assert_eq!(buffer.bytes.len(), READ);
        for _ in 0..1_000 {
            assert!(buffer.room().len() >= READ_MIN);
            buffer.filled(READ_MIN);
        }
        assert!(buffer.bytes.len() <= 4 * 1_000 * READ_MIN);
    }

    #[test]
    fn whole_frames_come_out_whatever_the_reads() {
        let message = |number: usize| {
            let text = "x".repeat(number % 3_000);
            format!("*3\r\n$7\r\nmessage\r\n$1\r\na\r\n${}\r\n{text}\r\n", text.len())
        };
        let bytes: String = (0..3_000).map(message).collect();
        let mut buffer = Buffer::new(Server::at("here"), 1 << 20);
        let (mut rest, mut next) = (bytes.as_bytes(), 0);
        for size in (1..).step_by(7) {
            let room = buffer.room();
            let count = (size % 9_000).min(room.len()).min(rest.len());
            room[..count].copy_from_slice(&rest[..count]);
            rest = &rest[count..];
            buffer.filled(count);
            while let Some((frame, length)) = buffer.frame().unwrap() {
                assert!(
                    matches!(frame, Frame::Message { payload, .. } if payload.len() == next % 3_000),
                    "{frame:?}"
                );
                buffer.consume(length);
                next += 1;
            }
            if rest.is_empty() {
                break;
            }
        }
        assert_eq!(next, 3_000);
        buffer.room();
        assert_eq!(buffer.bytes.len(), READ);
    }
}
