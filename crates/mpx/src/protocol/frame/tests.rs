use proptest::prelude::*;

use super::*;

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
        &[b'+'; LINE_MAX + 1],
    ] {
        assert!(parse(bytes, 1 << 16).is_err(), "{}", bytes.escape_ascii());
    }
}

#[test]
fn a_long_text_is_looked_at_again_only_when_it_is_whole() {
    let head = b"*3\r\n$7\r\nmessage\r\n$1\r\na\r\n$60000\r\n";
    assert_eq!(parse(head, 1 << 16), Ok(Parsed::Incomplete { needed: head.len() + 60_002 }));
}

proptest! {
    #[test]
    fn what_is_read_at_once_is_what_is_read_step_by_step(
        mark in prop::sample::select(vec!['*', '>']),
        channel in "[a-z]{0,12}",
        payload in "[a-z\r\n$0-9]{0,12}",
        lengths in prop::array::uniform2(prop_oneof![8 => Just(None), 1 => "[0-9]{0,11}".prop_map(Some)]),
        cut in 0..80_usize,
        text_max in 7..14_usize,
    ) {
        let [of_channel, of_payload] = lengths;
        let of_channel = of_channel.unwrap_or_else(|| channel.len().to_string());
        let of_payload = of_payload.unwrap_or_else(|| payload.len().to_string());
        let text = format!("{mark}3\r\n$7\r\nmessage\r\n${of_channel}\r\n{channel}\r\n${of_payload}\r\n{payload}\r\n+OK\r\n+OK\r\n");
        for bytes in [text.as_bytes(), &text.as_bytes()[..cut.min(text.len())]] {
            prop_assert_eq!(parse(bytes, text_max), parse_any(bytes, text_max));
        }
    }
}
