//! The golden vectors of the protocol, taken from the ancestor's wire.

use conductor_hub::protocol::{Message, Opcode};

const UUID: &str = "01234567-89ab-4cde-8f01-23456789abcd";

/// Returns each message with its encoding.
pub(crate) fn golden() -> Vec<(Message, Vec<u8>)> {
    let uuid = hex("30313233343536372d383961622d346364652d386630312d323334353637383961626364");
    let with_uuid = |head: &str, tail: &str| [&hex(head)[..], &uuid, &hex(tail)].concat();
    vec![
        (Message::with_uuid(Opcode::BIND, "", "", ""), hex("00000000000000000000")),
        (
            Message::with_uuid(Opcode::BIND, UUID, "hello", ""),
            with_uuid("00002400", "050068656c6c6f00000000"),
        ),
        (
            Message::with_uuid(Opcode::UNBIND, UUID, "hello", ""),
            with_uuid("01002400", "050068656c6c6f00000000"),
        ),
        (
            Message::with_uuid(Opcode::WRITE, UUID, "hello", "hi"),
            with_uuid("02002400", "050068656c6c6f020000006869"),
        ),
        (
            Message::with_uuid(Opcode::SERVER, UUID, "", &[0, 1, 0xFF][..]),
            with_uuid("03002400", "0000030000000001ff"),
        ),
        (Message::with_uuid(Opcode::CLEAN_UP, "", "", ""), hex("04000000000000000000")),
        (Message::with_uuid(Opcode::STREAM_START, "u", "f", ""), hex("050001007501006600000000")),
        (Message::with_uuid(Opcode::STREAM_WRITE, "u", "f", "abc"), hex("070001007501006603000000616263")),
        (Message::with_uuid(Opcode::STREAM_END, "u", "f", ""), hex("060001007501006600000000")),
        (Message::with_uuid(Opcode::META_QUERY, "u", "", ""), hex("0800010075000000000000")),
        (
            Message::with_uuid(Opcode::META_QUERY_RESPONSE, "u", "", r#"{"count":0}"#),
            hex("090001007500000b0000007b22636f756e74223a307d"),
        ),
        (Message::with_uuid(Opcode::WRITE, "", "héllo", "ü"), hex("02000000060068c3a96c6c6f02000000c3bc")),
    ]
}

fn hex(digits: &str) -> Vec<u8> {
    let digit = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16).expect("vectors are hexadecimal");
    (0..digits.len()).step_by(2).map(digit).collect()
}
