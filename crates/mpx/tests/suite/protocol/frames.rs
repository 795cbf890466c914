//! Examples of what Redis says, and random frames that are read as what they were written as.

use mpx::protocol::{Frame, NameKind};
use proptest::prelude::*;

use super::law::{Read, check, read};

/// Asserts that these bytes are these frames, whole.
fn are(bytes: &[u8], frames: Vec<Frame<'_>>) {
    assert_eq!(read(bytes, [bytes.len()]), Read { frames, end: Ok(0) });
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
            Frame::Subscribed(NameKind::Channel, b"a"),
            Frame::Message { channel: b"a", payload: b"hi", sharded: false },
            Frame::PatternMessage { pattern: b"a*", channel: b"a", payload: b"" },
            Frame::Message { channel: b"a", payload: b"\n", sharded: true },
            Frame::Unsubscribed(NameKind::Channel, None),
            Frame::Unsubscribed(NameKind::Pattern, None),
        ];
        are(bytes.as_bytes(), expected);
    }
}

#[test]
fn answers_to_other_commands_are_passed_over() {
    let hello = b"%2\r\n+server\r\n+redis\r\n$7\r\nmodules\r\n*1\r\n~1\r\n%1\r\n#t\r\n,1.5\r\n";
    are(hello, vec![Frame::Other]);
    let others = b"+OK\r\n$2\r\nok\r\n*-1\r\n*0\r\n_\r\n*1\r\n:1\r\n(1\r\n=6\r\ntxt:ok\r\n";
    are(others, vec![Frame::Other; 8]);
    are(b":-12\r\n", vec![Frame::Number(-12)]);
    let pongs = b"+PONG\r\n*2\r\n$4\r\npong\r\n$0\r\n\r\n|1\r\n+ttl\r\n:1\r\n+PONG\r\n";
    are(pongs, vec![Frame::Pong; 3]);
    are(b"-NOPERM no\r\n!9\r\nNOPERM no\r\n", vec![Frame::Refused(b"NOPERM no"); 2]);
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

/// What a frame is made of.
#[derive(Debug, Clone)]
pub(crate) struct Parts {
    which: u8,
    resp3: bool,
    kind: NameKind,
    texts: [Vec<u8>; 3],
}

impl Parts {
    /// The frame, and its bytes.
    fn frame(&self) -> (Frame<'_>, Vec<u8>) {
        let Self { which, kind, texts: [a, b, c], .. } = self;
        let number = || b":1\r\n".to_vec();
        match (which, *kind) {
            (0, NameKind::Pattern) => (
                Frame::PatternMessage { pattern: a, channel: b, payload: c },
                self.list(&[self.word("message"), bulk(a), bulk(b), bulk(c)]),
            ),
            (1, NameKind::Pattern) => (Frame::Pong, b"+PONG\r\n".to_vec()),
            (0 | 1, kind) => (
                Frame::Message { channel: a, payload: b, sharded: kind == NameKind::Shard },
                self.list(&[self.word("message"), bulk(a), bulk(b)]),
            ),
            (2, kind) => {
                (Frame::Subscribed(kind, a), self.list(&[self.word("subscribe"), bulk(a), number()]))
            }
            (3, kind) => (
                Frame::Unsubscribed(kind, Some(a)),
                self.list(&[self.word("unsubscribe"), bulk(a), number()]),
            ),
            (4, kind) => (
                Frame::Unsubscribed(kind, None),
                self.list(&[self.word("unsubscribe"), b"$-1\r\n".to_vec(), number()]),
            ),
            (5, _) => (Frame::Refused(b"ERR no"), b"-ERR no\r\n".to_vec()),
            _ => (Frame::Other, self.list(&[bulk(&[b"x", &a[..]].concat()), number()])),
        }
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.frame().1
    }

    fn word(&self, word: &str) -> Vec<u8> {
        let letter = match self.kind {
            NameKind::Channel => "",
            NameKind::Pattern => "p",
            NameKind::Shard => "s",
        };
        bulk(format!("{letter}{word}").as_bytes())
    }

    fn list(&self, values: &[Vec<u8>]) -> Vec<u8> {
        let mut out = format!("{}{}\r\n", if self.resp3 { '>' } else { '*' }, values.len()).into_bytes();
        out.extend(values.concat());
        out
    }
}

pub(crate) fn parts() -> impl Strategy<Value = Parts> {
    let kind = prop_oneof![Just(NameKind::Channel), Just(NameKind::Pattern), Just(NameKind::Shard)];
    let texts = [text().boxed(), text().boxed(), text().boxed()];
    (0..7_u8, any::<bool>(), kind, texts).prop_map(|(which, resp3, kind, texts)| Parts {
        which,
        resp3,
        kind,
        texts,
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn chunks_make_no_difference(
        parts in prop::collection::vec(parts(), 0..20),
        chunks in prop::collection::vec(1..60_usize, 1..20),
        cut in 0..40_usize,
    ) {
        let (mut frames, bytes): (Vec<_>, Vec<_>) = parts.iter().map(Parts::frame).unzip();
        let bytes = bytes.concat();
        let sizes = || chunks.iter().copied().cycle();
        prop_assert_eq!(read(&bytes, sizes()), Read { frames: frames.clone(), end: Ok(0) });
        // Without its end it is what was whole, and a rest.
        let bytes = &bytes[..bytes.len().saturating_sub(cut)];
        let whole = read(bytes, [bytes.len()]);
        frames.truncate(whole.frames.len());
        prop_assert_eq!(&whole.frames, &frames);
        prop_assert_eq!(read(bytes, sizes()), whole);
    }

    #[test]
    fn any_bytes_are_an_answer(
        bytes in prop::collection::vec(
            prop_oneof![any::<u8>(), prop::sample::select(b"*>$+-:|%~_#,(!=\r\n0123456789".to_vec())], 0..200),
    ) {
        check(&bytes);
    }
}
