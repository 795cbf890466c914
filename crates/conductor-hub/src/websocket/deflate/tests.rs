//! What is agreed, compressed and inflated, whatever the bytes.

use bytes::BytesMut;
use flate2::{Compress, Compression, FlushCompress};
use http::header::SEC_WEBSOCKET_EXTENSIONS;
use http::{HeaderMap, HeaderValue};
use proptest::collection::vec;
use proptest::prelude::*;

use super::inflate::inflate;
use super::{TAIL, Window, agreed_window, deflate, deflate_frames};
use crate::websocket::{ClientInput, Decoder, FrameKind, Violation, put_frame};

const LIMIT: usize = 4_000;

/// Compresses as any client may: at a level and in a window of its own, and whatever comes of it.
fn compressed(message: &[u8], level: u32, bits: u8) -> Vec<u8> {
    let mut compress = Compress::new_with_window_bits(Compression::new(level), false, bits);
    let mut out = Vec::with_capacity(message.len() * 2 + 100);
    compress.compress_vec(message, &mut out, FlushCompress::Sync).unwrap();
    assert!(out.ends_with(&TAIL));
    out.truncate(out.len() - TAIL.len());
    out
}

/// Returns frames of a client, all but the first continuing.
fn fragments(compressed: &[u8], opcode: u8, cut: usize) -> Vec<u8> {
    let mut wire = Vec::new();
    let mut pieces = compressed.chunks(cut).peekable();
    let mut first = 0x40 | opcode;
    while let Some(piece) = pieces.next() {
        wire.push(if pieces.peek().is_none() { 0x80 | first } else { first });
        wire.extend([0x80 | 126]);
        wire.extend(u16::try_from(piece.len()).unwrap().to_be_bytes());
        wire.extend([0; 4]);
        wire.extend(piece);
        first = 0;
    }
    wire
}

/// Returns what a decoder makes of bytes that come in pieces of a size.
fn decoded(wire: &[u8], size: usize, limit: usize) -> Result<Vec<Vec<u8>>, Violation> {
    let (mut decoder, mut messages) = (Decoder::new(limit).inflating(), Vec::new());
    for piece in wire.chunks(size) {
        decoder.decode(&mut piece.to_vec(), |event| {
            if let ClientInput::Message(_kind, message) = event {
                messages.push(message.to_vec());
            }
            true
        })?;
        assert!(decoder.held_bytes() <= limit + limit / 8 + 64);
    }
    Ok(messages)
}

/// Bytes that can be compressed to some degree.
fn message() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        vec(any::<u8>(), 0..LIMIT),
        vec(prop_oneof![Just(b'a'), Just(b'b')], 0..LIMIT),
        (any::<u8>(), 0..LIMIT).prop_map(|(byte, len)| vec![byte; len]),
    ]
}

proptest! {
    #[test]
    fn messages_survive_any_compressor_fragments_and_chunks(
        messages in vec(message(), 1..4),
        level in 0_u32..=9,
        bits in 9_u8..=15,
        cut in 1_usize..2_000,
        size in 1_usize..5_000,
    ) {
        let wire: Vec<u8> =
            messages.iter().flat_map(|message| fragments(&compressed(message, level, bits), 2, cut)).collect();
        prop_assert_eq!(decoded(&wire, size, LIMIT), Ok(messages));
    }

    #[test]
    fn what_we_compress_is_smaller_and_comes_back(message in message(), small in any::<bool>()) {
        let window = if small { Window::Small } else { Window::Full };
        if let Some(bytes) = deflate(&message, window) {
            prop_assert!(bytes.len() < message.len());
            prop_assert_eq!(inflate(&bytes, LIMIT), Ok(message));
        }
    }

    #[test]
    fn nothing_becomes_longer_than_the_limit(message in message(), limit in 0_usize..LIMIT) {
        let outcome = inflate(&compressed(&message, 6, 15), limit);
        match outcome {
            Ok(inflated) => {
                prop_assert!(message.len() <= limit && inflated == message);
                prop_assert!(inflated.capacity() <= limit + 1);
            }
            Err(fault) => {
                prop_assert_eq!(fault, Violation::TooBig);
                prop_assert!(message.len() > limit);
            }
        }
    }

    #[test]
    fn any_bytes_are_a_message_or_a_violation(bytes in vec(any::<u8>(), 0..2_000)) {
        if let Ok(message) = inflate(&bytes, LIMIT) {
            prop_assert!(message.len() <= LIMIT);
        }
    }

    #[test]
    fn frames_are_the_same_for_who_inflates_them(messages in vec(message(), 0..6), from in 64_usize..1_000) {
        let mut frames = BytesMut::new();
        for message in &messages {
            put_frame(&mut frames, FrameKind::Binary, message);
            put_frame(&mut frames, FrameKind::Ping, b"");
        }
        if let Some((deflated, count)) = deflate_frames(&frames, from, Window::Full) {
            prop_assert!(deflated.len() < frames.len());
            prop_assert_eq!((count, inflated_frames(&deflated)), (expected_count(&messages, from), messages));
        }
    }
}

