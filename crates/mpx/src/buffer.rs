//! What was read and not understood yet. Pure.

use crate::error::{Error, ErrorKind};
use crate::protocol::{Frame, Parsed, parse};

/// The bytes between the connection and the parser.
#[derive(Debug)]
pub(crate) struct Buffer {
    bytes: Vec<u8>,
    start: usize,
    end: usize,
    /// How many bytes have to be there before it is worth to look again.
    needed: usize,
    text_max: usize,
}

impl Buffer {
    pub(crate) fn new(text_max: usize) -> Self {
        Self { bytes: vec![0; READ], start: 0, end: 0, needed: 0, text_max }
    }

    /// Where the next bytes go.
    pub(crate) fn room(&mut self) -> &mut [u8] {
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
            // A large message is the exception.
            self.bytes.truncate(READ);
            self.bytes.shrink_to(READ);
        }
        let wanted = (self.needed.max(self.end - self.start) + 1).max(READ_MIN);
        if self.bytes.len() - self.start < wanted || self.bytes.len() == self.end {
            self.bytes.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
            if self.bytes.len() < wanted {
                // Grows as it comes, not as it is announced.
                let length = wanted.min(2 * self.bytes.len());
                self.bytes.resize(length, 0);
            }
        }
        &mut self.bytes[self.end..]
    }

    /// So many bytes came.
    pub(crate) fn filled(&mut self, count: usize) {
        self.end += count;
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
            Err(error) => Err(Error::with_source(ErrorKind::Protocol, "redis said something strange", error)),
        }
    }

    pub(crate) fn consume(&mut self, length: usize) {
        self.start += length;
    }
}

/// How much is read at once.
const READ: usize = 64 * 1024;
const READ_MIN: usize = 4 * 1024;
