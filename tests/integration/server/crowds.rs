//! More connections than there are places: the silent ones go, and whoever asks about health is
//! answered.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde_json::Value;
use tests::Tidings;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tonic::transport::Channel;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

#[cfg(target_os = "linux")]
use super::unread::{ask_often, fill};

const LIMIT: Duration = Duration::from_secs(60);

async fn silent(address: std::net::SocketAddr, count: usize) -> Vec<TcpStream> {
    join_all((0..count).map(async |_| TcpStream::connect(address).await.unwrap())).await
}

/// A request whose answer never ends.
async fn endless(server: &Tidings) -> reqwest::Response {
    reqwest::get(server.url("/presence/events")).await.unwrap()
}

/// What gRPC says of the server's health, if it does.
async fn grpc_health(server: &Tidings) -> Option<i32> {
    let channel = Channel::from_shared(format!("http://{}", server.grpc())).unwrap().connect().await.ok()?;
    let request = HealthCheckRequest { service: String::new() };
    Some(HealthClient::new(channel).check(request).await.ok()?.into_inner().status)
}

#[tokio::test]
async fn silent_sockets_keep_nobody_out() {
    // A silent one may stay for longer than anybody here waits.
    let server =
        Tidings::start_with(&["--http-connections=20", "--grpc-connections=20", "--request-time=10m"]);
    let sockets = (silent(server.http(), 100).await, silent(server.grpc(), 100).await);
    for path in ["/healthz", "/readyz", "/presence?id=alice"] {
        let answer = timeout(LIMIT, reqwest::get(server.url(path))).await.unwrap().unwrap();
        assert_eq!(answer.status(), 200, "{path}");
    }
    assert_eq!(timeout(LIMIT, grpc_health(&server)).await.unwrap(), Some(1));
    drop(sockets);
}

#[tokio::test]
async fn streams_of_presence_have_half_of_the_places() {
    let server = Tidings::start_with(&["--http-connections=4", "--presence-streams=100"]);
    let streams = [endless(&server).await, endless(&server).await];
    assert!(streams.iter().all(|stream| stream.status() == 200));
    for _ in 0..4 {
        let refused = endless(&server).await;
        assert_eq!(refused.status(), 503);
        assert_eq!(refused.json::<Value>().await.unwrap()["reason"], "TOO_MANY_STREAMS");
        assert_eq!(reqwest::get(server.url("/presence?id=alice")).await.unwrap().status(), 200);
    }
}

#[tokio::test]
async fn when_every_place_is_busy_health_is_answered_and_the_rest_is_told_to_come_back() {
    let server = Tidings::start_with(&["--http-connections=1", "--request-time=10m"]);
    let started = Instant::now();
    // Its client has taken all that there is for it.
    let busy = endless(&server).await;
    let refused = reqwest::get(server.url("/presence?id=alice")).await.unwrap();
    assert_eq!((refused.status().as_u16(), &refused.headers()["retry-after"]), (503, &"1".parse().unwrap()));
    assert_eq!(refused.json::<Value>().await.unwrap()["reason"], "FULL");
    for path in ["/healthz", "/readyz", "/metrics"] {
        assert_eq!(reqwest::get(server.url(path)).await.unwrap().status(), 200, "{path}");
    }
    // Silent ones on the reserved places are no hindrance, either.
    let sockets = silent(server.http(), 50).await;
    assert_eq!(reqwest::get(server.url("/healthz")).await.unwrap().status(), 200);
    drop(sockets);
    drop(busy);
    while reqwest::get(server.url("/presence?id=alice")).await.unwrap().status() != 200 {
        assert!(started.elapsed() < LIMIT, "it stays full");
    }
}

/// Each has far more to read than all buffers take, and reads nothing; that nobody gives up on them
/// is as if they read a little from time to time.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn readers_that_take_little_of_their_answers_keep_no_place() {
    let server = Tidings::start_with(&["--http-connections=4", "--request-time=10m"]);
    fill(&server).await;
    let mut slow = Vec::new();
    // Until one has more to read than the buffers take, it may still lose its place to another.
    for _ in 0..12 {
        slow.push(ask_often(server.http(), 20).await);
    }
    let welcome =
        async { while reqwest::get(server.url("/presence?id=alice")).await.unwrap().status() != 200 {} };
    timeout(LIMIT, welcome).await.expect("there is a place for who reads what is answered");
    drop(slow);
}

#[tokio::test]
async fn a_client_of_grpc_that_does_not_say_that_it_is_one_is_cut_off() {
    let server = Tidings::start_with(&["--request-time=300ms"]);
    for beginning in ["", "PRI * HTTP/2.0\r\n", "PRI"] {
        let mut socket = TcpStream::connect(server.grpc()).await.unwrap();
        socket.write_all(beginning.as_bytes()).await.unwrap();
        let ended = async { while socket.read(&mut [0; 1_024]).await.is_ok_and(|length| length > 0) {} };
        timeout(LIMIT, ended).await.unwrap_or_else(|_| panic!("{beginning:?} keeps its place"));
    }
    // A busy machine may need more than the time of a request.
    let well = async { while grpc_health(&server).await != Some(1) {} };
    timeout(LIMIT, well).await.expect("it is well");
}

/// A client of HTTP/2 that gives no window for answers, but is alive: it asks again and again, and
/// reads what it is told.
#[tokio::test]
async fn an_answer_over_grpc_that_nobody_takes_is_given_up() {
    let server = Tidings::start_with(&["--request-time=1s"]);
    let mut socket = TcpStream::connect(server.grpc()).await.unwrap();
    let settings = [0, 0, 6, 4, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0];
    // :method POST, :scheme http, :path and :authority and content-type as literals.
    let mut headers = vec![0x83, 0x86];
    for (name, value) in [
        (":path", "/grpc.health.v1.Health/Check"),
        (":authority", "localhost"),
        ("content-type", "application/grpc"),
    ] {
        for text in [name, value] {
            if text == name {
                headers.push(0);
            }
            headers.push(u8::try_from(text.len()).unwrap());
            headers.extend(text.bytes());
        }
    }
    let length = u8::try_from(headers.len()).unwrap();
    let request =
        [&[0, 0, length, 1, 4, 0, 0, 0, 1][..], &headers, &[0, 0, 5, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0]]
            .concat();
    socket.write_all(&[b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", &settings[..], &request].concat()).await.unwrap();
    let ended = async { while socket.read(&mut [0; 1_024]).await.is_ok_and(|length| length > 0) {} };
    timeout(LIMIT, ended).await.expect("it keeps its connection");
}