fn expected_count(messages: &[Vec<u8>], from: usize) -> u64 {
    let worth_it = |message: &&Vec<u8>| message.len() >= from && deflate(message, Window::Full).is_some();
    messages.iter().filter(worth_it).count() as u64
}

/// Reads a server's frames as a client does, and drops the pings.
fn inflated_frames(mut frames: &[u8]) -> Vec<Vec<u8>> {
    let mut messages = Vec::new();
    while let [first, len, rest @ ..] = frames {
        let (len, rest) = match len {
            126 => (usize::from(u16::from_be_bytes([rest[0], rest[1]])), &rest[2..]),
            short => (usize::from(*short), rest),
        };
        match first {
            0x82 => messages.push(rest[..len].to_vec()),
            0xC2 => messages.push(inflate(&rest[..len], LIMIT).unwrap()),
            0x89 => {}
            other => panic!("{other:x} begins no frame of ours"),
        }
        frames = &rest[len..];
    }
    messages
}

/// Source: RFC 7692, section 7.2.3.
#[test]
fn examples_of_the_standard_are_inflated() {
    let hello: [&[u8]; 4] = [
        &[0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00],
        // Without compression.
        &[0x00, 0x05, 0x00, 0xFA, 0xFF, 0x48, 0x65, 0x6C, 0x6C, 0x6F, 0x00],
        // Its first block is the last one of its stream.
        &[0xF3, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00, 0x00],
        // Two blocks.
        &[0xF2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xFF, 0xFF, 0xCA, 0xC9, 0xC9, 0x07, 0x00],
    ];
    for bytes in hello {
        assert_eq!(inflate(bytes, 5), Ok(b"Hello".to_vec()), "{bytes:x?}");
        assert_eq!(inflate(bytes, 4), Err(Violation::TooBig));
    }
    assert_eq!(inflate(&[0x00], 0), Ok(vec![]), "the empty message");
}

