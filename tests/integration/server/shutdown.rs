//! Clean ends.

use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use tests::Tidings;
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Message;

#[tokio::test]
async fn a_signal_closes_connections_with_1012_and_ends_with_0() {
    for signal in ["TERM", "INT"] {
        let mut server = Tidings::start_with(&["--shutdown-time=10m"]);
        let (mut socket, _) = connect_async(format!("ws://{}/ws?user=alice", server.http())).await.unwrap();
        let started = Instant::now();
        server.signal(signal);
        let close = loop {
            match socket.next().await.unwrap().unwrap() {
                Message::Close(frame) => break frame.unwrap(),
                _ => continue,
            }
        };
        assert_eq!(u16::from(close.code), 1012);
        drop(socket);
        assert_eq!(server.wait().code(), Some(0));
        assert!(started.elapsed() < LIMIT, "it took {:?}", started.elapsed());
    }
}

#[tokio::test]
async fn connections_are_closed_one_after_another_over_the_drain_time() {
    let mut server = Tidings::start_with(&["--shutdown-time=10m", "--drain-time=1s"]);
    let mut sockets = Vec::new();
    for user in ["alice", "bob"] {
        let url = format!("ws://{}/ws?user={user}", server.http());
        sockets.push(connect_async(url).await.unwrap().0);
    }
    let started = Instant::now();
    server.signal("TERM");
    for mut socket in sockets {
        while !matches!(socket.next().await.unwrap().unwrap(), Message::Close(_)) {}
    }
    assert!(started.elapsed() >= Duration::from_millis(500), "it took {:?}", started.elapsed());
    assert_eq!(server.wait().code(), Some(0));
    assert!(started.elapsed() < LIMIT, "it took {:?}", started.elapsed());
}

#[tokio::test]
async fn a_client_that_does_not_leave_is_cut_off_in_time() {
    let mut server = Tidings::start_with(&["--shutdown-time=1s"]);
    // Never reads, so it never answers the close frame.
    let (socket, _) = connect_async(format!("ws://{}/ws?user=alice", server.http())).await.unwrap();
    // Holds a request open.
    let half = tokio::net::TcpStream::connect(server.http()).await.unwrap();
    half.writable().await.unwrap();
    half.try_write(b"POST /timeline/send HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{").unwrap();
    let started = Instant::now();
    server.signal("TERM");
    assert_eq!(server.wait().code(), Some(0));
    assert!(started.elapsed() < LIMIT, "it took {:?}", started.elapsed());
    drop((socket, half));
}

/// A Redis that takes connections and never answers keeps the start waiting.
#[tokio::test]
async fn a_signal_during_the_start_ends_it() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let directory = tempfile::tempdir().unwrap();
    let url = format!("--redis-url=redis://{}", silent.local_addr().unwrap());
    let flags = ["--http=127.0.0.1:0", "--grpc=127.0.0.1:0", "--data-dir=data", "--presence=redis", &url];
    let mut server = Tidings::command(&[&flags[..], &["--redis-timeout=1m"]].concat())
        .current_dir(directory.path())
        .spawn()
        .unwrap();
    let (socket, _) = silent.accept().await.unwrap();
    let kill = std::process::Command::new("kill").args(["-TERM", &server.id().to_string()]).status();
    assert!(kill.unwrap().success());
    // Sooner than the server would give up by itself.
    let started = Instant::now();
    let ended = tokio::task::spawn_blocking(move || server.wait().unwrap()).await.unwrap();
    assert_eq!(ended.code(), Some(0));
    assert!(started.elapsed() < Duration::from_secs(45), "it took {:?}", started.elapsed());
    drop(socket);
}

#[tokio::test]
async fn a_second_signal_ends_at_once() {
    let mut server = Tidings::start_with(&["--shutdown-time=10m"]);
    let (socket, _) = connect_async(format!("ws://{}/ws?user=alice", server.http())).await.unwrap();
    let half = tokio::net::TcpStream::connect(server.http()).await.unwrap();
    half.writable().await.unwrap();
    half.try_write(b"POST /timeline/send HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{").unwrap();
    // The request is being served once a later one on the same port has an answer.
    assert!(reqwest::get(server.url("/healthz")).await.unwrap().status().is_success());
    server.signal("TERM");
    // New connections are refused once the first signal has been heard.
    while tokio::net::TcpStream::connect(server.http()).await.is_ok() {
        tokio::task::yield_now().await;
    }
    // One that comes within 200 ms is the first one again; so it is sent until it counts.
    let started = Instant::now();
    let code = loop {
        server.signal("TERM");
        if let Some(status) = server.has_ended() {
            break status.code();
        }
        assert!(started.elapsed() < LIMIT, "it goes on");
    };
    assert_eq!(code, Some(1));
    drop((socket, half));
}

/// For what hangs for good where it fails.
const LIMIT: Duration = Duration::from_secs(60);
