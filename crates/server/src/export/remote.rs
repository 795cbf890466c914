//! The export of a server that runs, by its `GET /export`.

use std::path::Path;
use std::time::Duration;
use std::{fs, io};

use anyhow::{Context as _, anyhow, bail};
use bytes::Bytes;
use http::{HeaderValue, Request, StatusCode, header};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

use super::Piece;
use crate::config::ServerAddress;

/// How long a connection may take.
const CONNECTED_WITHIN: Duration = Duration::from_secs(10);

/// How long the server may take for the head of its answer, and for each further piece.
const ANSWERED_WITHIN: Duration = Duration::from_secs(60);

/// How long a refusal may be.
const REFUSAL_BYTES_MAX: usize = 64 * 1024;

/// Why a server refuses, as all of its answers say it.
#[derive(Debug, Deserialize)]
struct Refusal {
    message: String,
}

/// Returns the token that a file has, as the header says it.
pub(super) fn token(file: &Path) -> anyhow::Result<HeaderValue> {
    let text = fs::read_to_string(file)
        .with_context(|| format!("--token-file: {} cannot be read", file.display()))?;
    // The error would have the token.
    let value =
        HeaderValue::try_from(format!("Bearer {}", text.trim())).ok().filter(|_| !text.trim().is_empty());
    let mut value = value.with_context(|| {
        format!("--token-file: {} has no token; write what `tidings token` prints into it", file.display())
    })?;
    value.set_sensitive(true);
    Ok(value)
}

/// Asks a server, and gives away the pieces of its answer; the last one may say why it ended.
pub(super) async fn ask(server: &ServerAddress, token: Option<HeaderValue>, pieces: mpsc::Sender<Piece>) {
    // The task of the connection ends with its answer, or with the program.
    let tasks = TaskTracker::new();
    let passed = match answer(server, token, &tasks).await {
        // The connection stays as long as it can be asked.
        Ok((_asker, body)) => pass_on(server, body, &pieces).await,
        Err(error) => Err(error),
    };
    if let Err(error) = passed {
        // Whoever wrote it has ended, and says why.
        pieces.send(Err(error)).await.ok();
    }
}

async fn pass_on(
    server: &ServerAddress,
    mut body: Incoming,
    pieces: &mpsc::Sender<Piece>,
) -> anyhow::Result<()> {
    let cut = |why: &dyn std::fmt::Display| {
        anyhow!(
            "--from: {server} ended the export before it was whole: {why}; run this again, and it goes on if \
             nothing was written meanwhile"
        )
    };
    loop {
        let frame = match timeout(ANSWERED_WITHIN, body.frame()).await {
            Ok(Some(Ok(frame))) => frame,
            Ok(Some(Err(error))) => return Err(cut(&error)),
            Ok(None) => return Ok(()),
            Err(_) => return Err(cut(&format_args!("nothing came for {ANSWERED_WITHIN:?}"))),
        };
        if let Ok(piece) = frame.into_data()
            && pieces.send(Ok(piece)).await.is_err()
        {
            return Ok(());
        }
    }
}

/// Asks for the export, and returns its body, and what keeps the connection.
async fn answer(
    server: &ServerAddress,
    token: Option<HeaderValue>,
    tasks: &TaskTracker,
) -> anyhow::Result<(SendRequest<Empty<Bytes>>, Incoming)> {
    let unreachable = |error: &io::Error| {
        anyhow!("--from: {server} cannot be reached: {error}; is it the address of a server that runs?")
    };
    let stream = match timeout(CONNECTED_WITHIN, TcpStream::connect(server.place())).await {
        Ok(connected) => connected.map_err(|error| unreachable(&error))?,
        Err(_) => return Err(unreachable(&io::ErrorKind::TimedOut.into())),
    };
    let (mut asker, connection) = http1::handshake::<_, Empty<Bytes>>(TokioIo::new(stream))
        .await
        .with_context(|| format!("--from: {server} cannot be asked"))?;
    tasks.spawn(async move {
        // The answer tells the same.
        connection.await.ok();
    });
    let mut request = Request::get("/export")
        .header(header::HOST, server.to_string())
        .header(header::USER_AGENT, concat!("tidings/", env!("CARGO_PKG_VERSION")));
    if let Some(token) = token {
        request = request.header(header::AUTHORIZATION, token);
    }
    let request = request.body(Empty::new()).with_context(|| format!("--from: {server} cannot be asked"))?;
    let answer = timeout(ANSWERED_WITHIN, asker.send_request(request))
        .await
        .map_err(|_| anyhow!("--from: {server} did not answer within {ANSWERED_WITHIN:?}"))?
        .with_context(|| format!("--from: {server} did not answer"))?;
    let status = answer.status();
    if status != StatusCode::OK {
        bail!("--from: {server} refused the export with {status}{}", why(answer.into_body()).await);
    }
    Ok((asker, answer.into_body()))
}

/// What a refusal says, if it can be read.
async fn why(body: Incoming) -> String {
    let body = timeout(ANSWERED_WITHIN, Limited::new(body, REFUSAL_BYTES_MAX).collect()).await;
    let bytes = body.ok().and_then(Result::ok).map(|body| body.to_bytes());
    let refusal = bytes.and_then(|bytes| serde_json::from_slice::<Refusal>(&bytes).ok());
    refusal.map(|refusal| format!(": {}", refusal.message)).unwrap_or_default()
}
