//! The JSON form of a message.

use conductor_protocol::{Message, Opcode};
use serde_json::{from_str, json, to_value};

#[test]
fn a_message_has_the_field_names_of_the_original() {
    let message = Message::with_uuid(Opcode::WRITE, "7f1c", "news", &b"\x00\x01\xff"[..]);
    let json = json!({ "opcode": 2, "uuid": "7f1c", "channel_name": "news", "body": "AAH/" });
    assert_eq!(to_value(&message).expect("it has a form in JSON"), json);
    assert_eq!(from_str::<Message>(&json.to_string()).expect("it is a message"), message);
}

#[test]
fn parts_that_are_missing_are_empty_as_in_go() {
    let empty = Message::with_uuid(Opcode::from_wire(42), "", "", "");
    for json in [r#"{"opcode":42}"#, r#"{"opcode":42,"uuid":"","channel_name":"","body":null,"more":1}"#] {
        assert_eq!(from_str::<Message>(json).expect(json), empty);
    }
}

#[test]
fn what_is_no_message_is_refused() {
    for (json, why) in [
        (r#"{"uuid":"7f1c"}"#, "opcode"),
        (r#"{"opcode":65536}"#, "u16"),
        (r#"{"opcode":2,"body":"hi!"}"#, "the body of the message is not base64"),
        (r#"{"opcode":2,"body":[1]}"#, "a string"),
    ] {
        let error = from_str::<Message>(json).expect_err(json).to_string();
        assert!(error.contains(why), "{json}: {error}");
    }
}
