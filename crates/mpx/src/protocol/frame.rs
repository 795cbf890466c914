//! Frames out of bytes: what a subscribed connection hears, in both protocols.
//!
//! A parser that looks at the whole buffer again when there is more of it. That is cheap, as a
//! frame has few lengths in front of few texts, and it says how much has to be there before another
//! look is worth it.

use std::fmt;
use std::ops::Range;

/// What a connection heard.
///
/// Texts are borrowed from the buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Frame<'a> {
    /// A message on a channel that is subscribed to; of a cluster's shard if `sharded`.
    Message {
        /// The channel.
        channel: &'a [u8],
        /// What was published.
        payload: &'a [u8],
        /// Whether it came by `SPUBLISH`.
        sharded: bool,
    },
    /// A message on a channel that a pattern fits.
    PatternMessage {
        /// The pattern.
        pattern: &'a [u8],
        /// The channel.
        channel: &'a [u8],
        /// What was published.
        payload: &'a [u8],
    },
    /// A subscription begins.
    Subscribed(NameKind, &'a [u8]),
    /// A subscription ends; without a name if there was none to end.
    Unsubscribed(NameKind, Option<&'a [u8]>),
    /// The answer to `PING`.
    Pong,
    /// A command was refused.
    Refused(&'a [u8]),
    /// A number: how many received what was published.
    Number(i64),
    /// Anything else: the answer to `HELLO`, for one.
    Other,
}

/// What kind of name a subscription has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_enums, reason = "Redis subscribes to these three, and knows no other")]
pub enum NameKind {
    /// A channel.
    Channel,
    /// A glob that channels fit.
    Pattern,
    /// A channel that lives on one shard of a cluster.
    Shard,
}

/// What a buffer begins with.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a frame is whole or not; anything else is an error")]
pub enum Parsed<'a> {
    /// A frame of so many bytes.
    Frame(Frame<'a>, usize),
    /// A part of one: nothing can be said before so many bytes are there.
    Incomplete {
        /// The least length of the buffer.
        needed: usize,
    },
}

/// Bytes that are not of the protocol, or beyond what a frame may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Malformed(&'static str);

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for Malformed {}

/// Reads the frame that a buffer begins with.
///
/// # Errors
///
/// If the buffer does not begin with a frame, or if a text in it is longer than `text_max`.
#[inline]
pub fn parse(buffer: &[u8], text_max: usize) -> Result<Parsed<'_>, Malformed> {
    let Some((channel, payload, length)) = plain_message(buffer, text_max) else {
        return parse_any(buffer, text_max);
    };
    Ok(Parsed::Frame(Frame::Message { channel, payload, sharded: false }, length))
}

/// Reads channel, payload and length of a whole message as Redis writes it, which is nearly all
/// that comes; [`FrameReader`] reads the same in it, and all else.
#[inline(always)]
pub(crate) fn plain_message(buffer: &[u8], text_max: usize) -> Option<(&[u8], &[u8], usize)> {
    if !matches!(buffer.first()?, b'*' | b'>') || buffer.get(1..17)? != b"3\r\n$7\r\nmessage\r\n" {
        return None;
    }
    let (channel, at) = plain_text(buffer, 17, text_max)?;
    let (payload, length) = plain_text(buffer, at, text_max)?;
    Some((channel, payload, length))
}

/// Reads a text, and says where it ends. One whose length has more than four digits is left to the
/// cursor.
#[inline(always)]
fn plain_text(buffer: &[u8], at: usize, text_max: usize) -> Option<(&[u8], usize)> {
    let head: &[u8; 7] = buffer.get(at..)?.first_chunk()?;
    let (digits, start) = match head {
        [b'$', digits @ .., b'\r', b'\n', _, _] => (&digits[..], 5),
        [b'$', digits @ .., b'\r', b'\n', _, _, _] => (&digits[..], 4),
        [b'$', digits @ .., b'\r', b'\n', _] => (&digits[..], 6),
        [b'$', digits @ .., b'\r', b'\n'] => (&digits[..], 7),
        _ => return None,
    };
    let mut length = 0;
    for digit in digits {
        if !digit.is_ascii_digit() {
            return None;
        }
        length = 10 * length + usize::from(digit - b'0');
    }
    if length > text_max {
        return None;
    }
    let start = at + start;
    let text = buffer.get(start..start + length + 2)?.strip_suffix(b"\r\n")?;
    Some((text, start + length + 2))
}

#[inline(never)]
fn parse_any(buffer: &[u8], text_max: usize) -> Result<Parsed<'_>, Malformed> {
    let mut cursor = FrameReader { buffer, at: 0, text_max };
    match cursor.frame() {
        Ok(frame) => Ok(Parsed::Frame(frame, cursor.at)),
        Err(Stop::Incomplete(needed)) => Ok(Parsed::Incomplete { needed }),
        Err(Stop::Malformed(why)) => Err(Malformed(why)),
    }
}

