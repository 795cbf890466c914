//! Conversations as the servers hold them, whole and byte by byte.

use benches::frame;

use super::conductor::Conductor;
use super::nats::Nats;
use super::plain::Plain;
use super::socket_io::SocketIo;
use super::websocket::WebSocket;
use super::{BODY_BYTES, Heard, Wire};

/// What came of a conversation.
#[derive(Debug, PartialEq, Eq)]
struct Outcome {
    messages: usize,
    answers: Vec<u8>,
    has_joined: bool,
}

/// Lets a client hear some bytes, so many at a time.
fn heard(mut wire: Box<dyn Wire>, said: &[u8], at_once: usize) -> Result<Outcome, String> {
    let (mut rest, mut messages, mut answers) = (Vec::new(), 0, Vec::new());
    for bytes in said.chunks(at_once) {
        rest.extend_from_slice(bytes);
        while let Some((len, heard)) = wire.take(&rest, &mut answers).map_err(|fault| fault.to_string())? {
            rest.drain(..len);
            messages += usize::from(heard == Heard::Message);
        }
    }
    assert_eq!(rest, b"", "everything was whole");
    Ok(Outcome { messages, answers, has_joined: wire.has_joined() })
}

/// The same, however the bytes come.
fn outcome(wire: impl Fn() -> Box<dyn Wire>, said: &[u8]) -> Outcome {
    let whole = heard(wire(), said, said.len()).unwrap();
    for at_once in [1, 7] {
        assert_eq!(heard(wire(), said, at_once).unwrap(), whole);
    }
    whole
}

const UPGRADED: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n";
const BODY: &[u8] = &[b'x'; BODY_BYTES];

#[test]
fn a_plain_client_joins_by_a_ping_and_answers_pings() {
    let message = frame::plain(frame::BINARY, BODY);
    let said =
        [UPGRADED, &frame::plain(frame::PONG, b""), &message, &frame::plain(frame::PING, b"p"), &message]
            .concat();
    let answers = [frame::masked(frame::PING, b""), frame::masked(frame::PONG, b"p")].concat();
    let outcome = outcome(|| Box::new(WebSocket::new("/", Plain)), &said);
    assert_eq!(outcome, Outcome { messages: 2, answers, has_joined: true });
}

#[test]
fn what_a_conductor_sends_is_what_another_gets() {
    let wire = || Box::new(WebSocket::new("/", Conductor)) as Box<dyn Wire>;
    // What is delivered is what was written, without the mask.
    let written = wire().message(7);
    let (head, masked) = written.split_at(2);
    let unmasked = masked[4..].iter().zip(frame::MASK.iter().cycle()).map(|(byte, key)| byte ^ key);
    let delivered = frame::plain(head[0], &unmasked.collect::<Vec<u8>>());
    let said = [UPGRADED, &frame::plain(frame::PONG, b""), &delivered].concat();
    let outcome = outcome(wire, &said);
    assert!(outcome.has_joined);
    assert_eq!(outcome.messages, 1);
}

#[test]
fn a_socket_io_client_follows_the_server() {
    let text = |text: &[u8]| frame::plain(frame::TEXT, text);
    let event =
        [text(br#"451-["message",{"_placeholder":true,"num":0}]"#), frame::plain(frame::BINARY, BODY)]
            .concat();
    let said = [
        UPGRADED,
        &text(br#"0{"sid":"a","pingInterval":25000}"#),
        &text(br#"40{"sid":"b"}"#),
        &text(br#"42["joined"]"#),
        &event,
        &text(b"2"),
        &event,
    ]
    .concat();
    let answers = [frame::masked(frame::TEXT, b"40"), frame::masked(frame::TEXT, b"3")].concat();
    let outcome = outcome(|| Box::new(WebSocket::new(SocketIo::PATH, SocketIo::default())), &said);
    assert_eq!(outcome, Outcome { messages: 2, answers, has_joined: true });
}

#[test]
fn a_nats_client_subscribes_once_and_answers_pings() {
    let message = [b"MSG hello 1 64\r\n", BODY, b"\r\n"].concat();
    let said = [
        &b"INFO {\"server_id\":\"a\"} \r\n"[..],
        b"PONG\r\n",
        b"INFO {\"server_id\":\"a\",\"connect_info\":true} \r\n",
        &message,
        b"PING\r\n",
        &message,
    ]
    .concat();
    let outcome = outcome(|| Box::new(Nats::default()), &said);
    assert_eq!(outcome.messages, 2);
    assert!(outcome.has_joined);
    let answers = String::from_utf8(outcome.answers).unwrap();
    assert!(
        answers.starts_with("CONNECT {") && answers.ends_with("\r\nSUB hello 1\r\nPING\r\nPONG\r\n"),
        "{answers}"
    );
}

#[test]
fn what_nobody_asked_for_is_an_error() {
    let compressed = [UPGRADED, &frame::plain(0xC2, BODY)].concat();
    let short = [UPGRADED, &frame::plain(frame::BINARY, &BODY[1..])].concat();
    for said in [&compressed[..], &short, b"HTTP/1.1 503 Service Unavailable\r\n\r\n"] {
        assert!(heard(Box::new(WebSocket::new("/", Plain)), said, said.len()).is_err(), "{said:?}");
    }
    assert!(heard(Box::new(Nats::default()), b"-ERR 'too many'\r\n", 1).is_err());
    assert!(heard(Box::new(Nats::default()), b"MSG hello 1 63\r\n", 1).is_err());
}
