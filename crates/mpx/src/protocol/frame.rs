//! Frames out of bytes: what a subscribed connection hears, in both protocols.
//!
//! A parser that looks at the whole buffer again when there is more of it. That is cheap, as a frame has few lengths in front of few
//! texts, and it says how much has to be there before another look is worth it.

use std::fmt;
use std::ops::Range;

/// What a connection heard. Texts are borrowed from the buffer.
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
    Subscribed(Kind, &'a [u8]),
    /// A subscription ends; without a name if there was none to end.
    Unsubscribed(Kind, Option<&'a [u8]>),
    /// The answer to `PING`.
    Pong,
    /// A command was refused.
    Refused(&'a [u8]),
    /// A number: how many received what was published.
    Number(i64),
    /// Anything else: the answer to `HELLO`, for one.
    Other,
}

/// What a name is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A channel.
    Channel,
    /// A glob that channels fit.
    Pattern,
    /// A channel that lives on one shard of a cluster.
    Shard,
}

/// What a buffer begins with.
#[derive(Debug, Clone, PartialEq, Eq)]
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
/// If that is none, or if a text in it is longer than `text_max`.
pub fn parse(buffer: &[u8], text_max: usize) -> Result<Parsed<'_>, Malformed> {
    let mut cursor = Cursor { buffer, at: 0, text_max };
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

struct Cursor<'a> {
    buffer: &'a [u8],
    at: usize,
    text_max: usize,
}

/// The head of a value: its type, and its number or its line.
struct Head {
    kind: u8,
    line: Range<usize>,
}

impl<'a> Cursor<'a> {
    fn frame(&mut self) -> Result<Frame<'a>, Stop> {
        loop {
            let head = self.head()?;
            match head.kind {
                b'*' | b'>' => return self.list(&head),
                b'|' => {
                    // Attributes of the value behind them.
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
            (b"subscribe", 3) => self.begins(Kind::Channel),
            (b"psubscribe", 3) => self.begins(Kind::Pattern),
            (b"ssubscribe", 3) => self.begins(Kind::Shard),
            (b"unsubscribe", 3) => self.ends(Kind::Channel),
            (b"punsubscribe", 3) => self.ends(Kind::Pattern),
            (b"sunsubscribe", 3) => self.ends(Kind::Shard),
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

    fn begins(&mut self, kind: Kind) -> Result<Frame<'a>, Stop> {
        let name = self.text()?;
        self.skip(1)?;
        Ok(Frame::Subscribed(kind, name))
    }

    fn ends(&mut self, kind: Kind) -> Result<Frame<'a>, Stop> {
        let name = self.text_or_skip()?;
        self.skip(1)?;
        Ok(Frame::Unsubscribed(kind, name))
    }

    fn text(&mut self) -> Result<&'a [u8], Stop> {
        self.text_or_skip()?.ok_or(Stop::Malformed("a message has something else where a text belongs"))
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
        // Nested ones are counted, not entered: how deep they go does not matter.
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
            // Attributes are no value: the one behind them takes their place.
            b'|' => Ok(2 * self.length(head)?.unwrap_or(0) + 1),
            b'%' => Ok(2 * self.length(head)?.unwrap_or(0)),
            b'+' | b'-' | b':' | b'_' | b',' | b'#' | b'(' => Ok(0),
            _ => Err(Stop::Malformed("a value is of no type of the protocol")),
        }
    }

    fn head(&mut self) -> Result<Head, Stop> {
        let rest = &self.buffer[self.at..];
        let window = &rest[..rest.len().min(LINE_MAX)];
        let Some(end) = memchr::memchr(b'\n', window) else {
            if rest.len() >= LINE_MAX {
                return Err(Stop::Malformed("a line does not end"));
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
            Some(length) if length > self.text_max => Err(Stop::Malformed("a text is longer than allowed")),
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
        let mut number = 0_usize;
        for digit in digits {
            if !digit.is_ascii_digit() {
                return Err(NO_LENGTH);
            }
            number = number * 10 + usize::from(digit - b'0');
        }
        if number > VALUES_MAX && !matches!(head.kind, b'$' | b'!' | b'=') {
            return Err(TOO_MANY);
        }
        Ok(Some(number))
    }

    fn number(&self, head: &Head) -> Result<i64, Stop> {
        let digits = std::str::from_utf8(&self.buffer[head.line.clone()]).ok();
        digits.and_then(|digits| digits.parse().ok()).ok_or(Stop::Malformed("a number is none"))
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], Stop> {
        let end = self.at + length;
        let Some(text) = self.buffer.get(self.at..end + 2) else {
            return Err(Stop::Incomplete(end + 2));
        };
        if !text.ends_with(b"\r\n") {
            return Err(Stop::Malformed("a text is longer than it said"));
        }
        self.at = end + 2;
        Ok(&text[..length])
    }

    fn text_of(&self, line: Range<usize>) -> &'a [u8] {
        &self.buffer[line]
    }
}

