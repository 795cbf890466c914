//! The example `remembered_chat` as its users run it: a program and its clients.

use conductor_hub::protocol::{Message, Opcode};
use test_support::Example;

use crate::support::TcpClient;

// The tests of its hooks stand in it, as in a program. They run here: an example that ran its own
// tests would be built as a program no more, which the test below needs.
#[path = "../../examples/remembered_chat.rs"]
#[expect(dead_code, reason = "`main` runs in a process of its own")]
mod program;

#[tokio::test]
async fn the_program_remembers_what_was_said_and_what_it_has_seen() {
    let mut program = Example::start("remembered_chat", ["127.0.0.1:0"]);
    let url = program.line().await.strip_prefix("listening at ").expect("it says where").to_owned();
    let mut alice = TcpClient::connect(&format!("{url}?user=alice")).await;
    let mut bob = TcpClient::connect(&format!("{url}?user=bob")).await;
    for client in [&mut alice, &mut bob] {
        client.send(&Message::new(Opcode::BIND, "tea", "")).await;
        client.send(&Message::new(Opcode::SERVER, "", "got")).await;
        client.hears("", "0 messages").await;
    }
    let hello = Message::new(Opcode::WRITE, "tea", "hello");
    for message in [&hello, &hello, &Message::new(Opcode::WRITE, "tea", "more tea?")] {
        alice.send(message).await;
    }
    bob.hears("tea", "hello").await;
    bob.hears("tea", "more tea?").await;
    // On another connection she is the same.
    drop(alice);
    let mut alice = TcpClient::connect(&format!("{url}?user=alice")).await;
    alice.send(&Message::new(Opcode::BIND, "tea", "")).await;
    alice.send(&hello).await;
    alice.send(&Message::new(Opcode::SERVER, "tea", "said")).await;
    alice.hears("tea", "alice: hello").await;
    alice.hears("tea", "alice: more tea?").await;
    alice.hears("", "2 messages").await;
    bob.send(&Message::new(Opcode::SERVER, "", "got")).await;
    bob.hears("", "2 messages").await;
    assert!(program.interrupt().await.success());
}
