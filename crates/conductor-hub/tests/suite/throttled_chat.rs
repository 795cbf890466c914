//! The example `throttled_chat` as its users run it: a program and its clients.

use conductor_hub::Disconnect;
use conductor_hub::protocol::{Message, Opcode};
use test_support::Example;

use crate::support::TcpClient;

// The tests of its hook stand in it, as in a program. They run here: an example that ran its own
// tests would be built as a program no more, which the test below needs.
#[path = "../../examples/throttled_chat.rs"]
#[expect(dead_code, reason = "`main` runs in a process of its own")]
mod program;

#[tokio::test]
async fn who_says_too_much_is_closed_on_any_connection() {
    let mut program = Example::start("throttled_chat", ["127.0.0.1:0"]);
    let url = program.line().await.strip_prefix("listening at ").expect("it says where").to_owned();
    let mut bob = TcpClient::connect(&format!("{url}?user=bob")).await;
    bob.send(&Message::new(Opcode::BIND, "tea", "")).await;
    bob.settle().await;
    let mut alice = TcpClient::connect(&format!("{url}?user=alice")).await;
    alice.send(&Message::new(Opcode::BIND, "tea", "")).await;
    for number in 0..10 {
        alice.send(&Message::new(Opcode::WRITE, "tea", number.to_string())).await;
        bob.hears("tea", &number.to_string()).await;
    }
    let mut tab = TcpClient::connect(&format!("{url}?user=alice")).await;
    tab.send(&Message::new(Opcode::BIND, "tea", "")).await;
    tab.send(&Message::new(Opcode::WRITE, "tea", "one more")).await;
    assert_eq!(tab.close_code().await, Disconnect::RateLimited.code());
    bob.settle().await;
    assert!(program.interrupt().await.success());
}
