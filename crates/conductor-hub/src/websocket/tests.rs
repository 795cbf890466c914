//! The decoder, whatever the chunks, cuts and sizes.

use bytes::BytesMut;
use proptest::collection::vec;
use proptest::prelude::*;

use super::{ClientInput, Decoder, FrameKind, Violation, put_frame};

const LIMIT: usize = 2_000;

/// What a decoder said, with its parts owned.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Said {
    Message(Vec<u8>),
    Ping(Vec<u8>),
    Pong,
    Close(Option<u16>),
}

/// Feeds `bytes` in pieces of the given sizes, over and over.
fn decode(bytes: &[u8], sizes: &[usize]) -> (Vec<Said>, Result<(), Violation>) {
    let mut decoder = Decoder::new(LIMIT);
    let (mut said, mut rest) = (Vec::new(), bytes);
    for size in sizes.iter().copied().cycle() {
        let (piece, behind) = rest.split_at(size.min(rest.len()));
        rest = behind;
        let outcome = decoder.decode(&mut piece.to_vec(), |event| {
            said.push(match event {
                ClientInput::Message(_kind, bytes) => Said::Message(bytes.to_vec()),
                ClientInput::Ping(bytes) => Said::Ping(bytes.to_vec()),
                ClientInput::Pong => Said::Pong,
                ClientInput::Close(code) => Said::Close(code),
            });
            true
        });
        if outcome.is_err() || rest.is_empty() {
            return (said, outcome.map(|_used| ()));
        }
    }
    unreachable!("sizes are not empty")
}

/// Encodes one frame as a client does.
fn masked(fin: bool, opcode: u8, payload: &[u8], mask: [u8; 4]) -> Vec<u8> {
    let mut frame = vec![if fin { 0x80 | opcode } else { opcode }];
    match payload.len() {
        len @ 0..=125 => frame.push(0x80 | u8::try_from(len).unwrap()),
        len @ 126..=0xFFFF => {
            frame.push(0x80 | 126);
            frame.extend(u16::try_from(len).unwrap().to_be_bytes());
        }
        len => {
            frame.push(0x80 | 127);
            frame.extend((len as u64).to_be_bytes());
        }
    }
    frame.extend(mask);
    frame.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, key)| byte ^ key));
    frame
}

/// A client's message: its bytes, where it is cut into fragments, and the pings between them.
fn messages() -> impl Strategy<Value = Vec<(Vec<u8>, usize, bool)>> {
    vec((vec(any::<u8>(), 0..LIMIT), 1..LIMIT, any::<bool>()), 0..6)
}

proptest! {
    #[test]
    fn messages_survive_any_fragments_and_chunks(
        messages in messages(),
        mask in any::<[u8; 4]>(),
        sizes in vec(1_usize..300, 1..8),
    ) {
        let (mut wire, mut expected) = (Vec::new(), Vec::new());
        for (message, cut, ping) in messages {
            let mut fragments = message.chunks(cut).peekable();
            let mut opcode = 2;
            if fragments.peek().is_none() {
                wire.extend(masked(true, opcode, b"", mask));
            }
            while let Some(fragment) = fragments.next() {
                wire.extend(masked(fragments.peek().is_none(), opcode, fragment, mask));
                opcode = 0;
                if ping && fragments.peek().is_some() {
                    wire.extend(masked(true, 9, b"hey", mask));
                    expected.push(Said::Ping(b"hey".to_vec()));
                }
            }
            expected.push(Said::Message(message));
        }
        prop_assert_eq!(decode(&wire, &sizes), (expected, Ok(())));
    }

    #[test]
    fn any_bytes_are_events_or_a_violation(wire in vec(any::<u8>(), 0..4_000), sizes in vec(1_usize..50, 1..8)) {
        let (at_once, outcome) = decode(&wire, &[usize::MAX]);
        prop_assert_eq!(decode(&wire, &sizes), (at_once, outcome));
    }

    #[test]
    fn message_over_the_limit_is_refused_before_it_is_kept(
        over in 1_usize..100_000,
        sizes in vec(1_usize..3_000, 1..8),
        declared in any::<bool>(),
    ) {
        let wire = if declared {
            // The header alone is enough: its payload never comes.
            masked(true, 2, &vec![0; LIMIT + over], [0; 4])[..14.min(LIMIT)].to_vec()
        } else {
            let half = masked(false, 2, &vec![0; LIMIT], [0; 4]);
            [half, masked(true, 0, &vec![0; over], [0; 4])].concat()
        };
        prop_assert_eq!(decode(&wire, &sizes), (vec![], Err(Violation::TooBig)));
    }

    #[test]
    fn text_is_utf8_wherever_it_is_cut(text in "\\PC{0,200}", sizes in vec(1_usize..20, 1..8), cut in 1_usize..50) {
        let mut wire = Vec::new();
        let mut fragments = text.as_bytes().chunks(cut).peekable();
        let mut opcode = 1;
        while let Some(fragment) = fragments.next() {
            wire.extend(masked(fragments.peek().is_none(), opcode, fragment, [1, 2, 3, 4]));
            opcode = 0;
        }
        let expected = if text.is_empty() { vec![] } else { vec![Said::Message(text.into_bytes())] };
        prop_assert_eq!(decode(&wire, &sizes), (expected, Ok(())));
    }
}

