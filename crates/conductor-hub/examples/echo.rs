//! Echoes every message with the hub's own codec: what the Autobahn suite is run against.
//!
//! ```text
//! cargo run -p conductor-hub --features codec --example echo -- 127.0.0.1:9001
//! ```

use std::convert::Infallible;
use std::env;
use std::error::Error;
use std::io::{self, Write};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::BytesMut;
use conductor_hub::websocket::{
    ClientInput, Decoder, FrameKind, Violation, Window, agreed_window, close_frame, deflate,
    put_deflated_frame, put_frame,
};
use http::header::{CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_EXTENSIONS, SEC_WEBSOCKET_KEY, UPGRADE};
use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use sha1::{Digest, Sha1};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_util::task::TaskTracker;

/// The largest message of the suite has 16 MiB.
const MESSAGE_BYTES_MAX: usize = 16 * 1024 * 1024;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let address = env::args().nth(1).unwrap_or_else(|| "127.0.0.1:9001".to_owned());
    let listener = TcpListener::bind(&address).await?;
    writeln!(io::stdout(), "echoing at ws://{}", listener.local_addr()?)?;
    let tasks = TaskTracker::new();
    loop {
        let (socket, _peer) = listener.accept().await?;
        let upgrades = tasks.clone();
        let service = service_fn(move |request| {
            let response = accept(request, &upgrades);
            async move { Ok::<_, Infallible>(response) }
        });
        let connection =
            hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(socket), service);
        tasks.spawn(async move { connection.with_upgrades().await.ok() });
    }
}

fn accept(mut request: Request<Incoming>, tasks: &TaskTracker) -> Response<String> {
    let mut response = Response::new(String::new());
    let Some(key) = request.headers().get(SEC_WEBSOCKET_KEY) else {
        *response.status_mut() = StatusCode::UPGRADE_REQUIRED;
        return response;
    };
    let hash = Sha1::new().chain_update(key).chain_update("258EAFA5-E914-47DA-95CA-C5AB0DC85B11").finalize();
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(CONNECTION, http::HeaderValue::from_static("Upgrade"));
    headers.insert(UPGRADE, http::HeaderValue::from_static("websocket"));
    if let Ok(accept) = STANDARD.encode(hash).parse() {
        headers.insert(SEC_WEBSOCKET_ACCEPT, accept);
    }
    let window = agreed_window(request.headers());
    if let Some(window) = window {
        response.headers_mut().insert(SEC_WEBSOCKET_EXTENSIONS, window.answer());
    }
    let upgrade = hyper::upgrade::on(&mut request);
    tasks.spawn(async move {
        if let Ok(upgraded) = upgrade.await {
            // A peer of the suite may vanish at any moment.
            echo(TokioIo::new(upgraded), window).await.ok();
        }
    });
    response
}

async fn echo(mut socket: TokioIo<hyper::upgrade::Upgraded>, window: Option<Window>) -> io::Result<()> {
    let mut decoder = Decoder::new(MESSAGE_BYTES_MAX);
    if window.is_some() {
        decoder = decoder.inflating();
    }
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let read = socket.read(&mut buffer).await?;
        if read == 0 {
            return Ok(());
        }
        let (mut out, mut farewell) = (BytesMut::new(), None);
        let outcome = decoder.decode(&mut buffer[..read], |event| {
            match event {
                ClientInput::Message(kind, message) => put_message(&mut out, kind, message, window),
                ClientInput::Ping(payload) => put_frame(&mut out, FrameKind::Pong, payload),
                ClientInput::Close(code) => farewell = Some(code.unwrap_or(1000)),
                _ => {}
            }
            farewell.is_none()
        });
        if let Err(violation) = outcome {
            farewell = Some(match violation {
                Violation::Utf8 => 1007,
                Violation::TooBig => 1009,
                _ => 1002,
            });
        }
        if let Some(code) = farewell {
            out.extend_from_slice(&close_frame(code, ""));
        }
        socket.write_all(&out).await?;
        if farewell.is_some() {
            socket.shutdown().await?;
            return tokio::io::copy(&mut socket, &mut tokio::io::sink()).await.map(drop);
        }
    }
}

/// Appends a message, compressed where that was agreed on and makes it smaller.
fn put_message(out: &mut BytesMut, kind: FrameKind, message: &[u8], window: Option<Window>) {
    match window.and_then(|window| deflate(message, window)) {
        Some(deflated) => put_deflated_frame(out, kind, &deflated),
        None => put_frame(out, kind, message),
    }
}
