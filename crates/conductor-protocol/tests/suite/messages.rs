//! The binary protocol: golden vectors, and any bytes at all.

use bytes::BytesMut;
use conductor_protocol::{DecodeError, EncodeError, Message, MessageRef, Opcode};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::vectors;

fn encoded(message: &Message) -> Vec<u8> {
    let mut out = BytesMut::new();
    message.encode(&mut out).expect("parts fit their length fields");
    out.to_vec()
}

#[test]
fn golden_vectors_encode_and_decode() {
    for (message, bytes) in vectors::golden() {
        assert_eq!(encoded(&message), bytes, "{message:?}");
        let decoded = MessageRef::decode(&bytes).expect("vector is a message");
        assert_eq!((decoded.to_message(), decoded.encoded()), (message, &bytes[..]));
    }
}

#[test]
fn what_is_no_message_is_an_error_that_says_why() {
    for (bytes, why) in vectors::errors() {
        let error = MessageRef::decode(&bytes).expect_err(&why);
        assert_eq!(error.to_string(), why, "{bytes:?}");
    }
}

#[test]
fn every_opcode_has_a_golden_vector() {
    let vectors = vectors::golden();
    for opcode in Opcode::ALL {
        assert!(vectors.iter().any(|(message, _)| message.opcode == *opcode), "{opcode:?} has none");
    }
}

#[test]
fn truncated_message_is_never_padded() {
    // The ancestor delivered this as "a" and four zeros.
    let bytes = [2, 0, 0, 0, 0, 0, 5, 0, 0, 0, b'a'];
    assert_eq!(MessageRef::decode(&bytes), Err(DecodeError::Truncated("body")));
}

#[test]
fn part_too_long_for_its_length_field_is_an_error() {
    // The ancestor wrote the length modulo 65,536.
    let long = "n".repeat(65_537);
    let mut out = BytesMut::from(&b"before"[..]);
    let channel = Message::new(Opcode::WRITE, long.clone(), "");
    assert_eq!(channel.encode(&mut out), Err(EncodeError::Channel(65_537)));
    let uuid = Message::with_uuid(Opcode::WRITE, long, "", "");
    assert_eq!(uuid.encode(&mut out), Err(EncodeError::Uuid(65_537)));
    assert_eq!(out, &b"before"[..]);
}

#[test]
fn names_that_are_not_utf8_are_errors() {
    let bytes = [2, 0, 0, 0, 1, 0, 0xFF, 0, 0, 0, 0];
    assert_eq!(MessageRef::decode(&bytes), Err(DecodeError::Utf8("channel name")));
}

proptest! {
    #[test]
    fn every_message_comes_back(
        opcode in any::<u16>(),
        uuid in ".{0,40}",
        channel in ".{0,80}",
        body in vec(any::<u8>(), 0..500),
        behind in vec(any::<u8>(), 0..20),
    ) {
        let message = Message::with_uuid(Opcode::from_wire(opcode), uuid, channel, body);
        let bytes = encoded(&message);
        prop_assert_eq!(bytes.len(), message.encoded_len());
        let with_more = [&bytes[..], &behind].concat();
        let decoded = MessageRef::decode(&with_more).expect("bytes behind the end are ignored");
        prop_assert_eq!(decoded.encoded(), &bytes[..]);
        prop_assert_eq!(decoded.to_message(), message);
    }

    #[test]
    fn every_cut_is_noticed(uuid in ".{0,20}", channel in ".{0,20}", body in vec(any::<u8>(), 0..50)) {
        let bytes = encoded(&Message::with_uuid(Opcode::WRITE, uuid, channel, body));
        for len in 0..bytes.len() {
            prop_assert!(matches!(MessageRef::decode(&bytes[..len]), Err(DecodeError::Truncated(_))));
        }
    }

    #[test]
    fn any_bytes_are_a_message_or_an_error(bytes in vec(any::<u8>(), 0..200)) {
        if let Ok(message) = MessageRef::decode(&bytes) {
            prop_assert_eq!(encoded(&message.to_message()), message.encoded());
        }
    }
}
