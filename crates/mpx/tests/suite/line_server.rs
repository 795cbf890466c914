//! The example as its users run it: a program, a Redis, and two clients.

use std::process::{ExitStatus, Output, Stdio};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::cmd;
use rustix::process::{Pid, Signal, kill_process};
use test_support::{Redis, redis_connection, require};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

/// Waits for something that has to come, and not late.
async fn soon<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(Duration::from_secs(60), future).await.expect("it should have come by now")
}

fn command(arguments: &[&str]) -> Command {
    // Of this profile, wherever cargo builds: next to the folder of this test.
    let test = std::env::current_exe().unwrap();
    let program = test.ancestors().nth(2).unwrap().join("examples/line_server");
    assert!(program.exists(), "no {}: `cargo build -p redis-mpx --examples`", program.display());
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).kill_on_drop(true);
    command
}

struct Server {
    process: Child,
    address: String,
}

impl Server {
    async fn start(redis: &str) -> Self {
        let mut process = command(&["127.0.0.1:0", redis]).stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let line = soon(lines.next_line()).await.unwrap().expect("it says where it listens");
        Self { process, address: line.strip_prefix("listening at ").unwrap().to_owned() }
    }

    /// What ctrl-c does.
    async fn interrupt(mut self) -> ExitStatus {
        let id = self.process.id().unwrap().try_into().unwrap();
        kill_process(Pid::from_raw(id).unwrap(), Signal::INT).unwrap();
        soon(self.process.wait()).await.unwrap()
    }
}

struct Client {
    socket: BufReader<TcpStream>,
}

impl Client {
    async fn connect(server: &Server) -> Self {
        Self { socket: BufReader::new(soon(TcpStream::connect(&server.address)).await.unwrap()) }
    }

    async fn says(&mut self, line: &[u8]) {
        soon(self.socket.write_all(&[line, b"\n"].concat())).await.unwrap();
    }

    /// Reads a line, an empty one at the end.
    async fn hears(&mut self) -> String {
        let mut line = String::new();
        soon(self.socket.read_line(&mut line)).await.unwrap();
        line.trim_end().to_owned()
    }

    /// Says something, and returns what comes next.
    async fn asks(&mut self, line: &str) -> String {
        self.says(line.as_bytes()).await;
        self.hears().await
    }
}

async fn publisher(redis: &Redis) -> MultiplexedConnection {
    soon(redis_connection(redis.url())).await.unwrap()
}

async fn publish(publisher: &mut MultiplexedConnection, channel: &str, payload: &[u8]) -> u64 {
    let mut publish = cmd("PUBLISH");
    soon(publish.arg(channel).arg(payload).query_async(publisher)).await.unwrap()
}

#[tokio::test]
async fn two_clients_hear_what_they_asked_for() {
    let Some(redis) = require(Redis::private().await) else { return };
    let (server, mut publisher) = (Server::start(redis.url()).await, publisher(&redis).await);
    let (mut one, mut two) = (Client::connect(&server).await, Client::connect(&server).await);

    assert_eq!(one.asks("+news").await, "activated news");
    assert_eq!(two.asks("+news").await, "activated news");
    assert_eq!(two.asks("+sport").await, "activated sport");
    assert_eq!(publish(&mut publisher, "news", b"hello").await, 1, "they share a connection");
    publish(&mut publisher, "sport", b"1:0").await;
    assert_eq!(one.hears().await, "news: hello");
    assert_eq!([two.hears().await, two.hears().await], ["news: hello", "sport: 1:0"]);

    assert_eq!(two.asks("-news").await, "removed news");
    publish(&mut publisher, "news", b"again").await;
    publish(&mut publisher, "sport", b"2:0").await;
    assert_eq!(one.hears().await, "news: again");
    assert_eq!(two.hears().await, "sport: 2:0");

    // Neither is of the protocol: a line break, and what is no text.
    publish(&mut publisher, "news", b"a\r\nb\xff").await;
    assert_eq!(one.hears().await, "news: a  b\u{fffd}");

    let killed: u64 =
        soon(cmd("CLIENT").arg("KILL").arg("TYPE").arg("pubsub").query_async(&mut publisher)).await.unwrap();
    assert_eq!(killed, 1);
    let lost = one.hears().await;
    assert!(lost.starts_with("disconnected news: "), "{lost}");
    assert_eq!(one.hears().await, "activated news");

    assert!(server.interrupt().await.success());
    assert_eq!(one.hears().await, "", "the end");
}