/// Why reading stopped before the end of a frame.
enum Stop {
    Incomplete(usize),
    Malformed(&'static str),
}

struct FrameReader<'a> {
    buffer: &'a [u8],
    at: usize,
    text_max: usize,
}

/// The head of a value: its type, and its number or its line.
struct Head {
    kind: u8,
    line: Range<usize>,
}

impl<'a> FrameReader<'a> {
    fn frame(&mut self) -> Result<Frame<'a>, Stop> {
        loop {
            let head = self.head()?;
            match head.kind {
                b'*' | b'>' => return self.list(&head),
                b'|' => {
                    // These are attributes of the value that follows, which nobody here needs.
                    let pairs = self.length(&head)?.unwrap_or(0);
                    self.skip(2 * pairs)?;
                }
                b'-' => return Ok(Frame::Refused(self.text_of(head.line))),
                b'!' => {
                    let length = self.text_length(&head)?.unwrap_or(0);
                    return Ok(Frame::Refused(self.take(length)?));
                }
                b':' => return Ok(Frame::Number(self.number(&head)?)),
                b'+' if self.text_of(head.line.clone()) == b"PONG" => return Ok(Frame::Pong),
                _ => {
                    self.rest_of(&head)?;
                    return Ok(Frame::Other);
                }
            }
        }
    }

    /// Reads a list, which is a frame if its first text is a word that we know.
    fn list(&mut self, head: &Head) -> Result<Frame<'a>, Stop> {
        let Some(length @ 1..) = self.length(head)? else { return Ok(Frame::Other) };
        let Some(word) = self.text_or_skip()? else {
            self.skip(length - 1)?;
            return Ok(Frame::Other);
        };
        match (word, length) {
            (b"message", 3) => self.message(false),
            (b"smessage", 3) => self.message(true),
            (b"pmessage", 4) => {
                let (pattern, channel) = (self.text()?, self.text()?);
                Ok(Frame::PatternMessage { pattern, channel, payload: self.text()? })
            }
            (b"subscribe", 3) => self.begins(NameKind::Channel),
            (b"psubscribe", 3) => self.begins(NameKind::Pattern),
            (b"ssubscribe", 3) => self.begins(NameKind::Shard),
            (b"unsubscribe", 3) => self.ends(NameKind::Channel),
            (b"punsubscribe", 3) => self.ends(NameKind::Pattern),
            (b"sunsubscribe", 3) => self.ends(NameKind::Shard),
            (b"pong", 2) => {
                self.skip(1)?;
                Ok(Frame::Pong)
            }
            _ => {
                self.skip(length - 1)?;
                Ok(Frame::Other)
            }
        }
    }

    fn message(&mut self, sharded: bool) -> Result<Frame<'a>, Stop> {
        let channel = self.text()?;
        Ok(Frame::Message { channel, payload: self.text()?, sharded })
    }

    fn begins(&mut self, kind: NameKind) -> Result<Frame<'a>, Stop> {
        let name = self.text()?;
        self.skip(1)?;
        Ok(Frame::Subscribed(kind, name))
    }

    fn ends(&mut self, kind: NameKind) -> Result<Frame<'a>, Stop> {
        let name = self.text_or_skip()?;
        self.skip(1)?;
        Ok(Frame::Unsubscribed(kind, name))
    }

    fn text(&mut self) -> Result<&'a [u8], Stop> {
        self.text_or_skip()?.ok_or(Stop::Malformed("a message has another value where a text must be"))
    }

    /// Reads a text; `None` if the value is another one, which is skipped.
    fn text_or_skip(&mut self) -> Result<Option<&'a [u8]>, Stop> {
        let head = self.head()?;
        match head.kind {
            b'$' => match self.text_length(&head)? {
                Some(length) => self.take(length).map(Some),
                None => Ok(None),
            },
            b'+' => Ok(Some(self.text_of(head.line))),
            _ => {
                self.rest_of(&head)?;
                Ok(None)
            }
        }
    }

    /// Skips whole values.
    fn skip(&mut self, values: usize) -> Result<(), Stop> {
        // Nested values are counted and not entered by a call each, so that no depth of nesting can
        // use up the stack.
        let mut left = values;
        while left > 0 {
            let head = self.head()?;
            left -= 1;
            left = left.checked_add(self.inner(&head)?).ok_or(TOO_MANY)?;
        }
        Ok(())
    }

    fn rest_of(&mut self, head: &Head) -> Result<(), Stop> {
        let inner = self.inner(head)?;
        self.skip(inner)
    }

    /// Skips the text of a value, and returns how many values it consists of.
    fn inner(&mut self, head: &Head) -> Result<usize, Stop> {
        match head.kind {
            b'$' | b'!' | b'=' => {
                if let Some(length) = self.text_length(head)? {
                    self.take(length)?;
                }
                Ok(0)
            }
            b'*' | b'>' | b'~' => Ok(self.length(head)?.unwrap_or(0)),
            // Attributes are not a value: the one behind them takes their place.
            b'|' => Ok(2 * self.length(head)?.unwrap_or(0) + 1),
            b'%' => Ok(2 * self.length(head)?.unwrap_or(0)),
            b'+' | b'-' | b':' | b'_' | b',' | b'#' | b'(' => Ok(0),
            _ => Err(Stop::Malformed("a value has a type that the protocol does not know")),
        }
    }

    fn head(&mut self) -> Result<Head, Stop> {
        let rest = &self.buffer[self.at..];
        let window = &rest[..rest.len().min(LINE_MAX)];
        let Some(end) = memchr::memchr(b'\n', window) else {
            if rest.len() >= LINE_MAX {
                return Err(Stop::Malformed("a line is too long"));
            }
            // The shortest line that may come.
            return Err(Stop::Incomplete(self.buffer.len() + 1));
        };
        if end < 2 || rest[end - 1] != b'\r' {
            return Err(Stop::Malformed("a line does not end with a carriage return"));
        }
        let line = self.at + 1..self.at + end - 1;
        let kind = rest[0];
        self.at += end + 1;
        Ok(Head { kind, line })
    }

    fn text_length(&self, head: &Head) -> Result<Option<usize>, Stop> {
        match self.length(head)? {
            Some(length) if length > self.text_max => {
                Err(Stop::Malformed("a text is longer than the limit that was set"))
            }
            length => Ok(length),
        }
    }

    /// Reads the number of a head; `None` for the one below zero that means nothing.
    fn length(&self, head: &Head) -> Result<Option<usize>, Stop> {
        let digits = &self.buffer[head.line.clone()];
        if digits == b"-1" {
            return Ok(None);
        }
        if digits.is_empty() || digits.len() > 10 {
            return Err(NO_LENGTH);
        }
        let mut number = 0_u64;
        for digit in digits {
            if !digit.is_ascii_digit() {
                return Err(NO_LENGTH);
            }
            number = number * 10 + u64::from(digit - b'0');
        }
        let number = usize::try_from(number).map_err(|_| NO_LENGTH)?;
        if number > VALUES_MAX && !matches!(head.kind, b'$' | b'!' | b'=') {
            return Err(TOO_MANY);
        }
        Ok(Some(number))
    }

    fn number(&self, head: &Head) -> Result<i64, Stop> {
        let digits = std::str::from_utf8(&self.buffer[head.line.clone()]).ok();
        digits.and_then(|digits| digits.parse().ok()).ok_or(Stop::Malformed("a number cannot be read"))
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], Stop> {
        let end = self.at + length;
        let Some(text) = self.buffer.get(self.at..end + 2) else {
            return Err(Stop::Incomplete(end + 2));
        };
        if !text.ends_with(b"\r\n") {
            return Err(Stop::Malformed("a text is longer than its length says"));
        }
        self.at = end + 2;
        Ok(&text[..length])
    }

    fn text_of(&self, line: Range<usize>) -> &'a [u8] {
        &self.buffer[line]
    }
}

const NO_LENGTH: Stop = Stop::Malformed("a length is not a number");
const TOO_MANY: Stop = Stop::Malformed("a list is longer than any that redis sends");
/// Longer than any line that Redis sends: those that are no texts are short.
const LINE_MAX: usize = 64 * 1024;
/// More values than any answer to us has.
const VALUES_MAX: usize = 1 << 20;

#[cfg(test)]
mod tests;
