//! What a watcher over server-sent events costs the server that nothing comes for.

use std::error::Error;
use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::process::{Command, ExitCode, Stdio};
use std::{env, io};

use benches::budget::Effort;
use benches::process::ServerProcess;
use futures_util::future::try_join_all;
use timeline::http;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;

use crate::scene::open;

/// Connections that are made at the same time.
const AT_ONCE: usize = 100;

/// Returns the bytes of the server's resident memory that each watcher adds, once there are many.
pub(crate) fn memory(effort: Effort) -> Result<f64, Box<dyn Error>> {
    let (few, many) = effort.pick((2_000, 10_000), (100, 300));
    let server = Server::start()?;
    Runtime::new()?.block_on(async {
        let mut open = Vec::with_capacity(many);
        let mut before = 0.0;
        while open.len() < many {
            if open.len() == few {
                before = server.process.resident_bytes()?;
            }
            let first = open.len();
            open.extend(
                try_join_all((first..first + AT_ONCE).map(|number| watch(server.address, number))).await?,
            );
        }
        #[expect(clippy::cast_precision_loss, reason = "a few thousand")]
        let each = (server.process.resident_bytes()? - before) / (many - few) as f64;
        Ok(each)
    })
}

/// Opens a watch, and waits for the head of its answer.
async fn watch(server: SocketAddr, number: usize) -> io::Result<TcpStream> {
    let mut stream = TcpStream::connect(server).await?;
    let request = format!(
        "GET /timeline/watch?member={number:08}-0000-4000-8000-000000000000 HTTP/1.1\r\n\
         Host: {server}\r\nAccept: text/event-stream\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await?;
    let mut head = Vec::new();
    while !head.windows(4).any(|window| window == b"\r\n\r\n") {
        if stream.read_buf(&mut head).await? == 0 {
            return Err(io::Error::other("the server has ended a watch"));
        }
    }
    if head.starts_with(b"HTTP/1.1 200") {
        return Ok(stream);
    }
    Err(io::Error::other(String::from_utf8_lossy(&head).into_owned()))
}

/// A program with the timelines' routes, in a process of its own; ends when dropped.
struct Server {
    process: ServerProcess,
    address: SocketAddr,
}

impl Server {
    fn start() -> Result<Self, Box<dyn Error>> {
        let mut command = Command::new(env::current_exe()?);
        command.arg(SERVE).stdout(Stdio::piped());
        let mut process = ServerProcess::start(command)?;
        let mut line = String::new();
        BufReader::new(process.output().ok_or("the server has no output")?).read_line(&mut line)?;
        Ok(Self { process, address: line.trim().parse()? })
    }
}

const SERVE: &str = "serve";

/// Returns whether this process is the server.
pub(crate) fn is_server() -> bool {
    env::args().nth(1).is_some_and(|argument| argument == SERVE)
}

/// Serves until its input ends.
pub(crate) fn serve() -> ExitCode {
    match Runtime::new().map_err(Into::into).and_then(|runtime| runtime.block_on(listen())) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let error: Box<dyn Error> = error;
            drop(writeln!(io::stderr(), "{error}"));
            ExitCode::FAILURE
        }
    }
}

async fn listen() -> Result<(), Box<dyn Error>> {
    let directory = tempfile::tempdir()?;
    let timeline = open(directory.path()).await?;
    let app = http::router(http::Config::default().watches_max(20_000), timeline)?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    writeln!(io::stdout(), "{}", listener.local_addr()?)?;
    axum::serve(listener, app).await?;
    Ok(())
}
