//! The conductor's Go client, byte by byte: what it sends to connect, bind and write.

use tests::Tidings;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::client::Client;

/// The handshake of that client: its whole address is its origin.
fn handshake(address: &str, path: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nHost: {address}\r\nUser-Agent: Go-http-client/1.1\r\nConnection: Upgrade\r\nOrigin: \
         ws://{address}{path}\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: chat, \
         superchat\r\nSec-WebSocket-Version: 13\r\nUpgrade: websocket\r\n\r\n"
    )
}

/// A masked binary frame, with a mask of zeros.
fn frame(message: &[u8]) -> Vec<u8> {
    let length = u8::try_from(message.len()).unwrap();
    [&[0x82, 0x80 | length, 0, 0, 0, 0], message].concat()
}

async fn head(socket: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(socket.read_u8().await.unwrap());
    }
    String::from_utf8(head).unwrap()
}

#[tokio::test]
async fn it_connects_binds_and_is_heard() {
    let server = Tidings::start();
    let mut reader = Client::connect(&server, "").await;
    reader.bind("hello").await;
    reader.call("", serde_json::json!({ "call": "ping" })).await;
    for path in ["/ws", "/ws?user=alice"] {
        let mut socket = TcpStream::connect(server.http()).await.unwrap();
        socket.write_all(handshake(&server.http().to_string(), path).as_bytes()).await.unwrap();
        let head = head(&mut socket).await;
        assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
        assert!(head.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), "{head}");
        let bind = [b"\0\0\0\0\x05\0hello".as_slice(), &[0; 4]].concat();
        let write = b"\x02\0\0\0\x05\0hello\x02\0\0\0hi";
        socket.write_all(&[frame(&bind), frame(write)].concat()).await.unwrap();
        assert_eq!(reader.next().await.body.as_ref(), b"hi", "{path}");
    }
}

#[tokio::test]
async fn an_address_of_somebody_else_is_refused() {
    let server = Tidings::start();
    let own = server.http().to_string();
    for origin in ["ws://evil.example/ws", "ws://127.0.0.1:1/ws", "http://evil.example", "null"] {
        let mut socket = TcpStream::connect(server.http()).await.unwrap();
        let forged =
            handshake(&own, "/ws").replace(&format!("Origin: ws://{own}/ws"), &format!("Origin: {origin}"));
        socket.write_all(forged.as_bytes()).await.unwrap();
        let head = head(&mut socket).await;
        assert!(head.starts_with("HTTP/1.1 403 "), "{origin}: {head}");
    }
}
