//! The servers whose watchers are counted, each a process of its own.

use std::convert::Infallible;
use std::env;
use std::error::Error;
use std::io::{self, BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use benches::process::ServerProcess;
use futures_util::stream;
use tempfile::TempDir;
use timeline::http;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::time::sleep;

use crate::scene::{message_text, open};

/// The real server.
pub(crate) const TIDINGS: &str = "tidings";

/// A program of one's own with the routes of the timelines.
pub(crate) const PROGRAM: &str = "program";

/// A program with a route that says every 15 s that it is alive.
///
/// It is what axum and hyper take for such an answer, whoever makes it.
pub(crate) const FLOOR: &str = "floor";

/// Half of these connections may be watches. With a reserve for files they fit into 20,000
/// descriptors; beyond that the server would lower them.
const FLAGS: [&str; 7] = [
    "--http=127.0.0.1:0",
    "--grpc=127.0.0.1:0",
    "--http-connections=18400",
    "--presence-streams=0",
    "--grpc-connections=16",
    "--connections=16",
    "--log=error",
];

/// A server in a process of its own; ends when dropped.
pub(super) struct Server {
    process: ServerProcess,
    pub(super) address: SocketAddr,
    _directory: TempDir,
}

impl Server {
    pub(super) fn start(name: &str) -> Result<Self, Box<dyn Error>> {
        let (ours, directory) = (env::current_exe()?, tempfile::tempdir()?);
        let mut command = if name == TIDINGS {
            let mut command = Command::new(ours.with_file_name(name));
            command.args(FLAGS).arg("--data-dir").arg(directory.path().join("data"));
            command
        } else {
            let mut command = Command::new(ours);
            command.args([SERVE, name]).arg(directory.path());
            command
        };
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = ServerProcess::start(command)?;
        let mut line = String::new();
        BufReader::new(process.output().ok_or("the server has no output")?).read_line(&mut line)?;
        // `tidings` says it in a sentence.
        let said = line.split_once("http://").map_or(&*line, |(_, behind)| behind);
        let address = said.split_whitespace().next().and_then(|address| address.parse().ok());
        let address = address.ok_or_else(|| format!("the server said {line:?} for its address"))?;
        Ok(Self { process, address, _directory: directory })
    }

    pub(super) fn resident_bytes(&self) -> Result<f64, Box<dyn Error>> {
        self.process.resident_bytes()
    }
}

const SERVE: &str = "serve";

/// Returns whether this process is a server.
pub(crate) fn is_server() -> bool {
    env::args().nth(1).is_some_and(|argument| argument == SERVE)
}

/// Serves until it is killed.
pub(crate) fn serve() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(2).collect();
    match Runtime::new().map_err(Into::into).and_then(|runtime| runtime.block_on(listen(&arguments))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let error: Box<dyn Error> = error;
            drop(writeln!(io::stderr(), "{error}"));
            ExitCode::FAILURE
        }
    }
}

async fn listen(arguments: &[String]) -> Result<(), Box<dyn Error>> {
    let [name, directory] = arguments else { return Err("use: serve NAME DIRECTORY".into()) };
    let app = if name == FLOOR {
        Router::new()
            .route("/timeline/watch", get(|| async { events() }))
            .route("/timeline/sendGroup", post(|_: Bytes| async { "{}" }))
    } else {
        let timeline = open(directory.as_ref()).await?;
        http::router(http::Config::default().watches_max(20_000), timeline)?
    };
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    writeln!(io::stdout(), "{}", listener.local_addr()?)?;
    // Given the router itself, axum copies its table for each connection.
    axum::serve(listener, app.into_make_service()).await?;
    Ok(())
}

/// An answer of one text, and of a line whenever there was nothing for 15 s.
fn events() -> Response {
    let body = stream::unfold(true, |is_first| async move {
        if is_first {
            let text = format!("event: entries\ndata: {}\n\n", message_text());
            return Some((Ok::<_, Infallible>(text), false));
        }
        sleep(Duration::from_secs(15)).await;
        Some((Ok(":\n\n".to_owned()), false))
    });
    ([("content-type", "text/event-stream")], Body::from_stream(body)).into_response()
}
