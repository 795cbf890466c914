//! The example `found_sisters` as its users run it: two programs, their files, and clients.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;

use conductor_hub::protocol::{Message, Opcode};
use test_support::Example;

use crate::support::TcpClient;

/// A node that has said where it is.
async fn start(sisters: &Path, secret: &Path) -> (Example, String) {
    let arguments = [OsStr::new("127.0.0.1:0"), sisters.as_os_str(), secret.as_os_str()];
    let mut program = Example::start("found_sisters", arguments);
    let url = program.line().await.strip_prefix("listening at ").expect("it says where").to_owned();
    (program, url)
}

async fn member(url: &str) -> TcpClient {
    let mut client = TcpClient::connect(url).await;
    client.send(&Message::new(Opcode::BIND, "tea", "")).await;
    client.settle().await;
    client
}

#[tokio::test]
async fn a_line_of_the_file_is_a_link_until_it_is_gone() {
    let directory = tempfile::tempdir().expect("there is room");
    let [red_file, blue_file, secret] = ["red", "blue", "secret"].map(|name| directory.path().join(name));
    fs::write(&secret, "random bytes that all nodes have").expect("the folder takes it");
    fs::write(&red_file, "").expect("the folder takes it");
    fs::write(&blue_file, "").expect("the folder takes it");
    let (mut red, red_url) = start(&red_file, &secret).await;
    let (mut blue, blue_url) = start(&blue_file, &secret).await;
    let (mut here, mut there) = (member(&red_url).await, member(&blue_url).await);

    fs::write(&red_file, format!("blue {blue_url}\n")).expect("the folder takes it");
    assert_eq!(red.line().await, "linked to blue");
    assert_eq!(blue.line().await, "linked to a node that dialled");
    // What a node has not heard the interest of gets everything, so the first comes as well.
    for number in 0..10 {
        here.send(&Message::new(Opcode::WRITE, "tea", format!("cup {number}"))).await;
        there.hears("tea", &format!("cup {number}")).await;
    }

    fs::write(&red_file, "").expect("the folder takes it");
    assert_eq!(red.line().await, "no longer linked to blue");
    assert_eq!(blue.line().await, "no longer linked to a node that dialled");
    assert!(red.interrupt().await.success() && blue.interrupt().await.success());
}
