//! Links between sisters: what strangers may do.

use std::future::pending;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use conductor_hub::federation::SisterConfig;
use conductor_hub::{Auth, Handshake, Hooks};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::support::node::{Node, SECRET};

/// Sends the handshake of a node that wants to be a sister.
async fn dial(address: SocketAddr) -> TcpStream {
    let mut socket = TcpStream::connect(address).await.expect("the node listens");
    let head = "GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
                Sec-WebSocket-Protocol: conductor.sister.1\r\n\r\n";
    socket.write_all(head.as_bytes()).await.expect("the node reads");
    socket
}

/// Returns the status with which the node answers.
async fn status(socket: &mut TcpStream) -> String {
    let mut answer = [0; 12];
    socket.read_exact(&mut answer).await.expect("the node answers");
    String::from_utf8_lossy(&answer[9..]).into_owned()
}

#[tokio::test]
async fn who_sends_10_kib_before_the_proof_is_cut() {
    let node = Node::start().await;
    // The head of a frame says it, and none of its bytes has to come. Or many short ones do.
    let long = [&[0x82_u8, 0xfe, 0x28, 0x00][..], &[0; 4]].concat();
    let many = [0x8a_u8, 0x80, 0, 0, 0, 0].repeat(10 * 1024 / 6);
    for sent in [long, many] {
        let mut socket = dial(node.address).await;
        assert_eq!(status(&mut socket).await, "101");
        socket.write_all(&sent).await.expect("it is sent");
        let mut rest = Vec::new();
        // Long before the challenge has to be over. A reset is an end, too.
        let ended = timeout(Duration::from_secs(3), socket.read_to_end(&mut rest)).await;
        assert!(ended.is_ok(), "it is still open");
    }
    assert!(node.hub.sisters().is_empty());
}

#[derive(Default)]
struct Hangs {
    asked: AtomicUsize,
}

#[async_trait]
impl Auth for Hangs {
    async fn is_sister(&self, _handshake: &Handshake<'_>) -> bool {
        self.asked.fetch_add(1, Ordering::Relaxed);
        pending().await
    }
}

#[tokio::test]
async fn a_hook_that_hangs_is_asked_about_few_sisters_at_once() {
    let auth = Arc::new(Hangs::default());
    let hooks = Hooks::default().auth(Arc::clone(&auth));
    let node = Node::with(hooks, SisterConfig::new(*SECRET)).await;
    let address = node.address;
    let mut answers: FuturesUnordered<_> = (0..40)
        .map(|_| async move {
            let mut socket = dial(address).await;
            status(&mut socket).await
        })
        .collect();
    for _ in 0..8 {
        assert_eq!(answers.next().await.as_deref(), Some("503"));
    }
    assert_eq!(auth.asked.load(Ordering::Relaxed), 32);
}
