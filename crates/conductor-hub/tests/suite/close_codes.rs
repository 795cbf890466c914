//! What close codes tell clients: whether to come back, and the reasons of programs.

use std::sync::Arc;

use conductor_hub::protocol::{Message, Opcode};
use conductor_hub::{Answer, Config, Connection, Disconnect, ErrorKind, Handler, Hooks, Hub, Reconnect};
use futures_util::StreamExt;
use tokio_tungstenite::tungstenite;

use crate::support::Client;

/// Ends the connection of whoever calls.
struct End(Disconnect);

impl Handler for End {
    fn call(&self, connection: &Arc<Connection>, _message: Message) -> Answer {
        connection.close(self.0);
        Answer::none()
    }
}

/// Returns the code and the text that a client gets whose connection is ended for this reason.
async fn told(reason: Disconnect) -> (u16, String) {
    let hub = Hub::start(Config::default(), Hooks::default().handler(End(reason))).expect("it is valid");
    let mut client = Client::connect(&hub).await;
    client.send(&Message::new(Opcode::SERVER, "", "end me")).await;
    loop {
        let next =
            client.socket.next().await.expect("the hub says goodbye").expect("it keeps to the protocol");
        if let tungstenite::Message::Close(frame) = next {
            let frame = frame.expect("the hub says why");
            return (frame.code.into(), frame.reason.to_string());
        }
    }
}

#[tokio::test]
async fn a_reason_of_the_programs_own_reaches_the_client() {
    let closed = Disconnect::program(4950, "the shop is closed").expect("the code is a program's");
    assert_eq!(told(closed).await, (4950, "the shop is closed".to_owned()));
    assert_eq!(told(Disconnect::Revoked).await, (4301, "login revoked".to_owned()));
    assert_eq!(closed.to_string(), "4950 the shop is closed");
    // Asked for again it is the same.
    assert_eq!(Disconnect::program(4950, "the shop is closed").expect("it is known"), closed);
    assert_ne!(Disconnect::program(4951, "the shop is closed").expect("it is free"), closed);
}

#[test]
fn codes_and_texts_that_no_program_may_use_are_refused() {
    let long: &'static str = "x".repeat(124).leak();
    Disconnect::program(4900, "first").expect("it is free");
    Disconnect::program(4999, &long[1..]).expect("123 bytes fit");
    for (code, text, named) in [
        (4899, "a", "the close code is 4899; one of a program is from 4900 to 4999"),
        (5000, "a", "the close code is 5000"),
        (1000, "a", "the close code is 1000"),
        (4998, long, "the text of close code 4998 has 124 bytes; at most 123"),
        (4900, "second", "close code 4900 has the text \"first\" already"),
    ] {
        let error = Disconnect::program(code, text).expect_err(named);
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.to_string().starts_with(named), "{error}");
    }
}

#[test]
fn an_unknown_code_obeys_its_range() {
    for (codes, reconnect) in [
        (vec![1002, 1007, 1009], Reconnect::Never),
        (vec![1001, 1006, 1011, 1012, 1013, 3000, 3999], Reconnect::Backoff),
        (vec![4000, 4001], Reconnect::Backoff),
        (vec![4002, 4003, 4004, 4005, 4006, 4007, 4099], Reconnect::Never),
        (vec![4100, 4103, 4199], Reconnect::Backoff),
        (vec![4200, 4201, 4299], Reconnect::AtOnce),
        (vec![4300, 4303, 4399, 4400, 4899, 4900, 4999], Reconnect::Never),
    ] {
        for code in codes {
            assert_eq!(Reconnect::of_code(code), reconnect, "{code}");
        }
    }
}

#[test]
fn every_reason_says_of_coming_back_what_its_code_says() {
    let own = Disconnect::program(4952, "own").expect("it is free");
    for reason in Disconnect::ALL.iter().copied().chain([own]) {
        assert_eq!(reason.reconnect(), Reconnect::of_code(reason.code()), "{reason}");
    }
}
