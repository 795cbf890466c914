//! The hub's own listener.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use conductor_hub::protocol::{Message, Opcode};
use conductor_hub::server::{self, Server};
use conductor_hub::{Config, ErrorKind, Hooks, Hub};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::support::RawClient;

/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(60);

fn hub() -> Hub {
    Hub::start(Config::default(), Hooks::default()).expect("configuration is valid")
}

/// A free port of this machine.
fn config() -> server::Config {
    server::Config::default().address(([127, 0, 0, 1], 0))
}

async fn connect(address: SocketAddr) -> TcpStream {
    TcpStream::connect(address).await.expect("server listens")
}

async fn bound(address: SocketAddr) -> RawClient<TcpStream> {
    let (mut client, head) = RawClient::connect(connect(address).await, "").await;
    assert!(head.starts_with("http/1.1 101"), "{head}");
    client.send_message(&Message::new(Opcode::BIND, "news", "")).await;
    client.settle().await;
    client
}

/// Sends a request and returns all that comes until the end.
async fn ask(address: SocketAddr, path: &str) -> String {
    let mut socket = connect(address).await;
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    socket.write_all(request.as_bytes()).await.expect("server reads");
    let mut answer = String::new();
    timeout(PATIENCE, socket.read_to_string(&mut answer)).await.expect("server answers").expect("it is text");
    answer
}

/// Tells whether the server ends a connection without a word.
async fn is_closed(socket: &mut TcpStream) -> bool {
    matches!(timeout(PATIENCE, socket.read(&mut [0; 100])).await, Ok(Ok(0) | Err(_)))
}

/// C15: the original panicked at the second server of a process, and left its own router empty.
#[tokio::test]
async fn two_servers_in_one_process_serve_two_hubs() {
    let (one, two) = (hub(), hub());
    let first = Server::start(config(), &one).await.expect("there are free ports");
    let second = Server::start(config(), &two).await.expect("there are free ports");
    let (mut ann, mut bob) = (bound(first.local_addr()).await, bound(second.local_addr()).await);
    assert_eq!((one.publish("news", "to one").unwrap(), two.publish("news", "to two").unwrap()), (1, 1));
    assert_eq!(ann.message(false).await.body, "to one");
    assert_eq!(bob.message(false).await.body, "to two");
}

#[tokio::test]
async fn the_programs_router_answers_what_is_not_for_the_hub() {
    let (hub, pages) = (hub(), Router::new().route("/about", get(async || "a page")));
    let server = Server::start_with(config().path("/ws"), &hub, pages.clone()).await.expect("it is free");
    assert!(ask(server.local_addr(), "/about").await.ends_with("a page"));
    assert!(ask(server.local_addr(), "/ws/deeper").await.starts_with("HTTP/1.1 404"));
    assert!(ask(server.local_addr(), "/ws").await.starts_with("HTTP/1.1 426"), "the hub wants an upgrade");
    bound(server.local_addr()).await;
    let nowhere = Server::start_with(config(), &hub, pages).await.expect_err("the hub has every path");
    assert_eq!(nowhere.kind(), ErrorKind::Config);
    let alone = Server::start(config().path("/ws"), &hub).await.expect("it is free");
    assert!(ask(alone.local_addr(), "/about").await.starts_with("HTTP/1.1 404"));
}

#[tokio::test]
async fn who_is_silent_is_closed_in_time_and_keeps_nobody_out() {
    let hub = hub();
    let patient = config().connections_max(2).head_timeout(Duration::from_secs(600));
    let server = Server::start(patient, &hub).await.expect("it is free");
    let (mut silent, mut slow) = (connect(server.local_addr()).await, connect(server.local_addr()).await);
    slow.write_all(b"GET / HT").await.expect("server reads");
    bound(server.local_addr()).await;
    assert!(is_closed(&mut silent).await, "the oldest of them makes room");
    bound(server.local_addr()).await;
    let hasty = Server::start(config().head_timeout(Duration::from_millis(100)), &hub).await.expect("free");
    let mut slow_there = connect(hasty.local_addr()).await;
    slow_there.write_all(b"GET / HT").await.expect("server reads");
    assert!(is_closed(&mut slow_there).await);
    // A connection of the hub has no such time.
    let mut client = bound(hasty.local_addr()).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    client.settle().await;
}

#[tokio::test]
async fn a_shutdown_ends_the_listener_and_not_the_hub() {
    let hub = hub();
    let server = Server::start(config(), &hub).await.expect("it is free");
    let mut client = bound(server.local_addr()).await;
    let mut idle = connect(server.local_addr()).await;
    assert!(!server.shutdown(Duration::ZERO).await || is_closed(&mut idle).await);
    assert!(server.shutdown(PATIENCE).await && is_closed(&mut idle).await);
    assert!(TcpStream::connect(server.local_addr()).await.is_err());
    client.settle().await;
    assert!(hub.shutdown(PATIENCE).await || hub.stats().connections == 1);
}

#[tokio::test]
async fn the_last_handle_ends_the_listener() {
    let hub = hub();
    let server = Server::start(config(), &hub).await.expect("it is free");
    let address = server.local_addr();
    drop(server.clone());
    bound(address).await;
    let mut idle = connect(address).await;
    drop(server);
    assert!(is_closed(&mut idle).await);
}

#[tokio::test]
async fn what_cannot_be_is_said_at_the_start() {
    let hub = hub();
    let server = Server::start(config(), &hub).await.expect("it is free");
    let taken = server::Config::default().address(server.local_addr());
    let error = Server::start(taken, &hub).await.expect_err("it is taken");
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.to_string().contains("is taken by another program"), "{error}");
    for (wrong, named) in [
        (config().path("ws"), "path is \"ws\"; it must begin with /"),
        (config().connections_max(0), "connections_max is 0; it must be at least 1"),
        (config().head_timeout(Duration::ZERO), "head_timeout is 0ns; it must be from 100ms to 600s"),
    ] {
        let error = Server::start(wrong, &hub).await.expect_err(named);
        assert_eq!((error.kind(), error.to_string()), (ErrorKind::Config, named.to_owned()));
    }
}
