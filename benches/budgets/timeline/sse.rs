//! What a watcher over server-sent events costs the server that nothing comes for.

mod server;

use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use benches::budget::Effort;
use futures_util::future::try_join_all;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;
use tokio::time::sleep;

use self::server::Server;
pub(crate) use self::server::{FLOOR, PROGRAM, TIDINGS, is_server, serve};
use crate::scene::message_text;

/// Watchers that come at the same time, and get a message together.
const AT_ONCE: usize = 100;

/// After that what the last ones took to come in is given back.
const REST: Duration = Duration::from_secs(2);

/// Returns the bytes of the server's resident memory that each watcher adds, once there are many.
///
/// Each has got a message and waits for the next one: what an answer takes at first, and keeps, is
/// counted. It is the slope between two numbers of watchers: what all share is in neither.
pub(crate) fn memory(server: &str, effort: Effort) -> Result<f64, Box<dyn Error>> {
    // This process has the other ends of the connections, and descriptors of its own for them.
    // 20,000 descriptors have no room for more than 9,000 watchers in `tidings`, which leaves half
    // of its places to others.
    let most = if server == TIDINGS { 9_000 } else { 10_000 };
    let (few, many, rest) = effort.pick((2_000, most, REST), (100, 300, Duration::ZERO));
    let server = Server::start(server)?;
    Runtime::new()?.block_on(async {
        let mut readers = JoinSet::new();
        watch_until(server.address, &mut readers, few).await?;
        sleep(rest).await;
        let before = server.resident_bytes()?;
        watch_until(server.address, &mut readers, many).await?;
        sleep(rest).await;
        #[expect(clippy::cast_precision_loss, reason = "a few thousand")]
        let each = (server.resident_bytes()? - before) / (many - few) as f64;
        match readers.try_join_next() {
            None => Ok(each),
            Some(ended) => {
                ended??;
                Err("the server has ended a watch".into())
            }
        }
    })
}

/// Opens watches until there are so many, each by a client that goes on reading.
async fn watch_until(
    server: SocketAddr,
    readers: &mut JoinSet<io::Result<()>>,
    count: usize,
) -> Result<(), Box<dyn Error>> {
    while readers.len() < count {
        let members: Vec<String> = (readers.len()..readers.len() + AT_ONCE)
            .map(|number| format!("{number:08}-0000-4000-8000-000000000000"))
            .collect();
        let mut watches = try_join_all(members.iter().map(|member| Watching::begin(server, member))).await?;
        send(server, &members).await?;
        try_join_all(watches.iter_mut().map(|watch| watch.read_until(b"event: entries"))).await?;
        for watch in watches {
            readers.spawn(watch.read_on());
        }
    }
    Ok(())
}

/// Sends all of them a message, over a connection of its own.
async fn send(server: SocketAddr, members: &[String]) -> Result<(), Box<dyn Error>> {
    let group = members.first().ok_or("a message needs a receiver")?;
    let body =
        json!({ "from": group, "groupName": group, "groupMembers": members, "message": message_text() });
    let body = body.to_string();
    let request = format!(
        "POST /timeline/sendGroup HTTP/1.1\r\nHost: {server}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    let mut stream = TcpStream::connect(server).await?;
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    if answer.starts_with(b"HTTP/1.1 200") {
        return Ok(());
    }
    Err(String::from_utf8_lossy(&answer).into_owned().into())
}

/// A watch, from the side of its client.
struct Watching {
    stream: TcpStream,
    read: Vec<u8>,
}

impl Watching {
    /// Asks as a browser does, and waits for the head of the answer.
    async fn begin(server: SocketAddr, member: &str) -> io::Result<Self> {
        let request = format!(
            "GET /timeline/watch?member={member} HTTP/1.1\r\nHost: {server}\r\nConnection: keep-alive\r\n\
             Cache-Control: no-cache\r\nAccept: text/event-stream\r\nReferer: http://{server}/\r\n\
             User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) \
             Chrome/141.0.0.0 Safari/537.36\r\nAccept-Encoding: gzip, deflate, br, zstd\r\n\
             Accept-Language: en-GB,en;q=0.9\r\n\r\n"
        );
        let mut watching = Self { stream: TcpStream::connect(server).await?, read: Vec::new() };
        watching.stream.write_all(request.as_bytes()).await?;
        watching.read_until(b"\r\n\r\n").await?;
        if watching.read.starts_with(b"HTTP/1.1 200") {
            return Ok(watching);
        }
        Err(io::Error::other(String::from_utf8_lossy(&watching.read).into_owned()))
    }

    async fn read_until(&mut self, end: &[u8]) -> io::Result<()> {
        while !self.read.windows(end.len()).any(|window| window == end) {
            if self.stream.read_buf(&mut self.read).await? == 0 {
                return Err(io::Error::other("the server has ended a watch"));
            }
        }
        Ok(())
    }

    /// Reads what comes, until the server ends the watch.
    async fn read_on(self) -> io::Result<()> {
        let Self { mut stream, mut read } = self;
        loop {
            read.clear();
            if stream.read_buf(&mut read).await? == 0 {
                return Ok(());
            }
        }
    }
}
