//! nginx in front of two servers, as docs/scaling.md has it.

use test_support::ProxyPlace;
use tests::Tidings;

const PAGE: &str = include_str!("../../docs/scaling.md");

/// Which of the servers gets a request.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Balance {
    /// Each in turn.
    InTurn,
    /// Any of them.
    Random,
}

/// Returns the configuration of the page, with the ports and files of a test.
///
/// All come from one address here, so requests are not told apart by that, and answers say which
/// server made them.
pub(crate) fn nginx([one, other]: [&Tidings; 2], place: &ProxyPlace, balance: Balance) -> String {
    let (_, rest) = PAGE.split_once("```nginx\n").expect("the page has such a block");
    let block = rest.split_once("\n```").expect("the block has an end").0;
    let balance = match balance {
        Balance::InTurn => "",
        Balance::Random => "    random;\n",
    };
    let by_address = "    ip_hash;\n";
    assert!(block.contains(by_address), "the page tells requests apart by what this replaces");
    block
        .replace(by_address, balance)
        .replace("10.0.0.21:8000", &one.http().to_string())
        .replace("10.0.0.22:8000", &other.http().to_string())
        .replace("10.0.0.21:9000", &one.grpc().to_string())
        .replace("10.0.0.22:9000", &other.grpc().to_string())
        .replace("listen 443", &format!("listen 127.0.0.1:{}", place.port))
        .replace("chat.example.org;", "localhost;")
        .replace("/etc/ssl/chat.example.org.pem", &place.certificate.display().to_string())
        .replace("/etc/ssl/chat.example.org.key", &place.key.display().to_string())
        .replace("    location / {\n", "    add_header X-Server $upstream_addr always;\n    location / {\n")
}