#[test]
fn kept_bytes_never_take_more_than_the_limit() {
    let mut decoder = Decoder::new(LIMIT);
    let mut wire = masked(true, 2, &[7; LIMIT], [0; 4]);
    for byte in &mut wire[..LIMIT - 1] {
        decoder.decode(std::slice::from_mut(byte), |_| true).unwrap();
        assert!(decoder.message.capacity() <= LIMIT, "{} bytes are held", decoder.message.capacity());
    }
}

#[test]
fn declared_length_allocates_nothing() {
    let mut decoder = Decoder::new(usize::MAX);
    let mut header = masked(false, 2, &[0; 70_000], [0; 4])[..14].to_vec();
    decoder.decode(&mut header, |_| true).unwrap();
    assert_eq!(decoder.message.capacity(), 0);
}

#[test]
fn broken_rules_are_named() {
    let mask = [9, 8, 7, 6];
    let cases: [(&str, Vec<u8>); 9] = [
        ("reserved bits", vec![0xC2, 0x80]),
        ("unknown opcode", masked(true, 3, b"", mask)),
        ("control frame is fragmented", masked(false, 9, b"", mask)),
        ("longer than 125", masked(true, 9, &[0; 126], mask)),
        ("not masked", vec![0x82, 0x00]),
        ("without a message", masked(true, 0, b"", mask)),
        ("before the last one", [masked(false, 2, b"a", mask), masked(true, 2, b"b", mask)].concat()),
        ("half a close code", masked(true, 8, &[3], mask)),
        ("a code that a client may not send", masked(true, 8, &1005_u16.to_be_bytes(), mask)),
    ];
    for (expected, wire) in cases {
        match decode(&wire, &[1]) {
            (_, Err(Violation::Protocol(fault))) => {
                assert!(fault.contains(expected), "{fault} for {expected}");
            }
            other => panic!("{other:?} for {expected}"),
        }
    }
}

#[test]
fn invalid_text_fails_as_soon_as_it_is_seen() {
    let wire = masked(false, 1, &[b'a', 0xC0], [0; 4]);
    assert_eq!(decode(&wire, &[usize::MAX]), (vec![], Err(Violation::Utf8)));
}

#[test]
fn frames_of_every_length_class_are_encoded() {
    for (len, header) in [
        (0, &[0x82, 0][..]),
        (125, &[0x82, 125]),
        (126, &[0x82, 126, 0, 126]),
        (65_535, &[0x82, 126, 255, 255]),
    ] {
        let mut frame = BytesMut::new();
        put_frame(&mut frame, FrameKind::Binary, &vec![1; len]);
        assert_eq!((&frame[..header.len()], frame.len()), (header, header.len() + len));
    }
    let mut frame = BytesMut::new();
    put_frame(&mut frame, FrameKind::Binary, &vec![1; 65_536]);
    assert_eq!(frame[..10], [0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0]);
}