#[tokio::test]
async fn a_question_gets_the_first_answer() {
    let Some(redis) = require(Redis::private().await) else { return };
    let (server, mut publisher) = (Server::start(redis.url()).await, publisher(&redis).await);
    let (mut one, mut two) = (Client::connect(&server).await, Client::connect(&server).await);
    // Redis confirms in order: what the server asked for when it started comes before the second of
    // these.
    assert_eq!(one.asks("+a").await, "activated a");
    assert_eq!(one.asks("+b").await, "activated b");

    assert_eq!(one.asks("?42").await, "waiting answers:42");
    assert_eq!(two.asks("?42").await, "waiting answers:42");
    publish(&mut publisher, "answers:42", b"yes").await;
    publish(&mut publisher, "answers:42", b"no").await;
    assert_eq!(one.hears().await, "? 42 yes");
    assert_eq!(two.hears().await, "? 42 yes");

    for open in 0..16 {
        assert_eq!(one.asks(&format!("?{open}")).await, format!("waiting answers:{open}"));
    }
    assert_eq!(one.asks("?one too many").await, "error: too many questions");
    let refused: u64 =
        soon(cmd("CLIENT").arg("KILL").arg("TYPE").arg("pubsub").query_async(&mut publisher)).await.unwrap();
    assert_eq!(refused, 1);
    let mut unanswered = 0;
    while unanswered < 16 {
        let line = one.hears().await;
        unanswered += u32::from(
            line.ends_with(" unanswered: the connection to redis was lost, and the message may be lost too"),
        );
        assert!(!line.is_empty(), "after {unanswered} of them");
    }
}

#[tokio::test]
async fn a_client_that_does_not_read_learns_how_many_it_missed() {
    let Some(redis) = require(Redis::private().await) else { return };
    let (server, mut publisher) = (Server::start(redis.url()).await, publisher(&redis).await);
    let (mut slow, mut quick) = (Client::connect(&server).await, Client::connect(&server).await);
    assert_eq!(slow.asks("+news").await, "activated news");
    assert_eq!(quick.asks("+news").await, "activated news");
    // Together more than sockets hold.
    let text = [b'x'; 16 * 1024];
    for _ in 0..1_500 {
        publish(&mut publisher, "news", &text).await;
        assert_eq!(quick.hears().await.len(), "news: ".len() + text.len());
    }
    publish(&mut publisher, "news", b"the end").await;
    let (mut heard, mut missed) = (0, 0);
    loop {
        let line = slow.hears().await;
        match line.strip_prefix("lagged ") {
            Some(count) => missed += count.parse::<u32>().unwrap(),
            None if line == "news: the end" => break,
            None => heard += u32::from(line.len() == "news: ".len() + text.len()),
        }
    }
    assert!(missed > 0, "nothing piled up");
    assert_eq!(heard + missed, 1_500);
}

#[tokio::test]
async fn what_a_client_says_wrong_harms_nobody_else() {
    let Some(redis) = require(Redis::private().await) else { return };
    let server = Server::start(redis.url()).await;
    let (mut one, mut two) = (Client::connect(&server).await, Client::connect(&server).await);
    for wrong in ["", "hello", "ä", "+", "-", "-news"] {
        let line = one.asks(wrong).await;
        assert!(line.starts_with("error: "), "{wrong}: {line}");
    }
    one.says(b"+\xff").await;
    let line = one.hears().await;
    assert!(line.starts_with("error: "), "{line}");
    assert_eq!(one.hears().await, "", "the end");

    two.says(&[b'+'; 2_000]).await;
    let line = two.hears().await;
    assert!(line.starts_with("error: "), "{line}");

    let mut three = Client::connect(&server).await;
    assert_eq!(three.asks("+news").await, "activated news");
}

#[tokio::test]
async fn wrong_arguments_are_told() {
    for (arguments, said) in [
        (&["127.0.0.1:0", "redis://127.0.0.1", "more"][..], "usage: "),
        (&["127.0.0.1:0", "http://127.0.0.1"], "cannot use http://127.0.0.1"),
        (&["nowhere"], "cannot listen at nowhere"),
    ] {
        let Output { status, stderr, .. } = soon(command(arguments).output()).await.unwrap();
        let stderr = String::from_utf8(stderr).unwrap();
        assert!(!status.success() && stderr.contains(said), "{arguments:?}: {stderr}");
    }
}