const NO_LENGTH: Stop = Stop::Malformed("a length is no number");
const TOO_MANY: Stop = Stop::Malformed("a list is longer than any of Redis");
/// Longer than any line that Redis sends: those that are no texts are short.
const LINE_MAX: usize = 64 * 1024;
/// More values than any answer to us has.
const VALUES_MAX: usize = 1 << 20;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A frame that owns its texts.
    #[derive(Debug, Clone, PartialEq, Eq)]
    enum Said {
        Message(Vec<u8>, Vec<u8>, bool),
        Pattern(Vec<u8>, Vec<u8>, Vec<u8>),
        Subscribed(Kind, Vec<u8>),
        Unsubscribed(Kind, Option<Vec<u8>>),
        Pong,
        Refused(Vec<u8>),
        Number(i64),
        Other,
    }

    fn said(frame: Frame<'_>) -> Said {
        match frame {
            Frame::Message { channel, payload, sharded } => {
                Said::Message(channel.to_vec(), payload.to_vec(), sharded)
            }
            Frame::PatternMessage { pattern, channel, payload } => {
                Said::Pattern(pattern.to_vec(), channel.to_vec(), payload.to_vec())
            }
            Frame::Subscribed(kind, name) => Said::Subscribed(kind, name.to_vec()),
            Frame::Unsubscribed(kind, name) => Said::Unsubscribed(kind, name.map(<[u8]>::to_vec)),
            Frame::Pong => Said::Pong,
            Frame::Refused(why) => Said::Refused(why.to_vec()),
            Frame::Number(number) => Said::Number(number),
            Frame::Other => Said::Other,
        }
    }

    /// Reads all there is, as a connection does that gets the bytes in chunks of these sizes.
    fn read(bytes: &[u8], chunks: &[usize]) -> Result<(Vec<Said>, usize), Malformed> {
        let (mut frames, mut start, mut end, mut needed) = (Vec::new(), 0, 0, 0);
        let mut sizes = chunks.iter().copied().cycle();
        while end < bytes.len() {
            end = (end + sizes.next().unwrap_or(usize::MAX).clamp(1, bytes.len())).min(bytes.len());
            if end - start < needed {
                continue;
            }
            loop {
                match parse(&bytes[start..end], 1 << 16)? {
                    Parsed::Frame(frame, length) => {
                        frames.push(said(frame));
                        start += length;
                    }
                    Parsed::Incomplete { needed: more } => {
                        assert!(more > end - start, "it asks for more than there is");
                        needed = more;
                        break;
                    }
                }
            }
        }
        Ok((frames, bytes.len() - start))
    }

    fn all(bytes: &[u8]) -> Result<(Vec<Said>, usize), Malformed> {
        read(bytes, &[usize::MAX])
    }

    #[test]
    fn both_protocols_are_read() {
        for mark in ["*", ">"] {
            let bytes = format!(
                "{mark}3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n{mark}3\r\n$7\r\nmessage\r\n$1\r\na\r\n$2\r\nhi\r\n\
                 {mark}4\r\n$8\r\npmessage\r\n$2\r\na*\r\n$1\r\na\r\n$0\r\n\r\n{mark}3\r\n$8\r\nsmessage\r\n$1\r\na\r\n$1\r\n\n\r\n\
                 {mark}3\r\n$11\r\nunsubscribe\r\n$-1\r\n:0\r\n{mark}3\r\n$12\r\npunsubscribe\r\n_\r\n:0\r\n"
            );
            let expected = vec![
                Said::Subscribed(Kind::Channel, b"a".to_vec()),
                Said::Message(b"a".to_vec(), b"hi".to_vec(), false),
                Said::Pattern(b"a*".to_vec(), b"a".to_vec(), Vec::new()),
                Said::Message(b"a".to_vec(), b"\n".to_vec(), true),
                Said::Unsubscribed(Kind::Channel, None),
                Said::Unsubscribed(Kind::Pattern, None),
            ];
            assert_eq!(all(bytes.as_bytes()), Ok((expected, 0)));
        }
    }

    #[test]
    fn answers_to_other_commands_are_passed_over() {
        let hello = b"%2\r\n+server\r\n+redis\r\n$7\r\nmodules\r\n*1\r\n~1\r\n%1\r\n#t\r\n,1.5\r\n";
        assert_eq!(all(hello), Ok((vec![Said::Other], 0)));
        let others = b"+OK\r\n$2\r\nok\r\n*-1\r\n*0\r\n_\r\n*1\r\n:1\r\n(1\r\n=6\r\ntxt:ok\r\n";
        assert_eq!(all(others), Ok((vec![Said::Other; 8], 0)));
        assert_eq!(all(b":-12\r\n"), Ok((vec![Said::Number(-12)], 0)));
        let pongs = b"+PONG\r\n*2\r\n$4\r\npong\r\n$0\r\n\r\n|1\r\n+ttl\r\n:1\r\n+PONG\r\n";
        assert_eq!(all(pongs), Ok((vec![Said::Pong; 3], 0)));
        let refused = b"-NOPERM no\r\n!9\r\nNOPERM no\r\n";
        assert_eq!(
            all(refused),
            Ok((vec![Said::Refused(b"NOPERM no".to_vec()), Said::Refused(b"NOPERM no".to_vec())], 0))
        );
    }

    #[test]
    fn what_is_no_frame_is_an_error() {
        for bytes in [
            &b"?\r\n"[..],
            b"*3\r\n$7\r\nmessage\r\n:1\r\n$1\r\na\r\n",
            b"$x\r\n",
            b":x\r\n",
            b"$-2\r\n",
            b"$\r\n",
            b"*99999999\r\n",
            b"$70000\r\n",
            b"$1\r\nab\r\n",
            b"+no\n",
            b"\n",
        ] {
            assert!(all(bytes).is_err(), "{}", bytes.escape_ascii());
        }
        assert!(all(&vec![b'+'; LINE_MAX + 1]).is_err(), "a line without an end");
    }

    #[test]
    fn a_long_text_is_looked_at_again_only_when_it_is_whole() {
        let head = b"*3\r\n$7\r\nmessage\r\n$1\r\na\r\n$60000\r\n";
        let Ok(Parsed::Incomplete { needed }) = parse(head, 1 << 16) else { panic!("it is not whole") };
        assert_eq!(needed, head.len() + 60_002);
    }

    fn text() -> impl Strategy<Value = Vec<u8>> {
        prop_oneof![prop::collection::vec(any::<u8>(), 0..40), Just(vec![b'\r'; 3]), Just(b"$1\r\n".to_vec())]
    }

    fn bulk(text: &[u8]) -> Vec<u8> {
        let mut out = format!("${}\r\n", text.len()).into_bytes();
        out.extend_from_slice(text);
        out.extend_from_slice(b"\r\n");
        out
    }

    fn list(resp3: bool, parts: &[Vec<u8>]) -> Vec<u8> {
        let mut out = format!("{}{}\r\n", if resp3 { '>' } else { '*' }, parts.len()).into_bytes();
        out.extend(parts.concat());
        out
    }

    /// A frame with its bytes.
    fn frame() -> impl Strategy<Value = (Said, Vec<u8>)> {
        let kind = prop_oneof![Just(Kind::Channel), Just(Kind::Pattern), Just(Kind::Shard)];
        let letter = |kind| match kind {
            Kind::Channel => "",
            Kind::Pattern => "p",
            Kind::Shard => "s",
        };
        (0..7_u8, any::<bool>(), kind, text(), text(), text()).prop_map(
            move |(which, resp3, kind, a, b, c)| {
                let word = |word: &str| bulk(format!("{}{word}", letter(kind)).as_bytes());
                let number = || b":1\r\n".to_vec();
                match (which, kind) {
                    (0, Kind::Pattern) => (
                        Said::Pattern(a.clone(), b.clone(), c.clone()),
                        list(resp3, &[word("message"), bulk(&a), bulk(&b), bulk(&c)]),
                    ),
                    (1, Kind::Pattern) => (Said::Pong, b"+PONG\r\n".to_vec()),
                    (0 | 1, _) => (
                        Said::Message(a.clone(), b.clone(), kind == Kind::Shard),
                        list(resp3, &[word("message"), bulk(&a), bulk(&b)]),
                    ),
                    (2, _) => (
                        Said::Subscribed(kind, a.clone()),
                        list(resp3, &[word("subscribe"), bulk(&a), number()]),
                    ),
                    (3, _) => (
                        Said::Unsubscribed(kind, Some(a.clone())),
                        list(resp3, &[word("unsubscribe"), bulk(&a), number()]),
                    ),
                    (4, _) => (
                        Said::Unsubscribed(kind, None),
                        list(resp3, &[word("unsubscribe"), b"$-1\r\n".to_vec(), number()]),
                    ),
                    (5, _) => (Said::Refused(b"ERR no".to_vec()), b"-ERR no\r\n".to_vec()),
                    _ => (Said::Other, list(resp3, &[bulk(&[b"x".to_vec(), a].concat()), number()])),
                }
            },
        )
    }

    proptest! {
        #[test]
        fn chunks_make_no_difference(
            frames in prop::collection::vec(frame(), 0..20),
            chunks in prop::collection::vec(1..60_usize, 1..20),
            cut in 0..40_usize,
        ) {
            let mut bytes: Vec<u8> = frames.iter().flat_map(|(_, bytes)| bytes.clone()).collect();
            let mut expected: Vec<Said> = frames.into_iter().map(|(said, _)| said).collect();
            prop_assert_eq!(read(&bytes, &chunks), Ok((expected.clone(), 0)));
            // Without its end it is what was whole, and a rest.
            bytes.truncate(bytes.len().saturating_sub(cut));
            let (whole, rest) = read(&bytes, &chunks).unwrap();
            expected.truncate(whole.len());
            prop_assert_eq!(&whole, &expected);
            prop_assert_eq!(all(&bytes).unwrap(), (whole, rest));
        }

        #[test]
        fn any_bytes_are_an_answer(
            bytes in prop::collection::vec(
                prop_oneof![any::<u8>(), prop::sample::select(b"*>$+-:|%~_#,(!=\r\n0123456789".to_vec())], 0..200),
            chunks in prop::collection::vec(1..60_usize, 1..20),
        ) {
            let whole = all(&bytes);
            let parts = read(&bytes, &chunks);
            // What went wrong is found out, at the latest, when it is there.
            prop_assert_eq!(whole.is_err(), parts.is_err());
            if let (Ok(whole), Ok(parts)) = (whole, parts) {
                prop_assert_eq!(whole, parts);
            }
        }
    }
}