#[test]
fn a_text_that_is_cut_is_a_violation() {
    let text: String =
        (0..50).map(|n| format!(r#"{{"id":{n},"name":"user {}"}},"#, n * 7919 % 1_000)).collect();
    let whole = compressed(text.as_bytes(), 6, 15);
    for kept in 0..whole.len() {
        let cut = inflate(&whole[..kept], LIMIT);
        assert!(matches!(cut, Err(Violation::Protocol(_))), "{cut:?} of {kept} bytes");
    }
}

#[test]
fn a_bomb_is_defused() {
    // 10 MB in 10 KB.
    let bomb = compressed(&vec![0; 10_000_000], 9, 15);
    assert!(bomb.len() < 20_000);
    assert_eq!(inflate(&bomb, 256_000), Err(Violation::TooBig));
    // Streams that end again and again, in two bytes each.
    assert!(matches!(inflate(&[0x03, 0x00].repeat(100_000), LIMIT), Err(Violation::Protocol(_))));
}

#[test]
fn reserved_bits_are_for_the_beginning_of_a_message() {
    let whole = compressed(&[7; 100], 6, 15);
    let mut wire = fragments(&whole, 2, 1);
    assert_eq!(decoded(&wire, 7, LIMIT), Ok(vec![vec![7; 100]]));
    for (number, wire) in [
        [&fragments(&whole, 2, 4)[..9], &[0x40, 0x80, 0, 0, 0, 0]].concat(), // A continuation.
        vec![0xC9, 0x80, 0, 0, 0, 0],                                        // A ping.
        vec![0xA2, 0x80, 0, 0, 0, 0],
        vec![0x92, 0x80, 0, 0, 0, 0],
    ]
    .into_iter()
    .enumerate()
    {
        assert!(matches!(decoded(&wire, 50, LIMIT), Err(Violation::Protocol(_))), "case {number}");
    }
    let mut plain = Decoder::new(LIMIT);
    assert!(matches!(plain.decode(&mut wire, |_| true), Err(Violation::Protocol(_))));
}

#[test]
fn compressed_text_is_utf8() {
    let wire = fragments(&compressed(&[b'a', 0xC0, b'b'], 6, 15), 1, 100);
    assert_eq!(decoded(&wire, 1_000, LIMIT), Err(Violation::Utf8));
    let wire = fragments(&compressed("grüße".as_bytes(), 6, 15), 1, 3);
    assert_eq!(decoded(&wire, 2, LIMIT), Ok(vec!["grüße".as_bytes().to_vec()]));
}

#[test]
fn what_cannot_be_compressed_may_be_as_long_as_the_limit() {
    let noise: Vec<u8> =
        (0_u64..LIMIT as u64).map(|n| (n.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 56) as u8).collect();
    let wire = fragments(&compressed(&noise, 0, 15), 2, 1_000);
    assert!(wire.len() > LIMIT);
    assert_eq!(decoded(&wire, 300, LIMIT), Ok(vec![noise]));
}

#[test]
fn the_first_offer_that_can_be_accepted_is() {
    let none = None;
    for (offer, window) in [
        ("permessage-deflate", Some(Window::Full)),
        ("permessage-deflate; client_max_window_bits", Some(Window::Full)),
        ("Permessage-Deflate;Client_Max_Window_Bits=\"10\" ; server_no_context_takeover", Some(Window::Full)),
        ("permessage-deflate; server_max_window_bits=15", Some(Window::Full)),
        ("permessage-deflate; server_max_window_bits=14", Some(Window::Small)),
        ("permessage-deflate; server_max_window_bits=\"9\"", Some(Window::Small)),
        ("x-webkit-deflate-frame, permessage-deflate", Some(Window::Full)),
        ("permessage-deflate; server_max_window_bits=8, permessage-deflate", Some(Window::Full)),
        ("permessage-deflate; server_max_window_bits=8", none),
        ("permessage-deflate; server_max_window_bits=16", none),
        ("permessage-deflate; server_max_window_bits=09", none),
        ("permessage-deflate; server_max_window_bits", none),
        ("permessage-deflate; client_max_window_bits=7", none),
        ("permessage-deflate; server_no_context_takeover=1", none),
        ("permessage-deflate; server_no_context_takeover=9", none),
        ("permessage-deflate; client_no_context_takeover; client_no_context_takeover", none),
        ("permessage-deflate; unknown", none),
        ("permessage-deflate;", none),
        ("permessage-bzip2", none),
        ("", none),
    ] {
        let mut headers = HeaderMap::new();
        headers.insert(SEC_WEBSOCKET_EXTENSIONS, HeaderValue::from_static(offer));
        assert_eq!(agreed_window(&headers), window, "{offer}");
    }
    let mut twice = HeaderMap::new();
    twice.append(SEC_WEBSOCKET_EXTENSIONS, HeaderValue::from_static("permessage-bzip2"));
    twice.append(SEC_WEBSOCKET_EXTENSIONS, HeaderValue::from_static("permessage-deflate"));
    assert_eq!(agreed_window(&twice), Some(Window::Full));
}
